// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Analogue-to-digital converters ADC1 and ADC2 (RM0436, ADC): calibration, enabling, and regular conversions started by
/// software. A conversion takes no time; the next of a sequence is made when firmware reads the one before.
///
/// Injected and triggered conversions, watchdogs, oversampling and DMA are not modelled.
public final class ADC: RegisterBlock {
    public enum Instance: Int, CaseIterable, Sendable { case adc1, adc2 }

    public let instance: Instance
    private let interrupt: Int

    struct State: BlockState {
        /// Sixteen-bit values at channels 0 to 19, full scale 65535.
        var inputs = [UInt16](repeating: 0, count: 20)
        /// The rank of the sequence that is converted next, from 0.
        var rank: UInt32 = 0
    }
    private var state = State()
    override var ownState: any BlockState { get { state } set { state = newValue as? State ?? state } }

    init(_ instance: Instance, on interconnect: Interconnect) {
        self.instance = instance
        let name = instance == .adc1 ? "ADC1" : "ADC2"
        interrupt = interconnect.chip.registers.line(name)
        super.init(index: Self.index(name, on: interconnect), on: interconnect)
    }

    override var map: BlockMap { Self.map }
    private static let map: BlockMap = {
        typealias Row = MissingFeature
        let on = Row.Condition(CR.ADEN)
        let isRegular: [UInt32] = [1, 3], isFilter: [UInt32] = [2]
        return BlockMap(
            onRead: [ISR.self, DR.self],
            onWrite: [ISR.self, IER.self, CR.self],
            acting: [
                ISR.all, IER.all, CR.ADEN, CR.ADDIS, CR.ADSTART, CR.ADSTP, CR.JADSTP, CR.LINCALRDYWx, CR.ADVREGEN, CR.ADCAL, CFGR.RES, CFGR.CONT,
                SQR1.all, SQR2.all, SQR3.all, SQR4.all, DR.all,
            ],
            holding: [
                // Calibrated, powered and sampled well all the same. Data is never overrun: it waits until it is read, as with AUTDLY.
                CR.BOOST, CR.ADCALLIN, CR.DEEPPWD, CR.ADCALDIF, CFGR.OVRMOD, CFGR.AUTDLY, SMPR1.all, SMPR2.all, PCSEL.all, CALFACT.all, CALFACT2.all,
                OR.all,
                // Of triggers, of discontinuous and injected conversions, of watchdogs, of oversampling, of offsets.
                CFGR.EXTSEL, CFGR.DISCNUM, CFGR.JDISCEN, CFGR.JQM, CFGR.JQDIS, JSQR.all, JDRx.all, CFGR.AWD1SGL, CFGR.AWD1CH, LTR1.all, HTR1.all,
                LTR2.all, HTR2.all, LTR3.all, HTR3.all, CFGR2.OVSS, CFGR2.TROVS, CFGR2.ROVSM, CFGR2.OSVR, CFGR2.RSHIFTx,
                OFRx.each(OFRx.OFFSET_CH, OFRx.SSATE),
            ],
            missing: [
                Row("external trigger", CFGR.EXTEN, when: .init(CR.ADSTART), waits: true, effect: "the conversion never starts"),
                Row("injected conversion", CR.JADSTART, waits: true, effect: "it never ends"),
                Row("automatic injected conversion", CFGR.JAUTO, when: on, waits: true, effect: "it never starts"),
                Row("DMA requests", CFGR.DMNGT, is: isRegular, when: on, waits: true, effect: "no request is made"),
                Row("data to DFSDM", CFGR.DMNGT, is: isFilter, when: on, effect: "DFSDM gets nothing"),
                Row("discontinuous mode", CFGR.DISCEN, when: on, effect: "a start converts the whole sequence"),
                Row("continuous conversion with interrupts", CFGR.CONT, when: on, .init(IER.EOCIE, IER.EOSIE),
                    effect: "each read of DR finds the next conversion done: the interrupt does not end"),
                Row("analogue watchdog 1", CFGR.AWD1EN, when: on, waits: true, effect: "it never finds a value out of its window"),
                Row("analogue watchdog 1 on injected channels", CFGR.JAWD1EN, when: on, waits: true, effect: "it never finds a value out of its window"),
                Row("analogue watchdog 2", AWD2CR.AWD2CH, when: on, waits: true, effect: "it never finds a value out of its window"),
                Row("analogue watchdog 3", AWD3CR.AWD3CH, when: on, waits: true, effect: "it never finds a value out of its window"),
                Row("oversampling", CFGR2.ROVSE, when: on, effect: "DR has one conversion, not a sum"),
                Row("oversampling of injected channels", CFGR2.JOVSE, when: on, effect: "nothing is converted"),
                Row("left shift", CFGR2.LSHIFT, when: on, effect: "DR is not shifted"),
                Row("differential inputs", DIFSEL.DIFSEL, when: on, effect: "the channel's own level is converted"),
            ] + (1...4).map { number in
                Row("offset \(number)", OFRx.OFFSET.at(OFRx.offset(number)), when: on, effect: "it is not subtracted")
            })
    }()

