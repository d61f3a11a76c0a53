// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import CUnicorn
import CortexM
import MachineBase

/// A Cortex-M4: the engine's instructions, and the exceptions, sleep and time that the engine does not have.
///
/// One instruction is one cycle, unless `CycleModel.coarse` is chosen. What is due is looked at between blocks of instructions (at most 512), so an event is
/// never late by more than a block; the same input gives the same trace.
public final class Core: CoreControl {
    let engine: Engine
    public let scs: SystemControlSpace
    let events: EventQueue
    /// What each exception reads and writes: in memory of its own, without the checks of a class's properties.
    let own = UnsafeMutablePointer<OwnState>.allocate(capacity: 1)
    let derived = UnsafeMutablePointer<Derived>.allocate(capacity: 1)
    private var hostStop = false
    /// When each exception's handler was entered last.
    let entered = ExceptionEntries()
    public internal(set) var breakpoints: [UInt32] = []
    public internal(set) var watchpoints: [Watchpoint] = []
    /// Where they come into force.
    var watchpointsStart: UInt32?
    /// Stops a run with `.hostRequest` before the first instruction behind a reset; `releases` counts these.
    public var stopsAtRelease = false
    /// Times that the core has left reset.
    public var releases: UInt64 { own.pointee.releases }
    /// Whether a BKPT of the firmware's stops a run, as with a debugger attached; otherwise it is the firmware's own, a
    /// DebugMonitor exception or a HardFault.
    public var haltsAtBKPT = false
    public var faultPolicy = FaultPolicy.hardFault
    /// Carries out, between two blocks, what a register write could only ask for.
    var onInterrupt: () -> Void = {}
    /// Told when it falls asleep with SLEEPDEEP, and when it awakes from that.
    var onDeepSleep: (Bool) -> Void = { _ in }
    /// Told when the core is put into reset.
    var onHold: () -> Void = {}
    public let semihosting = Semihosting()
    /// Looks at them, and answers when to look next.
    var poll: (RTT.Moment) -> UInt64 = { _ in .max }

    /// - Parameters:
    ///   - coprocessor: which core it is, and how many bits of a priority its NVIC has.
    ///   - interrupts: how many lines its NVIC has.
    init(events: EventQueue, coprocessor: Coprocessor, interrupts: Int) throws(BoardError) {
        do throws(BoardError) { engine = try Engine() } catch {
            own.deallocate()
            derived.deallocate()
            throw error
        }
        own.initialize(to: OwnState())
        derived.initialize(to: Derived())
        self.events = events
        scs = SystemControlSpace(
            events: events, priorityMask: coprocessor.priorityMask, interrupts: interrupts, variant: CoreVariant(coprocessor.core))
        scs.core = self
        let raw = engine.raw
        raw.pointee.priority_mask = UInt32(coprocessor.priorityMask)
        raw.pointee.core = Unmanaged.passUnretained(self).toOpaque()
        raw.pointee.carry_on = { core, stop in
            guard let core else { return M4_COURSE_STOP }
            return Unmanaged<Core>.fromOpaque(core)._withUnsafeGuaranteedRef { $0.carryOn(after: stop) }
        }
        let listener: ExceptionController.Listener = { context, next, active, groupMask in
            guard let raw = context?.assumingMemoryBound(to: m4_engine.self) else { return }
            raw.pointee.pending_priority = next
            raw.pointee.active_priority = active
            raw.pointee.group_mask = groupMask
            m4_engine_update_limit(raw)
        }
        scs.exceptions.setListener(listener, context: UnsafeMutableRawPointer(raw))
        scs.setCycleCounter(withUnsafePointer(to: &raw.pointee.cycles) { $0 })
        events.onEarlier = { cycle in
            if cycle < raw.pointee.deadline {
                raw.pointee.deadline = cycle
                m4_engine_update_limit(raw)
            }
        }
    }

    deinit {
        scs.core = nil
        // It may outlive the engine.
        scs.exceptions.setListener(nil, context: nil)
        scs.setCycleCounter(nil)
        engine.raw.pointee.core = nil
        own.deinitialize(count: 1)
        own.deallocate()
        derived.deinitialize(count: 1)
        derived.deallocate()
    }

    public var cycles: UInt64 { engine.raw.pointee.cycles }
    /// Instructions retired since the board was made.
    public var retired: UInt64 { cycles &- own.pointee.idleCycles &- engine.raw.pointee.extra }
    /// Of these, the instructions of loops that only waited, which were counted instead of executed.
    public var skipped: UInt64 { engine.raw.pointee.idle_loop.skipped }
    public var currentException: ExceptionNumber { engine.exception }

