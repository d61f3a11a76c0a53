// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// What the system control space asks of the core it belongs to.
public protocol CoreControl: AnyObject {
    /// Retired instructions.
    var cycles: UInt64 { get }
    /// IPSR.
    var currentException: ExceptionNumber { get }
    /// AIRCR.SYSRESETREQ, or with `local` AIRCR.VECTRESET.
    func resetRequested(local: Bool)
    /// MPU settings changed: what the engine remembers of permissions is stale.
    func permissionsChanged()
    /// CPACR, or CCR's traps, changed.
    func trapsChanged()
    /// Breakpoints, watchpoints or stepping changed.
    func debugChanged()
    /// Whether the access at hand is privileged.
    var isPrivileged: Bool { get }
    /// What DWT_PCSR samples.
    var sampledPC: UInt32 { get }
}

extension CoreControl {
    public func debugChanged() {}
    public var isPrivileged: Bool { true }
    public var sampledPC: UInt32 { 0xFFFF_FFFF }
}

/// The private peripheral bus, 0xE0000000 to 0xE00FFFFF: NVIC, SCB, SysTick, MPU, FPU, DWT, ITM.
/// Registers are those of the core's variant, with FPU, 8 MPU regions and the priority bits that the chip has. Source: ARMv7-M ARM, B3.2 and B3.4.
public final class SystemControlSpace {
    public let exceptions: ExceptionController
    let sysTick: SysTick
    private let variant: CoreVariant
    public var faults = FaultStatus()
    public private(set) var mpu = MemoryProtection() { didSet { hot.pointee.isMPUOn = mpu.isOn } }
    public var debug = DebugAndTrace()
    /// The core, which owns this and clears this when it goes. Not weak: that costs each access.
    public unowned(unsafe) var core: (any CoreControl)?

    /// Gets what firmware writes to an enabled stimulus port of the ITM: port, value, size in bytes.
    public var onStimulus: ((_ port: Int, _ value: UInt32, _ size: Int) -> Void)?

    /// The registers that are no other part's.
    struct Registers: Equatable, Sendable {
        var vectorTable: UInt32 = 0
        var systemControl: UInt32 = 0
        /// CCR. STKALIGN is set from reset on.
        var configuration: UInt32 = 1 << 9
        var coprocessorAccess: UInt32 = 0
        /// FPCCR; ASPEN and LSPEN from reset on.
        var fpContextControl: UInt32 = 0xC000_0000
        var fpContextAddress: UInt32 = 0
        var fpDefaultStatus: UInt32 = 0
        var auxiliaryControl: UInt32 = 0
        var auxiliaryFaults: UInt32 = 0
    }
    /// What each exception reads: in memory of its own, without the checks of a class's properties.
    private struct Hot {
        var registers = Registers()
        /// `mpu.isOn`.
        var isMPUOn = false
    }
    private let hot = UnsafeMutablePointer<Hot>.allocate(capacity: 1)
    private var registers: Registers {
        @inline(__always) get { hot.pointee.registers }
        @inline(__always) _modify { yield &hot.pointee.registers }
    }

    public var vectorTable: UInt32 { hot.pointee.registers.vectorTable }
    public var systemControl: UInt32 { hot.pointee.registers.systemControl }
    /// CCR.
    public var configuration: UInt32 { hot.pointee.registers.configuration }
    public var coprocessorAccess: UInt32 { hot.pointee.registers.coprocessorAccess }
    /// FPCCR.
    public var fpContextControl: UInt32 { hot.pointee.registers.fpContextControl }
    public var fpContextAddress: UInt32 { hot.pointee.registers.fpContextAddress }
    public var fpDefaultStatus: UInt32 { hot.pointee.registers.fpDefaultStatus }
    public var isMPUOn: Bool { hot.pointee.isMPUOn }

    /// All that changes of the system control space and what is in it.
    public struct State: Equatable, Sendable {
        var registers: Registers
        var exceptions: ExceptionController.State
        var sysTick: SysTick.State
        var faults: FaultStatus
        var mpu: MemoryProtection
        var debug: DebugAndTrace
    }
    /// Saves it, or restores it. The core is told of pending exceptions and priorities; what else it has made of the registers (permissions,
    /// traps, breakpoints) is for it to make anew.
    public var state: State {
        get {
            State(registers: registers, exceptions: exceptions.state, sysTick: sysTick.state, faults: faults, mpu: mpu, debug: debug)
        }
        set {
            registers = newValue.registers
            faults = newValue.faults
            mpu = newValue.mpu
            debug = newValue.debug
            sysTick.state = newValue.sysTick
            exceptions.state = newValue.exceptions
        }
    }

