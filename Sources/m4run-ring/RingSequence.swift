// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase
import RprocHost

/// A random life of a ring: what the driver does, and what a device stores, sane or not. The same seed is the same life.
struct RingSequence {
    let seed: UInt64
    /// Whether the device writes anything anywhere.
    let isHostile: Bool
    let keepsCallbacksAfterEvent: Bool

    /// What was done last, for who looks for a difference.
    private(set) var trail: [String] = []
    private(set) var steps = 0
    private(set) var difference: String?

    /// Where rpmsg's buffers are.
    private static let buffers = SoCDescription.stm32mp157.reservedMemory.first { $0.name == "vdev0buffer" }?.range.start.value ?? 0

    init(seed: UInt64, isHostile: Bool, keepsCallbacksAfterEvent: Bool) {
        (self.seed, self.isHostile, self.keepsCallbacksAfterEvent) = (seed, isHostile, keepsCallbacksAfterEvent)
    }

    /// The device's side: what it has taken from the available ring and not given back.
    private struct Device {
        var seen: UInt16 = 0, used: UInt16 = 0
        var held: [UInt16] = []
    }

    mutating func run(_ kernel: KernelRing, keepsTrail: Bool = false) {
        var random = SplitMix64(state: seed)
        let count = UInt32(1 << random.below(7)), alignment = [4, 16, 64, 4096][random.below(4)] as UInt32
        let eventIndex = random.chance(1, of: 2), indirect = random.chance(1, of: 4)
        guard let layout = VringLayout(count: count, alignment: alignment),
            let ring = RingPair(kernel, layout, eventIndex: eventIndex, indirect: indirect, keepsCallbacksAfterEvent: keepsCallbacksAfterEvent)
        else {
            difference = "no ring of \(count) buffers at align \(alignment) from the kernel"
            return
        }
        if keepsTrail { trail.append("\(count) buffers, align \(alignment)\(eventIndex ? ", EVENT_IDX" : "")\(indirect ? ", INDIRECT" : "")") }
        var device = Device()
        for _ in 0..<(50 + random.below(400)) {
            var what = ""
            let words: String?
            switch random.below(isHostile ? 12 : 11) {
            case 0, 1, 2:
                // Addresses as rpmsg's buffers have them, now and then odd ones; never 0, which says "none".
                let buffer = Self.buffers + UInt32(random.below(64)) * 512 + (random.chance(1, of: 8) ? UInt32(random.below(512)) : 0)
                let length = random.chance(1, of: 8) ? UInt32(truncatingIfNeeded: random.next() >> 33) : 512
                let deviceWrites = random.chance(1, of: 2)
                what = "add 0x\(String(buffer, radix: 16)) \(length) \(deviceWrites ? "in" : "out")"
                words = ring.add(buffer, max(1, length), deviceWrites: deviceWrites)
            case 3: (what, words) = ("take", ring.take())
            case 4: (what, words) = ("kick", ring.kick())
            case 5: (what, words) = random.chance(1, of: 2) ? ("kick_prepare", ring.kickPrepare()) : ("notify", ring.notify())
            case 6: (what, words) = ("interrupt", ring.interrupt())
            case 7: (what, words) = ("disable_cb", ring.disableCallbacks())
            case 8: (what, words) = ("enable_cb", ring.enableCallbacks())
            case 9, 10: (what, words) = (Self.sane(&device, ring, &random), nil)
            default: (what, words) = (Self.hostile(ring, &random), nil)
            }
            steps += 1
            if keepsTrail { trail.append(what) }
            difference = words ?? ring.difference()
            if difference != nil { return }
        }
    }

    /// Takes what is there, gives some of it back in any order, asks for silence or an event.
    private static func sane(_ device: inout Device, _ ring: RingPair, _ random: inout SplitMix64) -> String {
        let layout = ring.layout, mask = Int(layout.count) - 1
        let available = Int(layout.availableOffset), used = Int(layout.usedOffset)
        var taken = 0
        while device.seen != ring.load16(available + 2), taken < Int(layout.count) {
            device.held.append(ring.load16(available + 4 + 2 * (Int(device.seen) & mask)))
            device.seen &+= 1
            taken += 1
        }
        var given = 0
        while !device.held.isEmpty, random.chance(2, of: 3) {
            let id = device.held.remove(at: random.below(device.held.count))
            ring.store(UInt64(id) | UInt64(random.below(513)) << 32, bytes: 8, at: used + 4 + 8 * (Int(device.used) & mask))
            device.used &+= 1
            ring.store(UInt64(device.used), bytes: 2, at: used + 2)
            given += 1
        }
        if random.chance(1, of: 4) { ring.store(UInt64(random.below(2)), bytes: 2, at: used) }
        if random.chance(1, of: 4) { ring.store(UInt64(device.seen &+ UInt16(random.below(4))), bytes: 2, at: Int(layout.availableEventOffset)) }
        return "device takes \(taken), gives \(given)"
    }

    /// A store of anything anywhere. Only a descriptor's NEXT flag stays 0: with it the kernel walks on in the ring's own chain, and may
    /// never come back (a finding of the model's, which does not).
    private static func hostile(_ ring: RingPair, _ random: inout SplitMix64) -> String {
        let layout = ring.layout
        // Mostly where it hurts: the used ring and the descriptors.
        let area = random.below(4)
        let start = area < 2 ? Int(layout.usedOffset) : 0, end = area == 2 ? Int(layout.availableOffset) : Int(layout.size)
        let offset = start + random.below(end - start), count = min([1, 2, 4, 8][random.below(4)], Int(layout.size) - offset)
        let small = random.chance(1, of: 2)
        var value = small ? UInt64(random.below(Int(layout.count) + 4)) : random.next()
        for index in 0..<count where offset + index < Int(layout.availableOffset) && (offset + index) % 16 == 12 { value &= ~(1 << UInt64(8 * index)) }
        ring.store(value, bytes: count, at: offset)
        return "device stores 0x\(String(value, radix: 16)), \(count) bytes, at 0x\(String(offset, radix: 16))"
    }
}
