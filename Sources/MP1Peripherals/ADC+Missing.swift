// What the ADC model lacks (RM0436, ADC: CR, CFGR, CFGR2, OFRy, AWDxCR, DIFSEL).
extension ADC {
    private typealias Row = MissingFeature
    private typealias Condition = MissingFeature.Condition
    private static let cr: UInt32 = 0x08, cfgr: UInt32 = 0x0C, cfgr2: UInt32 = 0x10
    private static let aden = Condition(cr, 1)

    static let missing: [MissingFeature] = [
        Row("external trigger", "EXTEN", Condition(cfgr, 3 << 10), when: Condition(cr, 1 << 2), waits: true, effect: "the conversion never starts"),
        Row("injected conversion", "JADSTART", Condition(cr, 1 << 3), waits: true, effect: "it never ends"),
        Row("automatic injected conversion", "JAUTO", Condition(cfgr, 1 << 25), when: aden, waits: true, effect: "it never starts"),
        Row("DMA requests", "DMNGT", Condition(cfgr, 3, is: [1, 3]), when: aden, waits: true, effect: "no request is made"),
        Row("data to DFSDM", "DMNGT", Condition(cfgr, 3, is: [2]), when: aden, effect: "DFSDM gets nothing"),
        Row("discontinuous mode", "DISCEN", Condition(cfgr, 1 << 16), when: aden, effect: "a start converts the whole sequence"),
        Row("continuous conversion with interrupts", "CONT", Condition(cfgr, 1 << 13), when: aden, Condition(0x04, 1 << 2 | 1 << 3),
            effect: "each read of DR finds the next conversion done: the interrupt does not end"),
        Row("analogue watchdog 1", "AWD1EN", Condition(cfgr, 1 << 23), when: aden, waits: true, effect: "it never finds a value out of its window"),
        Row("analogue watchdog 1 on injected channels", "JAWD1EN", Condition(cfgr, 1 << 24), when: aden, waits: true, effect: "it never finds a value out of its window"),
        Row("analogue watchdog 2", "AWD2CH", Condition(0xA0, 0xF_FFFF), when: aden, waits: true, effect: "it never finds a value out of its window"),
        Row("analogue watchdog 3", "AWD3CH", Condition(0xA4, 0xF_FFFF), when: aden, waits: true, effect: "it never finds a value out of its window"),
        Row("oversampling", "ROVSE", Condition(cfgr2, 1), when: aden, effect: "DR has one conversion, not a sum"),
        Row("oversampling of injected channels", "JOVSE", Condition(cfgr2, 2), when: aden, effect: "nothing is converted"),
        Row("left shift", "LSHIFT", Condition(cfgr2, 15 << 28), when: aden, effect: "DR is not shifted"),
        Row("differential inputs", "DIFSEL", Condition(0xC0, 0xF_FFFF), when: aden, effect: "the channel's own level is converted"),
    ] + (0..<4).map { number in
        Row("offset \(number + 1)", "OFFSET", Condition(0x60 + UInt32(number) * 4, 0x3FF_FFFF), when: aden, effect: "it is not subtracted")
    }
}
