// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MP1Peripherals
import Testing

/// All of the peripherals as one value.
@Suite struct StateTests {
    @Test func `A state of a bus with a device goes on without one, and the other way round`() {
        // CRC is missing on both; that nothing is on the bus is told on the bare one alone.
        func run(_ chip: TestSoC) -> UInt32 {
            chip["SPI4.CR1"] = 0
            chip["SPI4.CFG1"] = 7 | 1 << 22
            chip["SPI4.CFG2"] = 1 << 22 | 1 << 26
            chip["SPI4.CR2"] = 1
            chip["SPI4.CR1"] = 1
            chip["SPI4.CR1"] = 1 | 1 << 9
            chip.soc.write(chip.address("SPI4.TXDR"), 0xA5, width: 1)
            chip.host.run(to: chip.host.nowCycles + 10_000)
            return chip.soc.read(chip.address("SPI4.RXDR"), width: 1)
        }
        let bare = TestSoC(), wired = TestSoC()
        wired.soc.spi(4)?.attach(SPILoopback())
        #expect(run(wired) == 0xA5 && run(bare) == 0)
        let ofWired = wired.soc.state, ofBare = bare.soc.state
        bare.soc.state = ofWired
        #expect(run(bare) == 0)
        wired.soc.state = ofBare
        #expect(run(wired) == 0xA5)
    }

    /// An SoC on which timers run, characters wait, and a stream and an SPI are under way.
    private func busy() -> TestSoC {
        let chip = TestSoC()
        chip.soc.spi(4)?.attach(SPILoopback())
        chip["TIM2.ARR"] = 299
        chip["TIM2.DIER"] = 1
        chip["TIM2.CR1"] = 1
        chip["LPTIM1.CFGR"] = 0
        chip["LPTIM1.IER"] = 2
        chip["LPTIM1.CR"] = 1
        chip["LPTIM1.ARR"] = 700
        chip["LPTIM1.CR"] = 5
        chip["WWDG1.CR"] = 0xFF
        chip["RNG1.CR"] = 4
        chip["UART4.CR1"] = 1 | 1 << 2 | 1 << 5
        chip.soc.uart(.uart4).receive("some characters")
        chip["GPIOA.MODER"] = 1
        chip["EXTI.RTSR1"] = 4
        chip["EXTI.C1IMR1"] = 4
        chip.soc.gpio(.a).setInput(2, level: false)
        chip["IPCC.C1CR"] = 1
        chip["HSEM.C1IER"] = 1
        chip.soc.adc(.adc1).setInput(3, 0x1234)
        chip["ADC1.CR"] = 1
        chip["ADC1.SQR1"] = 1 | 3 << 6 | 3 << 12
        chip["ADC1.CR"] = 1 | 1 << 2
        chip["DMA2.S0NDTR"] = 400
        chip["DMA2.S0PAR"] = 0x1000_0000
        chip["DMA2.S0M0AR"] = 0x1000_1000
        chip["DMA2.S0CR"] = 2 << 6 | 1 << 9 | 1 << 10 | 1 << 4 | 1
        chip["DMA1.S0CR"] = 1  // waits in vain
        chip["RCC.SPI45CKSELR"] = 2
        chip["SPI4.CFG1"] = 7 | 2 << 28
        chip["SPI4.CFG2"] = 1 << 22 | 1 << 26
        chip["SPI4.CR2"] = 8
        chip["SPI4.IER"] = 1
        chip["SPI4.CR1"] = 1
        chip["SPI4.CR1"] = 1 | 1 << 9
        for byte in 0..<8 { chip.soc.write(chip.address("SPI4.TXDR"), UInt32(byte), width: 1) }
        chip["QUADSPI.CR"] = 5
        // LPTIM2 counts edges at PD12, which SPI4's NSS does not reach.
        chip["GPIOD.MODER"] = 2 << 24
        chip["GPIOD.AFRH"] = 3 << 16
        chip["LPTIM2.CFGR"] = 1 << 23 | 2 << 1
        chip["LPTIM2.CR"] = 1
        chip["LPTIM2.ARR"] = 50
        chip["LPTIM2.CR"] = 5
        return chip
    }

