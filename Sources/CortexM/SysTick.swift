// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The SysTick timer: a 24-bit down-counter. Source: ARMv7-M ARM, B3.3.
///
/// Nothing runs per tick: the counter is computed from the cycle at which it reaches zero next.
public final class SysTick {
    private let events: EventQueue
    /// The core's clock and what an expiry does; set once by the owner.
    var cycles: () -> UInt64 = { 0 }
    /// Where the core counts its cycles, in place of `cycles`: a closure counts references at each call.
    var counter: UnsafePointer<UInt64>?
    var expired: () -> Void = {}
    private var slot: EventQueue.Slot?

    /// What of the timer changes; when its event is due follows from it.
    public struct State: Equatable, Sendable {
        var enabled = false, interrupts = false, coreClock = false, countFlag = false
        /// Its clock stands still.
        var isStopped = false
        var reload: UInt32 = 0
        /// The counter while it stands still.
        var frozen: UInt32 = 0
        /// The cycle at which the counter reaches zero next, while it runs.
        var zeroAt: UInt64 = 0
        /// The cycle at which the counter, at zero before it, takes the reload value.
        var loadAt: UInt64 = 0
    }
    private var own = State()
    /// Saves it, or restores it and has the event due accordingly.
    public var state: State {
        get { own }
        set {
            own = newValue
            arm()
        }
    }

    /// SYST_CALIB: no external reference, TENMS unknown, as STM32 parts that leave it to software.
    public static let calibration: UInt32 = 0xC000_0000
    /// The divided clock that CLKSOURCE 0 selects on STM32: HCLK / 8.
    static let externalDivider: UInt64 = 8

    init(events: EventQueue) {
        self.events = events
        slot = events.register("SysTick") { [unowned self] now in expire(now) }
    }

    func run(upTo cycle: UInt64) -> Bool {
        guard events.next <= cycle else { return true }
        guard let slot, events.take(only: slot, upTo: cycle) else { return false }
        expire(cycle)
        return true
    }

    private func expire(_ now: UInt64) {
        if catchUp(now), own.interrupts { expired() }
        arm()
    }

    func reset() {
        own = State()
        arm()
    }

    private var runs: Bool { own.enabled && !own.isStopped }

    /// Stops its clock, which leaves the counter where it is, or lets it go on from there.
    func setStopped(_ stopped: Bool) {
        guard stopped != own.isStopped else { return }
        if stopped { sync() }
        let counter = self.counter(at: time)
        own.isStopped = stopped
        start(from: counter, at: time)
        arm()
    }

    private var divider: UInt64 { own.coreClock ? 1 : Self.externalDivider }
    private var period: UInt64 { (UInt64(own.reload) + 1) &* divider }

    /// Moves `zeroAt` past `now`; true when the counter has reached zero since the last look.
    private func catchUp(_ now: UInt64) -> Bool {
        guard runs, now >= own.zeroAt else { return false }
        if own.reload == 0 { own.zeroAt = .max; own.frozen = 0; own.countFlag = true; return true }
        let passed = (now &- own.zeroAt) / period &+ 1
        own.zeroAt = own.zeroAt &+ passed &* period
        own.loadAt = own.zeroAt &- UInt64(own.reload) &* divider
        own.countFlag = true
        return true
    }

    private func arm() {
        guard let slot else { return }
        if runs && own.interrupts && own.zeroAt != .max { events.schedule(slot, at: own.zeroAt) } else { events.cancel(slot) }
    }

    private var time: UInt64 { counter?.pointee ?? cycles() }

    private func sync() {
        if catchUp(time), own.interrupts { expired() }
    }

    private var flags: UInt32 { (own.enabled ? 1 : 0) | (own.interrupts ? 2 : 0) | (own.coreClock ? 4 : 0) | (own.countFlag ? 1 << 16 : 0) }

    /// SYST_CSR and SYST_CVR as a debugger sees them: looking clears no COUNTFLAG, and changes nothing else. Source: ARMv7-M ARM, B3.3.3.
    var lookedAt: (control: UInt32, current: UInt32) {
        let before = own
        defer { own = before }
        let now = time
        _ = catchUp(now)
        return (flags, counter(at: now))
    }

    var control: UInt32 {
        get {
            sync()
            let value = flags
            own.countFlag = false
            return value
        }
        set {
            sync()
            let now = time
            let counter = self.counter(at: now)
            own.enabled = newValue & 1 != 0; own.interrupts = newValue & 2 != 0; own.coreClock = newValue & 4 != 0
            start(from: counter, at: now)
            arm()
        }
    }

    var reloadValue: UInt32 {
        get { own.reload }
        set {
            sync()
            let now = time
            let counter = self.counter(at: now)
            own.reload = newValue & 0xFF_FFFF
            if own.enabled && own.zeroAt == .max { start(from: counter, at: now) }
            arm()
        }
    }

    /// A write of any value clears the counter and COUNTFLAG; the next clock reloads.
    var current: UInt32 {
        get { sync(); return counter(at: time) }
        set {
            sync()
            own.countFlag = false
            start(from: 0, at: time)
            arm()
        }
    }

    private func counter(at now: UInt64) -> UInt32 {
        guard runs, own.zeroAt != .max else { return own.frozen }
        guard now >= own.loadAt else { return 0 }
        return UInt32(truncatingIfNeeded: (own.zeroAt &- now &+ divider &- 1) / divider & 0xFF_FFFF)
    }

    private func start(from counter: UInt32, at now: UInt64) {
        own.frozen = counter
        guard runs else { return }
        if counter == 0 && own.reload == 0 { own.zeroAt = .max; return }
        own.zeroAt = now &+ (counter == 0 ? period : UInt64(counter) &* divider)
        own.loadAt = counter == 0 ? now &+ divider : now
    }
}