    /// Ends a run at the next block, with `.hostRequest`.
    public func requestStop() {
        hostStop = true
        interrupt()
    }

    /// Whether another thread wants the run to end; see `RunStopper`.
    var isInterrupted: Bool { m4_engine_is_interrupted(engine.raw) }

    /// Makes the engine come back to the run loop at the next block.
    func interrupt() {
        engine.raw.pointee.stop_requested = true
        m4_engine_update_limit(engine.raw)
    }

    public func resetRequested(local: Bool) {
        own.pointee.resetRequest = .resetRequest(local: local)
        interrupt()
    }

    /// The register write that changed them is still under way, and the engine's translations must outlive it.
    public func permissionsChanged() {
        guard scs.isMPUOn || engine.raw.pointee.page_permission != nil else { return }
        derived.pointee.permissionsStale = true
        interrupt()
    }

    /// The register write that changed them is still under way.
    public func trapsChanged() {
        derived.pointee.trapsStale = true
        interrupt()
    }

    /// Brings the engine in line with CPACR, CCR's traps and FPCCR. Not while it runs.
    func updateTraps() {
        derived.pointee.trapsStale = false
        engine.raw.pointee.fp_deferred = scs.isFPContextDeferred
        let fpu = !scs.allowsFPU(privileged: false), divide = scs.trapsDivideByZero
        let traps = (fpu ? M4_TRAP_FPU.rawValue : 0) | (divide ? M4_TRAP_DIVIDE.rawValue : 0)
            | (scs.trapsUnaligned ? M4_TRAP_UNALIGNED_SINGLE.rawValue : 0)
        let ports = scs.debug.unprivilegedPorts, trigger = scs.allowsUnprivilegedTrigger
        if engine.raw.pointee.user_ports != ports || engine.raw.pointee.user_stir != trigger {
            engine.raw.pointee.user_ports = ports
            engine.raw.pointee.user_stir = trigger
            m4_engine_flush_permissions(engine.raw)
        }
        m4_engine_set_fp_context(engine.raw, scs.fpAutomaticStacking, scs.fpDefaultStatus)
        m4_engine_set_traps(engine.raw, UInt32(traps), scs.allowsFPU(privileged: true))
    }

    // MARK: Reset

    /// Puts the core into reset, where it stays.
    func hold() {
        scs.reset()
        engine.raw.pointee.event_sent = false
        own.pointee.phase = .held
        own.pointee.sleepsDeeply = false
        own.pointee.eventRegister = false
        own.pointee.resetRequest = nil
        own.pointee.pendingStop = nil
        own.pointee.lockupReport = nil
        own.pointee.wantsStep = false
        own.pointee.watched = nil
        own.pointee.dataMatch = false
        own.pointee.passedBKPT = nil
        own.pointee.watches = watchpointsStart == nil
        onHold()
        debugChanged()
    }

    /// Leaves reset: stack pointer and entry from the vector table. Source: ARMv7-M ARM, B1.5.5.
    func release() {
        scs.reset()
        m4_engine_reset_core(engine.raw)
        m4_engine_flush(engine.raw)
        updateDerived()
        updateDebug()
        phase = .running
        eventRegister = false
        own.pointee.releases &+= 1
        if stopsAtRelease { pendingStop = .hostRequest }
        guard let stack = word(scs.vectorTable), let entry = word(scs.vectorTable &+ 4) else {
            raise(.vectorTable, at: 0)
            return
        }
        engine.setR(13, stack & ~3)
        engine.setR(14, 0xFFFF_FFFF)
        nextPC = entry
    }

    // MARK: Running

    /// Runs until `deadline` (a cycle count) or until something of `StopReason` happens. Events that fall due are run.
    public func run(until deadline: UInt64) -> StopReason {
        if derived.pointee.rangeStep != nil { endRangeStep() }
        let reason = runToStop(deadline)
        if pollAt != .max, reason != .deadline, reason != .hostRequest { pollAt = poll(.end) }
        return reason
    }

    func runToStop(_ deadline: UInt64) -> StopReason {
        let raw = engine.raw
        derived.pointee.runDeadline = deadline
        derived.pointee.wakefulRound = WakefulRound()
        while true {
            switch settle(deadline) {
            case .stop(let reason): return reason
            case .again: continue
            case .exception:
                enter(scs.exceptions.next, returnTo: nextPC)
                continue
            case .execute: break
            }
            let stepping = wantsStep || steps
            guard !stepping else {
                executeOne()
                continue
            }
            let stop = m4_engine_run(raw, nextPC)
            if stop != M4_STOP_SETTLED { handle(stop) }
        }
    }

