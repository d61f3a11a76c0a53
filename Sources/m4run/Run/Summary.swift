// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import VirtualMP1

/// The line that ends a run.
enum Summary {
    /// `N instructions`, and how many of them only waited.
    private static func instructions(_ core: Core) -> String {
        "\(core.retired) instructions" + (core.skipped > 0 ? ", of which \(core.skipped) in loops that only waited" : "")
    }

    static func speed(reason: String, board: M4Board, wall: Double) -> String {
        "\(reason): virtual time \(board.now) s, \(instructions(board.core)), wall time \(decimal(wall, 4)) s, \(mips(board.core.retired, wall)) MIPS"
    }

    static func run(_ system: MP1System, wall: Double) -> String {
        "virtual time \(system.now) s, \(instructions(system.board.core)), "
            + "messages \(system.linux.messageCounts.received) from the firmware, \(system.linux.messageCounts.sent) to it, "
            + "wall time \(decimal(wall, 4)) s, \(mips(system.board.core.retired, wall)) MIPS"
    }

    static func mips(_ instructions: UInt64, _ wall: Double) -> String {
        let rate = wall > 0 ? Double(instructions) / wall / 1e6 : 0
        return decimal(rate, rate < 10 ? 1 : 0)
    }

    /// As `%.*f` has it, but for what lies halfway between two: Foundation's formats look up a dozen protocols, a millisecond of a short run.
    static func decimal(_ value: Double, _ places: Int) -> String {
        let scale = (0..<places).reduce(UInt64(1)) { power, _ in power &* 10 }
        guard let scaled = UInt64(exactly: (value * Double(scale)).rounded(.toNearestOrEven)) else { return "\(value)" }
        guard places > 0 else { return "\(scaled)" }
        let fraction = "\(scaled % scale)"
        return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.utf8.count) + fraction
    }
}
