// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import Testing

@Suite struct EventStreamTests {
    @Test func `Listeners hear each event in the order in which they subscribed, until they end`() {
        let stream = EventStream<Int>()
        var heard: [String] = []
        let first = stream.subscribe { heard.append("a\($0)") }
        stream.subscribe { heard.append("b\($0)") }
        stream.publish(1)
        stream.end(first)
        stream.end(first)
        stream.publish(2)
        #expect(heard == ["a1", "b1", "b2"])
    }

    @Test func `An event that nobody hears is not made`() {
        let stream = EventStream<Int>()
        var made = 0
        func event() -> Int { made += 1; return made }
        stream.publish(event())
        #expect(made == 0 && !stream.isHeard)
        let listener = stream.subscribe { _ in }
        stream.publish(event())
        #expect(made == 1 && stream.isHeard, "and once for all listeners")
        stream.end(listener)
        stream.publish(event())
        #expect(made == 1 && !stream.isHeard)
    }

    @Test func `What is told before the beginning comes first to every listener, and nothing later does`() {
        let stream = EventStream<Int>(keepsEarlyEvents: true)
        stream.publish(1)
        stream.publish(2)
        stream.begin()
        stream.publish(3)
        var heard: [[Int]] = [[], []]
        for index in heard.indices { stream.subscribe { heard[index].append($0) } }
        stream.publish(4)
        #expect(heard == [[1, 2, 4], [1, 2, 4]])
    }

    @Test func `A listener may publish, subscribe and end itself`() {
        let stream = EventStream<Int>()
        var heard: [Int] = [], late: [Int] = [], own: EventStream<Int>.Subscription?
        own = stream.subscribe { event in
            heard.append(event)
            guard event == 1 else { return }
            if let own { stream.end(own) }
            stream.subscribe { late.append($0) }
            stream.publish(2)
        }
        stream.publish(1)
        stream.publish(3)
        #expect(heard == [1])
        #expect(late == [2, 3], "who has come in the midst of an event hears the next")
    }
}