    /// What is next, all being seen to that waits for the end of what ran before.
    enum Turn {
        /// The instruction at `nextPC`, up to the engine's deadline, which is set.
        case execute
        /// An exception's entry.
        case exception
        /// What has changed may have changed what is next.
        case again
        case stop(StopReason)
    }
    @inline(__always) func settle(_ deadline: UInt64) -> Turn {
        let raw = engine.raw
        events.run(upTo: raw.pointee.cycles)
        if raw.pointee.stop_requested {
            raw.pointee.stop_requested = false
            onInterrupt()
            if raw.pointee.sign_changed {
                raw.pointee.sign_changed = false
                prioritySignChanged()
            }
        }
        if derived.pointee.trapsStale { updateTraps() }
        if derived.pointee.debugStale { updateDebug() }
        if derived.pointee.permissionsStale {
            derived.pointee.permissionsStale = false
            updatePermissions()
        }
        if let reason = takePendingStop() { return .stop(reason) }
        switch phase {
        case .held, .lockedUp:
            if phase == .lockedUp, m4_engine_can_take(raw) {
                // An NMI, at HardFault's priority. It would return to the lockup. Source: ARMv7-M ARM, B1.5.15.
                phase = .running
                own.pointee.lockupReport = nil
                nextPC = 0xFFFF_FFFF
                return .again
            }
            if idle(until: deadline) { return .again }
            if deadline != .max { return .stop(.deadline) }
            return .stop(own.pointee.lockupReport.map(StopReason.lockup) ?? .held)
        case .sleeping(let event):
            if wakes(event: event) {
                phase = .running
                if !event, !own.pointee.sleepsDeeply { skipWakefulRounds(until: deadline) }
                if own.pointee.sleepsDeeply { setDeepSleep(false) }
                return .again
            }
            return idle(until: deadline) ? .again : .stop(deadline == .max ? .asleep : .deadline)
        case .running: break
        }
        if m4_engine_can_take(raw) { return .exception }
        if raw.pointee.cycles >= deadline { return .stop(.deadline) }
        if raw.pointee.cycles >= pollAt { pollAt = poll(.running) }
        raw.pointee.deadline = min(deadline, max(min(events.next, pollAt), raw.pointee.cycles &+ 1))
        guard nextPC & 1 != 0 else {
            engine.write(UC_ARM_REG_EPSR, 0)
            raise(.invalidState, at: nextPC)
            return .again
        }
        return .execute
    }

    /// The instruction at `nextPC` by itself, as far as it does not come to something else first.
    func executeOne() {
        let begin = engine.raw.pointee.cycles
        let monitored = beginStep()
        let stop = m4_engine_run(engine.raw, nextPC)
        endStep()
        if stop != M4_STOP_SETTLED { handle(stop) }
        concludeStep(executed: engine.raw.pointee.cycles != begin, monitored: monitored)
    }

    /// What a stop outside of the engine's run loop is waiting to report.
    private func takePendingStop() -> StopReason? {
        if let reason = own.pointee.resetRequest { own.pointee.resetRequest = nil; return reason }
        if let reason = own.pointee.pendingStop { own.pointee.pendingStop = nil; return reason }
        guard hostStop || m4_engine_take_interrupt(engine.raw) else { return nil }
        hostStop = false
        return .hostRequest
    }

    /// Jumps over idle time to what is due next; false when that is not before `deadline`, which is then reached.
    ///
    /// What was due has been run. A source that is due again at once is given the next cycle: time goes on whatever it does.
    private func idle(until deadline: UInt64) -> Bool {
        let next = events.next
        let isDue = next <= deadline && next != .max
        let now = cycles
        // What is due now was scheduled by what has just run: time moves on, lest it never does.
        let target = isDue ? max(next, now &+ 1) : deadline
        if target != .max, target > now {
            own.pointee.idleCycles &+= target &- now
            engine.raw.pointee.cycles = target
        }
        return isDue
    }

    /// WFI wakes for an exception that would preempt if PRIMASK were clear; WFE also for the event register, which an
    /// exception that becomes pending sets under SEVONPEND. Source: ARMv7-M ARM, B1.5.19.
    private func wakes(event: Bool) -> Bool {
        guard event else { return m4_engine_wakes(engine.raw) }
        return takeEvent() || m4_engine_can_take(engine.raw)
    }