    /// Goes on as firmware and the world would, and gives what firmware has read.
    private func goOn(_ chip: TestSoC, to end: UInt64) -> [UInt32] {
        var read: [UInt32] = []
        var cycle = chip.host.nowCycles
        while cycle < end {
            cycle += 97
            chip.host.run(to: cycle)
            read += [chip["TIM2.CNT"], chip["UART4.RDR"], chip["RNG1.DR"], chip["SPI4.SR"], chip["WWDG1.CR"], chip["LPTIM1.CNT"], chip["DMA2.S0NDTR"]]
            if chip["SPI4.SR"] & 1 != 0 { read.append(chip.soc.read(chip.address("SPI4.RXDR"), width: 1)) }
            chip["CRC1.DR"] = UInt32(truncatingIfNeeded: cycle)
            read += [chip["ADC1.DR"], chip["CRC1.DR"]]
            chip["TIM2.SR"] = 0
            chip["LPTIM1.ICR"] = 2
            chip["GPIOA.ODR"] ^= 1
            chip.soc.gpio(.a).setInput(2, level: cycle % 2 == 0)
            chip.soc.gpio(.d).setInput(12, level: cycle % 3 == 0)
            read.append(chip["LPTIM2.CNT"])
            chip["IPCC.C2SCR"] = 1 << 16
            chip["HSEM.R0"] = 1 << 31 | 2 << 8
            chip["HSEM.R0"] = 2 << 8
            chip["I2C1.CR1"] = UInt32(truncatingIfNeeded: cycle)
        }
        return read
    }

    @Test func `Restored, it goes on as it did`() {
        let chip = busy()
        _ = goOn(chip, to: 1000)
        let saved = chip.soc.state, now = chip.host.nowCycles, interrupts = chip.host.interrupts
        chip.host.interruptChanges = []
        let read = goOn(chip, to: 6000)
        let changes = chip.host.interruptChanges, end = chip.soc.state
        #expect(changes.count > 10)
        #expect(end != saved)

        chip.host.nowCycles = now
        chip.host.interrupts = interrupts
        chip.host.interruptChanges = []
        chip.soc.state = saved
        #expect(chip.soc.state == saved)
        #expect(goOn(chip, to: 6000) == read)
        #expect(chip.host.interruptChanges == changes)
        #expect(chip.soc.state == end)
    }

    @Test func `It is restored into another SoC`() {
        let chip = busy()
        _ = goOn(chip, to: 1000)
        let other = TestSoC()
        other.soc.spi(4)?.attach(SPILoopback())
        other.host.nowCycles = chip.host.nowCycles
        other.host.memory = chip.host.memory
        other.soc.state = chip.soc.state
        #expect(other.soc.state == chip.soc.state)
        #expect(goOn(other, to: 6000) == goOn(chip, to: 6000))
        #expect(other.soc.state == chip.soc.state)
    }

    @Test func `What was untouched is untouched again`() {
        let chip = TestSoC()
        let fresh = chip.soc.state
        _ = goOn(chip, to: 500)
        chip.soc.state = fresh
        #expect(chip.soc.state == fresh)
        #expect(chip["I2C1.CR1"] == 0)
        #expect(chip["GPIOA.ODR"] == 0)
    }

    @Test func `No block changes anything outside of its state`() {
        let chip = busy()
        let before = outsideState(of: chip.soc)
        // The blocks that are asked for by name, lists of them, and the rest: timers, DMA, DMAMUX, ETZPC, CRC and RNG.
        for block in ["rcc", "exti", "gpio[11]", "uarts[7]", "adcs[1]", "spis[5]", "lowPowerTimers[4]", "others[0]", "others[21]"] {
            #expect(before.keys.contains { $0.hasPrefix(block + ".") }, "\(block): \(before.keys.sorted())")
        }
        _ = goOn(chip, to: 6000)
        chip.soc.reset()
        let after = outsideState(of: chip.soc)
        for (property, value) in before { #expect(after[property] == value, "\(property)") }
    }

    @Test func `A field that is left out of a state is found`() {
        final class Forgetful {
            struct State { var kept = 0 }
            var state = State()
            var leftOut = 0
        }
        let block = Forgetful()
        let before = outsideState(of: block, named: "block")
        block.state.kept = 1
        #expect(outsideState(of: block, named: "block") == before)
        block.leftOut = 1
        #expect(outsideState(of: block, named: "block") != before)
    }

    /// What the SoC's blocks hold besides their state, as text, by block and property.
    private func outsideState(of soc: SoC) -> [String: String] {
        var found: [String: String] = [:]
        func look(_ value: Any, _ name: String) {
            if value is RegisterBlock {
                found.merge(outsideState(of: value, named: name)) { first, _ in first }
            } else if let list = value as? [Any] {
                for (number, element) in list.enumerated() { look(element, "\(name)[\(number)]") }
            }
        }
        for child in Mirror(reflecting: soc).children { look(child.value, child.label ?? "") }
        return found
    }

    private func outsideState(of block: Any, named name: String) -> [String: String] {
        var found: [String: String] = [:]
        for child in Mirror(reflecting: block).children where child.label != "state" && !(child.value is RegisterBlock) {
            found["\(name).\(child.label ?? "")"] = String(describing: child.value)
        }
        return found
    }
}
