// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MP1Peripherals
import Testing

@Suite struct TIMTests {
    /// TIM6 overflowing every 64 000 cycles (1 ms), interrupting.
    private func start(_ chip: TestSoC, control: UInt32 = 1) {
        chip["TIM6.PSC"] = 63
        chip["TIM6.ARR"] = 999
        chip["TIM6.EGR"] = 1
        chip["TIM6.SR"] = 0
        chip["TIM6.DIER"] = 1
        chip["TIM6.CR1"] = control
    }

    @Test func `The update interrupt comes to the cycle and comes again`() {
        let chip = TestSoC()
        chip.host.nowCycles = 100
        start(chip)
        chip.host.run(to: 64_099)
        #expect(chip.host.interrupts.isEmpty)
        chip.host.run(to: 64_100)
        #expect(chip.host.interrupts == [54])
        chip["TIM6.SR"] = 0
        #expect(chip.host.interrupts.isEmpty)
        chip.host.run(to: 128_099)
        #expect(chip.host.interrupts.isEmpty)
        chip.host.run(to: 128_100)
        #expect(chip.host.interrupts == [54])
    }

    @Test func `The count is exact whenever it is read`() {
        let chip = TestSoC()
        start(chip)
        for (cycle, count) in [(0, 0), (63, 0), (64, 1), (63_999, 999), (64_000, 0), (1_000_000, 625)] as [(UInt64, UInt32)] {
            chip.host.nowCycles = cycle
            #expect(chip["TIM6.CNT"] == count)
        }
        #expect(chip["TIM6.SR"] == 1)
    }

    @Test func `Stopping holds the count and starting goes on`() {
        let chip = TestSoC()
        start(chip)
        chip.host.nowCycles = 6_432
        chip["TIM6.CR1"] = 0
        chip.host.nowCycles = 1_000_000
        #expect(chip["TIM6.CNT"] == 100)
        chip["TIM6.CR1"] = 1
        chip.host.nowCycles += 31  // the prescaler was half way
        #expect(chip["TIM6.CNT"] == 100)
        chip.host.nowCycles += 1
        #expect(chip["TIM6.CNT"] == 101)
    }

    @Test func `One-pulse mode stops at the update`() {
        let chip = TestSoC()
        start(chip, control: 1 | 8)
        chip.host.run(to: 1_000_000)
        #expect(chip["TIM6.CR1"] & 1 == 0)
        #expect(chip["TIM6.CNT"] == 0)
        #expect(chip.host.interruptChanges == [54])
    }

    @Test func `A new prescaler counts from the next update and a preloaded ARR too`() {
        let chip = TestSoC()
        start(chip, control: 1 | 1 << 7)
        chip["TIM6.PSC"] = 0
        chip["TIM6.ARR"] = 99
        chip.host.nowCycles = 63_999
        #expect(chip["TIM6.CNT"] == 999)
        chip.host.nowCycles = 64_000 + 150
        #expect(chip["TIM6.CNT"] == 50)
    }

    @Test func `Without preload a new ARR counts at once`() {
        let chip = TestSoC()
        start(chip)
        chip.host.nowCycles = 64 * 50
        chip["TIM6.ARR"] = 99
        chip.host.run(to: 64 * 100 - 1)
        #expect(chip.host.interrupts.isEmpty)
        chip.host.run(to: 64 * 100)
        #expect(chip.host.interrupts == [54])
    }

    @Test func `TIM2 counts 32 bits and TIM3 sixteen`() {
        let chip = TestSoC()
        chip["TIM2.CR1"] = 1
        chip["TIM3.CR1"] = 1
        chip.host.nowCycles = 0x1_2345
        #expect(chip["TIM2.CNT"] == 0x1_2345)
        #expect(chip["TIM3.CNT"] == 0x2345)
    }

    @Test func `Compare matches interrupt on TIM1's own line`() {
        let chip = TestSoC()
        chip["TIM1.ARR"] = 999
        chip["TIM1.EGR"] = 1
        chip["TIM1.CCR1"] = 250
        chip["TIM1.CCR3"] = 500
        chip["TIM1.DIER"] = 2 | 8
        chip["TIM1.SR"] = 0
        chip["TIM1.CR1"] = 1
        chip.host.run(to: 250)
        #expect(chip.host.interrupts == [27])
        #expect(chip["TIM1.SR"] == 2)
        chip["TIM1.SR"] = ~2
        #expect(chip.host.interrupts.isEmpty)
        chip.host.run(to: 499)
        #expect(chip.host.interrupts.isEmpty)
        chip.host.run(to: 500)
        #expect(chip.host.interrupts == [27])
        chip["TIM1.SR"] = 0
        chip.host.run(to: 1_249)
        #expect(chip.host.interrupts.isEmpty)
        chip.host.run(to: 1_250)
        #expect(chip["TIM1.SR"] & 2 != 0)
    }

