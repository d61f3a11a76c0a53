// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import MP1Peripherals
import MachineBase

extension M4Board {
    /// All of a board that changes: core, memory, peripherals, what is due, debug channels, what was reported. It belongs to boards of the same
    /// configuration. What hosts attach to buses has its own state, as have terminals and files behind `events`; breakpoints, watchpoints
    /// and requests to stop are the host's.
    public struct State: Equatable, Sendable, CustomStringConvertible {
        var core: Core.State
        var soc: SoC.State
        var memory: MemoryBanks.State
        var signals: SoCSignals.State
        var rtt: RTT.State
        var events: EventQueue.State
        var unsupportedFeatures: [UnsupportedFeature]
        var recorded: [RecordedStretch]

        public var description: String { "state of a board at cycle \(cycles)" }
        public var cycles: UInt64 { core.engine.values.cycles }
    }

    /// Saves all of it, or restores it. Copies the chip's memories and the external memory whole, touched or not. Not while it runs.
    ///
    /// A board that is restored goes on as the one that was saved did: the same instructions at the same cycles, to the one, and all that
    /// follows from them. No event is told: output and lines to the Cortex-A7s are restored by who made something of them.
    public var state: State {
        get {
            State(
                core: core.state, soc: soc.state, memory: banks.state, signals: signals.state, rtt: rtt.state, events: eventQueue.state,
                unsupportedFeatures: unsupportedFeatures, recorded: core.engine.recorded)
        }
        set {
            // Forgets all translations: memory may be copied then.
            core.state = newValue.core
            do throws(BoardError) { try core.engine.restore(newValue.recorded) } catch { core.pendingStop = .engine("\(error)") }
            banks.state = newValue.memory
            soc.state = newValue.soc
            signals.state = newValue.signals
            rtt.state = newValue.rtt
            unsupportedFeatures = newValue.unsupportedFeatures
            // The last: blocks and SysTick have set their alarms.
            eventQueue.state = newValue.events
        }
    }
}
