// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The books of a ring whose driver is another Linux, kept by looking at what it has made available.
extension RingCheck {
    /// Takes what was made available since the last look; before `check`.
    ///
    /// The index is read first: what it counts was written before it (virtio 1.2 §2.7.13.3). An index that is out of all reason is believed from
    /// there on, so that one wrong store is one finding.
    func follow() {
        let start = base.advanced(layout.availableOffset)
        guard let index = try? bus.load(UInt16.self, start.advanced(2)), let flags = try? bus.load(UInt16.self, start) else { return }
        driverStored(flags: flags)
        if books.pointee.isEventIndexed, let event = try? bus.load(UInt16.self, base.advanced(layout.usedEventOffset)) { driverStored(usedEvent: event) }
        guard index &- books.pointee.followed <= layout.count else {
            books.pointee.followed = index
            return
        }
        while books.pointee.followed != index {
            let slot = UInt32(books.pointee.followed & (layout.count &- 1))
            books.pointee.followed &+= 1
            guard let head = try? bus.load(UInt16.self, start.advanced(4 + 2 * slot)), head < layout.count else { continue }
            let descriptor = base.advanced(16 * UInt32(head))
            guard let address = try? bus.load(UInt32.self, descriptor), let length = try? bus.load(UInt32.self, descriptor.advanced(8)),
                let kind = try? bus.load(UInt16.self, descriptor.advanced(12)), let next = try? bus.load(UInt16.self, descriptor.advanced(14))
            else { continue }
            added(head, PhysicalAddress(address), length: length, deviceWrites: kind & Virtio.descriptorWrite != 0, next: next, index: books.pointee.followed)
        }
    }
}
