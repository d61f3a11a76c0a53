// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What is due when, on the machine's one clock, counted in core cycles.
///
/// Every source of events (a timer, the Linux side's work queue, a limit) registers once and gets a slot; a slot has at
/// most one due time. So scheduling neither allocates nor touches the handler, and the queue's size is the number of
/// sources. Events due at the same cycle run in the order of their slots: the order is part of the machine's determinism.
public final class EventQueue {
    public struct Slot: Hashable, Sendable {
        let index: Int
    }

    // What each tick reads and writes is plain memory, without the checks of an array in a class.
    private struct Entry {
        var due = UInt64.max
        /// The call of `run` in which the slot ran last.
        var lastTurn: UInt64 = 0
    }
    private var entries: UnsafeMutablePointer<Entry> { head.pointee.entries }
    private var count: Int { head.pointee.count }
    private var turn: UInt64 { get { head.pointee.turn } set { head.pointee.turn = newValue } }
    private var capacity = 16
    private var handlers: [(UInt64) -> Void] = []
    private var names: [String] = []

    /// The earliest due cycle of all slots; `.max` when nothing is due.
    public private(set) var next: UInt64 { get { head.pointee.next } set { head.pointee.next = newValue } }
    private struct Head {
        var next = UInt64.max
        var turn: UInt64 = 0
        var count = 0
        var entries: UnsafeMutablePointer<Entry>
    }
    private let head = UnsafeMutablePointer<Head>.allocate(capacity: 1)

    /// Called when `next` becomes earlier, so that a core that is running can be told.
    public var onEarlier: ((UInt64) -> Void)?

    public init() {
        head.initialize(to: Head(entries: .allocate(capacity: 16)))
    }
    deinit {
        entries.deallocate()
        head.deallocate()
    }

    /// Adds a source. `handler` gets the cycle at which it runs, which is at or after the one it was due at.
    public func register(_ name: String, handler: @escaping (UInt64) -> Void) -> Slot {
        if count == capacity {
            let larger = UnsafeMutablePointer<Entry>.allocate(capacity: capacity * 2)
            larger.moveInitialize(from: entries, count: count)
            entries.deallocate()
            head.pointee.entries = larger
            capacity *= 2
        }
        (entries + count).initialize(to: Entry())
        handlers.append(handler)
        names.append(name)
        head.pointee.count += 1
        return Slot(index: count - 1)
    }

    /// Makes `slot` due at `cycle`, in place of any earlier arrangement.
    public func schedule(_ slot: Slot, at cycle: UInt64) {
        let old = entries[slot.index].due
        entries[slot.index].due = cycle
        if cycle < next {
            next = cycle
            onEarlier?(cycle)
        } else if old == next && cycle > old {
            next = earliestDue
        }
    }

    public func cancel(_ slot: Slot) { schedule(slot, at: .max) }

    /// When `slot` is due; `.max` when it is not.
    public func dueCycle(_ slot: Slot) -> UInt64 { entries[slot.index].due }

    /// Runs what is due at or before `cycle`, each slot at most once, in time order and within one cycle in slot order.
    /// What a handler schedules for now runs at the next call: a handler that always schedules itself cannot hang this.
    public func run(upTo cycle: UInt64) {
        guard next <= cycle else { return }
        turn &+= 1
        let thisTurn = turn
        while let index = earliest(upTo: cycle, unlessRunIn: thisTurn) {
            entries[index].due = .max
            entries[index].lastTurn = thisTurn
            next = earliestDue
            handlers[index](cycle)
        }
    }

    /// Takes `slot` out of the queue for its owner to do what its handler would, when it is due at or before `cycle`
    /// and nothing else is; false, and nothing is done, otherwise.
    public func take(only slot: Slot, upTo cycle: UInt64) -> Bool {
        guard entries[slot.index].due <= cycle else { return false }
        var others = UInt64.max
        for index in 0..<count where index != slot.index { others = min(others, entries[index].due) }
        guard others > cycle else { return false }
        turn &+= 1
        entries[slot.index].due = .max
        entries[slot.index].lastTurn = turn
        next = others
        return true
    }

    private var earliestDue: UInt64 {
        var earliest = UInt64.max
        for index in 0..<count { earliest = min(earliest, entries[index].due) }
        return earliest
    }

    /// The slot that comes first; the number of slots is small, and looking at all of them needs no memory.
    private func earliest(upTo cycle: UInt64, unlessRunIn turn: UInt64) -> Int? {
        var best: Int?, bestDue = UInt64.max
        for index in 0..<count where entries[index].due <= cycle && entries[index].due < bestDue && entries[index].lastTurn != turn {
            best = index
            bestDue = entries[index].due
        }
        return best
    }

    /// When each slot is due. It belongs to queues with the same sources, registered in the same order.
    public struct State: Equatable, Sendable {
        /// By slot; `.max` for none.
        var due: [UInt64]
    }
    /// Saves it, or restores it, between two calls of `run`; a slot that has been registered since is not due. `onEarlier` is not called.
    public var state: State {
        get { State(due: (0..<count).map { entries[$0].due }) }
        set {
            for index in 0..<count { entries[index].due = index < newValue.due.count ? newValue.due[index] : .max }
            next = earliestDue
        }
    }

    /// Slots that are due, for a report of what a machine waits for.
    public var pending: [(name: String, cycle: UInt64)] {
        (0..<count).filter { entries[$0].due != .max }.map { (names[$0], entries[$0].due) }.sorted { $0.cycle < $1.cycle }
    }
}
