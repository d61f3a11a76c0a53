// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A block's place in the event queue. The queue may outlive the block, so it holds it weakly.
struct Alarm {
    private final class Target { weak var block: RegisterBlock? }

    private let queue: EventQueue
    private let slot: EventQueue.Slot
    private let target: Target

    init(_ name: String, on interconnect: Interconnect) {
        let target = Target()
        self.target = target
        queue = interconnect.events
        slot = queue.register(name) { cycle in target.block?.alarmDue(cycle) }
    }

    /// Makes `block` the one whose `alarmDue` runs.
    func wake(_ block: RegisterBlock) { target.block = block }

    /// Due at `cycle`; never for `.max`.
    func set(_ cycle: UInt64) { queue.schedule(slot, at: cycle) }

    /// When it is due; `.max` for never.
    var due: UInt64 { queue.dueCycle(slot) }

    func cancel() { queue.cancel(slot) }
}
