// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM

// What of the core changes, and who has it: its registers and counts the engine (`EngineState`), those of the private peripheral bus the
// system control space, all else `OwnState`. What follows from these is in `Derived` and in the engine, and is made anew.
extension Core {
    /// What the core does, or why it does nothing.
    enum Phase: Equatable, Sendable { case held, running, sleeping(event: Bool), lockedUp }

    /// What of the core changes besides the engine's part and the system control space: all of it is saved.
    struct OwnState: Equatable, Sendable {
        var phase = Phase.held
        /// The address of the next instruction, bit 0 the Thumb state.
        var nextPC: UInt32 = 0
        /// WFE's event register.
        var eventRegister = false
        /// `ExceptionController.pendedCount` when the event register was looked at last.
        var pendedSeen: UInt64 = 0
        /// Asleep with SLEEPDEEP.
        var sleepsDeeply = false
        /// Cycles in which nothing was executed: in reset, or asleep.
        var idleCycles: UInt64 = 0
        /// When the debug channels in memory are looked at next; `.max` for never.
        var pollAt = UInt64.max
        /// Fault exceptions taken since the board was made.
        var faultCount = 0
        /// Times that it has left reset.
        var releases: UInt64 = 0

        /// The next instruction is to be executed by itself.
        var wantsStep = false
        /// The instruction that is to be executed by itself, for it accesses a watched page.
        var watched: Watched?
        /// A DWT comparator has matched the instruction that is about to retire.
        var dataMatch = false
        /// Whether the watchpoints have come into force since reset.
        var watches = true
        /// The BKPT that a run stopped at last.
        var passedBKPT: UInt32?

        /// Waits for the end of the block that asked for it.
        var resetRequest: StopReason?
        /// The run loop takes it before the next instruction.
        var pendingStop: StopReason?
        /// Why the core is locked up, while it is.
        var lockupReport: FaultReport?
    }

    /// What follows from the state, or is the run's that is under way.
    struct Derived {
        /// Whether the MPU is in force: on, and at a priority that it is for.
        var mpuApplies = false
        var appliedProtection = AppliedProtection()
        /// DEMCR.MON_STEP is set.
        var steps = false
        /// A register write has changed what the engine is told before the next instruction.
        var permissionsStale = false, trapsStale = false, debugStale = false
        /// Of the run that is under way.
        var runDeadline = UInt64.max
        var wakefulRound = WakefulRound()
        /// A step through a range that a deadline or the host has come between.
        var rangeStep: RangeStep?
    }

    var phase: Phase { get { own.pointee.phase } set { own.pointee.phase = newValue } }
    var isRunning: Bool { if case .running = own.pointee.phase { true } else { false } }
    var nextPC: UInt32 { get { own.pointee.nextPC } set { own.pointee.nextPC = newValue } }
    var eventRegister: Bool { get { own.pointee.eventRegister } set { own.pointee.eventRegister = newValue } }
    var wantsStep: Bool { get { own.pointee.wantsStep } set { own.pointee.wantsStep = newValue } }
    var pollAt: UInt64 { get { own.pointee.pollAt } set { own.pointee.pollAt = newValue } }
    var mpuApplies: Bool { get { derived.pointee.mpuApplies } set { derived.pointee.mpuApplies = newValue } }
    var steps: Bool { get { derived.pointee.steps } set { derived.pointee.steps = newValue } }
    var pendingStop: StopReason? {
        get { own.pointee.pendingStop }
        set {
            own.pointee.pendingStop = newValue
            if newValue != nil { interrupt() }
        }
    }
    /// Fault exceptions taken since the board was made.
    public var faultCount: Int { own.pointee.faultCount }

    /// All of a core that changes, between two runs. It belongs to cores of the same chip and configuration. A debugger's breakpoints and
    /// watchpoints, and requests to stop from outside, are no part of it.
    public struct State: Equatable, Sendable, CustomStringConvertible {
        var engine: EngineState
        var own: OwnState
        var system: SystemControlSpace.State
        var entered: [ExceptionEntries.Entry]
        var semihosting: Semihosting.State

        public var description: String { "state of a core at cycle \(engine.values.cycles)" }
    }

    /// Saves it, or restores it and makes anew what follows from it: limits, traps, breakpoints in force, page permissions, and, as it runs,
    /// translations. Not while it runs.
    ///
    /// A run ends between two blocks of instructions, or at an instruction that has not retired, and the next one begins a block there: so
    /// blocks are the same, to the instruction, whether their translations are old or new.
    public var state: State {
        get {
            State(engine: engine.state, own: own.pointee, system: scs.state, entered: entered.state, semihosting: semihosting.state)
        }
        set {
            scs.state = newValue.system
            own.pointee = newValue.own
            own.pointee.watches = newValue.own.watches || watchpointsStart == nil
            entered.state = newValue.entered
            semihosting.state = newValue.semihosting
            // Before the engine's part, which has the breakpoint to pass.
            updateDebug()
            let error = engine.restore(newValue.engine)
            updateDerived()
            if error != UC_ERR_OK { own.pointee.pendingStop = .engine("\(Engine.describe(error)): the state of the core is not restored") }
            interrupt()
        }
    }

    /// The engine has forgotten all of it, and its core has other registers.
    func updateDerived() {
        derived.pointee.permissionsStale = false
        derived.pointee.appliedProtection.control = nil
        updatePermissions()
        updateTraps()
    }
}
