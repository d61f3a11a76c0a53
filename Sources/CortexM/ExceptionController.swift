// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Pending, active and enabled exceptions, their priorities, and which of them comes next.
///
/// The NVIC's interrupts and the system exceptions are one set here, as the priority rules see them.
/// Priorities are group priorities as signed numbers: Reset -3, NMI -2, HardFault -1, 0...255, and `idle` above all.
/// Source: ARMv7-M ARM, B1.5.4 and B3.4.
public final class ExceptionController {
    /// Interrupt lines: as many as fit the architecture.
    public static let interrupts = 240
    static let count = 16 + interrupts
    /// No exception pends, or none is active.
    public static let idle: Int32 = 256
    /// The bits of a priority that are implemented.
    private let priorityMask: UInt8

    // Every register access and exception comes through here: plain memory, without the checks of an array in a class.
    private let enabled = UnsafeMutablePointer<UInt32>.allocate(capacity: words)
    private let pending = UnsafeMutablePointer<UInt32>.allocate(capacity: words)
    private let active = UnsafeMutablePointer<UInt32>.allocate(capacity: words)
    private let level = UnsafeMutablePointer<UInt32>.allocate(capacity: words)
    private let priorities = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
    static let words = count / 32
    /// AIRCR.PRIGROUP.
    private(set) var priorityGroup: UInt32 = 0

    /// The pending, enabled exception that comes first; number 0 when there is none.
    public var next: ExceptionNumber { ExceptionNumber(outcome.pointee.next) }
    /// Its group priority, or `idle`.
    public var nextPriority: Int32 { outcome.pointee.nextPriority }
    /// The highest group priority of what is active, or `idle`.
    public var activePriority: Int32 { outcome.pointee.activePriority }
    /// How often an exception became pending, enabled or not: what wakes a WFE under SEVONPEND.
    public var pendedCount: UInt64 { outcome.pointee.pendedCount }

    /// What each change ends in. In memory of its own, so that neither reading nor telling it goes through a class.
    private struct Outcome {
        var next = 0
        var nextPriority = idle, activePriority = idle
        var groupMask: UInt32 = 0
        var pendedCount: UInt64 = 0
        var listener: Listener?
        var context: UnsafeMutableRawPointer?
    }
    private let outcome = UnsafeMutablePointer<Outcome>.allocate(capacity: 1)

    /// Gets its context, `nextPriority`, `activePriority` and `groupMask`.
    public typealias Listener = @convention(c) (UnsafeMutableRawPointer?, Int32, Int32, UInt32) -> Void
    /// Has `listener` called now and after every change of `nextPriority`, `activePriority` or AIRCR.PRIGROUP.
    public func setListener(_ listener: Listener?, context: UnsafeMutableRawPointer?) {
        outcome.pointee.listener = listener
        outcome.pointee.context = context
        listener?(context, nextPriority, activePriority, groupMask)
    }

    /// - Parameter priorityMask: the bits of a priority that the chip implements, the upper ones.
    public init(priorityMask: UInt8) {
        self.priorityMask = priorityMask
        outcome.initialize(to: Outcome())
        level.initialize(repeating: 0, count: Self.words)
        for set in [enabled, pending, active] { set.initialize(repeating: 0, count: Self.words) }
        priorities.initialize(repeating: 0, count: Self.count)
        reset()
    }

    /// What of it changes. Which exception comes next, and the priorities that decide about that, follow from it.
    public struct State: Equatable, Sendable {
        var enabled: [UInt32], pending: [UInt32], active: [UInt32], level: [UInt32]
        var priorities: [UInt8]
        var priorityGroup: UInt32
        var pendedCount: UInt64
    }
    /// Saves it, or restores it and tells the listener.
    public var state: State {
        get {
            func words(_ set: UnsafeMutablePointer<UInt32>) -> [UInt32] { Array(UnsafeBufferPointer(start: set, count: Self.words)) }
            return State(
                enabled: words(enabled), pending: words(pending), active: words(active), level: words(level),
                priorities: Array(UnsafeBufferPointer(start: priorities, count: Self.count)), priorityGroup: priorityGroup,
                pendedCount: outcome.pointee.pendedCount)
        }
        set {
            for (set, saved) in [(enabled, newValue.enabled), (pending, newValue.pending), (active, newValue.active), (level, newValue.level)] {
                for (index, word) in saved.prefix(Self.words).enumerated() { set[index] = word }
            }
            for (number, priority) in newValue.priorities.prefix(Self.count).enumerated() { priorities[number] = priority }
            priorityGroup = newValue.priorityGroup
            outcome.pointee.pendedCount = newValue.pendedCount
            update()
        }
    }

    deinit {
        for set in [enabled, pending, active, level] { set.deallocate() }
        priorities.deallocate()
        outcome.deallocate()
    }

    public func reset() {
        for i in 0..<Self.words { enabled[i] = 0; pending[i] = 0; active[i] = 0 }
        priorities.update(repeating: 0, count: Self.count)
        for n in [1, 2, 3, 11, 12, 14, 15] { enabled[0] |= 1 << n }
        priorityGroup = 0
        // Lines that are asserted pend again.
        for i in 0..<Self.words { pending[i] |= level[i] }
        update()
    }

    /// Which bits of a priority are its group priority.
    public var groupMask: UInt32 { (0xFF << (priorityGroup + 1)) & 0xFF & UInt32(priorityMask) }

    func setPriorityGroup(_ group: UInt32) { priorityGroup = group & 7; update() }

    /// The priority with its sub-priority: what decides between pending exceptions.
    func fullPriority(_ n: Int) -> Int32 {
        switch n {
        case 1: -3
        case 2: -2
        case 3: -1
        default: Int32(priorities[n & 255])
        }
    }

