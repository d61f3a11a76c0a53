/// What is due when, on the machine's one clock, counted in core cycles.
///
/// Every source of events (a timer, the Linux side's work queue, a limit) registers once and gets a slot; a slot has at
/// most one due time. So scheduling neither allocates nor touches the handler, and the queue's size is the number of
/// sources. Events due at the same cycle run in the order of their slots: the order is part of the machine's determinism.
public final class EventQueue {
    public struct Slot: Hashable, Sendable {
        let index: Int
    }

    private var due: [UInt64] = []
    private var handlers: [(UInt64) -> Void] = []
    private var names: [String] = []
    /// The call of `run` in which each slot ran last.
    private var lastTurn: [UInt64] = []
    private var turn: UInt64 = 0

    /// The earliest due cycle of all slots; `.max` when nothing is due.
    public private(set) var next: UInt64 = .max

    /// Called when `next` becomes earlier, so that a core that is running can be told.
    public var onEarlier: ((UInt64) -> Void)?

    public init() {}

    /// Adds a source. `handler` gets the cycle at which it runs, which is at or after the one it was due at.
    public func register(_ name: String, handler: @escaping (UInt64) -> Void) -> Slot {
        due.append(.max)
        handlers.append(handler)
        names.append(name)
        lastTurn.append(0)
        return Slot(index: due.count - 1)
    }

    /// Makes `slot` due at `cycle`, in place of any earlier arrangement.
    public func schedule(_ slot: Slot, at cycle: UInt64) {
        let old = due[slot.index]
        due[slot.index] = cycle
        if cycle < next {
            next = cycle
            onEarlier?(cycle)
        } else if old == next && cycle > old {
            next = due.min() ?? .max
        }
    }

    public func cancel(_ slot: Slot) { schedule(slot, at: .max) }

    /// When `slot` is due; `.max` when it is not.
    public func dueCycle(_ slot: Slot) -> UInt64 { due[slot.index] }

    /// Runs what is due at or before `cycle`, each slot at most once, in time order and within one cycle in slot order.
    /// What a handler schedules for now runs at the next call: a handler that always schedules itself cannot hang this.
    public func run(upTo cycle: UInt64) {
        guard next <= cycle else { return }
        turn &+= 1
        let thisTurn = turn
        while let index = earliest(upTo: cycle, unlessRunIn: thisTurn) {
            due[index] = .max
            lastTurn[index] = thisTurn
            next = due.min() ?? .max
            handlers[index](cycle)
        }
    }

    /// The slot that comes first; the number of slots is small, and looking at all of them needs no memory.
    private func earliest(upTo cycle: UInt64, unlessRunIn turn: UInt64) -> Int? {
        var best: Int?, bestDue = UInt64.max
        for index in due.indices where due[index] <= cycle && due[index] < bestDue && lastTurn[index] != turn {
            best = index
            bestDue = due[index]
        }
        return best
    }

    /// Slots that are due, for a report of what a machine waits for.
    public var pending: [(name: String, cycle: UInt64)] {
        due.indices.filter { due[$0] != .max }.map { (names[$0], due[$0]) }.sorted { $0.cycle < $1.cycle }
    }
}
