// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MP1Peripherals
import Testing

@Suite struct RCCTests {
    /// What CMSIS' SystemCoreClockUpdate computes, in floating point as there.
    private func systemCoreClock(_ chip: TestSoC) -> Double {
        let hsi = 64e6 / Double(1 << (chip["RCC.HSICFGR"] & 3))
        let clock: Double
        switch chip["RCC.MSSCKSELR"] & 3 {
        case 0: clock = hsi
        case 1: clock = 24e6
        case 2: clock = 4e6
        default:
            let input = [hsi, 24e6, 4e6, 0][Int(chip["RCC.RCK3SELR"] & 3)] / Double((chip["RCC.PLL3CFGR1"] >> 16 & 0x3F) + 1)
            let fraction = chip["RCC.PLL3FRACR"] >> 16 & 1 != 0 ? Double(chip["RCC.PLL3FRACR"] >> 3 & 0x1FFF) / 0x2000 : 0
            clock = input * (Double((chip["RCC.PLL3CFGR1"] & 0x1FF) + 1) + fraction) / Double((chip["RCC.PLL3CFGR2"] & 0x7F) + 1)
        }
        return clock / Double(1 << (chip["RCC.MCUDIVR"] & 0xF))
    }

    @Test func `Firmware finds a 64 MHz clock after a boot that left the clocks alone`() {
        let chip = TestSoC()
        #expect(systemCoreClock(chip) == 64e6)
        #expect(chip["RCC.MSSCKSELR"] >> 31 == 1)
        #expect(chip["SYSCFG.BOOTR"] & 7 != 4)
    }

    @Test func `With PLL3 as the MCU clock it finds 208.9 MHz`() {
        let chip = TestSoC(SoCConfiguration(mcuClock: .pll3))
        #expect(Int(systemCoreClock(chip)) == 208_877_929)
        #expect(chip["RCC.PLL3CR"] & 2 != 0)
        #expect(chip["SYSCFG.BOOTR"] & 7 != 4)
    }

