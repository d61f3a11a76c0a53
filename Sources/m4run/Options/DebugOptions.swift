// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import M4Board
import MachineBase
import VirtualMP1

extension CycleModel: ExpressibleByArgument {}

/// Options that `run` and `exec` share: where to stop, how to count, what to say to RTT.
struct DebugOptions: ParsableArguments {
    @Option(
        name: .customLong("break"),
        help: ArgumentHelp("Stop before this instruction executes: file:line, a function, symbol+offset or an address; repeatable.", valueName: "location"))
    var breakpoints: [String] = []
    @Option(
        name: .customLong("watch"),
        help: ArgumentHelp("Stop behind an access: location[:size][:r|w|rw][=value], writes unless told, whatever the value unless told; repeatable.", valueName: "location"))
    var watchpoints: [String] = []
    @Option(help: ArgumentHelp("Let --watch begin when this instruction is about to execute, as main, so that start-up's clearing of memory is passed over.", valueName: "location"))
    var watchFrom: String?
    @Option(help: "Cycles an instruction takes: instructions (one each) or coarse (the Cortex-M4's own, roughly).") var cycles = CycleModel.instructions
    @Flag(help: "Execute loops that only wait round by round, instead of counting their rounds up to what they wait for. The outcome is the same.")
    var executeWaits = false
    @Option(help: ArgumentHelp("Text for RTT's down-channel 0, a line each; repeatable.", valueName: "text")) var rttSend: [String] = []

    func validate() throws {
        if watchFrom != nil && watchpoints.isEmpty { throw ValidationError("--watch-from goes with --watch") }
    }

    /// What a run that went well says when it stopped at none of its breakpoints and watchpoints; nil when there are none.
    var neverReached: String? {
        let all = breakpoints.map { "--break \($0)" } + watchpoints.map { "--watch \($0)" }
        return all.isEmpty ? nil : "the M4 never came to \(all.joined(separator: ", nor to "))"
    }

    /// Puts what a board must know from the beginning into its configuration.
    func configure(_ board: inout M4Board.Configuration, _ symbols: FirmwareSymbols) {
        board.cycleModel = cycles
        board.executesIdleLoops = executeWaits
        board.rtt = symbols["_SEGGER_RTT"].map { .at($0.address) } ?? .scan
    }

    /// Sets stops and input on a board that has not started.
    func attach(to board: M4Board, _ symbols: FirmwareSymbols) throws {
        let addresses = try breakpoints.flatMap { text in
            do { return try symbols.locations(text).get() } catch { throw UsageError("--break \(error)") }
        }
        let watched = try watchpoints.map { text in
            do { return try symbols.watch(text).get() } catch { throw UsageError("--watch \(error)") }
        }
        let start = try watchFrom.map { text in
            do {
                let found = try symbols.locations(text).get()
                guard found.count == 1, let address = found.first else { throw UsageError("--watch-from \(text): \(found.count) places; give an address, as \(found.prefix(1).map(hex32).joined())") }
                return address
            } catch let error as FirmwareSymbols.LocationError { throw UsageError("--watch-from \(error)") }
        }
        do throws(BoardError) {
            try board.core.setBreakpoints(addresses)
            try board.core.setWatchpoints(watched, from: start)
        } catch { throw UsageError("\(error)") }
        board.core.haltsAtBKPT = !addresses.isEmpty || !watched.isEmpty
        for line in rttSend { board.rtt.send(Array(line.utf8) + [0x0A]) }
    }
}
