// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

extension DMARequests {
    /// Inputs of DMAMUX1. Source: RM0436, DMAMUX: assignment of multiplexer inputs to resources.
    static let stm32mp15 = DMARequests([
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
    ])
}
