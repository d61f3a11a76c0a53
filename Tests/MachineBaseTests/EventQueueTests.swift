// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import Testing

@Suite struct EventQueueTests {
    @Test("Events run in time order, and at one time in the order of their registration")
    func order() {
        let queue = EventQueue()
        var seen: [String] = []
        let a = queue.register("a") { _ in seen.append("a") }
        let b = queue.register("b") { _ in seen.append("b") }
        let c = queue.register("c") { _ in seen.append("c") }
        queue.schedule(c, at: 5)
        queue.schedule(b, at: 10)
        queue.schedule(a, at: 10)
        #expect(queue.next == 5)
        queue.run(upTo: 9)
        #expect(seen == ["c"])
        queue.run(upTo: 10)
        #expect(seen == ["c", "a", "b"])
        #expect(queue.next == .max)
    }

    @Test("A handler that schedules itself for now runs once a call")
    func selfScheduling() {
        let queue = EventQueue()
        var count = 0
        var slot: EventQueue.Slot?
        slot = queue.register("again") { now in
            count += 1
            if let slot { queue.schedule(slot, at: now) }
        }
        if let slot { queue.schedule(slot, at: 0) }
        queue.run(upTo: 100)
        #expect(count == 1)
        #expect(queue.next == 100)
    }

    @Test("A source takes its own event out only when nothing else is due")
    func taking() {
        let queue = EventQueue()
        var seen = 0
        let slots = (0..<40).map { _ in queue.register("one of many") { _ in seen += 1 } }
        queue.schedule(slots[39], at: 10)
        queue.schedule(slots[3], at: 12)
        #expect(!queue.take(only: slots[39], upTo: 9))
        #expect(!queue.take(only: slots[39], upTo: 12))
        #expect(!queue.take(only: slots[3], upTo: 12))
        #expect(queue.next == 10)
        #expect(queue.take(only: slots[39], upTo: 11))
        #expect(queue.next == 12 && queue.dueCycle(slots[39]) == .max && seen == 0)
        queue.run(upTo: 20)
        #expect(seen == 1)
    }

    @Test("Restored, it has the same due at the same cycles, and nothing that was registered since")
    func state() {
        func queue() -> (EventQueue, [EventQueue.Slot], () -> [String]) {
            let queue = EventQueue()
            var seen: [String] = []
            let slots = ["a", "b", "c"].map { name in queue.register(name) { seen.append("\(name) \($0)") } }
            return (queue, slots, { seen })
        }
        let (one, slots, seen) = queue(), (other, _, alsoSeen) = queue()
        one.schedule(slots[2], at: 5)
        one.schedule(slots[1], at: 8)
        one.schedule(slots[0], at: 8)
        one.run(upTo: 6)
        let saved = one.state
        one.run(upTo: 10)
        one.schedule(slots[0], at: 7)
        one.schedule(one.register("late") { _ in }, at: 7)
        one.state = saved
        #expect(one.next == 8)
        one.run(upTo: 10)
        #expect(seen() == ["c 6", "a 10", "b 10", "a 10", "b 10"])
        other.state = saved
        #expect(other.state == saved)
        other.run(upTo: 10)
        #expect(alsoSeen() == ["a 10", "b 10"])
    }

    @Test("A cancelled or postponed event does not run, and an earlier one is announced")
    func cancelling() {
        let queue = EventQueue()
        var ran = 0, announced: [UInt64] = []
        queue.onEarlier = { announced.append($0) }
        let a = queue.register("a") { _ in ran += 1 }
        let b = queue.register("b") { _ in queue.cancel(a) }
        queue.schedule(a, at: 20)
        queue.schedule(b, at: 10)
        queue.run(upTo: 30)
        #expect(ran == 0)
        #expect(announced == [20, 10])
        queue.schedule(a, at: 40)
        queue.schedule(a, at: 50)
        #expect(queue.next == 50)
        #expect(queue.pending.map(\.cycle) == [50])
    }
}

@Suite struct VirtualTimeTests {
    @Test("Cycles and time convert without losing a cycle", arguments: [64_000_000, 208_877_930, 1, 1_000_000_000] as [UInt64])
    func conversion(hertz: UInt64) {
        let clock = CoreClock(hertz: hertz)
        for nanoseconds in [0, 1, 15, 16, 999, 1_000_000, 123_456_789_012, 1 << 62] as [UInt64] {
            let time = VirtualTime(nanoseconds: nanoseconds)
            let cycles = clock.cycles(until: time)
            #expect(clock.time(cycles: cycles) >= time)
            if cycles > 0, hertz <= 1_000_000_000 { #expect(clock.time(cycles: cycles - 1) < time) }
        }
        #expect(clock.cycles(until: .never) == .max)
    }

    @Test("Time saturates and prints as kernel time stamps do")
    func arithmetic() {
        #expect(VirtualTime.seconds(.max) + .seconds(1) == .never)
        #expect(VirtualTime.milliseconds(3) - .seconds(1) == .zero)
        #expect("\(VirtualTime(nanoseconds: 1_234_567_890))" == "1.234567")
    }

    @Test("Ranges do not wrap")
    func ranges() {
        let range = PhysicalRange(start: PhysicalAddress(0xFFFF_FF00), size: 0x100)
        #expect(range.contains(PhysicalAddress(0xFFFF_FFFF), count: 1))
        #expect(!range.contains(PhysicalAddress(0xFFFF_FFFF), count: 2))
        #expect(!range.contains(PhysicalAddress(0), count: 1))
        #expect(range.overlaps(PhysicalRange(start: PhysicalAddress(0xFFFF_0000), size: 0xFFFF)))
    }
}
