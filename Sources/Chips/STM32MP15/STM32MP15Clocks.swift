// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CSTM32MP157
import MachineBase

extension BootClock {
    /// PLL3, 208.877930 MHz, with the bus dividers and kernel clocks that TF-A sets from ST's device trees for the DK and EV boards.
    public static let pll3 = BootClock(
        "pll3", hertz: 208_877_930, settings: STM32MP15Clocks.settings(STM32MP15Clocks.plls + STM32MP15Clocks.dividers + STM32MP15Clocks.kernels))
    /// HSI, 64 MHz, all dividers and selections as after a reset: a boot chain that left the clocks alone.
    public static let hsi = BootClock("hsi", hertz: STM32MP15Clocks.oscillators.hsi, settings: [])
}

/// RCC as TF-A leaves it from ST's device trees of the DK and EV boards (fdts/stm32mp15xx-dkx.dtsi: st,clksrc, st,clkdiv, st,pkcs
/// and the PLLs), by register.
enum STM32MP15Clocks {
    static let oscillators = Oscillators(lsi: 32_000, lse: 32_768, csi: 4_000_000, hse: 24_000_000, hsi: 64_000_000)

    fileprivate static let plls: [(String, UInt32)] = [
        // MPU from PLL1P, AXI from PLL2P; all PLLs from HSE, 24 MHz.
        ("MPCKSELR", 2), ("ASSCKSELR", 2), ("RCK12SELR", 1), ("RCK3SELR", 1), ("RCK4SELR", 1),
        ("PLL1CFGR1", 2 << 16 | 80), ("PLL1FRACR", 1 << 16 | 0x800 << 3), ("PLL1CR", 0x11),  // PLL1: P 650 MHz
        ("PLL2CFGR1", 2 << 16 | 65), ("PLL2CFGR2", 1), ("PLL2FRACR", 1 << 16 | 0x1400 << 3), ("PLL2CR", 0x71),  // PLL2: P 266, Q and R 533 MHz
        // PLL3: 24 MHz / 2 * (34 + 6660/8192) = 417.755859 MHz; P a half, 208.877930 MHz; Q 24.6, R 11.3 MHz.
        ("PLL3CFGR1", 1 << 24 | 1 << 16 | 33), ("PLL3CFGR2", 36 << 16 | 16 << 8 | 1), ("PLL3FRACR", 1 << 16 | 0x1A04 << 3), ("PLL3CR", 0x71),
        ("PLL4CFGR1", 3 << 16 | 98), ("PLL4CFGR2", 7 << 16 | 7 << 8 | 5), ("PLL4CR", 0x71),  // PLL4: P 99, Q and R 74.25 MHz
    ]
    fileprivate static let dividers: [(String, UInt32)] = [
        ("MSSCKSELR", 3), ("MCUDIVR", 0),  // MCU from PLL3P, undivided
        // MPU, APB1 to APB4 by 2, APB5 by 4.
        ("MPCKDIVR", 1), ("APB1DIVR", 1), ("APB2DIVR", 1), ("APB3DIVR", 1), ("APB4DIVR", 1), ("APB5DIVR", 2),
        ("RTCDIVR", 23), ("BDCR", 1 << 20 | 1 << 16 | 1), ("RDLSICR", 1),  // RTC from LSE; LSI
    ]
    fileprivate static let kernels: [(String, UInt32)] = [
        ("CPERCKSELR", 2), ("STGENCKSELR", 1),  // CKPER and STGEN: HSE
        ("SDMMC12CKSELR", 2), ("SDMMC3CKSELR", 2),  // PLL4P
        ("SPI2S1CKSELR", 1), ("SPI2S23CKSELR", 1), ("SPI45CKSELR", 2), ("SPI6CKSELR", 2),  // SPI2S1, SPI2S23: PLL3Q; SPI45, SPI6: HSI
        ("I2C12CKSELR", 2), ("I2C35CKSELR", 2), ("I2C46CKSELR", 2),  // HSI
        ("UART1CKSELR", 2), ("UART6CKSELR", 2), ("UART24CKSELR", 2), ("UART35CKSELR", 2), ("UART78CKSELR", 2),  // HSI
        ("USBCKSELR", 1 << 4), ("ADCCKSELR", 1), ("FDCANCKSELR", 3),  // USBO: PHY; ADC: CKPER; FDCAN: PLL4R
        ("SAI1CKSELR", 1), ("SAI2CKSELR", 1), ("SAI3CKSELR", 1), ("SAI4CKSELR", 1),  // PLL3Q
        ("RNG1CKSELR", 3), ("RNG2CKSELR", 3), ("LPTIM45CKSELR", 3),  // RNG1, RNG2: LSI; LPTIM45: LSE
    ]

    fileprivate static func settings(_ list: [(register: String, value: UInt32)]) -> [BootClock.Setting] {
        let map = RegisterMap(stm32mp157_registers())
        let base = map.peripheral(named: "RCC")?.base ?? 0
        return list.map { BootClock.Setting(map.bits("RCC", $0.register).address.value &- base, $0.value) }
    }
}
