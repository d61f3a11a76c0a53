// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MP1Peripherals
import Testing

@Suite struct CRCTests {
    @Test func `The default is the Ethernet polynomial without reversal`() {
        let chip = TestSoC()
        for byte in "123456789".utf8 { chip.soc.write(chip.address("CRC2.DR"), UInt32(byte), width: 1) }
        #expect(chip["CRC2.DR"] == 0x0376_E6E7)  // CRC-32/MPEG-2's check value
    }

    @Test func `With reversal and a final complement it is CRC-32`() {
        let chip = TestSoC()
        chip["CRC2.CR"] = 1 << 5 | 1 << 7 | 1
        for byte in "123456789".utf8 { chip.soc.write(chip.address("CRC2.DR"), UInt32(byte), width: 1) }
        #expect(~chip["CRC2.DR"] == 0xCBF4_3926)
    }

    @Test func `Other sizes and widths agree with published check values`() {
        let chip = TestSoC()
        chip["CRC2.POL"] = 0x1021
        chip["CRC2.INIT"] = 0xFFFF
        chip["CRC2.CR"] = 1 << 3 | 1
        chip.soc.write(chip.address("CRC2.DR"), 0x3132_3334, width: 4)
        chip.soc.write(chip.address("CRC2.DR"), 0x3536, width: 2)
        chip.soc.write(chip.address("CRC2.DR"), 0x3738, width: 2)
        chip.soc.write(chip.address("CRC2.DR"), 0x39, width: 1)
        #expect(chip["CRC2.DR"] == 0x29B1)  // CRC-16/CCITT-FALSE
        chip["CRC2.POL"] = 0x07
        chip["CRC2.INIT"] = 0
        chip["CRC2.CR"] = 2 << 3 | 1
        for byte in "123456789".utf8 { chip.soc.write(chip.address("CRC2.DR"), UInt32(byte), width: 1) }
        #expect(chip["CRC2.DR"] == 0xF4)  // CRC-8
    }
}

@Suite struct RNGTests {
    @Test func `Numbers are there when it is on, differ, and repeat in the next run`() {
        func numbers() -> [UInt32] {
            let chip = TestSoC()
            #expect(chip["RNG2.SR"] == 0)
            #expect(chip["RNG2.DR"] == 0)
            chip["RNG2.CR"] = 4
            #expect(chip["RNG2.SR"] == 1)
            return (0..<100).map { _ in chip["RNG2.DR"] }
        }
        let first = numbers()
        #expect(Set(first).count == 100)
        #expect(first == numbers())
    }

    @Test func `It interrupts while numbers are ready`() {
        let chip = TestSoC()
        chip["RNG2.CR"] = 4 | 8
        #expect(chip.host.interrupts == [134])
        chip["RNG2.CR"] = 4
        #expect(chip.host.interrupts.isEmpty)
    }
}

@Suite struct ADCTests {
    @Test func `Calibration ends, enabling gets ready, disabling takes it away`() {
        let chip = TestSoC()
        chip["ADC1.CR"] = 1 << 28
        #expect(chip["ADC1.ISR"] & 1 << 12 != 0)
        chip["ADC1.CR"] |= 1 << 31 | 1 << 16
        #expect(chip["ADC1.CR"] >> 31 == 0)
        chip["ADC1.CR"] |= 1
        #expect(chip["ADC1.ISR"] & 1 != 0)
        chip["ADC1.CR"] |= 2
        #expect(chip["ADC1.CR"] & 3 == 0)
    }

    @Test func `A sequence converts the chosen channels in order and then ends`() {
        let chip = TestSoC()
        chip.soc.adc(.adc2).setInput(3, 0x8000)
        chip.soc.adc(.adc2).setInput(17, 0xFFFF)
        chip["ADC2.CR"] = 1 << 28 | 1
        chip["ADC2.CFGR"] = 2 << 2  // 12 bits
        chip["ADC2.SQR1"] = 1 | 3 << 6 | 17 << 12
        chip["ADC2.IER"] = 1 << 3
        chip["ADC2.CR"] |= 1 << 2
        #expect(chip["ADC2.DR"] == 0x800)
        #expect(chip["ADC2.DR"] == 0xFFF)
        #expect(chip.host.interrupts == [90])
        #expect(chip["ADC2.CR"] & 4 == 0)
        chip["ADC2.ISR"] = 1 << 3
        #expect(chip.host.interrupts.isEmpty)
    }
}
