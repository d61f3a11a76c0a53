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
