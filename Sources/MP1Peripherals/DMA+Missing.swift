// What the model of DMA1, DMA2 and DMAMUX1 lacks (RM0436, DMA: SxCR, SxFCR; DMAMUX: CxCR, RGxCR).
extension DMA {
    private typealias Row = MissingFeature
    private typealias Condition = MissingFeature.Condition

    static let missing: [MissingFeature] = (0..<streamCount).flatMap { stream in
        let cr = 0x10 + stream * 0x18, fcr = cr + 0x14, number = Int(stream)
        let en = Condition(cr, 1)
        // PSIZE in 12:11, MSIZE in 14:13.
        let unequal: [UInt32] = [0, 1, 2].flatMap { memory in [0, 1, 2].filter { $0 != memory }.map { memory << 13 | $0 << 11 } }
        return [
            Row("double buffer", "DBM", Condition(cr, 1 << 18), when: en, stream: number, effect: "the second buffer is never used"),
            Row("bursts of the peripheral port", "PBURST", Condition(cr, 3 << 21), when: en, stream: number, effect: "items move singly"),
            Row("bursts of the memory port", "MBURST", Condition(cr, 3 << 23), when: en, stream: number, effect: "items move singly"),
            Row("the peripheral's flow control", "PFCTRL", Condition(cr, 1 << 5), when: en, stream: number, effect: "NDTR decides the length"),
            Row("packing between sizes in the FIFO", "MSIZE", Condition(cr, 15 << 11, is: unequal), when: Condition(fcr, 1 << 2), en,
                stream: number, effect: "items have the peripheral's size on both sides"),
        ]
    }

    /// What the stream waits for in vain; nil when its request can come.
    func missingRequest(_ stream: UInt32, number: UInt32) -> UnsupportedFeature {
        let input = DMAInput.name(number)
        let block = DMAInput.block(number)
        let why: String = switch (number, block) {
        case (0, _): "no request is selected"
        case (1...8, _): "the request generators do nothing"
        case (_, nil): "nothing is connected there"
        case (_, let block?): interconnect.has(block) ? "\(block) makes no DMA requests" : "m4run has no model of \(block)"
        }
        return unsupported(
            "DMAMUX1 request \(number)" + (input.map { ", \($0)" } ?? ""), 0x10 + stream * 0x18, "EN", value: 1, stream: Int(stream), request: input,
            waits: true, why)
    }
}

/// Inputs of DMAMUX1 (RM0436, DMAMUX: assignment of multiplexer inputs to resources).
enum DMAInput {
    private static let names: [UInt32: [String]] = [
        1: ["GENERATOR0", "GENERATOR1", "GENERATOR2", "GENERATOR3", "GENERATOR4", "GENERATOR5", "GENERATOR6", "GENERATOR7"],
        9: ["ADC1", "ADC2", "TIM1_CH1", "TIM1_CH2", "TIM1_CH3", "TIM1_CH4", "TIM1_UP", "TIM1_TRIG", "TIM1_COM"],
        18: ["TIM2_CH1", "TIM2_CH2", "TIM2_CH3", "TIM2_CH4", "TIM2_UP"],
        23: ["TIM3_CH1", "TIM3_CH2", "TIM3_CH3", "TIM3_CH4", "TIM3_UP", "TIM3_TRIG"],
        29: ["TIM4_CH1", "TIM4_CH2", "TIM4_CH3", "TIM4_UP"],
        33: ["I2C1_RX", "I2C1_TX", "I2C2_RX", "I2C2_TX", "SPI1_RX", "SPI1_TX", "SPI2_RX", "SPI2_TX"],
        43: ["USART2_RX", "USART2_TX", "USART3_RX", "USART3_TX"],
        47: ["TIM8_CH1", "TIM8_CH2", "TIM8_CH3", "TIM8_CH4", "TIM8_UP", "TIM8_TRIG", "TIM8_COM"],
        55: ["TIM5_CH1", "TIM5_CH2", "TIM5_CH3", "TIM5_CH4", "TIM5_UP", "TIM5_TRIG"],
        61: ["SPI3_RX", "SPI3_TX", "UART4_RX", "UART4_TX", "UART5_RX", "UART5_TX", "DAC1_CH1", "DAC1_CH2", "TIM6_UP", "TIM7_UP"],
        71: ["USART6_RX", "USART6_TX", "I2C3_RX", "I2C3_TX", "DCMI", "CRYP2_IN", "CRYP2_OUT", "HASH2_IN"],
        79: ["UART7_RX", "UART7_TX", "UART8_RX", "UART8_TX", "SPI4_RX", "SPI4_TX", "SPI5_RX", "SPI5_TX"],
        87: ["SAI1_A", "SAI1_B", "SAI2_A", "SAI2_B", "DFSDM1_FLT4", "DFSDM1_FLT5", "SPDIFRX_DT", "SPDIFRX_CS"],
        99: ["SAI4_A", "SAI4_B", "DFSDM1_FLT0", "DFSDM1_FLT1", "DFSDM1_FLT2", "DFSDM1_FLT3"],
        105: ["TIM15_CH1", "TIM15_UP", "TIM15_TRIG", "TIM15_COM", "TIM16_CH1", "TIM16_UP", "TIM17_CH1", "TIM17_UP"],
        113: ["SAI3_A", "SAI3_B", "I2C5_RX", "I2C5_TX"],
    ]

    /// `TIM2_UP`; nil for 0 and for inputs without a source.
    static func name(_ number: UInt32) -> String? {
        for (first, list) in names where number >= first && number - first < UInt32(list.count) { return list[Int(number - first)] }
        return nil
    }

    /// The block behind it, by RM0436's name.
    static func block(_ number: UInt32) -> String? {
        name(number).flatMap { $0.split(separator: "_").first.map(String.init) }
    }
}

extension DMAMUX {
    private typealias Row = MissingFeature
    private typealias Condition = MissingFeature.Condition

    static let missing: [MissingFeature] = (0..<16).flatMap { channel in
        let cr = UInt32(channel) * 4
        return [
            Row("synchronisation of channel \(channel)", "SE", Condition(cr, 1 << 16), effect: "requests pass at once"),
            Row("events of channel \(channel)", "EGE", Condition(cr, 1 << 9), waits: true, effect: "none comes"),
        ]
    } + (0..<4).map { number in
        Row("request generator \(number)", "GE", Condition(0x100 + UInt32(number) * 4, 1 << 16), waits: true, effect: "no request is made")
    }
}