    @Test func `After TF-A timers count the core's clock, buses are halved, and UARTs and a low-power timer have clocks of their own`() {
        let chip = TestSoC(SoCConfiguration())
        for bus in 1...3 { #expect(chip["RCC.APB\(bus)DIVR"] == 1 << 31 | 1) }
        for uart in ["6", "24", "35", "78"] { #expect(chip["RCC.UART\(uart)CKSELR"] == 2) }
        #expect(chip["RCC.PLL4CFGR2"] == 0x0007_0705 && chip["RCC.PLL4CR"] == 0x73)
        // TIM2's kernel clock is twice its bus' when that is divided (RM0436, RCC).
        chip["TIM2.CR1"] = 1
        chip.host.run(to: 1000)
        #expect(chip["TIM2.CNT"] == 1000)
        // LPTIM4 counts LSE, LPTIM2 its bus.
        for timer in [2, 4] {
            chip["LPTIM\(timer).CR"] = 1
            chip["LPTIM\(timer).ARR"] = 0xFFFF
            chip["LPTIM\(timer).CR"] = 5
        }
        let second = chip.host.coreClock.hertz
        chip.host.run(to: 1000 + second / 1000)
        #expect(chip["LPTIM4.CNT"] == 32)
        #expect(chip["LPTIM2.CNT"] == UInt32(second / 2000 % 0x10000))
    }

    @Test("A low-power timer counts what RCC selects", arguments: [
        (1, 0, 104_438_965), (1, 1, 99_000_000), (1, 2, 24_573_874), (1, 3, 32_768), (1, 4, 32_000), (1, 5, 24_000_000),
        (2, 0, 104_438_965), (2, 1, 74_250_000), (2, 2, 24_000_000), (2, 3, 32_768), (2, 4, 32_000),
        (5, 0, 104_438_965), (5, 1, 99_000_000), (5, 2, 24_573_874), (5, 5, 24_000_000),
    ] as [(Int, UInt32, UInt64)])
    func lowPowerTimerClock(number: Int, selection: UInt32, hertz: UInt64) {
        let chip = TestSoC(SoCConfiguration())
        chip["RCC.LPTIM\(number == 1 ? "1" : number == 2 ? "23" : "45")CKSELR"] = selection
        chip["LPTIM\(number).CR"] = 1
        chip["LPTIM\(number).ARR"] = 0xFFFF
        chip["LPTIM\(number).CR"] = 5
        // 60,000 counts, or a second.
        let cycles = chip.host.coreClock.hertz * min(60_000, hertz) / hertz
        chip.host.run(to: cycles)
        #expect(abs(Int(chip["LPTIM\(number).CNT"]) - Int(min(60_000, hertz))) <= 1)
    }

    @Test func `Whatever firmware writes to the clock tree, low-power timers and UARTs with DMA go on`() {
        let chip = TestSoC(SoCConfiguration(isRCCSecure: false))
        var state: UInt32 = 1
        func random() -> UInt32 {
            state = state &* 1_664_525 &+ 1_013_904_223
            return state ^ state >> 16
        }
        var seen: Set<UInt32> = []
        for round in 0..<300 {
            for offset in stride(from: UInt32(0x800), to: 0x940, by: 4) { chip.soc.write(0x5000_0000 + offset, round == 0 ? .max : random(), width: 4) }
            for offset in stride(from: UInt32(0x0C0), to: 0x0D8, by: 4) { chip.soc.write(0x5000_0000 + offset, random(), width: 4) }
            for timer in 1...5 {
                chip["LPTIM\(timer).CR"] = 0
                chip["LPTIM\(timer).CFGR"] = random() & 0xE00
                chip["LPTIM\(timer).CR"] = 1
                chip["LPTIM\(timer).ARR"] = 0xFFFF
                chip["LPTIM\(timer).CR"] = 5
            }
            for uart in UART.Instance.allCases {
                let name = uart.description
                chip["\(name).CR1"] = random() & (1 << 15 | 1 << 29)
                chip["\(name).BRR"] = random()
                chip["\(name).PRESC"] = random()
                chip["\(name).CR3"] = 1 << 7
                chip["\(name).CR1"] = chip["\(name).CR1"] | 1 | 1 << 3
            }
            chip.host.run(to: chip.host.nowCycles + 100_000)
            for timer in 1...5 { seen.insert(chip["LPTIM\(timer).CNT"]) }
        }
        #expect(seen.count > 100)
    }

    @Test func `Releasing hold boot is heard once, and only from the secure world`() {
        let chip = TestSoC()
        chip["RCC.MP_GCR", by: linux] = 1
        chip["RCC.MP_GCR"] = 1
        #expect(chip.host.holdBoot.isEmpty)
        chip["RCC.MP_GCR", by: opTEE] = 1
        chip["RCC.MP_GCR", by: opTEE] = 1
        #expect(chip.soc.rcc.isHoldBootReleased)
        chip["RCC.MP_GCR", by: opTEE] = 0
        #expect(chip.host.holdBoot == [true, false])
    }

    @Test func `Without a secure RCC Linux releases hold boot and resets the M4`() {
        let chip = TestSoC(SoCConfiguration(isRCCSecure: false))
        chip["RCC.MP_GCR", by: linux] = 1
        chip["RCC.MP_GRSTCSETR", by: linux] = 2
        #expect(chip.host.holdBoot == [true])
        #expect(chip.host.resets == [.mcu])
        #expect(chip["RCC.MP_GRSTCSETR"] == 0)
    }

    @Test func `Firmware can tell a reset of its core from the first start`() {
        let chip = TestSoC()
        #expect(chip["RCC.MC_RSTSCLRR"] & (1 << 5 | 1 << 10) == 0)
        chip.soc.resetMCUDomain(cause: .watchdog)
        #expect(chip["RCC.MC_RSTSCLRR"] & 1 << 10 != 0)
        chip["RCC.MC_RSTSCLRR"] = 1 << 10 | 1 << 5
        #expect(chip["RCC.MC_RSTSCLRR"] & (1 << 5 | 1 << 10) == 0)
    }

    @Test func `Set and clear registers share their state`() {
        let chip = TestSoC()
        chip["RCC.MC_AHB3ENSETR"] = 1 << 11 | 1 << 12
        chip["RCC.MC_AHB3ENCLRR"] = 1 << 11
        #expect(chip["RCC.MC_AHB3ENSETR"] == 1 << 12)
        #expect(chip["RCC.MC_AHB3ENCLRR"] == 1 << 12)
        #expect(chip["RCC.MP_AHB3ENSETR"] == 0)
        #expect(chip.soc.rcc.isClockEnabled("IPCC") == true)
        #expect(chip.soc.rcc.isClockEnabled("HSEM") == false)
        #expect(chip.soc.rcc.isClockEnabled("RCC") == nil)
    }

    @Test func `Resetting a block through RCC resets its registers`() {
        let chip = TestSoC()
        chip["GPIOB.ODR"] = 0xFFFF
        chip["GPIOC.ODR"] = 0xFFFF
        chip["RCC.AHB4RSTSETR"] = 1 << 1
        #expect(chip["GPIOB.ODR"] == 0)
        #expect(chip["GPIOC.ODR"] == 0xFFFF)
        #expect(chip["RCC.AHB4RSTSETR"] == 2)
        chip["RCC.AHB4RSTCLRR"] = 1 << 1
        #expect(chip["RCC.AHB4RSTSETR"] == 0)
    }

    @Test func `Ready bits follow enable bits in an engineering boot`() {
        let chip = TestSoC(SoCConfiguration(bootPins: 4))
        #expect(chip["SYSCFG.BOOTR"] & 7 == 4)
        chip["RCC.OCENCLRR"] = 1 << 8
        #expect(chip["RCC.OCRDYR"] & 1 << 8 == 0)
        chip["RCC.OCENSETR"] = 1 << 8
        #expect(chip["RCC.OCRDYR"] & 1 << 8 != 0)
        for pll in ["RCC.PLL1CR", "RCC.PLL2CR", "RCC.PLL3CR", "RCC.PLL4CR"] {
            chip[pll] = 0
            #expect(chip[pll] == 0)
            chip[pll] = 1
            #expect(chip[pll] == 3)
        }
        chip["RCC.RDLSICR"] = 1
        #expect(chip["RCC.RDLSICR"] == 3)
        chip["RCC.BDCR"] = 1
        #expect(chip["RCC.BDCR"] == 5)
        chip["RCC.MSSCKSELR"] = 3
        #expect(chip["RCC.MSSCKSELR"] == 0x8000_0003)
        chip["RCC.APB1DIVR"] = 1
        #expect(chip["RCC.APB1DIVR"] == 0x8000_0001)
    }

    @Test func `A clock that becomes ready interrupts when asked to`() {
        let chip = TestSoC()
        chip["RCC.MC_CIER"] = 1
        chip["RCC.RDLSICR", by: opTEE] = 1
        #expect(chip.host.interrupts == [5])
        chip["RCC.MC_CIFR"] = 1
        #expect(chip.host.interrupts.isEmpty)
    }
}
