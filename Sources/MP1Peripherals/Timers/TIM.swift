// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips

/// Timers TIM1 to TIM8 and TIM12 to TIM17 (RM0436, TIM): counting on the internal clock, edge-aligned, with update and
/// compare events.
///
/// The count is computed from the virtual clock when somebody looks; only an event that interrupts is on the event queue. So
/// a timer costs nothing while it runs, and is exact to the cycle. Capture, encoder and slave modes, centre-aligned counting
/// and output pins are not modelled: with an external clock selected the counter stands still.
public final class TIM: RegisterBlock {
    /// How a timer of this number differs from the others.
    struct Variant {
        let name: String
        let isWide: Bool
        let hasRepetition: Bool
        let compareChannels: UInt32
        /// Whether update, compare, trigger and commutation, and break have an interrupt each; else one is all of them.
        let hasInterrupts: Bool

        init(
            _ name: String, channels: UInt32, isWide: Bool = false, hasRepetition: Bool = false, hasInterrupts: Bool = false
        ) {
            self.name = name
            self.isWide = isWide
            self.hasRepetition = hasRepetition
            compareChannels = channels
            self.hasInterrupts = hasInterrupts
        }

        static let all: [Variant] = [
            Variant("TIM1", channels: 4, hasRepetition: true, hasInterrupts: true),
            Variant("TIM2", channels: 4, isWide: true),
            Variant("TIM3", channels: 4),
            Variant("TIM4", channels: 4),
            Variant("TIM5", channels: 4, isWide: true),
            Variant("TIM6", channels: 0),
            Variant("TIM7", channels: 0),
            Variant("TIM8", channels: 4, hasRepetition: true, hasInterrupts: true),
            Variant("TIM12", channels: 2),
            Variant("TIM13", channels: 1),
            Variant("TIM14", channels: 1),
            Variant("TIM15", channels: 2, hasRepetition: true),
            Variant("TIM16", channels: 1, hasRepetition: true),
            Variant("TIM17", channels: 1, hasRepetition: true),
        ]
    }

    let variant: Variant
    private static let compareEnables = DIER.CCxIE.mask
    /// NVIC inputs.
    private let lines: (update: Int, compare: Int, trigger: Int, brk: Int)
    private let clock: ClockInput

    struct State: BlockState {
        // What the counter works with until the next update event.
        var prescale: UInt64 = 1
        var reload: UInt64 = 0xFFFF
        var repetitions: UInt64 = 0
        /// Core cycles that one count takes.
        var tick: UInt64 = 1
        /// The cycle at which the present period began (up to which everything has been accounted for), or would have begun;
        /// while the counter stands, how many cycles into its period it is.
        var periodStart: UInt64 = 0
        var standingPhase: UInt64 = 0
        /// Ticks of the present period that compare channels have seen.
        var comparedTicks: UInt64 = 0
        var isCounting = false
    }
    private var state = State()
    override var ownState: any BlockState { get { state } set { state = newValue as? State ?? state } }

    init(_ variant: Variant, on interconnect: Interconnect) {
        self.variant = variant
        let name = variant.name
        func line(_ part: String) -> Int { interconnect.chip.registers.line(variant.hasInterrupts ? name + part : name) }
        lines = (line("_UP"), line("_CC"), line("_TRG_COM"), line("_BRK"))
        clock = ClockInput(name, on: interconnect)
        super.init(index: Self.index(name, on: interconnect), on: interconnect, alarm: name)
    }

    override var map: BlockMap { Self.maps[variant.name] ?? BlockMap() }
    private static let maps = Dictionary(uniqueKeysWithValues: Variant.all.map { ($0.name, map($0)) })

