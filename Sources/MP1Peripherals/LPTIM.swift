import Chips
import MachineBase

/// Low-power timers LPTIM1 to LPTIM5 (RM0436, LPTIM): counting up on an internal clock, with autoreload and compare matches.
///
/// Register updates take no time: ARROK and CMPOK follow the write. With an external clock (CFGR.CKSEL or COUNTMODE) the host
/// counts. Encoder mode, triggers and output pins are not modelled.
public final class LPTIM: RegisterBlock {
    private enum Offset {
        static let isr: UInt32 = 0x00
        static let icr: UInt32 = 0x04
        static let ier: UInt32 = 0x08
        static let cfgr: UInt32 = 0x0C
        static let cr: UInt32 = 0x10
        static let cmp: UInt32 = 0x14
        static let arr: UInt32 = 0x18
        static let cnt: UInt32 = 0x1C
    }

    /// Bits of ISR.
    private enum Status {
        static let compareMatch: UInt32 = 1, reloadMatch: UInt32 = 2, compareWritten: UInt32 = 8, reloadWritten: UInt32 = 16
    }

    /// Bits of CR.
    private enum Control {
        static let enable: UInt32 = 1, single: UInt32 = 2, continuous: UInt32 = 4, countReset: UInt32 = 8
    }

    private enum Mode { case stopped, single, continuous }

    private let number: Int
    private let interrupt: Int
    private let rcc: RCC
    private let alarm: Alarm
    private var mode = Mode.stopped
    /// The cycle of the start, and what to subtract from the counts since then to have those of the present period.
    private var origin: UInt64 = 0
    private var counted: UInt64 = 0
    /// The count of the present period up to which matches are accounted for.
    private var seen: UInt64 = 0
    /// The count while stopped.
    private var standing: UInt64 = 0
    private var frequency: UInt64 = 1
    /// Pulses at Input1 since the start.
    private var pulses: UInt64 = 0

