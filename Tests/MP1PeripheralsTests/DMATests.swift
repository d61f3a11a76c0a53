// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MP1Peripherals
import Testing

@Suite struct DMATests {
    @Test func `Memory is copied word by word, and half and all of it interrupt`() {
        let chip = TestSoC()
        for i in 0..<64 { chip.host.memory[i] = UInt8(i) }
        chip["DMA2.S0NDTR"] = 16
        chip["DMA2.S0PAR"] = 0x1000_0000
        chip["DMA2.S0M0AR"] = 0x1000_0100
        chip["DMA2.S0CR"] = 2 << 6 | 1 << 9 | 1 << 10 | 2 << 11 | 2 << 13 | 1 << 3 | 1 << 4 | 1
        chip.host.run(to: 31)
        #expect(chip.host.interrupts.isEmpty)
        chip.host.run(to: 32)
        #expect(chip.host.interrupts == [56])
        #expect(chip["DMA2.LISR"] == 1 << 4)
        #expect(chip["DMA2.S0NDTR"] == 8)
        chip["DMA2.LIFCR"] = 1 << 4
        #expect(chip.host.interrupts.isEmpty)
        chip.host.run(to: 64)
        #expect(chip.host.interrupts == [56])
        #expect(chip["DMA2.LISR"] == 1 << 5)
        #expect(chip["DMA2.S0CR"] & 1 == 0)
        #expect(Array(chip.host.memory[0x100..<0x140]) == (0..<64).map { UInt8($0) })
    }

    @Test func `A bus error stops the stream`() {
        let chip = TestSoC()
        chip["DMA1.S7NDTR"] = 4
        chip["DMA1.S7PAR"] = 0x2000_0000
        chip["DMA1.S7M0AR"] = 0x1000_0000
        chip["DMA1.S7CR"] = 2 << 6 | 1 << 2 | 1
        chip.host.run(to: 1000)
        #expect(chip["DMA1.HISR"] == 1 << 25)
        #expect(chip["DMA1.S7CR"] & 1 == 0)
        #expect(chip.host.interrupts == [47])
    }

    @Test func `A UART sends what a stream feeds it`() {
        let chip = TestSoC()
        for (i, byte) in "hello".utf8.enumerated() { chip.host.memory[i] = byte }
        chip["DMAMUX1.C3CR"] = 46
        chip["USART3.BRR"] = 555  // 115 200 baud
        chip["USART3.CR1"] = 1 | 1 << 3
        chip["DMA1.S3NDTR"] = 5
        chip["DMA1.S3PAR"] = chip.address("USART3.TDR")
        chip["DMA1.S3M0AR"] = 0x1000_0000
        chip["DMA1.S3CR"] = 1 << 6 | 1 << 10 | 1
        chip.host.run(to: 1000)
        #expect(chip.host.transmitted.isEmpty)
        chip["USART3.CR3"] = 1 << 7
        chip.host.run(to: 1000 + 5 * 5550 - 1)
        #expect(chip["DMA1.LISR"] & 1 << 27 == 0)
        chip.host.run(to: 1000 + 5 * 5550)
        #expect(chip.host.transmitted[.usart3] == "hello".utf8.map { UInt16($0) })
        #expect(chip["DMA1.LISR"] & 1 << 27 != 0)
    }

    @Test func `A circular stream fills a ring with what a UART receives`() {
        let chip = TestSoC()
        chip["DMAMUX1.C8CR"] = 63
        chip["UART4.CR1"] = 1 | 1 << 2
        chip["UART4.CR3"] = 1 << 6
        chip["DMA2.S0NDTR"] = 4
        chip["DMA2.S0PAR"] = chip.address("UART4.RDR")
        chip["DMA2.S0M0AR"] = 0x1000_0000
        chip["DMA2.S0CR"] = 1 << 8 | 1 << 10 | 1
        chip.soc.uart(.uart4).receive("abcdef")
        chip.host.run(to: 6 * 160)
        #expect(chip.host.memory[0..<4].elementsEqual("efcd".utf8))
        #expect(chip["DMA2.S0NDTR"] == 2)
        #expect(chip["DMA2.S0CR"] & 1 == 1)
    }

    @Test func `Disabling a stream takes effect at once`() {
        let chip = TestSoC()
        chip["DMA1.S0NDTR"] = 100
        chip["DMA1.S0CR"] = 2 << 6 | 1
        chip["DMA1.S0CR"] = 2 << 6
        #expect(chip["DMA1.S0CR"] & 1 == 0)
        chip.host.run(to: 100_000)
        #expect(chip.host.eventQueue.pending.isEmpty)
    }
}