    /// What channel `channel` (0-19) measures, as a fraction of full scale in 16 bits.
    public func setInput(_ channel: Int, _ value: UInt16) {
        if state.inputs.indices.contains(channel) { state.inputs[channel] = value }
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case ISR.offset:
            return self[offset] | (has(CR.ADVREGEN) ? ISR.LDORDY.mask : 0)
        case DR.offset:
            let value = self[offset]
            if has(ISR.EOC) {
                self[ISR.EOC] = 0
                if has(CR.ADSTART) { convert() }
                update()
            }
            return value
        default:
            return readStored(offset, by: initiator)
        }
    }

    override func peek(_ offset: UInt32) -> UInt32 { offset == DR.offset ? self[offset] : read(offset, by: .cortexM4) }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case ISR.offset: self[offset] &= ~value
        case CR.offset: control(value, lanes: lanes)
        default: writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        state.rank = 0
        if isTouched { update() }
    }

    private func control(_ value: UInt32, lanes: UInt32) {
        let old = self[CR.offset]
        // Start, stop, enable and disable bits are set by software and cleared by hardware; the others are as written.
        let starts = CR.ADEN.mask | CR.ADSTART.mask | CR.JADSTART.mask
        let commands = starts | CR.ADDIS.mask | CR.ADSTP.mask | CR.JADSTP.mask
        var control = old & commands | (old & ~lanes | value) & ~commands
        if value.has(CR.ADCAL) { control = control & ~CR.ADCAL.mask | CR.LINCALRDYWx.mask }
        control |= value & starts
        if value.has(CR.ADDIS) { control &= ~starts }
        if value.has(CR.ADSTP) { control[CR.ADSTART] = 0 }
        if value.has(CR.JADSTP) { control[CR.JADSTART] = 0 }
        self[CR.offset] = control
        if (control & ~old).has(CR.ADEN) { self[ISR.ADRDY] = 1 }
        if !control.has(CR.ADEN) { self[ISR.ADRDY] = 0 }
        // Software starts where EXTEN is 0.
        if (control & ~old).has(CR.ADSTART), !has(CFGR.EXTEN) {
            state.rank = 0
            convert()
        }
    }

    /// Converts the channel of the present rank.
    private func convert() {
        let length = self[SQR1.L]
        let position = state.rank + 1  // SQR1 holds ranks 1-4 from bit 6, SQR2 to SQR4 five each from bit 0
        let register = SQR1.offset + position / 5 * 4
        let channel = Int(self[register] >> (position % 5 * 6) & 0x1F)
        // 16, 14, 12, 10 and 8 bits.
        let resolution: UInt32 = switch self[CFGR.RES] { case 0: 0; case 1, 5: 2; case 2, 6: 4; case 3: 6; default: 8 }
        self[DR.offset] = UInt32(state.inputs.indices.contains(channel) ? state.inputs[channel] : 0) >> resolution
        self[ISR.offset] |= ISR.EOSMP.mask | ISR.EOC.mask
        if state.rank >= length {
            state.rank = 0
            self[ISR.EOS] = 1
            if !has(CFGR.CONT) { self[CR.ADSTART] = 0 }
        } else {
            state.rank += 1
        }
    }

    private func update() {
        interconnect.drive(interrupt, self[ISR.offset] & self[IER.offset] != 0)
    }
}
