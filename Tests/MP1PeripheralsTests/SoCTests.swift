// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MP1Peripherals
import MachineBase
import Testing

@Suite struct SoCTests {
    @Test func `An unmodelled register has its reset value, stores, and is reported once by name`() {
        let chip = TestSoC()
        #expect(chip["DTS.ITENR"] == 0)
        chip["LTDC.AWCR"] = 0x0123_0045
        #expect(chip["LTDC.AWCR"] == 0x0123_0045)
        #expect(chip["LTDC.AWCR"] == 0x0123_0045)
        #expect(chip.host.reports.map(\.description) == [
            "read (0x00000000) of unmodelled register DTS.ITENR at 0x50028024",
            "write of 0x01230045 to unmodelled register LTDC.AWCR at 0x5a001010",
        ])
        #expect(chip.host.reports.map(\.kind) == [.register, .register])
        chip.soc.reset()
        #expect(chip["LTDC.AWCR"] == 0)
        #expect(chip.host.reports.count == 2)
    }

    @Test func `Read-only registers keep their value and identification needs no report`() {
        let chip = TestSoC()
        chip["GPIOA.SIDR"] = 0
        #expect(chip["GPIOA.SIDR"] == 0xA3C5_DD01)
        #expect(chip.host.reports.isEmpty)
    }

    @Test func `Reserved words and addresses without a block read zero and say so`() {
        let chip = TestSoC()
        #expect(chip.soc.read(0x4C00_1020, width: 4) == 0)
        #expect(chip.soc.read(0x4300_0000, width: 4) == 0)
        chip.soc.write(0x4300_0004, 1, width: 4)
        #expect(chip.host.reports.map(\.kind) == [.reservedWord, .unmapped])
        #expect(chip.host.reports.last?.description == "read (0x00000000) of 0x43000000, where no peripheral is")
        #expect(!chip.soc.isMapped(0x4300_0000))
        #expect(chip.soc.isMapped(0x4C00_1020))
    }

    @Test func `Narrow accesses use their lanes of the word only`() {
        let chip = TestSoC()
        let register = chip.address("TAMP.BKP3R")
        chip.soc.write(register, 0x1122_3344, width: 4)
        chip.soc.write(register + 1, 0xAA, width: 1)
        chip.soc.write(register + 2, 0xBEEF, width: 2)
        #expect(chip.soc.read(register, width: 4) == 0xBEEF_AA44)
        #expect(chip.soc.read(register + 1, width: 1) == 0xAA)
        #expect(chip.soc.read(register + 2, width: 2) == 0xBEEF)
        #expect(chip.soc.read(register + 3, width: 1) == 0xBE)
    }

    @Test func `A half-word write to BSRR sets or clears without the other half`() {
        let chip = TestSoC()
        chip["GPIOD.ODR"] = 0x00F0
        let bsrr = chip.address("GPIOD.BSRR")
        chip.soc.write(bsrr, 0x000F, width: 2)
        chip.soc.write(bsrr + 2, 0x0030, width: 2)
        chip.soc.write(bsrr + 1, 0x80, width: 1)
        #expect(chip["GPIOD.ODR"] == 0x80CF)
    }

    @Test func `The FDCANs' message memory and the backup memory are memory`() {
        let chip = TestSoC()
        chip.soc.write(0x4401_1000, 0xDEAD_BEEF, width: 4)
        chip.soc.write(0x4401_37FC, 7, width: 4)
        chip.soc.write(0x5400_0FFF, 0x5A, width: 1)
        #expect(chip.soc.read(0x4401_1002, width: 2) == 0xDEAD)
        #expect(chip.soc.read(0x4401_37FC, width: 4) == 7)
        #expect(chip.soc.read(0x5400_0FFC, width: 4) == 0x5A00_0000)
        #expect(chip.host.reports.isEmpty)
    }

    @Test func `What OpenAMP firmware does in a production boot touches nothing unmodelled`() {
        let chip = TestSoC()
        for register in ["C2IMR1", "C2IMR2", "C2IMR3", "C2EMR1", "C2EMR2", "C2EMR3"] { chip["EXTI.\(register)"] = 0 }
        for register in ["RCC.MCUDIVR", "RCC.MSSCKSELR", "RCC.HSICFGR", "SYSCFG.BOOTR"] { _ = chip[register] }
        chip["RCC.MC_AHB3ENSETR"] = 0x1800
        _ = chip["RCC.MC_AHB3ENSETR"]
        chip["RCC.MC_AHB4ENSETR"] = 0x7FF
        #expect(chip["HSEM.RLR0"] == 0x8000_0200)
        chip["HSEM.R0"] = 0x200
        chip["IPCC.C2CR"] = 0x1_0001
        chip["IPCC.C2MR"] &= ~0x2
        #expect(chip.host.reports.isEmpty)
    }

    @Test func `A storm of accesses over the whole region never traps and repeats itself`() {
        func storm(seed: UInt64) -> (UInt64, Int) {
            let chip = TestSoC()
            var random = SplitMix64(state: seed)
            let peripherals = SoCDescription.stm32mp157.registers.peripherals
            let initiators = [Initiator.cortexM4, linux, opTEE]
            var digest: UInt64 = 0
            for step in 0..<300_000 {
                let r = random.next()
                var address = UInt32(truncatingIfNeeded: r) & 0x1FFF_FFFF | 0x4000_0000
                if r >> 32 & 7 != 0 {  // mostly where something is
                    let peripheral = peripherals[Int(r >> 40) % peripherals.count]
                    address = peripheral.base &+ UInt32(truncatingIfNeeded: r) % min(peripheral.size, 0x400)
                }
                let width = [1, 2, 4, 4][Int(r >> 35 & 3)]
                let initiator = initiators[Int(r >> 37 & 0xFF) % 3]
                if r >> 63 == 0 {
                    digest = digest &* 31 &+ UInt64(chip.soc.read(address, width: width, by: initiator))
                } else {
                    chip.soc.write(address, UInt32(truncatingIfNeeded: random.next()), width: width, by: initiator)
                }
                if step % 64 == 0 { chip.host.run(to: chip.host.nowCycles + (r >> 50)) }
                if step % 50_000 == 49_999 { chip.soc.reset() }
            }
            return (digest, chip.host.reports.count)
        }
        let first = storm(seed: 1)
        #expect(first == storm(seed: 1))
        #expect(first.0 != storm(seed: 2).0)
        #expect(first.1 > 1000)
    }

    @Test func `Every register of every block answers all widths at its edges`() {
        let chip = TestSoC()
        for peripheral in SoCDescription.stm32mp157.registers.peripherals {
            for register in SoCDescription.stm32mp157.registers.registers(of: peripheral) {
                for width in [1, 2, 4] {
                    for byte in 0..<4 {
                        let address = peripheral.base &+ register.offset &+ UInt32(byte)
                        chip.soc.write(address, ~0, width: width)
                        #expect(UInt64(chip.soc.read(address, width: width)) < UInt64(1) << UInt64(width * 8))
                    }
                }
            }
        }
    }
}