    private static func map(_ variant: Variant) -> BlockMap {
        BlockMap(
            onRead: [CR1.self, SR.self, CNT.self],
            // Each change of what counting depends on is preceded by accounting for what has happened up to then.
            onWrite: [
                CR1.self, SMCR.self, DIER.self, SR.self, EGR.self, CCMR1.self, CCMR2.self, CNT.self, PSC.self, ARR.self, RCR.self, CCR1.self,
                CCR2.self, CCR3.self, CCR4.self,
            ],
            acting: [
                CR1.CEN, CR1.UDIS, CR1.URS, CR1.OPM, CR1.DIR, CR1.ARPE, CR1.UIFREMAP, DIER.UIE, DIER.CCxIE, DIER.BIE, SR.all, EGR.all, CNT.all, PSC.all,
                ARR.all, RCR.all, CCR1.all, CCR2.all, CCR3.all, CCR4.all,
            ],
            // What only outputs, inputs and slave modes look at, each of which is told when it is switched on.
            holding: [
                CR1.CKD, CR2.CCPC, CR2.CCUS, CR2.CCDS, CR2.OISx, CR2.OIS1N, CR2.OIS2N, CR2.OIS3N, CCER.all, BDTR.DTG, BDTR.OSSI, BDTR.OSSR, BDTR.AOE,
                BDTR.MOE, BDTR.BKP, BDTR.BKF, BDTR.BK2P, BDTR.BK2F, BDTR.BKDSRM, BDTR.BK2DSRM, BDTR.BKBID, BDTR.BK2BID, DCR.DBA, CCMR3.all, CCR5.all,
                CCR6.all, AF1.all, AF2.all, TISEL.all, SMCR.TS, SMCR.TS_4_3, SMCR.MSM, SMCR.ETF, SMCR.ETPS, SMCR.ETP,
                CCMR1.IC1PSC, CCMR1.IC1F, CCMR1.OC1FE, CCMR1.OC1CE, CCMR1.IC2PSC, CCMR1.IC2F, CCMR1.OC2FE, CCMR1.OC2CE,
                CCMR2.IC3PSC, CCMR2.IC3F, CCMR2.OC3FE, CCMR2.OC3CE, CCMR2.IC4PSC, CCMR2.IC4F, CCMR2.OC4FE, CCMR2.OC4CE,
            ],
            // Those with a repetition counter have outputs that a break switches off.
            missing: missing(channels: variant.compareChannels, hasBreak: variant.hasRepetition))
    }

    private static func missing(channels: UInt32, hasBreak: Bool) -> [MissingFeature] {
        typealias Row = MissingFeature
        let on = Row.Condition(CR1.CEN), sms3 = SMCR.SMS3.mask
        var rows = [
            Row("centre-aligned counting", CR1.CMS, when: on, effect: "it counts edge-aligned"),
            Row("encoder mode", SMCR.SMS, SMCR.SMS3, is: [1, 2, 3], when: on, waits: true, effect: "the counter stands still"),
            Row("reset or gated slave mode", SMCR.SMS, SMCR.SMS3, is: [4, 5], when: on, effect: "it counts whatever the trigger does"),
            Row("trigger slave mode", SMCR.SMS, SMCR.SMS3, is: [6, sms3], waits: true, effect: "the trigger never starts it"),
            Row("external clock mode 1", SMCR.SMS, SMCR.SMS3, is: [7], when: on, waits: true, effect: "the counter stands still"),
            Row("external clock mode 2", SMCR.ECE, when: on, waits: true, effect: "the counter stands still"),
            Row("DMA requests at an update", DIER.UDE, waits: true, effect: "no request is made"),
            Row("DMA requests of channels", DIER.CCxDE[1], DIER.CCxDE[2], DIER.CCxDE[3], DIER.CCxDE[4], named: "CCxDE", waits: true,
                effect: "no request is made"),
            Row("DMA requests at COM", DIER.COMDE, waits: true, effect: "no request is made"),
            Row("DMA requests at a trigger", DIER.TDE, waits: true, effect: "no request is made"),
            Row("DMA burst", DCR.DBL, effect: "writes to DMAR reach no other register"),
            Row("trigger interrupt", DIER.TIE, waits: true, effect: "no trigger comes"),
            Row("commutation interrupt", DIER.COMIE, waits: true, effect: "no commutation event comes"),
            Row("access through DMAR", DMAR.DMAB, effect: "it reaches no other register"),
            Row("XOR of the inputs", CR2.TI1S, waits: true, effect: "no edge comes"),
            Row("trigger output", CR2.MMS, when: on, effect: "nothing follows it"),
            Row("trigger output 2", CR2.MMS2, when: on, effect: "nothing follows it"),
        ]
        for channel in 0..<channels {
            // CCMR2 has channels 3 and 4 where CCMR1 has 1 and 2.
            let mode = CCMR1.offset + channel / 2 * 4, isSecond = channel % 2 != 0, number = channel + 1
            let selection = (isSecond ? CCMR1.CC2S : CCMR1.CC1S).at(mode)
            let output = [isSecond ? CCMR1.OC2M : CCMR1.OC1M, isSecond ? CCMR1.OC2M3 : CCMR1.OC1M3].map { $0.at(mode) }
            let enable = CCER.CCxE[number], complement = CCER.CCxP[number]
            let ownEnable = Row.Condition(enable)
            let anyEnable = Row.Condition(enable, Field("CCxNE", CCER.offset, complement.shift + 1, 1))
            rows.append(Row("capture on channel \(number)", selection, named: "CC\(number)S", when: ownEnable, waits: true, effect: "no edge comes"))
            let preload = (isSecond ? CCMR1.OC2PE : CCMR1.OC1PE).at(mode)
            rows.append(
                Row("preload of channel \(number)'s compare value", preload, named: "OC\(number)PE", when: .init(selection, is: [0]), .init(DIER.CCxIE[number]), on,
                    effect: "a new CCR\(number) counts at once"))
            rows.append(
                Row("output of channel \(number)", output[0], output[1], named: "OC\(number)M", when: .init(selection, is: [0]), anyEnable,
                    effect: "no pin follows it"))
        }
        if hasBreak {
            rows.append(Row("break input", BDTR.BKE, effect: "no break comes"))
            rows.append(Row("break input 2", BDTR.BK2E, effect: "no break comes"))
            rows.append(Row("lock of the outputs", BDTR.LOCK, effect: "locked fields can be changed all the same"))
        }
        if channels == 4, hasBreak { rows.append(Row("channels 5 and 6", CCER.CCxE[5], CCER.CCxE[6], effect: "they do nothing")) }
        return rows
    }

