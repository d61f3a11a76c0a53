// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What a part of the machine tells of itself: one stream, any number of listeners.
///
/// Listeners are called in the order in which they subscribed, before `publish` returns; what a listener publishes reaches all of them at once.
/// While nobody listens an event is not even made.
///
/// ```swift
/// let lines = system.events.subscribe { event in if case .trace(_, _, let line) = event { print(line) } }
/// system.events.end(lines)
/// ```
public final class EventStream<Event> {
    /// Names a listener, for `end`.
    public struct Subscription: Hashable, Sendable {
        @usableFromInline let number: UInt64
        @inlinable init(number: UInt64) { self.number = number }
    }

    @usableFromInline var listeners: [(number: UInt64, body: (Event) -> Void)] = []
    @usableFromInline var made: UInt64 = 0
    /// Told before `begin`: each listener gets it first.
    @usableFromInline var early: [Event] = []
    @usableFromInline var hasBegun: Bool

    /// - Parameter keepsEarlyEvents: whether what is published before `begin` is kept for every listener to come.
    @inlinable public init(keepsEarlyEvents: Bool = false) { hasBegun = !keepsEarlyEvents }

    /// Nothing that is published from now on is kept for later listeners.
    @inlinable public func begin() { hasBegun = true }

    /// Whether an event would reach anybody.
    @inlinable public var isHeard: Bool { !listeners.isEmpty }

    /// `body` is called for each event, until `end`.
    @discardableResult
    @inlinable public func subscribe(_ body: @escaping (Event) -> Void) -> Subscription {
        made += 1
        let subscription = Subscription(number: made)
        listeners.append((subscription.number, body))
        for event in early { body(event) }
        return subscription
    }

    /// The listener is called no more; one that has ended already is no error.
    @inlinable public func end(_ subscription: Subscription) { listeners.removeAll { $0.number == subscription.number } }

    @inlinable public func publish(_ event: @autoclosure () -> Event) {
        guard !listeners.isEmpty || !hasBegun else { return }
        let event = event()
        if !hasBegun { early.append(event) }
        // As they are now: a listener may subscribe others, or end itself.
        let present = listeners
        for listener in present { listener.body(event) }
    }
}
