// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board

/// Lets the M4 run in the machine's place, as a debugger does: whatever lets virtual time pass, a boot and a stop too, asks it and not the board.
///
/// While it holds the M4 no virtual time passes, for nobody.
public protocol CoreDriver: AnyObject {
    /// Lets the M4 run up to a deadline in cycles, as `M4Board.run` does, and answers what the machine is to handle. Where it holds the M4 it waits a moment for
    /// whoever wants that, and answers `.hostRequest`.
    func run(until deadline: UInt64) -> StopReason
    var isHalted: Bool { get }
}
