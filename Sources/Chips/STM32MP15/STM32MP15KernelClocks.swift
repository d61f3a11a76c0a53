// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

extension KernelClocks {
    /// Source: RM0436, RCC: kernel clock distribution, and the xxxCKSELR registers.
    static func stm32mp15(_ map: RegisterMap) -> KernelClocks {
        func selected(_ blocks: String..., by register: String, _ sources: [ClockSource]) -> Row {
            Row(blocks, KernelClock(map.bits("RCC", register, sources.count > 4 ? 7 : 3), sources))
        }
        func fixed(_ blocks: [String], _ source: ClockSource) -> Row { Row(blocks, KernelClock(nil, [source])) }
        let serial: [ClockSource] = [.pll4(.q), .hsi, .csi, .hse], audio: [ClockSource] = [.pll4(.p), .pll3(.q), .outside, .peripheral, .pll3(.r)]
        let i2c: [ClockSource] = [.pll4(.r), .hsi, .csi], timer: [ClockSource] = [.pll4(.p), .pll3(.q), .lse, .lsi, .peripheral]
        return KernelClocks([
            selected("USART1", by: "UART1CKSELR", [.bus(5), .pll3(.q), .hsi, .csi, .pll4(.q), .hse]),
            selected("USART2", "UART4", by: "UART24CKSELR", [.bus(1)] + serial), selected("USART3", "UART5", by: "UART35CKSELR", [.bus(1)] + serial),
            selected("UART7", "UART8", by: "UART78CKSELR", [.bus(1)] + serial), selected("USART6", by: "UART6CKSELR", [.bus(2)] + serial),
            selected("SPI1", by: "SPI2S1CKSELR", audio), selected("SPI2", "SPI3", by: "SPI2S23CKSELR", audio),
            selected("SPI4", "SPI5", by: "SPI45CKSELR", [.bus(2)] + serial), selected("SPI6", by: "SPI6CKSELR", [.bus(5)] + serial + [.pll3(.q)]),
            selected("I2C1", "I2C2", by: "I2C12CKSELR", [.bus(1)] + i2c), selected("I2C3", "I2C5", by: "I2C35CKSELR", [.bus(1)] + i2c),
            selected("I2C4", "I2C6", by: "I2C46CKSELR", [.bus(5), .pll3(.q), .hsi, .csi]),
            selected("LPTIM1", by: "LPTIM1CKSELR", [.bus(1)] + timer), selected("LPTIM4", "LPTIM5", by: "LPTIM45CKSELR", [.bus(3)] + timer),
            selected("LPTIM2", "LPTIM3", by: "LPTIM23CKSELR", [.bus(3), .pll4(.q), .peripheral, .lse, .lsi]),
            selected("FDCAN1", "FDCAN2", by: "FDCANCKSELR", [.hse, .pll3(.q), .pll4(.q), .pll4(.r)]),
            selected("ADC1", "ADC2", by: "ADCCKSELR", [.pll4(.r), .peripheral, .pll3(.q)]),
            selected("QUADSPI", by: "QSPICKSELR", [.axi, .pll3(.r), .pll4(.p), .peripheral]),
            selected("RNG1", by: "RNG1CKSELR", [.csi, .pll4(.r), .lse, .lsi]), selected("RNG2", by: "RNG2CKSELR", [.csi, .pll4(.r), .lse, .lsi]),
            fixed(["TIM1", "TIM8", "TIM15", "TIM16", "TIM17"], .timers(bus: 2)),
            fixed(["TIM2", "TIM3", "TIM4", "TIM5", "TIM6", "TIM7", "TIM12", "TIM13", "TIM14"], .timers(bus: 1)),
            fixed(["WWDG1"], .bus(1)),
        ])
    }
}
