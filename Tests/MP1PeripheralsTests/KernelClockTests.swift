// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MP1Peripherals
import Testing

@Suite struct KernelClockTests {
    /// It goes by the AXI bus's clock and APB5DIVR, whatever APB1 is.
    @Test func usart1IsOnAPB5() {
        let chip = TestSoC()
        chip["RCC.APB1DIVR"] = 4
        chip["RCC.UART1CKSELR", by: opTEE] = 0
        #expect(chip.soc.uart(.usart1).kernelClock == 64_000_000)
        chip["RCC.APB5DIVR", by: opTEE] = 2
        #expect(chip.soc.uart(.usart1).kernelClock == 16_000_000)
        chip["RCC.UART1CKSELR", by: opTEE] = 5
        #expect(chip.soc.uart(.usart1).kernelClock == 24_000_000)
        #expect(chip.soc.uart(.usart2).kernelClock == 4_000_000)
        let booted = TestSoC(SoCConfiguration())
        booted["RCC.UART1CKSELR", by: opTEE] = 0
        #expect(booted.soc.uart(.usart1).kernelClock == 66_625_000)
    }

    /// RM0436, RCC: UART24CKSELR; what is reserved there is taken for 0.
    @Test(arguments: [(0, 64_000_000), (1, 74_250_000), (2, 64_000_000), (3, 4_000_000), (4, 24_000_000), (5, 64_000_000)] as [(UInt32, UInt64)])
    func `Each selection has its source`(_ selection: UInt32, _ hertz: UInt64) {
        let chip = TestSoC()
        // PLL4 as ST's device trees have it: Q 74.25 MHz of HSE's 24.
        chip["RCC.RCK4SELR"] = 1
        chip["RCC.PLL4CFGR1"] = 3 << 16 | 98
        chip["RCC.PLL4CFGR2"] = 7 << 16 | 7 << 8 | 5
        chip["RCC.UART24CKSELR"] = selection
        #expect(chip.soc.uart(.usart2).kernelClock == hertz)
        #expect(chip.soc.uart(.uart4).kernelClock == hertz)
        #expect(chip.soc.uart(.usart3).kernelClock == 64_000_000)
    }

    @Test func `The chip's table is of blocks that it has, each once`() {
        let chip = SoCDescription.stm32mp157
        var seen: Set<String> = []
        for row in chip.kernelClocks.rows {
            for block in row.blocks {
                #expect(chip.registers.peripheral(named: block) != nil, "\(block)")
                #expect(seen.insert(block).inserted, "\(block)")
            }
            let choices = (row.clock.selector?.mask).map { Int($0 >> UInt32($0.trailingZeroBitCount)) + 1 } ?? 1
            #expect(!row.clock.sources.isEmpty && row.clock.sources.count <= choices)
            if let selector = row.clock.selector { #expect(chip.registers.location(at: selector.address.value)?.peripheral == "RCC") }
        }
    }
}
