// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Where the parts of a split ring lie, in bytes from its start.
///
/// Descriptors (16 bytes each), the available ring, padding to `alignment`, the used ring. Source: virtio 1.2 §2.7 for the
/// parts, §2.7.2 for the legacy layout that remoteproc uses.
public struct VringLayout: Equatable, Sendable {
    /// Descriptors in the ring, up to 32768. A power of two by the standard; of others remoteproc makes rings, too, in which a slot is
    /// an index AND (count - 1).
    public let count: UInt16
    public let alignment: UInt32
    public let usedOffset: UInt32

    /// nil for no descriptor or more than 32768, or a ring that ends past 2^32.
    public init?(count: UInt32, alignment: UInt32) {
        guard count > 0, count <= 32768, alignment > 0 else { return nil }
        let used = Self.usedStart(count: count, alignment: alignment)
        guard used + 6 + 8 * UInt64(count) <= UInt64(UInt32.max) else { return nil }
        self.count = UInt16(count)
        self.alignment = alignment
        usedOffset = UInt32(used)
    }

    public var availableOffset: UInt32 { 16 * UInt32(count) }
    /// The driver's event index, after the available ring (virtio 1.2 §2.7.10).
    public var usedEventOffset: UInt32 { availableOffset + 4 + 2 * UInt32(count) }
    /// The device's event index, after the used ring.
    public var availableEventOffset: UInt32 { usedOffset + 4 + 8 * UInt32(count) }
    /// All of it: what the kernel zeroes.
    public var size: UInt32 { usedOffset + 6 + 8 * UInt32(count) }

    /// The bytes a ring of any `count` and `alignment` needs, as the kernel reckons before it judges either.
    public static func byteCount(count: UInt32, alignment: UInt32) -> UInt64 {
        usedStart(count: count, alignment: alignment) + 6 + 8 * UInt64(count)
    }

    private static func usedStart(count: UInt32, alignment: UInt32) -> UInt64 {
        // The kernel's round-up is a mask: with an alignment that is no power of two it gives an odd result, the same here.
        let mask = UInt64(alignment) &- 1
        return (16 * UInt64(count) + 2 * (3 + UInt64(count)) + mask) & ~mask
    }
}

/// Bits and values of virtio that remoteproc's transport uses.
package enum Virtio {
    static let statusAcknowledge: UInt8 = 1, statusDriver: UInt8 = 2, statusDriverOK: UInt8 = 4, statusFailed: UInt8 = 0x80
    static let descriptorNext: UInt16 = 1, descriptorWrite: UInt16 = 2
    /// In avail.flags: the driver wants no interrupts.
    static let noInterrupt: UInt16 = 1
    /// In used.flags: the device wants no kicks.
    static let noNotify: UInt16 = 1
    static let featureNameService: UInt32 = 1 << 0
    static let featureIndirect: UInt32 = 1 << 28
    package static let featureEventIndex: UInt32 = 1 << 29

    /// Whether moving an index from `old` to `new` passes `event` (virtio 1.2 §2.7.10).
    @inline(__always) package static func needEvent(_ event: UInt16, new: UInt16, old: UInt16) -> Bool {
        new &- event &- 1 < new &- old
    }
}
