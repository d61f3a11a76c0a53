// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import VirtualMP1

/// Where the M4 stands, or stood when it stopped, and who called what it executes.
struct CorePlace {
    let callers: CallChain
    private let registers: CoreRegisters
    /// The instruction that it is about.
    private let place: UInt32
    private let state: State
    private let symbols: FirmwareSymbols
    private enum State: String { case running, asleep, lockedUp = "locked-up" }
    private let waitsForEvent: Bool

    /// As a report has it, else as it is now; nil in reset.
    ///
    /// - Parameter isReported: false where most likely nobody will look at it: debugging information is then not read for the callers.
    init?(_ board: M4Board, _ symbols: FirmwareSymbols, stop: StopReason? = nil, isReported: Bool = true) {
        guard !board.isHeld else { return nil }
        var symbols = symbols
        symbols.usesFrameRules = isReported
        state = board.isLockedUp ? .lockedUp : board.isAsleep ? .asleep : .running
        waitsForEvent = board.waitsForEvent
        let history: [UInt32]
        switch stop {
        case .fault(let report), .lockup(let report): (registers, history) = (report.registers, report.history)
        case .breakpoint(let report), .watchpoint(let report): (registers, history) = (report.registers, report.history)
        default: (registers, history) = (board.core.registers, board.core.history)
        }
        place = switch stop {
        case .breakpoint(let report), .watchpoint(let report): report.place
        default: registers.pc
        }
        callers = board.callChain(of: registers, history: history, functions: symbols)
        self.symbols = symbols
    }

    /// `called from main+0x12 (ADDRESS), ...`; nil when no caller is certain.
    var callersText: String? { callers.text(symbols.name(of:)) }

    /// The same with lines of the sources.
    var callersPlaces: String? { callers.text(symbols.place(of:)) }

    /// The functions under way, a line each; empty where no line of the sources is known.
    var backtrace: [String] { symbols.backtrace(place, callers) }

    /// `The M4 sleeps (WFI) at main+0x12 (ADDRESS, main.c:40), called from ...`, without a full stop.
    var sentence: String {
        let doing = switch state {
        case .lockedUp: "is locked up"
        case .asleep: waitsForEvent ? "sleeps (WFE)" : "sleeps (WFI)"
        case .running: "executes"
        }
        let exception = registers.exception.value == 0 ? "" : " in the handler of \(registers.exception)"
        return "The M4 \(doing) at \(symbols.place(registers.pc))\(exception)" + (callers.text(limit: 8, symbols.place(of:)).map { ", " + $0 } ?? "")
    }

    var report: RunReport.Core {
        RunReport.Core(
            state: state.rawValue, exception: registers.exception.description, pc: registers.pc, symbol: symbols.name(at: registers.pc),
            source: RunReport.InSource.all(registers.pc, symbols), callers: callersReport)
    }
    var callersReport: [RunReport.Caller] { RunReport.Caller.all(callers, symbols) }
}