    /// - Parameters:
    ///   - priorityMask: the bits of a priority that the chip implements.
    ///   - interrupts: lines that the chip's NVIC has.
    ///   - variant: which core it is.
    public init(events: EventQueue, priorityMask: UInt8, interrupts: Int, variant: CoreVariant = .cortexM4) {
        self.variant = variant
        exceptions = ExceptionController(priorityMask: priorityMask)
        interruptControllerType = UInt32(clamping: max(0, (interrupts + 31) / 32 - 1))
        hot.initialize(to: Hot())
        sysTick = SysTick(events: events)
        sysTick.cycles = { [unowned self] in core?.cycles ?? 0 }
        sysTick.expired = { [exceptions] in exceptions.setPending(.sysTick) }
    }

    deinit { hot.deallocate() }

    /// Lets SysTick expire when it is due at or before `cycle`. False, and nothing is done, when anything else is due, too.
    public func runSysTick(upTo cycle: UInt64) -> Bool { sysTick.run(upTo: cycle) }

    /// Where the core counts its cycles, for as long as this lives or until it is told otherwise: SysTick reads it there.
    public func setCycleCounter(_ counter: UnsafePointer<UInt64>?) { sysTick.counter = counter }

    /// A local reset: everything but what a debugger owns.
    public func reset() {
        exceptions.reset(); sysTick.reset(); debug.reset()
        faults = FaultStatus(); mpu = MemoryProtection()
        registers = Registers()
    }

    public var sleepsOnExit: Bool { systemControl & 1 << 1 != 0 }
    /// SCR.SLEEPDEEP.
    public var sleepsDeeply: Bool { systemControl & 1 << 2 != 0 }
    /// In deep sleep the core's clock stands still, and SysTick with it. Source: ARMv7-M ARM, B1.5.19; RM0436, CSTOP.
    public func setCoreClockStopped(_ stopped: Bool) { sysTick.setStopped(stopped) }
    public var sendsEventOnPend: Bool { systemControl & 1 << 4 != 0 }
    public var alignsStack: Bool { configuration & 1 << 9 != 0 }
    public var trapsDivideByZero: Bool { configuration & 1 << 4 != 0 }
    public var trapsUnaligned: Bool { configuration & 1 << 3 != 0 }
    public var ignoresBusFaults: Bool { configuration & 1 << 8 != 0 }
    /// CCR.USERSETMPEND: unprivileged code may write STIR.
    public var allowsUnprivilegedTrigger: Bool { configuration & 1 << 1 != 0 }
    public var allowsThreadReturnFromNested: Bool { configuration & 1 != 0 }
    public var fpAutomaticStacking: Bool { fpContextControl & 1 << 31 != 0 }
    /// FPCCR.LSPEN.
    public var fpLazyStacking: Bool { fpContextControl & 1 << 30 != 0 }
    /// FPCCR.LSPACT: a frame at `fpContextAddress` waits for S0 to S15 and FPSCR.
    public var isFPContextDeferred: Bool { fpContextControl & 1 != 0 }
    public func clearFPContextDeferred() { registers.fpContextControl &= ~1 }
    /// FPCCR.USER: the frame that waits is unprivileged code's.
    public var isFPContextUnprivileged: Bool { fpContextControl & 1 << 1 != 0 }

    /// Leaves room for the FPU's registers at `address` to be filled when the FPU is used next, and keeps what decides then about a
    /// fault. `current` is the execution priority. Source: ARMv7-M ARM, B1.5.7, UpdateFPCCR.
    public func deferFPContext(to address: UInt32, unprivileged: Bool, inThread: Bool, current: Int32) {
        registers.fpContextAddress = address
        func ready(_ number: ExceptionNumber) -> Bool { exceptions.isEnabled(number) && current > exceptions.groupPriority(number) }
        let monitor = debug.exceptionMonitor & 1 << 16 != 0 && current > exceptions.groupPriority(.debugMonitor)
        registers.fpContextControl = fpContextControl & 0xC000_0000 | 1 | (unprivileged ? 1 << 1 : 0) | (inThread ? 1 << 3 : 0)
            | (current > -1 ? 1 << 4 : 0) | (ready(.memManage) ? 1 << 5 : 0) | (ready(.busFault) ? 1 << 6 : 0) | (monitor ? 1 << 8 : 0)
    }
    /// Whether a fault while the registers are stored may be taken as itself: FPCCR.MMRDY, FPCCR.BFRDY.
    public func mayTakeDeferred(_ fault: Fault) -> Bool { fpContextControl & (fault.exception == .memManage ? 1 << 5 : 1 << 6) != 0 }
    /// CPACR grants CP10 and CP11: 1 to privileged code, 3 to all.
    public func allowsFPU(privileged: Bool) -> Bool {
        let access = coprocessorAccess >> 20 & 3
        return access == 3 || (access == 1 && privileged)
    }

