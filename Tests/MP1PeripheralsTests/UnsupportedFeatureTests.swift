// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MP1Peripherals
import Testing

/// What the blocks' models lack is told when firmware switches it on, and not before.
@Suite struct UnsupportedFeatureTests {
    /// Writes, in order; what the last of them switches on.
    struct Case: Sendable, CustomTestStringConvertible {
        let writes: [(String, UInt32)]
        let place: String, feature: String, source: String
        init(_ place: String, _ feature: String, by source: String, _ writes: (String, UInt32)...) {
            self.writes = writes; self.place = place; self.feature = feature; self.source = source
        }
        var testDescription: String { "\(place), \(feature)" }
    }

    static let cases = [
        Case("ADC2", "external trigger", by: "CFGR.EXTEN = 1", ("ADC2.CFGR", 1 << 10 | 11 << 5), ("ADC2.CR", 1), ("ADC2.CR", 4)),
        Case("ADC1", "injected conversion", by: "CR.JADSTART = 1", ("ADC1.CR", 1), ("ADC1.CR", 8)),
        Case("ADC2", "DMA requests", by: "CFGR.DMNGT = 3", ("ADC2.CFGR", 3), ("ADC2.CR", 1)),
        Case("ADC2", "discontinuous mode", by: "CFGR.DISCEN = 1", ("ADC2.CFGR", 1 << 16), ("ADC2.CR", 1)),
        Case("ADC2", "analogue watchdog 1", by: "CFGR.AWD1EN = 1", ("ADC2.CFGR", 1 << 23), ("ADC2.CR", 1)),
        Case("ADC2", "analogue watchdog 3", by: "AWD3CR.AWD3CH = 2", ("ADC2.AWD3CR", 2), ("ADC2.CR", 1)),
        Case("ADC2", "oversampling", by: "CFGR2.ROVSE = 1", ("ADC2.CFGR2", 1), ("ADC2.CR", 1)),
        Case("ADC2", "continuous conversion with interrupts", by: "CFGR.CONT = 1", ("ADC2.CFGR", 1 << 13), ("ADC2.IER", 4), ("ADC2.CR", 1)),
        Case("TIM2", "DMA requests at an update", by: "DIER.UDE = 1", ("TIM2.DIER", 1 << 8)),
        Case("TIM1", "DMA burst", by: "DCR.DBL = 2", ("TIM1.DCR", 2 << 8 | 11)),
        Case("TIM3", "encoder mode", by: "SMCR.SMS = 3", ("TIM3.SMCR", 3), ("TIM3.CR1", 1)),
        Case("TIM3", "reset or gated slave mode", by: "SMCR.SMS = 5", ("TIM3.SMCR", 5 | 1 << 4), ("TIM3.CR1", 1)),
        Case("TIM3", "trigger slave mode", by: "SMCR.SMS = 6", ("TIM3.SMCR", 6)),
        Case("TIM4", "external clock mode 2", by: "SMCR.ECE = 1", ("TIM4.SMCR", 1 << 14), ("TIM4.CR1", 1)),
        Case("TIM5", "centre-aligned counting", by: "CR1.CMS = 1", ("TIM5.CR1", 1 << 5 | 1)),
        Case("TIM12", "capture on channel 2", by: "CCMR1.CC2S = 1", ("TIM12.CCMR1", 1 << 8), ("TIM12.CCER", 1 << 4)),
        Case("TIM8", "output of channel 3", by: "CCMR2.OC3M = 6", ("TIM8.CCMR2", 6 << 4), ("TIM8.CCER", 1 << 10)),
        Case("TIM2", "trigger output", by: "CR2.MMS = 2", ("TIM2.CR2", 2 << 4), ("TIM2.CR1", 1)),
        Case("TIM3", "preload of channel 1's compare value", by: "CCMR1.OC1PE = 1", ("TIM3.CCMR1", 1 << 3), ("TIM3.DIER", 2), ("TIM3.CR1", 1)),
        Case("TIM16", "output of channel 1", by: "CCMR1.OC1M = 6", ("TIM16.CCMR1", 6 << 4), ("TIM16.CCER", 1)),
        Case("TIM1", "access through DMAR", by: "DMAR.DMAB = 5", ("TIM1.DMAR", 5)),
        Case("TIM8", "lock of the outputs", by: "BDTR.LOCK = 1", ("TIM8.BDTR", 1 << 8)),
        Case("TIM15", "break input", by: "BDTR.BKE = 1", ("TIM15.BDTR", 1 << 12)),
        Case("LPTIM1", "external trigger", by: "CFGR.TRIGEN = 1", ("LPTIM1.CFGR", 1 << 17), ("LPTIM1.CR", 1)),
        Case("LPTIM4", "external clock", by: "CFGR.CKSEL = 1", ("LPTIM4.CFGR", 1), ("LPTIM4.CR", 1)),
        Case("LPTIM1", "external trigger's interrupt", by: "IER.EXTTRIGIE = 1", ("LPTIM1.IER", 1 << 2)),
        Case("LPTIM3", "another source of Input1", by: "CFGR2.IN1SEL = 1", ("LPTIM3.CFGR2", 1)),
        Case("LPTIM2", "encoder mode", by: "CFGR.ENC = 1", ("LPTIM2.CFGR", 1 << 24), ("LPTIM2.CR", 1)),
        Case("USART3", "half duplex", by: "CR3.HDSEL = 1", ("USART3.CR3", 1 << 3), ("USART3.CR1", 1)),
        Case("UART4", "LIN mode", by: "CR2.LINEN = 1", ("UART4.CR2", 1 << 14), ("UART4.CR1", 1)),
        Case("UART7", "wake-up from Stop", by: "CR1.UESM = 1", ("UART7.CR1", 3)),
        Case("USART3", "interrupt of CTS", by: "CR3.CTSIE = 1", ("USART3.CR3", 1 << 10), ("USART3.CR1", 1)),
        Case("SPI2", "NSS between frames", by: "CFG2.SSOM = 1", ("SPI2.CFG2", 3 << 29 | 1 << 22), ("SPI2.CR1", 1)),
        Case("SPI2", "mode fault by SSI", by: "CR1.SSI = 0", ("SPI2.CFG2", 1 << 26 | 1 << 22), ("SPI2.CR1", 1)),
        Case("SPI5", "lock of the I/O configuration", by: "CR1.IOLOCK = 1", ("SPI5.CR1", 1 << 16 | 1 << 12)),
        Case("USART6", "automatic baud rate", by: "CR2.ABREN = 1", ("USART6.CR1", 1), ("USART6.CR2", 1 << 20)),
        Case("DMA1 stream 4", "double buffer", by: "S4CR.DBM = 1", ("DMA1.S4CR", 1 << 18 | 2 << 6 | 1)),
        Case("DMA2 stream 0", "bursts of the memory port", by: "S0CR.MBURST = 1", ("DMA2.S0CR", 1 << 23 | 2 << 6 | 1)),
        Case("DMA2 stream 7", "packing between sizes in the FIFO", by: "S7CR.MSIZE = 2", ("DMA2.S7FCR", 4), ("DMA2.S7CR", 2 << 13 | 2 << 6 | 1)),
        Case("DMA2 stream 3", "increment of the peripheral's address by four", by: "S3CR.PINCOS = 1", ("DMA2.S3CR", 1 << 15 | 1 << 9 | 2 << 6 | 1)),
        Case("DMA2 stream 2", "DMAMUX1 request 22, TIM2_UP", by: "S2CR.EN = 1", ("DMAMUX1.C10CR", 22), ("DMA2.S2CR", 1 << 6 | 1)),
        Case("DMA1 stream 0", "DMAMUX1 request 34, I2C1_TX", by: "S0CR.EN = 1", ("DMAMUX1.C0CR", 34), ("DMA1.S0CR", 1 << 6 | 1)),
        Case("DMAMUX1", "synchronisation of channel 3", by: "C3CR.SE = 1", ("DMAMUX1.C3CR", 1 << 16 | 43)),
        Case("DMAMUX1", "request generator 1", by: "RG1CR.GE = 1", ("DMAMUX1.RG1CR", 1 << 16)),
        Case("DMAMUX1", "request generator 7", by: "RG7CR.GE = 1", ("DMAMUX1.RG7CR", 1 << 16)),
        Case("GPIOB", "configuration lock", by: "LCKR.LCKK = 1", ("GPIOB.LCKR", 1 << 16 | 3)),
        Case("EXTI", "a level from outside at PA14, line 14", by: "C2IMR1.IM14 = 1", ("EXTI.FTSR1", 1 << 14), ("EXTI.C2IMR1", 1 << 14)),
        Case("EXTI", "an event of the Cortex-A7s' SEV, line 66", by: "C2EMR3.EM66 = 1", ("EXTI.C2EMR3", 1 << 2)),
        Case("PWR", "voltage detector", by: "CR1.PVDEN = 1", ("PWR.CR1", 1 << 4)),
        Case("RCC", "another clock of the M4, 24000000 Hz", by: "MSSCKSELR.MCUSSRC = 1", ("RCC.MSSCKSELR", 1)),
        Case("RCC", "reset of the backup domain", by: "BDCR.VSWRST = 1", ("RCC.BDCR", 1 << 31)),
        Case("RCC", "clock output 1", by: "MCO1CFGR.MCO1ON = 1", ("RCC.MCO1CFGR", 1 << 12)),
    ]

