// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import MachineBase

/// Why a run of the board ended.
///
/// The names are stable: text, `--json` and documentation have them, and no others. Reports lie elsewhere: every slice of time ends
/// with a reason, and nearly always with a small one.
public enum StopReason: Equatable, Sendable {
    /// The cycle that was asked for is reached.
    case deadline
    /// Someone outside the core asked for it.
    case hostRequest
    /// The core took a fault exception that the fault policy stops at.
    indirect case fault(FaultReport)
    /// A fault at HardFault's priority or above: the core is locked up until a reset.
    indirect case lockup(FaultReport)
    /// AIRCR.SYSRESETREQ, or VECTRESET when `local`.
    case resetRequest(local: Bool)
    /// Before an instruction with a breakpoint, or, with `Core.haltsAtBKPT`, at a BKPT that is not a semihosting call.
    indirect case breakpoint(HaltReport)
    /// Behind an instruction that accessed a watchpoint.
    indirect case watchpoint(HaltReport)
    /// Semihosting SYS_EXIT.
    case exit(code: Int32)
    /// Waiting in WFI or WFE, and nothing is due that could wake the core.
    case asleep
    /// Held in reset, and nothing is due that could release it.
    case held
    /// The engine itself gave up.
    case engine(String)

    /// The reasons without what they carry.
    public enum Name: String, CaseIterable, Sendable {
        case deadline
        case hostRequest = "host-request"
        case fault
        case lockup
        case systemReset = "system-reset"
        case vectorReset = "vector-reset"
        case breakpoint
        case watchpoint
        case exit
        case asleep
        case held
        case engineError = "engine-error"
    }

    public var kind: Name {
        switch self {
        case .deadline: .deadline
        case .hostRequest: .hostRequest
        case .fault: .fault
        case .lockup: .lockup
        case .resetRequest(let local): local ? .vectorReset : .systemReset
        case .breakpoint: .breakpoint
        case .watchpoint: .watchpoint
        case .exit: .exit
        case .asleep: .asleep
        case .held: .held
        case .engine: .engineError
        }
    }
    public var name: String { kind.rawValue }
}

/// A fault as it was raised: the registers before the exception, the status registers after.
public struct FaultReport: Equatable, Sendable {
    /// What went wrong, before any escalation.
    public var fault: Fault
    /// The exception that was taken; nil for a lockup.
    public var taken: ExceptionNumber?
    public var status: FaultStatus
    public var registers: CoreRegisters
    /// Starts of the newest blocks of instructions, oldest first.
    public var history: [UInt32]
    public var cycle: UInt64

    /// One line: what happened, where.
    public var summary: String { summary { _ in nil } }

    /// One line; `name` makes a symbol of an address.
    public func summary(_ name: (UInt32) -> String?) -> String {
        let kinds = status.flags.filter { !$0.name.hasSuffix("VALID") && $0.name != "FORCED" }.map(\.name).joined(separator: " ")
        var text = "\(fault.exception)\(kinds.isEmpty ? "" : " (\(kinds))") at pc \(hex32(registers.pc))"
        if let symbol = name(registers.pc) { text += " <\(symbol)>" }
        if let address = fault.address { text += ", address \(hex32(address))" }
        if let taken, taken != fault.exception { text += ", escalated to \(taken)" }
        if taken == nil { text += ": lockup" }
        return text
    }

    /// Everything, for a person; `callers` is `CallChain.text`, `backtrace` a line for each function in terms of the sources.
    public func text(callers: String? = nil, backtrace: [String] = [], _ name: (UInt32) -> String? = { _ in nil }) -> String {
        var lines = [summary(name)]
        lines.append("cfsr \(hex32(status.cfsr)) hfsr \(hex32(status.hfsr)) mmfar \(hex32(status.mmfar)) bfar \(hex32(status.bfar))")
        for flag in status.flags { lines.append("  \(flag.name): \(flag.meaning)") }
        lines.append(registers.text)
        if let callers { lines.append(callers) }
        lines += backtrace
        lines.append("last blocks of instructions, newest last: " + history.suffix(16).map(hex32).joined(separator: " "))
        return lines.joined(separator: "\n")
    }
}

/// At which fault exceptions a run stops.
public enum FaultPolicy: String, Equatable, Sendable, CaseIterable {
    /// At HardFault: what firmware with handlers of its own takes otherwise runs on.
    case hardFault
    /// At every fault exception.
    case any
    /// At none but a lockup.
    case none
}
