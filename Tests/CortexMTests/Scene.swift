// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import MachineBase

/// A system control space with a clock that a test moves.
final class Scene: CoreControl {
    let events = EventQueue()
    let scs: SystemControlSpace
    var cycles: UInt64 = 0
    var currentException = ExceptionNumber(0)
    var resets: [Bool] = []
    var permissionChanges = 0
    var isPrivileged = true

    init() {
        scs = SystemControlSpace(events: events, priorityMask: 0xF0, interrupts: 150)
        scs.core = self
    }
    func resetRequested(local: Bool) { resets.append(local) }
    func permissionsChanged() { permissionChanges += 1 }
    func trapsChanged() {}

    /// Moves the clock as a core does: stopping at what is due.
    func advance(to cycle: UInt64) {
        while events.next <= cycle {
            cycles = max(cycles, events.next)
            events.run(upTo: cycles)
        }
        cycles = cycle
        events.run(upTo: cycles)
    }
    func advance(by count: UInt64) { advance(to: cycles + count) }

    subscript(_ offset: UInt32) -> UInt32 {
        get { scs.read(0xE000_E000 + offset, size: 4) }
        set { scs.write(0xE000_E000 + offset, size: 4, value: newValue) }
    }
    func byte(_ offset: UInt32) -> UInt32 { scs.read(0xE000_E000 + offset, size: 1) }
    func setByte(_ offset: UInt32, _ value: UInt32) { scs.write(0xE000_E000 + offset, size: 1, value: value) }
    func setHalf(_ offset: UInt32, _ value: UInt32) { scs.write(0xE000_E000 + offset, size: 2, value: value) }
}