    @Test func `The repetition counter lets every third overflow through`() {
        let chip = TestSoC()
        chip["TIM1.ARR"] = 99
        chip["TIM1.RCR"] = 2
        chip["TIM1.EGR"] = 1
        chip["TIM1.SR"] = 0
        chip["TIM1.DIER"] = 1
        chip["TIM1.CR1"] = 1
        chip.host.run(to: 299)
        #expect(chip.host.interrupts.isEmpty)
        chip.host.run(to: 300)
        #expect(chip.host.interrupts == [25])
        chip["TIM1.SR"] = 0
        chip.host.run(to: 599)
        #expect(chip.host.interrupts.isEmpty)
        chip.host.run(to: 600)
        #expect(chip.host.interrupts == [25])
    }

    @Test func `Late looks and early looks agree`() {
        // The same program of TIM1, once looked at every 7 cycles and once only at the end.
        func flags(step: UInt64) -> (UInt32, UInt32) {
            let chip = TestSoC()
            chip["TIM1.PSC"] = 2
            chip["TIM1.ARR"] = 40
            chip["TIM1.RCR"] = 1
            chip["TIM1.CCR2"] = 17
            chip["TIM1.EGR"] = 1
            chip["TIM1.SR"] = 0
            chip["TIM1.CR1"] = 1
            while chip.host.nowCycles + step <= 12_345 {
                chip.host.nowCycles += step
                _ = chip["TIM1.CNT"]
            }
            chip.host.nowCycles = 12_345
            return (chip["TIM1.CNT"], chip["TIM1.SR"])
        }
        #expect(flags(step: 7) == flags(step: 12_345))
        #expect(flags(step: 1).0 == 12_345 / 3 % 41)
    }

    @Test func `A divided bus halves nothing until the timers' own prescaler says so`() {
        let chip = TestSoC()
        chip["RCC.APB1DIVR"] = 2  // pclk1 = 16 MHz, timers 32 MHz
        chip["TIM2.CR1"] = 1
        chip.host.nowCycles = 1000
        #expect(chip["TIM2.CNT"] == 500)
        let fast = TestSoC()
        fast["RCC.APB1DIVR"] = 2
        fast["RCC.TIMG1PRER"] = 1
        fast["TIM2.CR1"] = 1
        fast.host.nowCycles = 1000
        #expect(fast["TIM2.CNT"] == 1000)
    }
}

@Suite struct WWDGTests {
    @Test func `Unrefreshed it resets the M4 and tells Linux's line`() {
        let chip = TestSoC()
        chip["EXTI.RTSR3", by: linux] = 1 << 4
        chip["EXTI.C1IMR3", by: linux] = 1 << 4
        chip["WWDG1.CR"] = 0xFF
        let deadline: UInt64 = 4096 * 64
        chip.host.run(to: deadline - 1)
        #expect(chip.host.watchdogResets == 0)
        chip.host.run(to: deadline)
        #expect(chip.host.watchdogResets == 1)
        #expect(chip.host.applicationInterrupts == [.exti(68)])
        chip.soc.resetMCUDomain(cause: .watchdog)
        #expect(chip["RCC.MC_RSTSCLRR"] & 1 << 10 != 0)
        #expect(chip["WWDG1.CR"] == 0x7F)
        chip.host.run(to: deadline * 5)
        #expect(chip.host.watchdogResets == 1)
    }

    @Test func `Refreshed within the window it does nothing; too early it resets`() {
        let chip = TestSoC()
        chip["WWDG1.CFR"] = 0x5F
        chip["WWDG1.CR"] = 0xFF
        for _ in 0..<5 {
            chip.host.run(to: chip.host.nowCycles + 4096 * 40)
            #expect(chip["WWDG1.CR"] == 0xD7)
            chip["WWDG1.CR"] = 0x7F
        }
        #expect(chip.host.watchdogResets == 0)
        chip.host.run(to: chip.host.nowCycles + 4096 * 10)
        chip["WWDG1.CR"] = 0x7F
        #expect(chip.host.watchdogResets == 1)
    }

    @Test func `The early wake-up comes one step before the reset`() {
        let chip = TestSoC()
        chip["WWDG1.CFR"] = 0x7F | 1 << 9 | 1 << 11
        chip["WWDG1.CR"] = 0xC8
        chip.host.run(to: 8192 * 8 - 1)
        #expect(chip.host.interrupts.isEmpty)
        chip.host.run(to: 8192 * 8)
        #expect(chip.host.interrupts == [0])
        chip["WWDG1.SR"] = 0
        #expect(chip.host.interrupts.isEmpty)
        chip.host.run(to: 8192 * 9)
        #expect(chip.host.watchdogResets == 1)
    }

