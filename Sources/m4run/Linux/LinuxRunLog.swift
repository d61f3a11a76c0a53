// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import LinuxGuest
import M4Board
import MachineBase
import VirtualMP1

/// What the M4 does beside a Linux guest, in lines on stderr.
final class LinuxRunLog {
    /// Of the firmware that runs.
    var symbols: FirmwareSymbols
    private let level: Run.LogLevel
    /// The image's name: another is worth a word.
    private let usualName: String

    init(_ symbols: FirmwareSymbols, _ usualName: String, level: Run.LogLevel) { (self.symbols, self.usualName, self.level) = (symbols, usualName, level) }

    private static let order: [Run.LogLevel] = [.quiet, .error, .warning, .info, .debug]
    private func tells(_ wanted: Run.LogLevel) -> Bool { (Self.order.firstIndex(of: level) ?? 0) >= (Self.order.firstIndex(of: wanted) ?? 0) }

    func note(_ line: String, _ wanted: Run.LogLevel = .info, _ role: Style.Role? = nil) {
        if tells(wanted) { Console.note("m4run: \(line)", role ?? Self.role(wanted)) }
    }
    private func note(_ time: VirtualTime, _ line: String, _ wanted: Run.LogLevel = .info, _ role: Style.Role? = nil) {
        if tells(wanted) { Console.note("[\(time)] \(line)", role ?? Self.role(wanted)) }
    }
    private static func role(_ level: Run.LogLevel) -> Style.Role { level == .warning ? .warning : .plain }

    func tell(_ event: GuestBoardEvent, _ board: M4Board, _ lines: inout OutputLines) {
        switch event {
        case .started(let time, let known):
            let which = known.map { $0.name == usualName ? "" : ": \($0.name)" } ?? ": a firmware that is neither the command's nor in the overlay; it has no names here"
            note(time, "m4: started by Linux\(which)")
        // Linux does so right behind the start, so that a reset is none.
        case .held(let time): note(time, "m4: boot is held again", .debug)
        case .reset(let time): note(time, "m4: reset by Linux")
        case .stopped(let time, .fault(let report)), .stopped(let time, .lockup(let report)):
            let place = CorePlace(board, symbols, stop: .fault(report))
            Console.report("at \(time) s the firmware faulted:\n" + report.text(callers: place?.callersText, backtrace: place?.backtrace ?? [], symbols.name))
        case .stopped(let time, .exit(let code)): note(time, "m4: the firmware has ended by semihosting, with exit code \(code)")
        case .stopped(let time, let reason): note(time, "m4: stopped: \(reason.name)")
        case .trace(let time, let index, let line): note(time, "trace\(index): \(line)", .info, .firmware)
        case .rang(let time, let channel, let byM4): note(time, byM4 ? "ipcc: the M4 rings channel \(channel + 1)" : "ipcc: Linux rings channel \(channel + 1)", .debug)
        case .board(let time, .watchdogReset): note(time, "m4: reset by its window watchdog", .warning)
        case .board(let time, .soc(.unmodelled(let access))): note(time, "\(access), pc in the block at \(symbols.place(board.core.registers.pc))", .warning)
        case .board(let time, let event):
            if let text = event.text {
                for line in lines.add(text.bytes, from: text.source) { note(time, "\(line.source): \(line.text)", .info, .firmware) }
            } else if let finding = event.finding {
                note(time, "\(finding)", .warning, .finding)
            }
        case .broken(let time, let finding): note(time, "m4run: \(finding)", .warning, .finding)
        // The run's last words.
        case .stoppedAt: break
        }
    }

    /// What there is to say at the end.
    func summary(_ board: GuestBoard, _ lines: inout OutputLines) {
        for line in lines.flush() { note("\(line.source): \(line.text)", .info, .firmware) }
        if board.lostTime > .zero { note("the M4 did not get \(board.lostTime) s of its time: this host was too slow for it, or busy") }
        for gap in board.board.waitsFor { note(gap.lastLine, .warning) }
    }
}
