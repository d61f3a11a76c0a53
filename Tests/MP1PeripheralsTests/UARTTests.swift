// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MP1Peripherals
import Testing

@Suite struct UARTTests {
    @Test func `Enabling transmitter and receiver is acknowledged`() {
        let chip = TestSoC()
        #expect(chip["UART4.ISR"] == 0xC0)
        chip["UART4.CR1"] = 0b1101
        #expect(chip["UART4.ISR"] & (1 << 21 | 1 << 22 | 1 << 7 | 1 << 6) == 1 << 21 | 1 << 22 | 1 << 7 | 1 << 6)
        chip["UART4.CR1"] = 0
        #expect(chip["UART4.ISR"] == 0xC0)
    }

    @Test func `What firmware writes arrives at the host, if the transmitter is on`() {
        let chip = TestSoC()
        chip["USART3.TDR"] = 0x78
        chip["USART3.CR1"] = 1 | 1 << 3
        for byte in "hi".utf8 {
            chip.soc.write(chip.address("USART3.TDR"), UInt32(byte), width: 1)
            #expect(chip["USART3.ISR"] & 0xC0 == 0xC0)
        }
        #expect(chip.host.transmitted == [.usart3: [0x68, 0x69]])
    }

    @Test func `Received characters interrupt, wait, and come in order`() {
        let chip = TestSoC()
        chip.soc.uart(.uart7).receive("ab")
        #expect(chip.host.interrupts.isEmpty)
        chip["UART7.CR1"] = 1 | 1 << 2 | 1 << 5
        #expect(chip.host.interrupts == [82])
        #expect(chip["UART7.ISR"] & 1 << 5 != 0)
        #expect(chip["UART7.RDR"] == 0x61)
        #expect(chip.host.interrupts == [82])
        #expect(chip["UART7.RDR"] == 0x62)
        #expect(chip.host.interrupts.isEmpty)
        #expect(chip["UART7.ISR"] & 1 << 4 != 0)  // IDLE
        chip["UART7.ICR"] = 1 << 4
        #expect(chip["UART7.ISR"] & 1 << 4 == 0)
        #expect(chip["UART7.RDR"] == 0x62)
    }

    /// CR1's M1, M0, PCE and PS; what is left of 0x1A5 when it is sent, and how it is read when it comes in.
    @Test(arguments: [
        (0, 0xA5, 0xA5), (1 << 12, 0x1A5, 0x1A5), (1 << 28, 0x25, 0x25), (1 << 10, 0x25, 0xA5), (1 << 10 | 1 << 9, 0x25, 0x25),
        (1 << 12 | 1 << 10, 0xA5, 0xA5), (1 << 12 | 1 << 10 | 1 << 9, 0xA5, 0x1A5), (1 << 28 | 1 << 10, 0x25, 0x65),
    ] as [(UInt32, UInt16, UInt32)])
    func `A character has as many bits as M and the parity leave, and its parity is read in front of it`(mode: UInt32, sent: UInt16, read: UInt32) {
        let chip = TestSoC()
        chip["USART2.CR1"] = mode | 0b1101
        chip["USART2.TDR"] = 0x1A5
        #expect(chip.host.transmitted == [.usart2: [sent]])
        chip.soc.uart(.usart2).receive([0x1A5])
        #expect(chip["USART2.RDR"] == read)
        #expect(chip["USART2.ISR"] & 1 == 0)
    }

    @Test func `Transmit-complete interrupts until cleared`() {
        let chip = TestSoC()
        chip["USART2.CR1"] = 1 | 1 << 3
        chip["USART2.ICR"] = 1 << 6
        chip["USART2.CR1"] = 1 | 1 << 3 | 1 << 6
        #expect(chip.host.interrupts.isEmpty)
        chip["USART2.TDR"] = 0x41
        #expect(chip.host.interrupts == [38])
        chip["USART2.ICR"] = 1 << 6
        #expect(chip.host.interrupts.isEmpty)
    }

    @Test func `A flush drops one character without a FIFO`() {
        let chip = TestSoC()
        chip["UART5.CR1"] = 1 | 1 << 2
        chip.soc.uart(.uart5).receive("xyz")
        chip["UART5.RQR"] = 1 << 3
        #expect(chip.soc.uart(.uart5).pendingCount == 2)
        #expect(chip["UART5.RDR"] == 0x79)
    }
}
