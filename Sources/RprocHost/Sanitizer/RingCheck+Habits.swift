// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What libraries write into the driver's part of a ring by habit, and nobody is hurt by.
///
/// OpenAMP up to 2018.10, which STM32CubeMP1 1.0 to 1.2 has, runs the same code for either side of a ring: `vq_ring_init` chains all
/// descriptors, and `virtqueue_disable_cb` tells the driver's side that it wants no interrupts. Linux follows no `next` of a descriptor
/// without NEXT, and never reads back its own flags.
extension RingCheck {
    /// In `next` of the last descriptor (`VQ_RING_DESC_CHAIN_END`).
    private static let chainEnd: UInt16 = 32768

    /// `field` begins at byte `start` of the ring; `was` is what the driver wrote.
    func isHabit(_ field: String, at start: Int, now: UnsafeRawBufferPointer, was: UnsafeRawBufferPointer) -> Bool {
        func half(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt16 {
            UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        }
        if start < Int(layout.availableOffset) {
            let index = UInt16(truncatingIfNeeded: start / 16)
            let chained = index == layout.count &- 1 ? Self.chainEnd : index &+ 1
            // All but `next`, which follows nothing.
            return now[..<14].elementsEqual(was[..<14]) && half(was, 12) & Virtio.descriptorNext == 0 && half(now, 14) == chained
        }
        switch field {
        case "avail.flags": return half(now, 0) ^ half(was, 0) == Virtio.noInterrupt
        case "avail.used_event": return books.pointee.isEventIndexed && half(now, 0) == 0 &- layout.count &- 1
        default: return false
        }
    }
}
