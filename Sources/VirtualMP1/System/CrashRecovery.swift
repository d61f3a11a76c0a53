// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import CortexM
import M4Board
import MachineBase
import RprocHost

/// More crashes than `SystemConfiguration.recoveryLimit` allows.
public struct CrashLoop: Equatable, Sendable, CustomStringConvertible {
    public var limit: UInt32
    /// Virtual time of the one too many.
    public var time: VirtualTime
    /// Whether that was the M4's watchdog; else a fault or lockup.
    public var isWatchdog: Bool
    public init(limit: UInt32, time: VirtualTime, isWatchdog: Bool) { (self.limit, self.time, self.isWatchdog) = (limit, time, isWatchdog) }

    public var description: String {
        let crash = isWatchdog ? "the M4's watchdog has reset it" : "the firmware crashed"
        return limit == 0
            ? "\(crash) at \(time) s, and no recovery is allowed"
            : "\(crash) again at \(time) s, after as many recoveries as are allowed (\(limit))"
    }
}

/// Crashes of the firmware: Linux is told of them, as long as it may recover from one more, and the core is kept as it was for the core dump.
final class CrashRecovery {
    private let board: M4Board
    private let linux: RemoteProcessor
    private let events: EventStream<SystemEvent>
    private let limit: UInt32?
    private let hasRegisters: Bool
    private let watchdogLine: EdgeLine
    struct State: Equatable, Sendable {
        /// Faults, lockups and watchdog resets so far.
        var count: UInt32 = 0
        /// The crash that was one too many.
        var loop: CrashLoop?
        /// Linux's count of crashes when the last one was reported.
        var reportedAt: UInt32?
        /// The core at the moment of a crash that Linux has not handled yet.
        var registers: CoredumpExtension.Registers?
    }
    var state = State()
    private(set) var count: UInt32 { get { state.count } set { state.count = newValue } }
    private(set) var loop: CrashLoop? { get { state.loop } set { state.loop = newValue } }
    private var reportedAt: UInt32? { get { state.reportedAt } set { state.reportedAt = newValue } }
    private var registers: CoredumpExtension.Registers? { get { state.registers } set { state.registers = newValue } }
    /// Gets each core dump that a recovery takes.
    var onCoredump: (([UInt8]) -> Void)?

    /// Linux's interrupt controller driver sets the watchdog's line up: on its rising edge, unmasked (RM0436 EXTI; Linux irq-stm32mp-exti).
    init(_ configuration: SystemConfiguration, board: M4Board, linux: RemoteProcessor, events: EventStream<SystemEvent>) {
        (self.board, self.linux, self.events) = (board, linux, events)
        limit = configuration.recoveryLimit
        hasRegisters = configuration.coredumpHasRegisters
        watchdogLine = configuration.chip.coprocessor.watchdogReset
        setBit(watchdogLine.rising)
        setBit(watchdogLine.mask)
        linux.readsCoredumpWhenDue = true
        linux.events.subscribe { [unowned self] event in hear(event) }
    }

    private func hear(_ event: RemoteProcessorEvent) {
        switch event {
        case .crashReported: if registers == nil { registers = registersNow }
        case .coredumpDue:
            onCoredump?(linux.coredumpImage(coredumpExtension))
            registers = nil
        case .stateChanged, .kickFault: break
        }
    }

    private func setBit(_ register: SystemRegister) {
        let address = register.address.value
        board.soc.write(address, board.soc.read(address, width: 4, by: .cortexA7(secure: false)) | register.mask, width: 4, by: .cortexA7(secure: false))
    }

    /// Whether a crash is reported that Linux has not yet recovered from.
    var isRecovering: Bool { reportedAt == linux.crashCount || linux.state == .crashed || linux.waitsForCoredump }

    func coredump() -> [UInt8] {
        if registers == nil { registers = registersNow }
        return linux.coredumpImage(coredumpExtension)
    }

    private var coredumpExtension: CoredumpExtension? {
        guard hasRegisters else { return nil }
        return CoredumpExtension(registers: registers) { [unowned self] address, count in
            board.withMemory(address, count: count) { Array($0) }
        }
    }

    private var registersNow: CoredumpExtension.Registers? { board.isHeld ? nil : CoredumpExtension.Registers(of: board) }

    /// Tells Linux of a fault or lockup, if it may recover from one more.
    /// - Returns: whether the run goes on.
    func report(_ reason: StopReason) -> Bool {
        let report: FaultReport
        switch reason {
        case .fault(let fault), .lockup(let fault): report = fault
        default: return false
        }
        // The core goes on in its handler until Linux stops it; what goes wrong there is the same crash.
        if isRecovering, limit != nil { return true }
        registers = CoredumpExtension.Registers(of: board, fault: report)
        guard mayCrash(isWatchdog: false) else { return false }
        reportedAt = linux.crashCount
        events.publish(.crashed(board.now, reason))
        linux.reportCrash(.fatalError)
        return true
    }

    /// The M4's WWDG resets it, and its registers are still what they were.
    /// - Returns: whether the run goes on.
    func watchdogReset() -> Bool {
        registers = registersNow
        board.soc.write(watchdogLine.pending.address.value, watchdogLine.pending.mask, width: 4, by: .cortexA7(secure: false))
        let isAllowed = limit == nil || mayCrash(isWatchdog: true)
        linux.interrupt(.watchdog)
        return isAllowed
    }

    private func mayCrash(isWatchdog: Bool) -> Bool {
        guard let limit else { return false }
        count &+= 1
        guard count > limit else { return true }
        loop = CrashLoop(limit: limit, time: board.now, isWatchdog: isWatchdog)
        return false
    }
}

extension CoredumpExtension.Registers {
    /// A board's core as it is now, or as it was at a fault that it has just come to: an exception's entry leaves S0 to S31 as they are, and the report has
    /// FPSCR from before it.
    public init(of board: M4Board, fault: FaultReport? = nil) {
        let registers = fault?.registers ?? board.core.registers
        self.init(
            r: registers.r, xpsr: registers.xpsr, signal: fault?.signal ?? 6, s: board.core.singlePrecisionRegisters, fpscr: registers.fpscr,
            controlSpace: board.core.scs.controlPage)
    }
}

extension FaultReport {
    /// What GDB calls it: SIGILL for an undefined instruction, SIGFPE for a division by zero, else SIGSEGV.
    var signal: UInt16 {
        let flags = status.flags.map(\.name)
        if flags.contains("DIVBYZERO") { return 8 }
        if flags.contains("UNDEFINSTR") || flags.contains("NOCP") || flags.contains("INVSTATE") { return 4 }
        return 11
    }
}