    init(_ number: Int, on interconnect: Interconnect, rcc: RCC) {
        self.number = number
        self.rcc = rcc
        let name = "LPTIM\(number)"
        interrupt = interconnect.chip.registers.line(name)
        alarm = Alarm(name, on: interconnect)
        super.init(index: Self.index(name, on: interconnect), on: interconnect)
        alarm.wake(self)
    }

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0x28] }
    override var missingFeatures: [MissingFeature] { Self.missing }

    private static let missing: [MissingFeature] = {
        typealias Row = MissingFeature
        typealias Condition = MissingFeature.Condition
        let enable = Condition(Offset.cr, Control.enable)
        let outside = "it counts only what a Swift program gives to countPulses"
        return [
            Row("external clock", "CKSEL", Condition(Offset.cfgr, 1), when: enable, waits: true, effect: outside),
            Row("external count", "COUNTMODE", Condition(Offset.cfgr, 1 << 23), when: enable, waits: true, effect: outside),
            Row("external trigger", "TRIGEN", Condition(Offset.cfgr, 3 << 17), when: enable, effect: "it starts at once"),
            Row("encoder mode", "ENC", Condition(Offset.cfgr, 1 << 24), when: enable, waits: true, effect: "the counter does not follow the inputs"),
            Row("set-once mode", "WAVE", Condition(Offset.cfgr, 1 << 20), when: enable, effect: "no pin follows it"),
            Row("update at the period's end", "PRELOAD", Condition(Offset.cfgr, 1 << 22), when: enable, effect: "ARR and CMP change at once"),
            Row("reset after a read", "RSTARE", Condition(Offset.cr, 1 << 4), when: enable, effect: "reading CNT does not reset it"),
        ]
    }()

    /// Pulses at Input1, which a timer with an external clock counts.
    public func countPulses(_ count: Int) {
        guard mode != .stopped, isExternal, count > 0 else { return }
        for _ in 0..<count {
            pulses &+= 1
            synchronize()
        }
        update()
    }

    private var isExternal: Bool { self[Offset.cfgr] & (1 | 1 << 23) != 0 }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case Offset.isr:
            synchronize()
            return self[Offset.isr]
        case Offset.cnt:
            synchronize()
            return UInt32(truncatingIfNeeded: mode == .stopped ? standing : elapsedCounts)
        case Offset.cr:
            synchronize()
            return self[Offset.cr] & Control.enable
        default:
            return readStored(offset, by: initiator)
        }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        synchronize()
        switch offset {
        case Offset.icr: self[Offset.isr] &= ~value
        case Offset.cr: control(value)
        case Offset.arr:
            merge(offset, value & 0xFFFF, lanes: lanes)
            self[Offset.isr] |= Status.reloadWritten
        case Offset.cmp:
            merge(offset, value & 0xFFFF, lanes: lanes)
            self[Offset.isr] |= Status.compareWritten
        default: writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        alarm.cancel()
        mode = .stopped
        standing = 0
        if isTouched { update() }
    }

    override func alarmDue(_ cycle: UInt64) {
        synchronize()
        update()
    }

    private func control(_ value: UInt32) {
        self[Offset.cr] = value & (Control.enable | 1 << 4)
        guard value & Control.enable != 0 else {
            mode = .stopped
            standing = 0
            return
        }
        if value & Control.countReset != 0 { restart(at: 0) }
        guard value & (Control.single | Control.continuous) != 0 else { return }
        if mode == .stopped { restart(at: standing) }
        mode = value & Control.continuous != 0 ? .continuous : .single
    }

    private func restart(at count: UInt64) {
        frequency = kernelFrequency
        standing = count
        seen = count
        origin = interconnect.now
        pulses = 0
        counted = 0 &- count
    }

    /// RCC's kernel clock selection, divided by CFGR.PRESC; in hertz, at least 1.
    private var kernelFrequency: UInt64 {
        max(1, rcc.lptimClock(number) >> UInt64(self[Offset.cfgr] >> 9 & 7))
    }

    /// Counts of the present period, beyond ARR when the end of it was not accounted for yet.
    private var elapsedCounts: UInt64 {
        if isExternal { return pulses &- counted }
        return Self.scale(interconnect.now &- origin, by: frequency, over: interconnect.clock.hertz, roundingUp: false) &- counted
    }

    /// The cycle at which the count of the present period gets to `count`.
    private func cycle(of count: UInt64) -> UInt64 {
        origin &+ Self.scale(counted &+ count, by: interconnect.clock.hertz, over: frequency, roundingUp: true)
    }

    private static func scale(_ value: UInt64, by factor: UInt64, over divisor: UInt64, roundingUp: Bool) -> UInt64 {
        let product = value.multipliedFullWidth(by: factor)
        guard product.high < divisor else { return .max >> 1 }
        let (quotient, remainder) = divisor.dividingFullWidth(product)
        return roundingUp && remainder != 0 ? quotient &+ 1 : quotient
    }

    private func synchronize() {
        let reload = UInt64(self[Offset.arr])
        guard mode != .stopped, reload > 0 else { return }
        let counts = elapsedCounts
        match(counts)
        guard counts > reload else { return }
        if mode == .single {
            mode = .stopped
            standing = 0
        } else {
            counted &+= counts / (reload + 1) &* (reload + 1)
            seen = 0
            match(elapsedCounts)
        }
    }

    /// Flags of matches after `seen`, up to and with `counts`.
    private func match(_ counts: UInt64) {
        guard counts > seen else { return }
        if UInt64(self[Offset.arr]) > seen, UInt64(self[Offset.arr]) <= counts { self[Offset.isr] |= Status.reloadMatch }
        if UInt64(self[Offset.cmp]) > seen, UInt64(self[Offset.cmp]) <= counts { self[Offset.isr] |= Status.compareMatch }
        seen = counts
    }

    private func update() {
        interconnect.drive(interrupt, self[Offset.isr] & self[Offset.ier] != 0)
        let reload = UInt64(self[Offset.arr])
        guard mode != .stopped, reload > 0, !isExternal else { return alarm.cancel() }
        let wanted = self[Offset.ier] & ~self[Offset.isr]
        var next: UInt64?
        // A match in the next period is looked for when that begins.
        if wanted & Status.reloadMatch != 0 { next = reload > seen ? reload : reload + 1 }
        if wanted & Status.compareMatch != 0 {
            let compare = UInt64(self[Offset.cmp])
            next = min(next ?? .max, compare > seen ? compare : reload + 1)
        }
        if let next { alarm.set(cycle(of: next)) } else { alarm.cancel() }
    }
}
