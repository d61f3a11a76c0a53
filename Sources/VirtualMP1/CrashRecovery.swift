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

/// What a system knows about the crash that Linux has not handled yet.
struct CrashState {
    /// Linux's count of crashes when the last one was reported.
    var reportedAt: UInt32?
    /// Crashes so far: faults, lockups and watchdog resets.
    var count: UInt32 = 0
    /// The core at the moment of the crash.
    var registers: CoredumpExtension.Registers?
}

extension MP1System {
    /// Crashes so far that Linux was told of.
    public var crashes: UInt32 { crash.count }

    /// The firmware's memory as a core dump, now: the kernel's, or GDB's with `coredumpHasRegisters`. Empty while nothing is loaded.
    public func coredump() -> [UInt8] {
        if crash.registers == nil { crash.registers = registersNow }
        return linux.coredumpImage(coredumpExtension)
    }

    /// Whether a crash is reported that Linux has not yet recovered from.
    public var isRecovering: Bool { crash.reportedAt == linux.crashCount || linux.state == .crashed || linux.waitsForCoredump }

    private var watchdogLine: EdgeLine { board.configuration.chip.coprocessor.watchdogReset }
    private func setBit(_ register: SystemRegister) {
        let address = register.address.value
        board.soc.write(address, board.soc.read(address, width: 4, by: .cortexA7(secure: false)) | register.mask, width: 4, by: .cortexA7(secure: false))
    }

    /// Linux's interrupt controller driver: the watchdog's line on its rising edge, unmasked (RM0436 EXTI; Linux irq-stm32mp-exti).
    func watchCrashes() {
        setBit(watchdogLine.rising)
        setBit(watchdogLine.mask)
        linux.coredumpDue = { [unowned self] in
            onCoredump?(linux.coredumpImage(coredumpExtension))
            crash.registers = nil
        }
        linux.crashReported = { [unowned self] _ in if crash.registers == nil { crash.registers = registersNow } }
    }

    private var coredumpExtension: CoredumpExtension? {
        guard configuration.coredumpHasRegisters else { return nil }
        return CoredumpExtension(registers: crash.registers) { [unowned self] address, count in
            board.withMemory(address, count: count) { Array($0) }
        }
    }

    private var registersNow: CoredumpExtension.Registers? { board.isHeld ? nil : CoredumpExtension.Registers(of: board) }

    /// Tells Linux of a fault or lockup, if it may recover from one more.
    /// - Returns: whether the run goes on.
    func reportsCrash(_ reason: StopReason) -> Bool {
        let report: FaultReport
        switch reason {
        case .fault(let fault), .lockup(let fault): report = fault
        default: return false
        }
        // The core goes on in its handler until Linux stops it; what goes wrong there is the same crash.
        if isRecovering, configuration.recoveryLimit != nil { return true }
        crash.registers = CoredumpExtension.Registers(of: board, fault: report)
        guard mayCrash(isWatchdog: false) else { return false }
        crash.reportedAt = linux.crashCount
        events.publish(.crashed(now, reason))
        linux.reportCrash(.fatalError)
        return true
    }

    /// The M4's WWDG resets it, and its registers are still what they were.
    func watchdogReset() {
        crash.registers = registersNow
        board.soc.write(watchdogLine.pending.address.value, watchdogLine.pending.mask, width: 4, by: .cortexA7(secure: false))
        let isAllowed = configuration.recoveryLimit == nil || mayCrash(isWatchdog: true)
        linux.interrupt(.watchdog)
        if !isAllowed {
            stopForGood(.hostRequest)
            board.core.requestStop()
        }
    }

    private func mayCrash(isWatchdog: Bool) -> Bool {
        guard let limit = configuration.recoveryLimit else { return false }
        crash.count &+= 1
        guard crash.count > limit else { return true }
        crashLoop = CrashLoop(limit: limit, time: now, isWatchdog: isWatchdog)
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
    /// What GDB calls it: SIGILL for an instruction that is none, SIGFPE for a division by zero, else SIGSEGV.
    var signal: UInt16 {
        let flags = status.flags.map(\.name)
        if flags.contains("DIVBYZERO") { return 8 }
        if flags.contains("UNDEFINSTR") || flags.contains("NOCP") || flags.contains("INVSTATE") { return 4 }
        return 11
    }
}
