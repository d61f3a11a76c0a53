// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// Low-power timers LPTIM1 to LPTIM5 (RM0436, LPTIM): counting up on an internal clock, with autoreload and compare matches.
///
/// Register updates take no time: ARROK and CMPOK follow the write. With an external clock (CFGR.CKSEL or COUNTMODE) it
/// counts edges at the pin of its Input1. Encoder mode, triggers and output pins are not modelled.
public final class LPTIM: RegisterBlock {
    enum Mode: Sendable { case stopped, single, continuous }

    struct State: BlockState {
        var mode = Mode.stopped
        /// The cycle of the start, and what to subtract from the counts since then to have those of the present period.
        var origin: UInt64 = 0
        var counted: UInt64 = 0
        /// The count of the present period up to which matches are accounted for.
        var seen: UInt64 = 0
        /// The count while stopped.
        var standing: UInt64 = 0
        var frequency: UInt64 = 1
        /// Edges at Input1 since the start.
        var pulses: UInt64 = 0
    }

    private let interrupt: Int
    private let clock: ClockInput
    /// Input1, at the pins of those that have it.
    private let input: PinSignal
    private var state = State()
    override var ownState: any BlockState { get { state } set { state = newValue as? State ?? state } }

    init(_ number: Int, on interconnect: Interconnect) {
        let name = "LPTIM\(number)"
        clock = ClockInput(name, on: interconnect)
        input = PinSignal(name + "_IN1", on: interconnect)
        interrupt = interconnect.chip.registers.line(name)
        super.init(index: Self.index(name, on: interconnect), on: interconnect, alarm: name)
        input.connect { [unowned self] level in edge(rising: level) }
    }

    override var map: BlockMap { Self.map }
    private static let map: BlockMap = {
        typealias Row = MissingFeature
        let on = Row.Condition(CR.ENABLE)
        let outside = "it counts only edges that a Swift program drives at the pin"
        return BlockMap(
            onRead: [ISR.self, CR.self, CNT.self],
            onWrite: [ICR.self, IER.self, CFGR.self, CR.self, CMP.self, ARR.self],
            acting: [
                ISR.all, ICR.all, IER.CMPMIE, IER.ARRMIE, IER.CMPOKIE, IER.ARROKIE, CFGR.CKPOL, CFGR.PRESC, CR.ENABLE, CR.SNGSTRT, CR.CNTSTRT,
                CR.COUNTRST, CMP.all, ARR.all, CNT.all,
            ],
            // Edges at the pin have no glitches. The rest is of triggers, output pins and the encoder's second input.
            holding: [CFGR.CKFLT, CFGR.TRGFLT, CFGR.TRIGSEL, CFGR.TIMOUT, CFGR.WAVPOL, CFGR2.IN2SEL],
            missing: [
                Row("external clock", CFGR.CKSEL, when: on, waits: true, effect: outside),
                Row("external count", CFGR.COUNTMODE, when: on, waits: true, effect: outside),
                Row("external trigger", CFGR.TRIGEN, when: on, effect: "it starts at once"),
                Row("encoder mode", CFGR.ENC, when: on, waits: true, effect: "the counter does not follow the inputs"),
                Row("set-once mode", CFGR.WAVE, when: on, effect: "no pin follows it"),
                Row("update at the period's end", CFGR.PRELOAD, when: on, effect: "ARR and CMP change at once"),
                Row("reset after a read", CR.RSTARE, when: on, effect: "reading CNT does not reset it"),
                Row("external trigger's interrupt", IER.EXTTRIGIE, waits: true, effect: "EXTTRIG is never set"),
                Row("interrupts of the direction", IER.UPIE, IER.DOWNIE, waits: true, effect: "UP and DOWN are never set"),
                Row("another source of Input1", CFGR2.IN1SEL, effect: "edges are those at the pin"),
            ])
    }()

    /// An edge at Input1, which a timer with an external clock counts if it is one of CKPOL's.
    private func edge(rising: Bool) {
        guard state.mode != .stopped, isExternal else { return }
        switch self[CFGR.CKPOL] {
        case 0: guard rising else { return }
        case 1: guard !rising else { return }
        default: break
        }
        state.pulses &+= 1
        synchronize()
        update()
    }