    // MARK: Registers

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case CNT.offset:
            synchronize()
            return count(phase) | (has(CR1.UIFREMAP) && has(SR.UIF) ? CNT.UIFCPY.mask : 0)
        case SR.offset:
            synchronize()
            return self[SR.offset]
        case CR1.offset:
            synchronize()  // one-pulse mode clears CEN
            return self[CR1.offset]
        default:
            return readStored(offset, by: initiator)
        }
    }

    override func peek(_ offset: UInt32) -> UInt32 { withoutTrace { read(offset, by: .cortexM4) } }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        synchronize()
        switch offset {
        case CR1.offset:
            merge(offset, value & 0xBFF, lanes: lanes)
        case SR.offset:
            self[offset] &= value | ~lanes  // flags are written 0 to clear
        case EGR.offset:
            generate(value)
        case CNT.offset:
            self[offset] = count(phase)
            merge(offset, value, lanes: lanes)
            setCount(UInt64(variant.isWide ? self[offset] : self[offset] & 0xFFFF))
        case ARR.offset:
            writeStored(offset, value, lanes: lanes, by: initiator)
            if !has(CR1.ARPE) { changeReload(UInt64(self[offset])) }
        case DIER.offset, SMCR.offset:
            merge(offset, value, lanes: lanes)
        default:
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
        setCounting(has(CR1.CEN) && countsInternalClock)
        update()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        cancelAlarm()
        state.prescale = 1
        state.tick = 1
        state.reload = variant.isWide ? 0xFFFF_FFFF : 0xFFFF
        state.repetitions = 0
        state.standingPhase = 0
        state.comparedTicks = 0
        state.isCounting = false
        if isTouched { update() }
    }

    override func alarmDue(_ cycle: UInt64) {
        synchronize()
        update()
    }

    /// Encoder modes, external clock mode 1 (SMS 1-3, 7) and 2 (ECE) count something else.
    private var countsInternalClock: Bool {
        switch self[SMCR.SMS] {
        case 1, 2, 3, 7: false
        default: !has(SMCR.ECE)
        }
    }

    // MARK: Counting

    private var now: UInt64 { interconnect.now }
    /// Cycles into the present period.
    private var phase: UInt64 { state.isCounting ? now &- state.periodStart : state.standingPhase }
    private var period: UInt64 { state.tick &* (state.reload + 1) }

    private func count(_ phase: UInt64) -> UInt32 {
        let ticks = min(phase / state.tick, state.reload)
        return UInt32(truncatingIfNeeded: has(CR1.DIR) ? state.reload - ticks : ticks)
    }

    private func setCount(_ count: UInt64) {
        // A count beyond ARR starts over, as in `changeReload`.
        let count = count > state.reload ? 0 : count
        let ticks = has(CR1.DIR) ? state.reload - count : count
        setPhase(ticks &* state.tick + phase % state.tick)
        state.comparedTicks = ticks
    }

    private func setPhase(_ phase: UInt64) {
        if state.isCounting { state.periodStart = now &- phase } else { state.standingPhase = phase }
    }

    private func setCounting(_ counting: Bool) {
        guard counting != state.isCounting else { return }
        let phase = phase
        state.isCounting = counting
        if counting { state.tick = (clock.coreCycles ?? 1) &* state.prescale }
        setPhase(phase)
    }

    /// Takes a new ARR at once. A count beyond it starts over; the chip's would first run to the counter's end.
    private func changeReload(_ value: UInt64) {
        state.reload = value
        if phase / state.tick > state.reload {
            setPhase(phase % state.tick)
            state.comparedTicks = 0
        }
    }

    /// Loads what was written to PSC, ARR and RCR, as an update event does.
    private func loadShadows() {
        state.prescale = UInt64(self[PSC.PSC]) + 1
        state.tick = (clock.coreCycles ?? 1) &* state.prescale
        state.reload = UInt64(self[ARR.offset])
        loadRepetitions()
    }

    private func loadRepetitions() { state.repetitions = variant.hasRepetition ? UInt64(self[RCR.REP]) : 0 }

    private func generate(_ value: UInt32) {
        if value.has(EGR.UG), !has(CR1.UDIS) {
            loadShadows()
            setPhase(0)
            state.comparedTicks = 0
            if !has(CR1.URS) { self[SR.UIF] = 1 }
        }
        // The other bits are those of their flags.
        self[SR.offset] |= value & 0x1FE
    }

    /// Accounts for everything up to now: flags of updates and compares, shadow registers, one-pulse mode.
    private func synchronize() {
        // ARR = 0 blocks the counter (RM0436, TIM).
        guard state.isCounting, state.reload > 0 else { return }
        let now = now
        if now &- state.periodStart >= period {
            passOverflows(now)
            guard state.isCounting, state.reload > 0 else { return }
        }
        if variant.compareChannels > 0 { compare(upTo: (now &- state.periodStart) / state.tick) }
    }

    private func passOverflows(_ now: UInt64) {
        if (now &- state.periodStart) / period > state.repetitions {
            pass(periods: state.repetitions + 1)
            updateEvent()
            guard state.isCounting, state.reload > 0 else { return }
            // What an update event changes it has changed now: the rounds after it are alike.
            let rounds = (now &- state.periodStart) / (period &* (state.repetitions + 1))
            if rounds > 0 { pass(periods: rounds &* (state.repetitions + 1)) }
        }
        let overflows = min((now &- state.periodStart) / period, state.repetitions)
        if overflows > 0 {
            pass(periods: overflows)
            state.repetitions -= overflows
        }
    }

    private func pass(periods: UInt64) {
        compare(upTo: state.reload)
        state.periodStart &+= periods &* period
        state.comparedTicks = 0
        for channel in 0..<variant.compareChannels {
            if let match = match(channel), periods > 1 || match == 0 { self[SR.offset] |= SR.CC1IF.mask &<< channel }
        }
    }

    private func updateEvent() {
        guard !has(CR1.UDIS) else { return loadRepetitions() }
        self[SR.UIF] = 1
        loadShadows()
        if has(CR1.OPM) {
            self[CR1.CEN] = 0
            state.isCounting = false
            state.standingPhase = 0
        }
    }

    // MARK: Compare

    /// Ticks into a period at which channel `channel` (from 0) matches; nil when it does not compare.
    private func match(_ channel: UInt32) -> UInt64? {
        let mode = self[CCMR1.offset + (channel / 2) * 4] >> (channel % 2 * 8)
        guard !mode.has(CCMR1.CC1S) else { return nil }  // an input
        let value = UInt64(self[CCR1.offset + channel * 4])
        guard value <= state.reload else { return nil }
        return has(CR1.DIR) ? state.reload - value : value
    }

    /// Sets the flags of channels that match after `state.comparedTicks`, up to and with `ticks`.
    private func compare(upTo ticks: UInt64) {
        guard ticks > state.comparedTicks else { return }
        for channel in 0..<variant.compareChannels {
            if let match = match(channel), match > state.comparedTicks, match <= ticks { self[SR.offset] |= SR.CC1IF.mask &<< channel }
        }
        state.comparedTicks = ticks
    }

    // MARK: Interrupts

    private func update() {
        let pending = self[SR.offset] & self[DIER.offset]
        let isUpdate = pending.has(DIER.UIE), isCompare = pending & Self.compareEnables != 0
        let isTrigger = pending.has(DIER.TIE) || pending.has(DIER.COMIE), isBreak = (self[SR.offset].has(SR.BIF) || self[SR.offset].has(SR.B2IF)) && has(DIER.BIE)
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
        guard state.isCounting, state.reload > 0 else { return cancelAlarm() }
        let wanted = self[DIER.offset] & ~self[SR.offset]
        var due = UInt64.max
        if wanted.has(DIER.UIE), !has(CR1.UDIS) {
            due = state.periodStart &+ (state.repetitions + 1) &* period
        }
        for channel in 0..<variant.compareChannels where wanted & SR.CC1IF.mask &<< channel != 0 {
            // A match in a later period is looked for when that begins: it may have another length.
            guard let match = match(channel) else { continue }
            due = min(due, state.periodStart &+ (match > state.comparedTicks ? match &* state.tick : period))
        }
        if due == .max { cancelAlarm() } else { setAlarm(due) }
    }
}
