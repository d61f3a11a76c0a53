// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import Chips

/// One of the chip's clocks, by its name.
struct ClockOption: ExpressibleByArgument {
    let clock: BootClock
    static let usual = ClockOption(SoCDescription.chosen.usualClock)

    private init(_ clock: BootClock) { self.clock = clock }

    init?(argument: String) {
        guard let clock = SoCDescription.chosen.clocks.first(where: { $0.name == argument }) else { return nil }
        self.clock = clock
    }

    var defaultValueDescription: String { clock.name }
    static var allValueStrings: [String] { SoCDescription.chosen.clocks.map(\.name) }
    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

/// What `--mcu-clock` is, for the commands that have it.
enum ClockHelp {
    static let text: ArgumentHelp = """
        What the boot loader made the M4's clock: pll3 (208.878 MHz, with the bus and kernel clocks of ST's device trees for TF-A) or \
        hsi (64 MHz, clocks as after a reset).
        """
}

/// What `--ddr` is, for the commands that have it.
enum DDRHelp {
    static let text = ArgumentHelp(
        "MiB of DDR at \(SoCDescription.chosen.externalStartText) for the M4, \(SoCDescription.chosen.mostExternal) at most; none unless told.", valueName: "mib")

    static func check(_ mebibytes: UInt32) throws {
        let chip = SoCDescription.chosen
        guard mebibytes > chip.mostExternal else { return }
        throw ValidationError("--ddr \(mebibytes): a number of MiB from 0 to \(chip.mostExternal) is allowed, from \(chip.externalStartText) on")
    }
}