    private var isExternal: Bool { has(CFGR.CKSEL) || has(CFGR.COUNTMODE) }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case ISR.offset:
            synchronize()
            return self[ISR.offset]
        case CNT.offset:
            synchronize()
            return UInt32(truncatingIfNeeded: state.mode == .stopped ? state.standing : elapsedCounts)
        case CR.offset:
            synchronize()
            return self[CR.offset] & CR.ENABLE.mask
        default:
            return readStored(offset, by: initiator)
        }
    }

    override func peek(_ offset: UInt32) -> UInt32 { withoutTrace { read(offset, by: .cortexM4) } }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        synchronize()
        switch offset {
        case ICR.offset: self[ISR.offset] &= ~value
        case CR.offset: control(value)
        case ARR.offset:
            merge(offset, value & 0xFFFF, lanes: lanes)
            self[ISR.offset] |= ISR.ARROK.mask
        case CMP.offset:
            merge(offset, value & 0xFFFF, lanes: lanes)
            self[ISR.offset] |= ISR.CMPOK.mask
        default: writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        cancelAlarm()
        state.mode = .stopped
        state.standing = 0
        if isTouched { update() }
    }

    override func alarmDue(_ cycle: UInt64) {
        synchronize()
        update()
    }

    private func control(_ value: UInt32) {
        self[CR.offset] = value & (CR.ENABLE.mask | CR.RSTARE.mask)
        guard value.has(CR.ENABLE) else {
            state.mode = .stopped
            state.standing = 0
            return
        }
        if value.has(CR.COUNTRST) { restart(at: 0) }
        guard value.has(CR.SNGSTRT) || value.has(CR.CNTSTRT) else { return }
        if state.mode == .stopped { restart(at: state.standing) }
        state.mode = value.has(CR.CNTSTRT) ? .continuous : .single
    }

    private func restart(at count: UInt64) {
        state.frequency = kernelFrequency
        state.standing = count
        state.seen = count
        state.origin = interconnect.now
        state.pulses = 0
        state.counted = 0 &- count
    }

    /// RCC's kernel clock selection, divided by CFGR.PRESC; in hertz, at least 1.
    private var kernelFrequency: UInt64 {
        max(1, clock.hertz >> UInt64(self[CFGR.PRESC]))
    }

    /// Counts of the present period, beyond ARR when the end of it was not accounted for yet.
    private var elapsedCounts: UInt64 {
        if isExternal { return state.pulses &- state.counted }
        return Self.scale(interconnect.now &- state.origin, by: state.frequency, over: interconnect.clock.hertz, roundingUp: false) &- state.counted
    }

    /// The cycle at which the count of the present period gets to `count`.
    private func cycle(of count: UInt64) -> UInt64 {
        state.origin &+ Self.scale(state.counted &+ count, by: interconnect.clock.hertz, over: state.frequency, roundingUp: true)
    }

    private static func scale(_ value: UInt64, by factor: UInt64, over divisor: UInt64, roundingUp: Bool) -> UInt64 {
        let product = value.multipliedFullWidth(by: factor)
        guard product.high < divisor else { return .max >> 1 }
        let (quotient, remainder) = divisor.dividingFullWidth(product)
        return roundingUp && remainder != 0 ? quotient &+ 1 : quotient
    }

    private func synchronize() {
        let reload = UInt64(self[ARR.offset])
        guard state.mode != .stopped, reload > 0 else { return }
        let counts = elapsedCounts
        match(counts)
        guard counts > reload else { return }
        if state.mode == .single {
            state.mode = .stopped
            state.standing = 0
        } else {
            state.counted &+= counts / (reload + 1) &* (reload + 1)
            state.seen = 0
            match(elapsedCounts)
        }
    }

    /// Flags of matches after `state.seen`, up to and with `counts`.
    private func match(_ counts: UInt64) {
        guard counts > state.seen else { return }
        if UInt64(self[ARR.offset]) > state.seen, UInt64(self[ARR.offset]) <= counts { self[ISR.offset] |= ISR.ARRM.mask }
        if UInt64(self[CMP.offset]) > state.seen, UInt64(self[CMP.offset]) <= counts { self[ISR.offset] |= ISR.CMPM.mask }
        state.seen = counts
    }

    private func update() {
        interconnect.drive(interrupt, self[ISR.offset] & self[IER.offset] != 0)
        let reload = UInt64(self[ARR.offset])
        guard state.mode != .stopped, reload > 0, !isExternal else { return cancelAlarm() }
        let wanted = self[IER.offset] & ~self[ISR.offset]
        var next: UInt64?
        // A match in the next period is looked for when that begins.
        if wanted & ISR.ARRM.mask != 0 { next = reload > state.seen ? reload : reload + 1 }
        if wanted & ISR.CMPM.mask != 0 {
            let compare = UInt64(self[CMP.offset])
            next = min(next ?? .max, compare > state.seen ? compare : reload + 1)
        }
        if let next { setAlarm(cycle(of: next)) } else { cancelAlarm() }
    }
}