    /// What decides about preemption.
    public func groupPriority(_ number: ExceptionNumber) -> Int32 {
        let full = fullPriority(number.value)
        return full < 0 ? full : full & Int32(groupMask)
    }

    func priority(_ n: Int) -> UInt8 { n < Self.count && n >= 4 ? priorities[n] : 0 }
    func setPriority(_ n: Int, _ value: UInt8) {
        guard n >= 4, n < Self.count else { return }
        priorities[n] = value & priorityMask
        update()
    }

    /// 32 exceptions of `set` from number 32 * `index` on; 0 beyond the last.
    func word(_ set: Set, _ index: Int) -> UInt32 {
        guard index >= 0, index < Self.words else { return 0 }
        return switch set {
        case .enabled: enabled[index]
        case .pending: pending[index]
        case .active: active[index]
        }
    }
    enum Set { case enabled, pending, active }

    public func isEnabled(_ number: ExceptionNumber) -> Bool { bit(enabled, number.value) }
    public func isPending(_ number: ExceptionNumber) -> Bool { bit(pending, number.value) }
    public func isActive(_ number: ExceptionNumber) -> Bool { bit(active, number.value) }
    /// How many exceptions are active.
    public var activeCount: Int {
        var count = 0
        for i in 0..<Self.words { count += active[i].nonzeroBitCount }
        return count
    }
    public var anyActive: Bool { activePriority != Self.idle }
    /// Whether an interrupt, enabled or not, is pending: ICSR.ISRPENDING.
    var anyInterruptPending: Bool {
        if pending[0] >> 16 != 0 { return true }
        for i in 1..<Self.words where pending[i] != 0 { return true }
        return false
    }

    private func bit(_ set: UnsafeMutablePointer<UInt32>, _ n: Int) -> Bool { n >= 0 && n < Self.count && set[n >> 5] & (1 << UInt32(n & 31)) != 0 }

    func setEnabled(_ n: Int, _ on: Bool) {
        guard n >= 0, n < Self.count else { return }
        let mask: UInt32 = 1 << UInt32(n & 31)
        if on { enabled[n >> 5] |= mask } else { enabled[n >> 5] &= ~mask }
        update()
    }

    /// Makes an exception pending. A pending one stays pending: exceptions do not count.
    public func setPending(_ number: ExceptionNumber) {
        let n = number.value
        guard n >= 2, n < Self.count else { return }
        let mask: UInt32 = 1 << UInt32(n & 31)
        if pending[n >> 5] & mask == 0 { outcome.pointee.pendedCount &+= 1 }
        pending[n >> 5] |= mask
        update()
    }

    /// A level-triggered line that is still asserted pends again at once.
    public func clearPending(_ number: ExceptionNumber) {
        let n = number.value
        guard n >= 2, n < Self.count else { return }
        let mask: UInt32 = 1 << UInt32(n & 31)
        pending[n >> 5] &= ~mask | (level[n >> 5] & mask & ~active[n >> 5])
        update()
    }

    /// An interrupt line's level. Rising pends; staying high pends again when its handler returns.
    public func setLine(_ irq: Int, level high: Bool) {
        let n = 16 + irq
        guard irq >= 0, n < Self.count else { return }
        let mask: UInt32 = 1 << UInt32(n & 31)
        let was = level[n >> 5] & mask != 0
        if high { level[n >> 5] |= mask } else { level[n >> 5] &= ~mask }
        if high, !was { setPending(.interrupt(irq)) }
    }

    func setActive(_ n: Int, _ on: Bool) {
        guard n >= 1, n < Self.count else { return }
        let mask: UInt32 = 1 << UInt32(n & 31)
        if on { active[n >> 5] |= mask } else { active[n >> 5] &= ~mask }
        update()
    }

    /// Entry: pending becomes active.
    public func activate(_ number: ExceptionNumber) {
        let n = number.value
        guard n >= 1, n < Self.count else { return }
        let mask: UInt32 = 1 << UInt32(n & 31)
        pending[n >> 5] &= ~mask
        active[n >> 5] |= mask
        update()
    }

    /// Return: no longer active; a line that is still asserted pends again.
    public func deactivate(_ number: ExceptionNumber) {
        let n = number.value
        guard n >= 1, n < Self.count else { return }
        let mask: UInt32 = 1 << UInt32(n & 31)
        active[n >> 5] &= ~mask
        pending[n >> 5] |= level[n >> 5] & mask
        update()
    }

    /// The lowest-numbered pending and enabled exception by priority and the active priority, taken anew.
    private func update() {
        var best: Int32 = Self.idle, bestNumber = 0, running: Int32 = Self.idle
        let mask = groupMask, groups = Int32(mask)
        for word in 0..<Self.words {
            var ready = pending[word] & enabled[word]
            while ready != 0 {
                let n = word << 5 | ready.trailingZeroBitCount
                ready &= ready &- 1
                let priority = fullPriority(n)
                if priority < best { best = priority; bestNumber = n }
            }
            var live = active[word]
            while live != 0 {
                let n = word << 5 | live.trailingZeroBitCount
                live &= live &- 1
                let full = fullPriority(n)
                running = min(running, full < 0 ? full : full & groups)
            }
        }
        if best != Self.idle && best >= 0 { best &= groups }
        let now = outcome
        let changed = best != now.pointee.nextPriority || running != now.pointee.activePriority || mask != now.pointee.groupMask
        now.pointee.groupMask = mask
        now.pointee.next = bestNumber; now.pointee.nextPriority = best; now.pointee.activePriority = running
        if changed { now.pointee.listener?(now.pointee.context, best, running, mask) }
    }
}
