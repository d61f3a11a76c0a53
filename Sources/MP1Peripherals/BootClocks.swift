/// RCC as TF-A leaves it from ST's device trees of the DK and EV boards (fdts/stm32mp15xx-dkx.dtsi: st,clksrc, st,clkdiv, st,pkcs
/// and the PLLs), by offset.
enum BootClocks {
    private static let plls: [(UInt32, UInt32)] = [
        (0x020, 2), (0x024, 2), (0x028, 1), (0x820, 1), (0x824, 1),  // MPU from PLL1P, AXI from PLL2P; all PLLs from HSE, 24 MHz
        (0x084, 2 << 16 | 80), (0x08C, 1 << 16 | 0x800 << 3), (0x080, 0x11),  // PLL1: P 650 MHz
        (0x098, 2 << 16 | 65), (0x09C, 1), (0x0A0, 1 << 16 | 0x1400 << 3), (0x094, 0x71),  // PLL2: P 266, Q and R 533 MHz
        // PLL3: 24 MHz / 2 * (34 + 6660/8192) = 417.755859 MHz; P a half, 208.877930 MHz; Q 24.6, R 11.3 MHz.
        (0x884, 1 << 24 | 1 << 16 | 33), (0x888, 36 << 16 | 16 << 8 | 1), (0x88C, 1 << 16 | 0x1A04 << 3), (0x880, 0x71),
        (0x898, 3 << 16 | 98), (0x89C, 7 << 16 | 7 << 8 | 5), (0x894, 0x71),  // PLL4: P 99, Q and R 74.25 MHz
    ]
    private static let dividers: [(UInt32, UInt32)] = [
        (0x048, 3), (0x830, 0),  // MCU from PLL3P, undivided
        (0x02C, 1), (0x834, 1), (0x838, 1), (0x83C, 1), (0x03C, 1), (0x040, 2),  // MPU, APB1 to APB4 by 2, APB5 by 4
        (0x044, 23), (0x140, 1 << 20 | 1 << 16 | 1), (0x144, 1),  // RTC from LSE; LSI
    ]
    private static let kernels: [(UInt32, UInt32)] = [
        (0x0D0, 2), (0x0D4, 1),  // CKPER and STGEN: HSE
        (0x8F4, 2), (0x8F8, 2),  // SDMMC12, SDMMC3: PLL4P
        (0x8D8, 1), (0x8DC, 1), (0x8E0, 2), (0x0C4, 2),  // SPI2S1, SPI2S23: PLL3Q; SPI45, SPI6: HSI
        (0x8C0, 2), (0x8C4, 2), (0x0C0, 2),  // I2C12, I2C35, I2C46: HSI
        (0x0C8, 2), (0x8E4, 2), (0x8E8, 2), (0x8EC, 2), (0x8F0, 2),  // UARTs: HSI
        (0x91C, 1 << 4), (0x928, 1), (0x90C, 3),  // USBO: PHY; ADC: CKPER; FDCAN: PLL4R
        (0x8C8, 1), (0x8CC, 1), (0x8D0, 1), (0x8D4, 1),  // SAI1 to SAI4: PLL3Q
        (0x0CC, 3), (0x920, 3), (0x92C, 3),  // RNG1, RNG2: LSI; LPTIM45: LSE
    ]

    static func forEach(_ body: (_ offset: UInt32, _ value: UInt32) -> Void) {
        for list in [plls, dividers, kernels] { for (offset, value) in list { body(offset, value) } }
    }
}
