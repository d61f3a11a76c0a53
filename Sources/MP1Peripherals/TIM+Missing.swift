// What the timers' model lacks (RM0436, TIM1/TIM8, TIM2 to TIM5, TIM12 to TIM17: CR1, SMCR, DIER, CCMRx, CCER, BDTR, DCR).
extension TIM {
    private typealias Row = MissingFeature
    private typealias Condition = MissingFeature.Condition
    private static let cen = Condition(Offset.cr1, 1)

    /// Of a timer with this number of channels, with (`hasBreak`) outputs that a break switches off.
    static func missing(channels: UInt32, hasBreak: Bool) -> [MissingFeature] {
        let sms: UInt32 = 1 << 16 | 7, ccer: UInt32 = 0x20, bdtr: UInt32 = 0x44
        var rows = [
            Row("centre-aligned counting", "CMS", Condition(Offset.cr1, 3 << 5), when: cen, effect: "it counts edge-aligned"),
            Row("encoder mode", "SMS", Condition(Offset.smcr, sms, is: [1, 2, 3]), when: cen, waits: true, effect: "the counter stands still"),
            Row("reset or gated slave mode", "SMS", Condition(Offset.smcr, sms, is: [4, 5]), when: cen, effect: "it counts whatever the trigger does"),
            Row("trigger slave mode", "SMS", Condition(Offset.smcr, sms, is: [6, 1 << 16]), waits: true, effect: "the trigger never starts it"),
            Row("external clock mode 1", "SMS", Condition(Offset.smcr, sms, is: [7]), when: cen, waits: true, effect: "the counter stands still"),
            Row("external clock mode 2", "ECE", Condition(Offset.smcr, 1 << 14), when: cen, waits: true, effect: "the counter stands still"),
            Row("DMA requests at an update", "UDE", Condition(Offset.dier, 1 << 8), waits: true, effect: "no request is made"),
            Row("DMA requests of channels", "CCxDE", Condition(Offset.dier, 15 << 9), waits: true, effect: "no request is made"),
            Row("DMA requests at COM", "COMDE", Condition(Offset.dier, 1 << 13), waits: true, effect: "no request is made"),
            Row("DMA requests at a trigger", "TDE", Condition(Offset.dier, 1 << 14), waits: true, effect: "no request is made"),
            Row("DMA burst", "DBL", Condition(0x48, 0x1F << 8), effect: "writes to DMAR reach no other register"),
            Row("trigger interrupt", "TIE", Condition(Offset.dier, 1 << 6), waits: true, effect: "no trigger comes"),
            Row("commutation interrupt", "COMIE", Condition(Offset.dier, 1 << 5), waits: true, effect: "no commutation event comes"),
            Row("XOR of the inputs", "TI1S", Condition(0x04, 1 << 7), waits: true, effect: "no edge comes"),
        ]
        for channel in 0..<channels {
            let mode = Offset.ccmr1 + channel / 2 * 4, shift = channel % 2 * 8, number = channel + 1
            let selection: UInt32 = 3 << shift, output: UInt32 = (1 << 16 | 7 << 4) << shift
            let on = Condition(ccer, 1 << (channel * 4)), anyOn = Condition(ccer, 5 << (channel * 4))
            rows.append(Row("capture on channel \(number)", "CC\(number)S", Condition(mode, selection), when: on, waits: true, effect: "no edge comes"))
            rows.append(
                Row("output of channel \(number)", "OC\(number)M", Condition(mode, output), when: Condition(mode, selection, is: [0]), anyOn,
                    effect: "no pin follows it"))
        }
        if hasBreak {
            rows.append(Row("break input", "BKE", Condition(bdtr, 1 << 12), effect: "no break comes"))
            rows.append(Row("break input 2", "BK2E", Condition(bdtr, 1 << 24), effect: "no break comes"))
        }
        if channels == 4, hasBreak { rows.append(Row("channels 5 and 6", "CC5E", Condition(ccer, 1 << 16 | 1 << 20), effect: "they do nothing")) }
        return rows
    }

    private static let tables = Variant.all.map { missing(channels: $0.compareChannels, hasBreak: $0.hasRepetition) }

    static func missing(of variant: Variant) -> [MissingFeature] {
        Variant.all.firstIndex { $0.name == variant.name }.map { tables[$0] } ?? []
    }
}
