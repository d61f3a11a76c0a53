// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost

/// The device's side of a split ring: what OpenAMP does in the firmware. The counterpart of `VirtQueue`.
public struct DeviceRing {
    public let base: PhysicalAddress
    public let layout: VringLayout
    private var lastAvailable: UInt16 = 0
    private var usedIndex: UInt16 = 0
    private var signalledIndex: UInt16 = 0
    /// EVENT_IDX was agreed on (virtio 1.2 §2.7.10).
    public let usesEventIndex: Bool

    public init(base: PhysicalAddress, layout: VringLayout, usesEventIndex: Bool = false) {
        self.base = base; self.layout = layout; self.usesEventIndex = usesEventIndex
    }

    /// Takes the next buffer that the driver has made available.
    public mutating func pop(_ platform: InMemoryPlatform) -> (head: UInt16, address: PhysicalAddress, length: UInt32)? {
        guard let ring = platform.remoteMemory(base, count: Int(layout.size)) else { return nil }
        let available = Int(layout.availableOffset)
        guard ring.loadUnaligned(fromByteOffset: available + 2, as: UInt16.self) != lastAvailable else { return nil }
        let slot = Int(lastAvailable & (layout.count &- 1))
        let head = ring.loadUnaligned(fromByteOffset: available + 4 + 2 * slot, as: UInt16.self)
        guard head < layout.count else { return nil }
        lastAvailable &+= 1
        if usesEventIndex { ring.storeBytes(of: lastAvailable, toByteOffset: Int(layout.availableEventOffset), as: UInt16.self) }
        let descriptor = 16 * Int(head)
        return (
            head, PhysicalAddress(UInt32(truncatingIfNeeded: ring.loadUnaligned(fromByteOffset: descriptor, as: UInt64.self))),
            ring.loadUnaligned(fromByteOffset: descriptor + 8, as: UInt32.self)
        )
    }

    /// Gives a buffer back.
    public mutating func push(_ platform: InMemoryPlatform, head: UInt16, length: UInt32) {
        guard let ring = platform.remoteMemory(base, count: Int(layout.size)) else { return }
        let used = Int(layout.usedOffset)
        let slot = used + 4 + 8 * Int(usedIndex & (layout.count &- 1))
        ring.storeBytes(of: UInt32(head), toByteOffset: slot, as: UInt32.self)
        ring.storeBytes(of: length, toByteOffset: slot + 4, as: UInt32.self)
        usedIndex &+= 1
        ring.storeBytes(of: usedIndex, toByteOffset: used + 2, as: UInt16.self)
    }

    /// Whether the driver wants no interrupt for what was given back since the last call: avail.flags bit 0, or its event
    /// index.
    public mutating func driverWantsSilence(_ platform: InMemoryPlatform) -> Bool {
        guard let ring = platform.remoteMemory(base, count: Int(layout.size)) else { return true }
        if usesEventIndex {
            defer { signalledIndex = usedIndex }
            let event = ring.loadUnaligned(fromByteOffset: Int(layout.usedEventOffset), as: UInt16.self)
            return !Virtio.needEvent(event, new: usedIndex, old: signalledIndex)
        }
        return ring.loadUnaligned(fromByteOffset: Int(layout.availableOffset), as: UInt16.self) & 1 != 0
    }

    /// used.flags bit 0: the device wants no kick.
    public func setSilence(_ platform: InMemoryPlatform, _ on: Bool) {
        platform.remoteMemory(base, count: Int(layout.size))?.storeBytes(of: on ? 1 : 0, toByteOffset: Int(layout.usedOffset), as: UInt16.self)
    }
}