    @Test func `Not started it never expires`() {
        let chip = TestSoC()
        chip["WWDG1.CR"] = 0x41
        chip.host.run(to: 1 << 40)
        #expect(chip.host.watchdogResets == 0)
        #expect(chip["WWDG1.CR"] == 0x41)
    }
}

@Suite struct LPTIMTests {
    @Test func `Flags follow what firmware writes`() {
        let chip = TestSoC()
        chip["LPTIM1.CR"] = 1
        chip["LPTIM1.ARR"] = 0xFFFF
        #expect(chip["LPTIM1.ISR"] == 16)
        chip["LPTIM1.ICR"] = 16
        chip["LPTIM1.CMP"] = 100
        #expect(chip["LPTIM1.ISR"] == 8)
    }

    @Test func `Autoreload interrupts once a period, from the 32 kHz clock without drift`() {
        let chip = TestSoC()
        chip["RCC.LPTIM23CKSELR"] = 3  // LSE
        chip["LPTIM2.IER"] = 2
        chip["LPTIM2.CR"] = 1
        chip["LPTIM2.ARR"] = 32_767
        chip["LPTIM2.CR"] = 1 | 4
        var seconds: [UInt64] = []
        for second in 1...3 as ClosedRange<UInt64> {
            while chip.host.interrupts.isEmpty, chip.host.nowCycles < 64_000_000 * second + 100 {
                chip.host.run(to: min(chip.host.eventQueue.next, 64_000_000 * second + 100))
            }
            seconds.append(chip.host.nowCycles)
            chip["LPTIM2.ICR"] = 2
        }
        // The match is at count 32 767, the last before each whole second.
        #expect(seconds == [63_998_047, 127_998_047, 191_998_047])
        #expect(chip.host.interruptChanges.allSatisfy { $0 == 138 })
    }

    @Test func `A single shot stops after its period`() {
        let chip = TestSoC()
        chip["LPTIM3.CR"] = 1
        chip["LPTIM3.ARR"] = 9
        chip["LPTIM3.CMP"] = 4
        chip["LPTIM3.CR"] = 1 | 2
        chip.host.nowCycles = 5
        #expect(chip["LPTIM3.CNT"] == 5)
        #expect(chip["LPTIM3.ISR"] & 3 == 1)
        chip.host.nowCycles = 50
        #expect(chip["LPTIM3.ISR"] & 3 == 3)
        #expect(chip["LPTIM3.CNT"] == 0)
    }

    @Test func `With an external clock it counts edges at its pin, not time`() {
        let chip = TestSoC()
        let pin = chip.soc.gpio(.d)
        func pulse() { for level in [true, false] { pin.setInput(12, level: level) } }
        chip["GPIOD.MODER"] = 2 << 24
        chip["GPIOD.AFRH"] = 1 << 16
        chip["LPTIM1.CFGR"] = 1 << 23
        chip["LPTIM1.IER"] = 2
        chip["LPTIM1.CR"] = 1
        chip["LPTIM1.ARR"] = 3
        chip["LPTIM1.CR"] = 1 | 4
        chip.host.run(to: 1_000_000)
        #expect(chip["LPTIM1.CNT"] == 0)
        pulse()
        pulse()
        #expect(chip["LPTIM1.CNT"] == 2)
        #expect(chip.host.interrupts.isEmpty)
        pulse()
        #expect(chip.host.interrupts == [93])
        pulse()
        #expect(chip["LPTIM1.CNT"] == 0)
        // The same pin with another function, or as an input, is none of the timer's.
        chip["GPIOD.AFRH"] = 3 << 16
        pulse()
        chip["GPIOD.AFRH"] = 1 << 16
        chip["GPIOD.MODER"] = 0
        pulse()
        #expect(chip["LPTIM1.CNT"] == 0)
    }

    @Test func `The polarity says which edges count, and either pin will do`() {
        for (polarity, counted) in [(0 as UInt32, 2 as UInt32), (1, 3), (2, 5)] {
            let chip = TestSoC()
            chip["GPIOG.MODER"] = 2 << 24
            chip["GPIOG.AFRH"] = 1 << 16
            chip["LPTIM1.CFGR"] = 1 << 23 | polarity << 1
            chip["LPTIM1.CR"] = 1
            chip["LPTIM1.ARR"] = 9
            chip["GPIOG.PUPDR"] = 1 << 24
            chip["LPTIM1.CR"] = 1 | 4
            for level in [false, true, false, true, false] { chip.soc.gpio(.g).setInput(12, level: level) }
            #expect(chip["LPTIM1.CNT"] == counted)
        }
    }
}
