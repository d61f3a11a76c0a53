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
}
