import LinuxGuest
import M4Board
import MachineBase
import VirtualMP1

/// What the M4 does beside a Linux guest, in lines on stderr.
final class LinuxNarrator {
    private let symbols: FirmwareSymbols
    private let isQuiet: Bool
    private var lines = OutputLines()

    init(_ symbols: FirmwareSymbols, isQuiet: Bool) { self.symbols = symbols; self.isQuiet = isQuiet }

    func note(_ line: String) { if !isQuiet { Console.note("m4run: \(line)") } }
    private func note(_ time: VirtualTime, _ line: String) { if !isQuiet { Console.note("[\(time)] \(line)") } }

    func tell(_ event: GuestBoardEvent, _ board: M4Board) {
        switch event {
        case .started(let time): note(time, "m4: started by Linux")
        // Linux does so right behind the start, so that a reset is none.
        case .held: break
        case .reset(let time): note(time, "m4: reset by Linux")
        case .watchdog(let time): note(time, "m4: reset by its window watchdog")
        case .stopped(let time, .fault(let report)), .stopped(let time, .lockup(let report)):
            let callers = CorePlace(board, symbols, stop: .fault(report))?.callersText
            Console.report("at \(time) s the firmware faulted:\n" + report.text(callers: callers, symbols.name))
        case .stopped(let time, .exit(let code)): note(time, "m4: the firmware has ended by semihosting, with exit code \(code)")
        case .stopped(let time, let reason): note(time, "m4: stopped: \(reason.name)")
        case .output(let time, let source, let bytes):
            for line in lines.add(bytes, from: source) { note(time, "\(line.source): \(line.text)") }
        case .unmodelled(let time, let access): note(time, "\(access), pc in the block at \(symbols.place(board.core.registers.pc))")
        case .found(let time, let finding): note(time, "\(finding)")
        }
    }

    /// What there is to say at the end.
    func summary(_ board: GuestBoard) {
        for line in lines.flush() { note("\(line.source): \(line.text)") }
        if board.lostTime > .zero { note("the M4 did not get \(board.lostTime) s of its time: this host was too slow for it, or busy") }
        for gap in board.board.waitsFor { note(gap.lastLine) }
    }
}
