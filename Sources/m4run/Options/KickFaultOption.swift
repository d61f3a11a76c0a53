// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import RprocHost

/// `--kick-fault`: a rule that injects doorbell faults.
enum KickFaultOption {
    static let help = ArgumentHelp(
        """
        Inject doorbell faults; repeatable. A rule needs drop, delay=SPAN or coalesce=N, and a direction, to-firmware or \
        to-linux; it may have vq0 or vq1 (both unless told), and first=N, nth=N, every=N or one-in=N with seed=N (all unless told). As \
        delay=2ms,to-linux,vq0,every=3.
        """, valueName: "rule")

    static func read(_ text: String) throws -> KickFault {
        do throws(KickFault.SyntaxError) { return try KickFault(text) } catch { throw ValidationError(error.reason) }
    }
}
