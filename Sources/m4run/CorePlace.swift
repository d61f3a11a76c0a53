import M4Board
import MachineBase
import VirtualMP1

/// Where the M4 stands, and who called what it executes.
struct CorePlace {
    let state: CoreActivity.State
    let registers: CoreRegisters
    let callers: CallChain
    private let symbols: FirmwareSymbols

    /// As it is now; nil in reset.
    init?(_ system: MP1System, _ symbols: FirmwareSymbols) {
        let board = system.board
        guard !board.isHeld else { return nil }
        state = board.isLockedUp ? .lockedUp : board.isAsleep ? .asleep : .running
        registers = board.core.registers
        callers = system.callChain(symbols)
        self.symbols = symbols
    }

    /// `The M4 sleeps (WFI) at main+0x12 (0x10000412), called from ...`, without a full stop.
    var sentence: String {
        let doing = switch state {
        case .lockedUp: "is locked up"
        case .asleep: "sleeps (WFI)"
        case .running, .held: "executes"
        }
        let exception = registers.exception.value == 0 ? "" : " in the handler of \(registers.exception)"
        return "The M4 \(doing) at \(symbols.place(registers.pc))\(exception)" + (callers.text(limit: 8, symbols.name(of:)).map { ", " + $0 } ?? "")
    }

    var report: RunReport.Core {
        let name = switch state {
        case .lockedUp: "locked-up"
        case .asleep: "asleep"
        case .running: "running"
        case .held: "held"
        }
        return RunReport.Core(
            state: name, exception: registers.exception.description, pc: registers.pc, symbol: symbols.name(at: registers.pc),
            callers: RunReport.Caller.all(callers, symbols))
    }
}