    @Test("PLL3 that is set up again with what it had is no other clock, nor is one that is off; another multiplier is, once it is on")
    func samePLL() {
        let chip = TestSoC(SoCConfiguration(mcuClock: .pll3))
        let control = chip["RCC.PLL3CR"], first = chip["RCC.PLL3CFGR1"], second = chip["RCC.PLL3CFGR2"], fraction = chip["RCC.PLL3FRACR"]
        // As HAL_RCC_OscConfig does: off, all registers anew, the fraction without its latch first, on.
        func setUp(_ first: UInt32) {
            chip["RCC.PLL3CR"] = 0
            chip["RCC.PLL3CFGR1"] = 0
            chip["RCC.PLL3CFGR1"] = first
            chip["RCC.PLL3CFGR2"] = second
            chip["RCC.PLL3FRACR"] = 0
            chip["RCC.PLL3FRACR"] = fraction & ~(1 << 16)
            chip["RCC.PLL3FRACR"] = fraction
            #expect(chip.host.features.isEmpty)
            chip["RCC.PLL3CR"] = control
        }
        setUp(first)
        #expect(chip.host.features.isEmpty && chip.soc.unsupportedFeaturesOn.isEmpty)
        setUp(first - 4)
        #expect(chip.host.features.map(\.field) == ["PLL3"])
        #expect(chip.soc.unsupportedFeaturesOn.map(\.peripheral) == ["RCC"])
    }