    // MARK: Access

    /// `address` lies in the private peripheral bus; `size` is 1, 2 or 4 bytes.
    public func read(_ address: UInt32, size: UInt32) -> UInt32 {
        let word = readWord(address & ~3)
        let shifted = word >> ((address & 3) &* 8)
        return size == 4 ? shifted : shifted & (size == 2 ? 0xFFFF : 0xFF)
    }

    /// A write narrower than a register changes its own lanes; to write-one-to-clear and set/clear registers the others read as 0.
    public func write(_ address: UInt32, size: UInt32, value: UInt32) {
        let shift = (address & 3) &* 8
        let mask: UInt32 = size == 4 ? .max : (size == 2 ? 0xFFFF : 0xFF) << shift
        let lanes = (value << shift) & mask
        let register = address & ~3
        if register < 0xE000_1000 {
            writeDebug(register, value, size: size)
            if register == 0xE000_0E40 { core?.trapsChanged() }  // ITM_TPR
        } else if actsOnWrittenBits(register) || size == 4 {
            writeWord(register, lanes)
        } else {
            writeWord(register, readWord(register) & ~mask | lanes)
        }
    }

    private func actsOnWrittenBits(_ register: UInt32) -> Bool {
        switch register {
        case 0xE000_E100..<0xE000_E400, 0xE000_ED28, 0xE000_ED2C, 0xE000_ED30, 0xE000_ED04, 0xE000_EF00: true
        default: false
        }
    }

    private func readWord(_ address: UInt32) -> UInt32 {
        switch address {
        case 0xE000_0000..<0xE000_3000: return debug.read(address, core)
        case 0xE000_E000..<0xE000_F000: return readControl(address & 0xFFF)
        case 0xE00F_F000..<0xE010_0000: return variant.romTable[address & 0xFFF] ?? 0
        default: return 0
        }
    }

    private func writeWord(_ address: UInt32, _ value: UInt32) {
        switch address {
        case 0xE000_1000..<0xE000_3000: writeDebug(address, value, size: 4)
        case 0xE000_E000..<0xE000_F000: writeControl(address & 0xFFF, value)
        default: break
        }
    }

    private func readControl(_ offset: UInt32) -> UInt32 {
        switch offset {
        case 0x004: return interruptControllerType
        case 0x008: return registers.auxiliaryControl
        case 0x010: return sysTick.control
        case 0x014: return sysTick.reloadValue
        case 0x018: return sysTick.current
        case 0x01C: return SysTick.calibration
        case 0x100..<0x180, 0x180..<0x200: return interruptWord(.enabled, offset & 0x7F)
        case 0x200..<0x280, 0x280..<0x300: return interruptWord(.pending, offset & 0x7F)
        case 0x300..<0x380: return interruptWord(.active, offset & 0x7F)
        case 0x400..<0x4F0: return priorityWord(first: 16 + Int(offset - 0x400))
        case 0xD18..<0xD24: return priorityWord(first: 4 + Int(offset - 0xD18))
        case 0xD90..<0xDBC: return mpu.read(offset)
        case 0xD00: return variant.identification
        case 0xD04: return interruptControlState
        case 0xD08: return vectorTable
        case 0xD0C: return 0xFA05_0000 | exceptions.priorityGroup << 8
        case 0xD10: return systemControl
        case 0xD14: return configuration
        case 0xD24: return systemHandlerState
        case 0xD28: return faults.cfsr
        case 0xD2C: return faults.hfsr
        case 0xD30: return debug.faults
        case 0xD34: return faults.mmfar
        case 0xD38: return faults.bfar
        case 0xD3C: return registers.auxiliaryFaults
        case 0xD40..<0xD74: return feature(Int(offset - 0xD40) >> 2)
        case 0xD88: return coprocessorAccess
        case 0xDFC: return debug.exceptionMonitor | (exceptions.isPending(.debugMonitor) ? DebugAndTrace.monitorPending : 0)
        case 0xF34: return fpContextControl
        case 0xF38: return fpContextAddress
        case 0xF3C: return fpDefaultStatus
        case 0xF40: return variant.floatingPoint.0
        case 0xF44: return variant.floatingPoint.1
        default: return 0
        }
    }

