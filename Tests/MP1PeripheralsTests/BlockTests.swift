// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MP1Peripherals
import Testing

@Suite struct HSEMTests {
    @Test func `One read locks for the core that reads`() {
        let chip = TestSoC()
        #expect(chip["HSEM.RLR3"] == 0x8000_0200)
        #expect(chip["HSEM.RLR3", by: linux] == 0x8000_0200)
        #expect(chip["HSEM.RLR4", by: linux] == 0x8000_0100)
        chip["HSEM.R3"] = 0x200
        #expect(chip["HSEM.R3"] == 0)
    }

    @Test func `Two steps lock with a process, and only its holder frees`() {
        let chip = TestSoC()
        chip["HSEM.R0"] = 0x8000_0207
        #expect(chip["HSEM.R0"] == 0x8000_0207)
        chip["HSEM.R0", by: linux] = 0x8000_0101
        chip["HSEM.R0", by: linux] = 0x100
        chip["HSEM.R0", by: linux] = 0x207  // another core's id does not help
        chip["HSEM.R0"] = 0x206
        #expect(chip["HSEM.R0"] == 0x8000_0207)
        chip["HSEM.R0"] = 0x207
        #expect(chip["HSEM.R0"] == 0)
    }

    @Test func `Freeing interrupts the core that waits for it`() {
        let chip = TestSoC()
        chip["HSEM.C2IER"] = 1 << 5
        _ = chip["HSEM.RLR5", by: linux]
        chip["HSEM.R5", by: linux] = 0x100
        #expect(chip.host.interrupts == [125])
        #expect(chip["HSEM.C2MISR"] == 1 << 5)
        chip["HSEM.C2ICR"] = 1 << 5
        #expect(chip.host.interrupts.isEmpty)
        #expect(chip["HSEM.C1ISR"] == 1 << 5)
        chip["HSEM.C1IER", by: linux] = 1 << 5
        #expect(chip.host.applicationInterrupts == [.hsem])
    }

    @Test func `The key frees all semaphores of a core`() {
        let chip = TestSoC()
        _ = chip["HSEM.RLR1"]
        _ = chip["HSEM.RLR2", by: linux]
        chip["HSEM.KEYR"] = 0x1234_0000
        chip["HSEM.CR"] = 0x9999_0200
        #expect(chip.soc.hsem.state(1) == 0x8000_0200)
        chip["HSEM.CR"] = 0x1234_0200
        #expect(chip.soc.hsem.state(1) == 0)
        #expect(chip.soc.hsem.state(2) == 0x8000_0100)
    }
}

@Suite struct EXTITests {
    @Test func `A rising edge on the selected port's pin becomes pending and interrupts`() {
        let chip = TestSoC()
        chip["GPIOA.MODER"] = 0  // inputs
        chip["EXTI.EXTICR4"] = 0 << 16  // line 14: port A
        chip["EXTI.RTSR1"] = 1 << 14
        chip["EXTI.C2IMR1"] = 1 << 14
        chip.soc.gpio(.a).setInput(14, level: true)
        #expect(chip.host.interrupts == [121])
        #expect(chip["EXTI.RPR1"] == 1 << 14)
        #expect(chip.soc.exti.isPending(14))
        chip["EXTI.RPR1"] = 1 << 14
        #expect(chip.host.interrupts.isEmpty)
        chip.soc.gpio(.a).setInput(14, level: false)
        #expect(chip["EXTI.FPR1"] == 0)
    }

    @Test func `Another port's pin does not trigger the line`() {
        let chip = TestSoC()
        chip["GPIOA.MODER"] = 0
        chip["GPIOB.MODER"] = 0
        chip["EXTI.EXTICR1"] = 1  // line 0: port B
        chip["EXTI.FTSR1"] = 1
        chip["EXTI.C2IMR1"] = 1
        chip.soc.gpio(.a).setInput(0, level: true)
        chip.soc.gpio(.a).setInput(0, level: false)
        #expect(chip.host.interrupts.isEmpty)
        chip.soc.gpio(.b).setInput(0, level: true)
        chip.soc.gpio(.b).setInput(0, level: false)
        #expect(chip.host.interrupts == [6])
        #expect(chip["EXTI.FPR1"] == 1)
    }

    @Test func `Software triggers an edge; masks are each processor's own`() {
        let chip = TestSoC()
        chip["EXTI.C2IMR1"] = 0
        chip["EXTI.C1IMR1", by: linux] = 1 << 3
        chip["EXTI.SWIER1"] = 1 << 3
        #expect(chip["EXTI.SWIER1"] == 0)
        #expect(chip.host.interrupts.isEmpty)
        #expect(chip.host.applicationInterrupts == [.exti(3)])
        chip["EXTI.C2IMR1"] = 1 << 3
        #expect(chip.host.interrupts == [9])
    }

    @Test func `An event mask signals an event to the core`() {
        let chip = TestSoC()
        chip["EXTI.C2EMR1"] = 1 << 2
        chip["EXTI.SWIER1"] = 1 << 2
        #expect(chip.host.events == 1)
    }