    @Test(arguments: cases) func isToldOnceWithRegisterAndField(of row: Case) throws {
        let chip = TestSoC()
        for (register, value) in row.writes.dropLast() { chip[register] = value }
        #expect(chip.host.features.isEmpty, "told before it is on")
        chip.host.nowCycles = 1234
        let last = try #require(row.writes.last)
        chip[last.0] = last.1
        let told = try #require(chip.host.features.first)
        #expect(chip.host.features.count == 1)
        #expect(told.place == row.place)
        #expect(told.feature == row.feature)
        #expect("\(told.register).\(told.field) = \(told.value)" == row.source)
        #expect(told.cycle == 1234)
        #expect(SoCDescription.stm32mp157.registers.location(at: told.address)?.description == "\(told.peripheral).\(told.register)")
        #expect(chip.host.reports.isEmpty)
        #expect(chip.soc.unsupportedFeaturesOn.contains { $0.feature == row.feature })
        // On again after a reset: known.
        chip.soc.reset()
        #expect(chip.soc.unsupportedFeaturesOn.isEmpty)
        for (register, value) in row.writes { chip[register] = value }
        #expect(chip.host.features.count == 1)
    }

    @Test func whatAWriteAsksForIsToldOnce() {
        let chip = TestSoC()
        chip["UART4.RQR"] = 1 << 3
        #expect(chip.host.features.isEmpty)
        chip["UART4.RQR"] = 1 << 1
        chip["UART4.RQR"] = 1 << 1
        chip["RCC.MP_GRSTCSETR"] = 1 << 5
        #expect(chip.host.features.map(\.description) == [
            "UART4: break (RQR.SBKRQ = 1 at 0x40010018) is not modelled: none is sent",
            "RCC: reset of a Cortex-A7 (MP_GRSTCSETR.MPUP1RST = 1 at 0x50000404) is not modelled: Linux goes on",
        ])
        // It is over once it is asked for.
        #expect(chip.soc.unsupportedFeaturesOn.isEmpty)
    }

    @Test func whatOnlyTheSecureWorldCanAskForIsToldThen() {
        let chip = TestSoC()
        for who in [.cortexM4, linux, opTEE] {
            #expect(chip.host.features.isEmpty)
            chip["EXTI.TZENR1", by: who] = 1
            chip["TAMP.SMCR", by: who] = 8
            chip["GPIOZ.SECCFGR", by: who] = 3
        }
        #expect(chip.host.features.map(\.feature) == ["secure lines", "protection of backup registers", "secure pins"])
        #expect(chip.host.features.map(\.value) == [1, 8, 3])
    }

    @Test func aWordWithoutARegisterIsReservedInAModelledBlockToo() {
        let chip = TestSoC()
        chip["TIM6.CR1"] = 0
        #expect(chip["TIM6.CCER"] == 0 && chip.host.reports.isEmpty)
        // TIM6 has no slave modes.
        chip.soc.write(chip.address("TIM6.CR1") + 8, 7, width: 4)
        #expect(chip.soc.read(chip.address("TIM6.CR1") + 8, width: 4) == 0)
        #expect(chip.host.reports.map(\.kind) == [.reservedWord])
        #expect(chip.host.features.isEmpty)
    }

    @Test func aStreamIsToldWhoseRequestItIsAndWhyItNeverComes() {
        let chip = TestSoC()
        chip["DMAMUX1.C10CR"] = 22
        chip["DMA2.S2CR"] = 1 << 6 | 1
        chip["DMAMUX1.C1CR"] = 115
        chip["DMA1.S1CR"] = 1
        #expect(chip.host.features.map(\.request) == ["TIM2_UP", "I2C5_RX"])
        #expect(chip.host.features.map(\.effect) == ["TIM2 makes no DMA requests", "m4run has no model of I2C5"])
        #expect(chip.host.features.map(\.description) == [
            "DMA2 stream 2: DMAMUX1 request 22, TIM2_UP (S2CR.EN = 1 at 0x48001040) is not modelled: TIM2 makes no DMA requests",
            "DMA1 stream 1: DMAMUX1 request 115, I2C5_RX (S1CR.EN = 1 at 0x48000028) is not modelled: m4run has no model of I2C5",
        ])
    }

    /// What is modelled, used as drivers use it.
    static let modelled: [[(String, UInt32)]] = [
        [("ADC1.CFGR", 1 << 13), ("ADC1.CR", 1), ("ADC1.CR", 4)],
        [("TIM2.PSC", 9), ("TIM2.ARR", 99), ("TIM2.DIER", 3), ("TIM2.CCER", 1), ("TIM2.CR1", 1 << 7 | 1)],
        [("LPTIM1.CFGR", 3 << 9), ("LPTIM1.CR", 1), ("LPTIM1.ARR", 9), ("LPTIM1.CR", 5)],
        [("UART4.CR3", 3 << 6), ("UART4.CR1", 1 << 29 | 13), ("DMAMUX1.C0CR", 64), ("DMA1.S0CR", 1 << 6 | 1)],
        [("DMA2.S1FCR", 7), ("DMA2.S1CR", 2 << 13 | 2 << 11 | 2 << 6 | 1)],
        [("RCC.MSSCKSELR", 0), ("RCC.MCUDIVR", 0)],
        [("EXTI.C2IMR2", 1 << 30), ("EXTI.RTSR1", 1)],
    ]
    @Test(arguments: modelled.indices) func whatIsModelledIsNotTold(row: Int) {
        let chip = TestSoC()
        for (register, value) in Self.modelled[row] { chip[register] = value }
        #expect(chip.host.features == [])
    }

    @Test func aPinThatSomebodyDrivesIsWaitedForInReason() {
        let chip = TestSoC()
        chip.soc.gpio(.a).setInput(14, level: true)
        chip["EXTI.FTSR1"] = 1 << 14
        chip["EXTI.C2IMR1"] = 1 << 14
        #expect(chip.host.features.isEmpty)
    }

    @Test func whichBlocksHaveAModelIsKnown() {
        let chip = TestSoC()
        #expect(["ADC1", "TIM17", "EXTI", "DMAMUX1", "RNG2"].allSatisfy(chip.soc.isModelled))
        #expect(!["I2C5", "QUADSPI", "DAC1", "FDCAN1", "nonsense"].contains(where: chip.soc.isModelled))
        _ = chip["I2C5.ISR"]
        #expect(chip.host.reports.map(\.isBlockModelled) == [false])
    }

    @Test func aRegisterThatIsReadAgainAndAgainIsPolledUntilItIsNot() throws {
        let chip = TestSoC()
        for _ in 0..<40 {
            chip.host.nowCycles += 100
            _ = chip["I2C5.ISR"]
        }
        chip["I2C5.CR1"] = 1
        let registers = chip.soc.unmodelledRegisters
        #expect(registers.map(\.name) == ["I2C5.ISR", "I2C5.CR1"])
        #expect(registers.map(\.reads) == [40, 0])
        #expect(registers.map(\.writes) == [0, 1])
        let status = try #require(registers.first)
        #expect(status.isPolled(at: chip.host.nowCycles + 1000))
        #expect(!status.isPolled(at: chip.host.nowCycles + 1_000_000))
        chip["I2C5.ISR"] = 1
        #expect(chip.soc.unmodelledRegisters.first?.isPolled(at: chip.host.nowCycles) == false)
    }
}