    private func feature(_ index: Int) -> UInt32 { variant.features.indices.contains(index) ? variant.features[index] : 0 }

    /// The word at `address`, a multiple of four in the private peripheral bus, as a debugger reads it: what privileged code would read at this moment,
    /// and nothing changes by looking. What is only written, or is not there, is 0.
    public func look(at address: UInt32) -> UInt32 {
        switch address {
        case 0xE000_0000..<0xE000_3000: debug.look(at: address, core)
        case 0xE000_E010: sysTick.lookedAt.control
        case 0xE000_E018: sysTick.lookedAt.current
        default: readWord(address)
        }
    }

    /// The page from 0xE000E000 to 0xE000EFFF, by `look`.
    public var controlPage: [UInt8] {
        var bytes = [UInt8]()
        bytes.reserveCapacity(0x1000)
        for offset in stride(from: UInt32(0), to: 0x1000, by: 4) { bytes.appendLittleEndian(look(at: 0xE000_E000 | offset)) }
        return bytes
    }

    private func writeControl(_ offset: UInt32, _ value: UInt32) {
        switch offset {
        case 0x008: registers.auxiliaryControl = value & variant.writableAuxiliary
        case 0x010: sysTick.control = value
        case 0x014: sysTick.reloadValue = value
        case 0x018: sysTick.current = value
        case 0x100..<0x180: forBits(value, offset & 0x7F) { exceptions.setEnabled($0, true) }
        case 0x180..<0x200: forBits(value, offset & 0x7F) { exceptions.setEnabled($0, false) }
        case 0x200..<0x280: forBits(value, offset & 0x7F) { exceptions.setPending(ExceptionNumber($0)) }
        case 0x280..<0x300: forBits(value, offset & 0x7F) { exceptions.clearPending(ExceptionNumber($0)) }
        case 0x400..<0x4F0: setPriorities(first: 16 + Int(offset - 0x400), value)
        case 0xD18..<0xD24: setPriorities(first: 4 + Int(offset - 0xD18), value)
        case 0xD90..<0xDBC:
            mpu.write(offset, value)
            core?.permissionsChanged()
        case 0xD04: writeInterruptControlState(value)
        case 0xD08: registers.vectorTable = value & 0xFFFF_FF80
        case 0xD0C: writeReset(value)
        case 0xD10: registers.systemControl = value & variant.writableSystemControl
        case 0xD14:
            registers.configuration = value & variant.writableConfiguration
            core?.trapsChanged()
        case 0xD24: writeSystemHandlerState(value)
        case 0xD28: faults.cfsr &= ~value
        case 0xD2C: faults.hfsr &= ~value
        case 0xD30: debug.faults &= ~value
        case 0xD34: faults.mmfar = value
        case 0xD38: faults.bfar = value
        case 0xD88:
            registers.coprocessorAccess = value & variant.writableCoprocessorAccess
            core?.trapsChanged()
        case 0xDFC:
            debug.setExceptionMonitor(value, now: core?.cycles ?? 0)
            // Pending does not ask for MON_EN. Source: ARMv7-M ARM, C1.6.5.
            if value & DebugAndTrace.monitorPending != 0 { exceptions.setPending(.debugMonitor) } else { exceptions.clearPending(.debugMonitor) }
            core?.debugChanged()
        case 0xF00: exceptions.setPending(.interrupt(Int(value & 0x1FF)))  // STIR
        case 0xF34:
            registers.fpContextControl = value & variant.writableFPContext
            core?.trapsChanged()
        case 0xF38: registers.fpContextAddress = value & ~7
        case 0xF3C:
            registers.fpDefaultStatus = value & 0x07C0_0000
            core?.trapsChanged()
        default: break
        }
    }

    // MARK: NVIC words

    /// Interrupt sets are words of 32 interrupts; exceptions are 16 further on.
    private func interruptWord(_ set: ExceptionController.Set, _ offset: UInt32) -> UInt32 {
        let first = Int(offset >> 2)
        return exceptions.word(set, first) >> 16 | exceptions.word(set, first + 1) << 16
    }

    private func forBits(_ value: UInt32, _ offset: UInt32, _ body: (Int) -> Void) {
        var rest = value
        let first = 16 + Int(offset >> 2) * 32
        while rest != 0 {
            body(first + rest.trailingZeroBitCount)
            rest &= rest &- 1
        }
    }