    @Test func `Only configurable lines latch`() {
        let chip = TestSoC()
        chip["EXTI.RTSR1"] = ~0
        chip["EXTI.SWIER1"] = ~0
        #expect(chip["EXTI.RTSR1"] == 0x1FFFF)
        #expect(chip["EXTI.RPR1"] == 0x1FFFF)
        chip["EXTI.SWIER3"] = ~0
        #expect(chip["EXTI.RPR3"] == 0x616)
    }
}

@Suite struct GPIOTests {
    @Test func `Outputs read back and their changes are told`() {
        let chip = TestSoC()
        chip["GPIOA.MODER"] = 0xFFFF_FFFF & ~(3 << 28) | 1 << 28
        chip["GPIOA.BSRR"] = 1 << 14
        #expect(chip["GPIOA.IDR"] & 1 << 14 != 0)
        chip["GPIOA.BSRR"] = 1 << 30
        chip["GPIOA.ODR"] ^= 1 << 14
        chip["GPIOA.BRR"] = 1 << 14
        #expect(chip.host.pins == ["PA14=1", "PA14=0", "PA14=1", "PA14=0"])
    }

    @Test func `Setting wins over clearing in one write`() {
        let chip = TestSoC()
        chip["GPIOZ.BSRR"] = 0x0001_0001
        #expect(chip["GPIOZ.ODR"] == 1)
        #expect(chip["GPIOZ.BSRR"] == 0)
    }

    @Test func `Inputs have the driven level, else their pull; analogue pins read zero`() {
        let chip = TestSoC()
        chip["GPIOH.MODER"] = 3 << 4  // pin 2 analogue, others inputs
        chip["GPIOH.PUPDR"] = 1 << 2 | 1 << 4
        #expect(chip["GPIOH.IDR"] == 1 << 1)
        chip.soc.gpio(.h).setInput(1, level: false)
        chip.soc.gpio(.h).setInput(7, level: true)
        #expect(chip["GPIOH.IDR"] == 1 << 7)
        chip.soc.gpio(.h).setInput(1, level: nil)
        #expect(chip["GPIOH.IDR"] == 1 << 1 | 1 << 7)
    }

    @Test func `An open-drain output pulls low and otherwise follows the outside`() {
        let chip = TestSoC()
        chip["GPIOC.MODER"] = 1
        chip["GPIOC.OTYPER"] = 1
        chip["GPIOC.PUPDR"] = 1
        #expect(chip["GPIOC.IDR"] == 0)
        chip["GPIOC.BSRR"] = 1
        #expect(chip["GPIOC.IDR"] == 1)
        chip.soc.gpio(.c).setInput(0, level: false)
        #expect(chip["GPIOC.IDR"] == 0)
    }
}

@Suite struct SmallBlockTests {
    @Test func `Backup registers live through a system reset`() {
        let chip = TestSoC()
        chip["TAMP.BKP18R"] = 2
        #expect(chip.soc.tamp[backupRegister: 18] == 2)
        chip.soc.reset()
        #expect(chip["TAMP.BKP18R"] == 2)
        chip.soc.reset(.powerOn)
        #expect(chip["TAMP.BKP18R"] == 0)
    }

    @Test func `Regulators are ready when enabled and CSSF clears the M4's stop flags`() {
        let chip = TestSoC()
        chip["PWR.CR2"] = 3
        #expect(chip["PWR.CR2"] == 0x30003)
        chip["PWR.MCUCR"] = 1 | 1 << 9
        #expect(chip["PWR.MCUCR"] == 1)
        #expect(chip.soc.pwr.isMCUStandbyAllowed)
        #expect(chip.address("PWR.MCUCR") == 0x5000_1014)
    }

    @Test func `SYSCFG's set and clear registers share their state and the compensation cell gets ready`() {
        let chip = TestSoC()
        chip["SYSCFG.PMCSETR"] = 7 << 21
        chip["SYSCFG.PMCCLRR"] = 1 << 21
        #expect(chip["SYSCFG.PMCSETR"] == 6 << 21)
        #expect(chip["SYSCFG.CMPCR"] & 1 << 8 == 0)
        chip["SYSCFG.CMPENSETR"] = 2
        #expect(chip["SYSCFG.CMPCR"] & 1 << 8 != 0)
    }
}

@Suite struct ETZPCTests {
    @Test func `Peripherals are open to both processors until the secure world says otherwise`() {
        let chip = TestSoC()
        #expect(chip["ETZPC.DECPROT2"] == ~0)
        chip["ETZPC.DECPROT2"] = 0
        chip["ETZPC.DECPROT2", by: linux] = 0
        #expect(chip["ETZPC.DECPROT2"] == ~0)
        chip["ETZPC.DECPROT2", by: opTEE] = 0xFFFF_FFFB
        #expect(chip["ETZPC.DECPROT2"] == 0xFFFF_FFFB)
    }

    @Test func `A locked peripheral keeps its protection`() {
        let chip = TestSoC()
        chip["ETZPC.DECPROT_LOCK0", by: opTEE] = 1 << 17
        chip["ETZPC.DECPROT1", by: opTEE] = 0
        #expect(chip["ETZPC.DECPROT1"] == 3 << 2)
        chip["ETZPC.DECPROT_LOCK0", by: opTEE] = 0
        #expect(chip["ETZPC.DECPROT_LOCK0"] == 1 << 17)
    }
}