    /// Whether the event register is set, which this clears.
    private func takeEvent() -> Bool {
        let pended = scs.sendsEventOnPend && scs.exceptions.pendedCount != own.pointee.pendedSeen
        own.pointee.pendedSeen = scs.exceptions.pendedCount
        let isSet = eventRegister || pended || engine.raw.pointee.event_sent
        eventRegister = false
        engine.raw.pointee.event_sent = false
        return isSet
    }

    func handle(_ stop: m4_stop) {
        let raw = engine.raw
        nextPC = engine.r(15) | (engine.xpsr >> 24 & 1)
        switch stop {
        case M4_STOP_BOUNDARY, M4_STOP_STEPPED: break
        case M4_STOP_WFI: fallAsleep(event: false)
        case M4_STOP_WFE: if !takeEvent() { fallAsleep(event: true) }
        case M4_STOP_YIELD: break
        case M4_STOP_SVC: supervisorCall()
        case M4_STOP_BKPT: breakpoint()
        case M4_STOP_EXC_RETURN:
            // A vector or a stacked PC with such a value is no branch to it, and would go round without an instruction.
            if raw.pointee.history_count != raw.pointee.first_block { returnFromException(nextPC) } else { raise(.instructionAccess, at: nextPC) }
        case M4_STOP_UNDEFINED: undefined()
        case M4_STOP_NO_COPROCESSOR: raise(.noCoprocessor, at: nextPC)
        case M4_STOP_DIVIDE: raise(.divideByZero, at: nextPC)
        case M4_STOP_UNALIGNED: raise(.unaligned, at: nextPC)
        case M4_STOP_FP_CONTEXT: storeDeferredFPContext()
        case M4_STOP_BREAK: breakHit()
        case M4_STOP_DATA_FAULT: dataFault()
        case M4_STOP_FETCH_FAULT: fetchFault()
        default:
            pendingStop = .engine("\(Engine.describe(raw.pointee.engine_error)) at pc \(hex32(nextPC & ~1))")
        }
    }

    func fallAsleep(event: Bool) {
        phase = .sleeping(event: event)
        if scs.sleepsDeeply { setDeepSleep(true) }
        if pollAt != .max { pollAt = poll(.asleep) }
    }

    func setDeepSleep(_ deep: Bool) {
        own.pointee.sleepsDeeply = deep
        scs.setCoreClockStopped(deep)
        onDeepSleep(deep)
    }

    /// A word of memory or of a register as the core itself reads it.
    func word(_ address: UInt32) -> UInt32? {
        if let bytes = engine.memory(address, count: 4) {
            return UnsafeRawPointer(bytes).loadUnaligned(as: UInt32.self)
        }
        return engine.readRegister(address)
    }

    func store(_ value: UInt32, at address: UInt32) -> Bool {
        if let bytes = engine.memory(address, count: 4) {
            UnsafeMutableRawPointer(bytes).storeBytes(of: value, as: UInt32.self)
            m4_engine_memory_written(engine.raw, address, 4)
            return true
        }
        return engine.writeRegister(address, value)
    }

    // MARK: Looking

    public var registers: CoreRegisters {
        var r = (0..<16).map { engine.r($0) }
        r[15] = nextPC & ~1
        return CoreRegisters(
            r: r, xpsr: engine.xpsr, msp: engine.privileged(UC_ARM_REG_MSP), psp: engine.privileged(UC_ARM_REG_PSP),
            primask: engine.privileged(UC_ARM_REG_PRIMASK), basepri: engine.privileged(UC_ARM_REG_BASEPRI),
            faultmask: engine.privileged(UC_ARM_REG_FAULTMASK), control: engine.control, fpscr: engine.read(UC_ARM_REG_FPSCR))
    }

    /// S0 to S31 as bits.
    public var singlePrecisionRegisters: [UInt32] {
        [UInt32](unsafeUninitializedCapacity: 32) { buffer, count in
            buffer.initialize(repeating: 0)
            m4_engine_read_s(engine.raw, buffer.baseAddress)
            count = 32
        }
    }

    /// Starts of the newest blocks of instructions, oldest first, at most `M4_HISTORY`.
    public var history: [UInt32] {
        let end = engine.raw.pointee.history_count
        let count = min(end, UInt32(M4_HISTORY))
        return withUnsafeBytes(of: &engine.raw.pointee.history) { ring in
            let blocks = ring.bindMemory(to: UInt64.self)
            return (0..<count).map { UInt32(truncatingIfNeeded: blocks[Int((end &- count &+ $0) % UInt32(M4_RING))] >> 32) }
        }
    }
}
