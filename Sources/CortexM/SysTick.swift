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

    private var enabled = false, interrupts = false, coreClock = false, countFlag = false
    /// Its clock stands still.
    private var isStopped = false
    private var reload: UInt32 = 0
    /// The counter while it stands still.
    private var frozen: UInt32 = 0
    /// The cycle at which the counter reaches zero next, while it runs.
    private var zeroAt: UInt64 = 0
    /// The cycle at which the counter, at zero before it, takes the reload value.
    private var loadAt: UInt64 = 0

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
        if catchUp(now), interrupts { expired() }
        arm()
    }

    func reset() {
        enabled = false; interrupts = false; coreClock = false; countFlag = false; isStopped = false
        reload = 0; frozen = 0; zeroAt = 0; loadAt = 0
        arm()
    }

    private var runs: Bool { enabled && !isStopped }

    /// Stops its clock, which leaves the counter where it is, or lets it go on from there.
    func setStopped(_ stopped: Bool) {
        guard stopped != isStopped else { return }
        if stopped { sync() }
        let counter = self.counter(at: time)
        isStopped = stopped
        start(from: counter, at: time)
        arm()
    }

    private var divider: UInt64 { coreClock ? 1 : Self.externalDivider }
    private var period: UInt64 { (UInt64(reload) + 1) &* divider }

    /// Moves `zeroAt` past `now`; true when the counter has reached zero since the last look.
    private func catchUp(_ now: UInt64) -> Bool {
        guard runs, now >= zeroAt else { return false }
        if reload == 0 { zeroAt = .max; frozen = 0; countFlag = true; return true }
        let passed = (now &- zeroAt) / period &+ 1
        zeroAt = zeroAt &+ passed &* period
        loadAt = zeroAt &- UInt64(reload) &* divider
        countFlag = true
        return true
    }

    private func arm() {
        guard let slot else { return }
        if runs && interrupts && zeroAt != .max { events.schedule(slot, at: zeroAt) } else { events.cancel(slot) }
    }

    private var time: UInt64 { counter?.pointee ?? cycles() }

    private func sync() {
        if catchUp(time), interrupts { expired() }
    }

    private var flags: UInt32 { (enabled ? 1 : 0) | (interrupts ? 2 : 0) | (coreClock ? 4 : 0) | (countFlag ? 1 << 16 : 0) }

    /// SYST_CSR and SYST_CVR as a debugger sees them: looking clears no COUNTFLAG, and changes nothing else. Source: ARMv7-M ARM, B3.3.3.
    var lookedAt: (control: UInt32, current: UInt32) {
        let before = (zeroAt, loadAt, frozen, countFlag)
        defer { (zeroAt, loadAt, frozen, countFlag) = before }
        let now = time
        _ = catchUp(now)
        return (flags, counter(at: now))
    }

    var control: UInt32 {
        get {
            sync()
            let value = flags
            countFlag = false
            return value
        }
        set {
            sync()
            let now = time
            let counter = self.counter(at: now)
            enabled = newValue & 1 != 0; interrupts = newValue & 2 != 0; coreClock = newValue & 4 != 0
            start(from: counter, at: now)
            arm()
        }
    }

    var reloadValue: UInt32 {
        get { reload }
        set {
            sync()
            let now = time
            let counter = self.counter(at: now)
            reload = newValue & 0xFF_FFFF
            if enabled && zeroAt == .max { start(from: counter, at: now) }
            arm()
        }
    }

    /// A write of any value clears the counter and COUNTFLAG; the next clock reloads.
    var current: UInt32 {
        get { sync(); return counter(at: time) }
        set {
            sync()
            countFlag = false
            start(from: 0, at: time)
            arm()
        }
    }

    private func counter(at now: UInt64) -> UInt32 {
        guard runs, zeroAt != .max else { return frozen }
        guard now >= loadAt else { return 0 }
        return UInt32(truncatingIfNeeded: (zeroAt &- now &+ divider &- 1) / divider & 0xFF_FFFF)
    }

    private func start(from counter: UInt32, at now: UInt64) {
        frozen = counter
        guard runs else { return }
        if counter == 0 && reload == 0 { zeroAt = .max; return }
        zeroAt = now &+ (counter == 0 ? period : UInt64(counter) &* divider)
        loadAt = counter == 0 ? now &+ divider : now
    }
}
