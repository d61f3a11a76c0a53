import ArgumentParser
import M4Board
import VirtualMP1

extension CycleModel: ExpressibleByArgument {}

/// Options that `run` and `exec` share: where to stop, how to count, what to say to RTT.
struct DebugOptions: ParsableArguments {
    @Option(
        name: .customLong("break"),
        help: ArgumentHelp("Stop before this instruction executes: a symbol, symbol+offset or an address; repeatable.", valueName: "location"))
    var breakpoints: [String] = []
    @Option(
        name: .customLong("watch"),
        help: ArgumentHelp("Stop behind an access: location[:size][:r|w|rw], writes unless told; repeatable.", valueName: "location"))
    var watchpoints: [String] = []
    @Option(help: "Cycles an instruction takes: instructions (one each) or coarse (the Cortex-M4's own, roughly).") var cycles = CycleModel.instructions
    @Flag(help: "Execute loops that only wait round by round, instead of counting their rounds up to what they wait for. The outcome is the same.")
    var executeWaits = false
    @Option(help: ArgumentHelp("Text for RTT's down-channel 0, a line each; repeatable.", valueName: "text")) var rttSend: [String] = []

    /// Puts what a board must know from the beginning into its configuration.
    func configure(_ board: inout M4Board.Configuration, _ symbols: FirmwareSymbols) {
        board.cycleModel = cycles
        board.executesWaits = executeWaits
        board.rtt = symbols["_SEGGER_RTT"].map { .at($0.address) } ?? .scan
    }

    /// Sets stops and input on a board that has not started.
    func attach(to board: M4Board, _ symbols: FirmwareSymbols) throws {
        let addresses = try breakpoints.map { text in
            do { return try symbols.location(text).get().address & ~1 } catch { throw UsageError("--break \(error)") }
        }
        let watched = try watchpoints.map { text in
            do {
                let place = try symbols.watch(text).get()
                return Watchpoint(address: place.address, count: place.count, reads: place.reads, writes: place.writes)
            } catch { throw UsageError("--watch \(error)") }
        }
        do throws(BoardError) {
            try board.core.setBreakpoints(addresses)
            try board.core.setWatchpoints(watched)
        } catch { throw UsageError("\(error)") }
        board.core.haltsAtBKPT = !addresses.isEmpty || !watched.isEmpty
        for line in rttSend { board.rtt.send(Array(line.utf8) + [0x0A]) }
    }
}
