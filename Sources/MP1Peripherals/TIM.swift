import Chips

/// Timers TIM1 to TIM8 and TIM12 to TIM17 (RM0436, TIM): counting on the internal clock, edge-aligned, with update and
/// compare events.
///
/// The count is computed from the virtual clock when somebody looks; only an event that interrupts is on the event queue. So
/// a timer costs nothing while it runs, and is exact to the cycle. Capture, encoder and slave modes, centre-aligned counting
/// and output pins are not modelled: with an external clock selected the counter stands still.
public final class TIM: RegisterBlock {
    enum Offset {
        static let cr1: UInt32 = 0x00
        static let smcr: UInt32 = 0x08
        static let dier: UInt32 = 0x0C
        static let sr: UInt32 = 0x10
        static let egr: UInt32 = 0x14
        static let ccmr1: UInt32 = 0x18
        static let cnt: UInt32 = 0x24
        static let psc: UInt32 = 0x28
        static let arr: UInt32 = 0x2C
        static let rcr: UInt32 = 0x30
        static let ccr1: UInt32 = 0x34
    }

    /// Bits of CR1.
    private enum Control {
        static let cen: UInt32 = 1, udis: UInt32 = 2, urs: UInt32 = 4, opm: UInt32 = 8, dir: UInt32 = 16
        static let arpe: UInt32 = 1 << 7, uifRemap: UInt32 = 1 << 11
    }
    private static let updateFlag: UInt32 = 1

    /// How a timer of this number differs from the others.
    struct Variant {
        let name: String
        /// 1 or 2: whose timer clock it counts.
        let bus: Int
        let isWide: Bool
        let hasRepetition: Bool
        let compareChannels: UInt32
        /// Whether update, compare, trigger and commutation, and break have an interrupt each; else one is all of them.
        let hasInterrupts: Bool

        init(
            _ name: String, bus: Int, channels: UInt32, isWide: Bool = false, hasRepetition: Bool = false, hasInterrupts: Bool = false
        ) {
            self.name = name
            self.bus = bus
            self.isWide = isWide
            self.hasRepetition = hasRepetition
            compareChannels = channels
            self.hasInterrupts = hasInterrupts
        }

        static let all: [Variant] = [
            Variant("TIM1", bus: 2, channels: 4, hasRepetition: true, hasInterrupts: true),
            Variant("TIM2", bus: 1, channels: 4, isWide: true),
            Variant("TIM3", bus: 1, channels: 4),
            Variant("TIM4", bus: 1, channels: 4),
            Variant("TIM5", bus: 1, channels: 4, isWide: true),
            Variant("TIM6", bus: 1, channels: 0),
            Variant("TIM7", bus: 1, channels: 0),
            Variant("TIM8", bus: 2, channels: 4, hasRepetition: true, hasInterrupts: true),
            Variant("TIM12", bus: 1, channels: 2),
            Variant("TIM13", bus: 1, channels: 1),
            Variant("TIM14", bus: 1, channels: 1),
            Variant("TIM15", bus: 2, channels: 2, hasRepetition: true),
            Variant("TIM16", bus: 2, channels: 1, hasRepetition: true),
            Variant("TIM17", bus: 2, channels: 1, hasRepetition: true),
        ]
    }

    let variant: Variant
    /// NVIC inputs.
    private let lines: (update: Int, compare: Int, trigger: Int, brk: Int)
    private let rcc: RCC
    private let alarm: Alarm

    /// What the counter works with until the next update event.
    private var prescale: UInt64 = 1
    private var reload: UInt64 = 0xFFFF
    private var repetitions: UInt64 = 0
    /// Core cycles that one count takes.
    private var tick: UInt64 = 1
    /// The cycle at which the present period began (up to which everything has been accounted for), or would have begun;
    /// while the counter stands, how many cycles into its period it is.
    private var periodStart: UInt64 = 0
    private var standingPhase: UInt64 = 0
    /// Ticks of the present period that compare channels have seen.
    private var comparedTicks: UInt64 = 0
    private var isCounting = false