    private func priorityWord(first: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(exceptions.priority(first + $1)) << UInt32($1 * 8) }
    }
    private func setPriorities(first: Int, _ value: UInt32) {
        for i in 0..<4 {
            let n = first + i
            // SHPR bytes without an exception read as zero.
            if n < 16 && ![4, 5, 6, 11, 12, 14, 15].contains(n) { continue }
            exceptions.setPriority(n, UInt8(truncatingIfNeeded: value >> UInt32(i * 8)))
        }
    }

    // MARK: System control block

    /// ICTR: how many words of 32 lines the NVIC has, less one.
    private let interruptControllerType: UInt32

    private var interruptControlState: UInt32 {
        let current = core?.currentException ?? ExceptionNumber(0)
        var value = UInt32(current.value & 0x1FF) | UInt32(exceptions.next.value & 0x1FF) << 12
        if exceptions.activeCount <= 1 { value |= 1 << 11 }  // RETTOBASE
        if exceptions.anyInterruptPending { value |= 1 << 22 }
        if exceptions.isPending(.sysTick) { value |= 1 << 26 }
        if exceptions.isPending(.pendSV) { value |= 1 << 28 }
        if exceptions.isPending(.nmi) { value |= 1 << 31 }
        return value
    }

    private func writeInterruptControlState(_ value: UInt32) {
        if value & 1 << 31 != 0 { exceptions.setPending(.nmi) }
        if value & 1 << 28 != 0 { exceptions.setPending(.pendSV) } else if value & 1 << 27 != 0 { exceptions.clearPending(.pendSV) }
        if value & 1 << 26 != 0 { exceptions.setPending(.sysTick) } else if value & 1 << 25 != 0 { exceptions.clearPending(.sysTick) }
    }

    private func writeReset(_ value: UInt32) {
        guard value >> 16 == 0x05FA else { return }
        exceptions.setPriorityGroup(value >> 8 & 7)
        if value & 1 << 2 != 0 { core?.resetRequested(local: false) } else if value & 1 != 0 { core?.resetRequested(local: true) }
    }

    /// SHCSR's bits and the exceptions whose active, pending or enabled state they are.
    private static let handlerBits: [(bit: UInt32, exception: Int, set: ExceptionController.Set)] = [
        (0, 4, .active), (1, 5, .active), (3, 6, .active), (7, 11, .active), (8, 12, .active), (10, 14, .active), (11, 15, .active),
        (12, 6, .pending), (13, 4, .pending), (14, 5, .pending), (15, 11, .pending),
        (16, 4, .enabled), (17, 5, .enabled), (18, 6, .enabled),
    ]
    private var systemHandlerState: UInt32 {
        Self.handlerBits.reduce(0) { value, entry in
            value | (exceptions.word(entry.set, 0) >> UInt32(entry.exception) & 1) << entry.bit
        }
    }
    private func writeSystemHandlerState(_ value: UInt32) {
        for entry in Self.handlerBits {
            let on = value >> entry.bit & 1 != 0
            switch entry.set {
            case .active: exceptions.setActive(entry.exception, on)
            case .enabled: exceptions.setEnabled(entry.exception, on)
            case .pending:
                let number = ExceptionNumber(entry.exception)
                if on { exceptions.setPending(number) } else { exceptions.clearPending(number) }
            }
        }
    }

    // MARK: Faults

    /// Records `fault` in the status registers.
    public func note(_ fault: Fault) {
        faults.cfsr |= fault.cfsr
        faults.hfsr |= fault.hfsr
        if fault == .debugEvent { note(.breakpoint) }
        guard let address = fault.address else { return }
        if fault.exception == .memManage { faults.mmfar = address; faults.cfsr |= 1 << 7 }
        if fault.exception == .busFault { faults.bfar = address; faults.cfsr |= 1 << 15 }
    }

    /// Records `fault` in the status registers and says which exception is taken for it, at execution priority `current`:
    /// itself, HardFault by escalation, or nil for a lockup.
    public func escalate(_ fault: Fault, current: Int32) -> ExceptionNumber? {
        note(fault)
        if current <= -1 { return nil }
        if fault.exception == .hardFault { return .hardFault }
        if exceptions.isEnabled(fault.exception), exceptions.groupPriority(fault.exception) < current { return fault.exception }
        faults.hfsr |= 1 << 30
        return .hardFault
    }
}