    init(_ variant: Variant, on interconnect: Interconnect, rcc: RCC) {
        self.variant = variant
        let name = variant.name
        func line(_ part: String) -> Int { interconnect.chip.registers.line(variant.hasInterrupts ? name + part : name) }
        lines = (line("_UP"), line("_CC"), line("_TRG_COM"), line("_BRK"))
        self.rcc = rcc
        alarm = Alarm(name, on: interconnect)
        super.init(index: Self.index(name, on: interconnect), on: interconnect)
        alarm.wake(self)
    }

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0x70] }
    override var missingFeatures: [MissingFeature] { Self.missing(of: variant) }

    // MARK: Registers

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case Offset.cnt:
            synchronize()
            let isRemapped = self[Offset.cr1] & Control.uifRemap != 0
            return count(phase) | (isRemapped ? (self[Offset.sr] & Self.updateFlag) << 31 : 0)
        case Offset.sr:
            synchronize()
            return self[Offset.sr]
        case Offset.cr1:
            synchronize()  // one-pulse mode clears CEN
            return self[Offset.cr1]
        default:
            return readStored(offset, by: initiator)
        }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        synchronize()
        switch offset {
        case Offset.cr1:
            merge(offset, value & 0xBFF, lanes: lanes)
        case Offset.sr:
            self[offset] &= value | ~lanes  // flags are written 0 to clear
        case Offset.egr:
            generate(value)
        case Offset.cnt:
            self[offset] = count(phase)
            merge(offset, value, lanes: lanes)
            setCount(UInt64(variant.isWide ? self[offset] : self[offset] & 0xFFFF))
        case Offset.arr:
            writeStored(offset, value, lanes: lanes, by: initiator)
            if self[Offset.cr1] & Control.arpe == 0 { changeReload(UInt64(self[offset])) }
        case Offset.dier, Offset.smcr:
            merge(offset, value, lanes: lanes)
        default:
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
        setCounting(self[Offset.cr1] & Control.cen != 0 && countsInternalClock)
        update()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        alarm.cancel()
        prescale = 1
        tick = 1
        reload = variant.isWide ? 0xFFFF_FFFF : 0xFFFF
        repetitions = 0
        standingPhase = 0
        comparedTicks = 0
        isCounting = false
        if isTouched { update() }
    }

    override func alarmDue(_ cycle: UInt64) {
        synchronize()
        update()
    }

    /// Encoder modes, external clock mode 1 (SMS 1-3, 7) and 2 (ECE) count something else.
    private var countsInternalClock: Bool {
        let smcr = self[Offset.smcr]
        return !([1, 2, 3, 7] as [UInt32]).contains(smcr & 7) && smcr & 1 << 14 == 0
    }

    // MARK: Counting

    private var now: UInt64 { interconnect.now }
    /// Cycles into the present period.
    private var phase: UInt64 { isCounting ? now &- periodStart : standingPhase }
    private var period: UInt64 { tick &* (reload + 1) }

    private func count(_ phase: UInt64) -> UInt32 {
        let ticks = min(phase / tick, reload)
        return UInt32(truncatingIfNeeded: self[Offset.cr1] & Control.dir != 0 ? reload - ticks : ticks)
    }

    private func setCount(_ count: UInt64) {
        // A count beyond ARR starts over, as in `changeReload`.
        let count = count > reload ? 0 : count
        let ticks = self[Offset.cr1] & Control.dir != 0 ? reload - count : count
        setPhase(ticks &* tick + phase % tick)
        comparedTicks = ticks
    }

    private func setPhase(_ phase: UInt64) {
        if isCounting { periodStart = now &- phase } else { standingPhase = phase }
    }

    private func setCounting(_ counting: Bool) {
        guard counting != isCounting else { return }
        let phase = phase
        isCounting = counting
        if counting { tick = rcc.timerDivider(bus: variant.bus) &* prescale }
        setPhase(phase)
    }

    /// Takes a new ARR at once. A count beyond it starts over; the chip's would first run to the counter's end.
    private func changeReload(_ value: UInt64) {
        reload = value
        if phase / tick > reload {
            setPhase(phase % tick)
            comparedTicks = 0
        }
    }

    /// Loads what was written to PSC, ARR and RCR, as an update event does.
    private func loadShadows() {
        prescale = UInt64(self[Offset.psc] & 0xFFFF) + 1
        tick = rcc.timerDivider(bus: variant.bus) &* prescale
        reload = UInt64(self[Offset.arr])
        loadRepetitions()
    }

    private func loadRepetitions() { repetitions = variant.hasRepetition ? UInt64(self[Offset.rcr] & 0xFFFF) : 0 }

    private func generate(_ value: UInt32) {
        if value & 1 != 0, self[Offset.cr1] & Control.udis == 0 {
            loadShadows()
            setPhase(0)
            comparedTicks = 0
            if self[Offset.cr1] & Control.urs == 0 { self[Offset.sr] |= Self.updateFlag }
        }
        self[Offset.sr] |= value & 0x1FE
    }

    /// Accounts for everything up to now: flags of updates and compares, shadow registers, one-pulse mode.
    private func synchronize() {
        // ARR = 0 blocks the counter (RM0436, TIM).
        guard isCounting, reload > 0 else { return }
        let now = now
        if now &- periodStart >= period {
            passOverflows(now)
            guard isCounting, reload > 0 else { return }
        }
        if variant.compareChannels > 0 { compare(upTo: (now &- periodStart) / tick) }
    }

    private func passOverflows(_ now: UInt64) {
        if (now &- periodStart) / period > repetitions {
            pass(periods: repetitions + 1)
            updateEvent()
            guard isCounting, reload > 0 else { return }
            // What an update event changes it has changed now: the rounds after it are alike.
            let rounds = (now &- periodStart) / (period &* (repetitions + 1))
            if rounds > 0 { pass(periods: rounds &* (repetitions + 1)) }
        }
        let overflows = min((now &- periodStart) / period, repetitions)
        if overflows > 0 {
            pass(periods: overflows)
            repetitions -= overflows
        }
    }

    private func pass(periods: UInt64) {
        compare(upTo: reload)
        periodStart &+= periods &* period
        comparedTicks = 0
        for channel in 0..<variant.compareChannels {
            if let match = match(channel), periods > 1 || match == 0 { self[Offset.sr] |= 2 << channel }
        }
    }

    private func updateEvent() {
        guard self[Offset.cr1] & Control.udis == 0 else { return loadRepetitions() }
        self[Offset.sr] |= Self.updateFlag
        loadShadows()
        if self[Offset.cr1] & Control.opm != 0 {
            self[Offset.cr1] &= ~Control.cen
            isCounting = false
            standingPhase = 0
        }
    }

    // MARK: Compare

    /// Ticks into a period at which channel `channel` (from 0) matches; nil when it does not compare.
    private func match(_ channel: UInt32) -> UInt64? {
        let mode = self[Offset.ccmr1 + (channel / 2) * 4] >> (channel % 2 * 8)
        guard mode & 3 == 0 else { return nil }  // CCxS: an input
        let value = UInt64(self[Offset.ccr1 + channel * 4])
        guard value <= reload else { return nil }
        return self[Offset.cr1] & Control.dir != 0 ? reload - value : value
    }

    /// Sets the flags of channels that match after `comparedTicks`, up to and with `ticks`.
    private func compare(upTo ticks: UInt64) {
        guard ticks > comparedTicks else { return }
        for channel in 0..<variant.compareChannels {
            if let match = match(channel), match > comparedTicks, match <= ticks { self[Offset.sr] |= 2 << channel }
        }
        comparedTicks = ticks
    }

    // MARK: Interrupts

    private func update() {
        let pending = self[Offset.sr] & self[Offset.dier]
        let isUpdate = pending & 1 != 0, isCompare = pending & 0x1E != 0
        let isTrigger = pending & 0x60 != 0, isBreak = self[Offset.sr] & 0x180 != 0 && self[Offset.dier] & 0x80 != 0
        if !variant.hasInterrupts {
            interconnect.drive(lines.update, isUpdate || isCompare || isTrigger || isBreak)
        } else {
            interconnect.drive(lines.update, isUpdate)
            interconnect.drive(lines.compare, isCompare)
            interconnect.drive(lines.trigger, isTrigger)
            interconnect.drive(lines.brk, isBreak)
        }
        schedule()
    }

    /// The next event that sets a flag which interrupts and is not set yet.
    private func schedule() {
        guard isCounting, reload > 0 else { return alarm.cancel() }
        let wanted = self[Offset.dier] & ~self[Offset.sr]
        var due = UInt64.max
        if wanted & Self.updateFlag != 0, self[Offset.cr1] & Control.udis == 0 {
            due = periodStart &+ (repetitions + 1) &* period
        }
        for channel in 0..<variant.compareChannels where wanted & 2 << channel != 0 {
            // A match in a later period is looked for when that begins: it may have another length.
            guard let match = match(channel) else { continue }
            due = min(due, periodStart &+ (match > comparedTicks ? match &* tick : period))
        }
        if due == .max { alarm.cancel() } else { alarm.set(due) }
    }
}
