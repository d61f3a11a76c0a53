import Chips

/// Frequencies that RCC's registers tell, for blocks whose kernel clock is not the M4's (RM0436, RCC).
extension RCC {
    private var oscillators: Oscillators { interconnect.chip.oscillators }
    /// An output's divider in PLLxCFGR2: its lowest bit.
    enum PLLOutput: UInt32 { case p = 0, q = 8, r = 16 }

    /// Hertz at an output of PLL3 or PLL4, whose reference clock selection and control registers are at `selection` and `control`.
    private func pll(selection: UInt32, control: UInt32, _ output: PLLOutput) -> UInt64 {
        let source = switch self[selection] & 3 { case 0: oscillators.hsi; case 1: oscillators.hse; default: oscillators.csi }
        let first = self[control + 4], second = self[control + 8], fractional = self[control + 12]
        let fraction = fractional >> 16 & 1 != 0 ? UInt64(fractional >> 3 & 0x1FFF) : 0
        // In 8192nds.
        let multiplier = ((UInt64(first & 0x1FF) + 1) << 13) + fraction
        let divider = (UInt64((first >> 16) & 0x3F) + 1) * (UInt64((second >> output.rawValue) & 0x7F) + 1)
        return source * multiplier / (divider << 13)
    }

    func pll3(_ output: PLLOutput) -> UInt64 { pll(selection: RCCOffset.RCK3SELR, control: RCCOffset.PLL3CR, output) }
    func pll4(_ output: PLLOutput) -> UInt64 { pll(selection: RCCOffset.RCK4SELR, control: RCCOffset.PLL4CR, output) }

    /// Hertz of the M4's clock as MSSCKSELR, MCUDIVR and PLL3 say.
    var selectedCoreClock: UInt64 {
        let source: UInt64 = switch self[RCCOffset.MSSCKSELR] & 3 {
        case 0: oscillators.hsi >> UInt64(self[RCCOffset.HSICFGR] & 3)
        case 1: oscillators.hse
        case 2: oscillators.csi
        default: pll3(.p)
        }
        return source >> UInt64(min(self[RCCOffset.MCUDIVR] & 0xF, 9))
    }

    /// Hertz of pclk5: the AXI bus's clock (ASSCKSELR, AXIDIVR), divided by APB5DIVR.
    var axiBusClock: UInt64 {
        let source: UInt64 = switch self[RCCOffset.ASSCKSELR] & 7 {
        case 0: oscillators.hsi >> UInt64(self[RCCOffset.HSICFGR] & 3)
        case 1: oscillators.hse
        default: pll(selection: RCCOffset.RCK12SELR, control: RCCOffset.PLL2CR, .p)
        }
        return (source / (UInt64(min(self[RCCOffset.AXIDIVR] & 7, 3)) + 1)) >> UInt64(min(self[RCCOffset.APB5DIVR] & 7, 4))
    }

    /// CPERCKSELR: what ck_per is.
    var peripheralClock: UInt64 {
        switch self[RCCOffset.CPERCKSELR] & 3 { case 0: oscillators.hsi; case 1: oscillators.csi; default: oscillators.hse }
    }

    /// Hertz of pclk1, pclk2 or pclk3.
    func busClock(_ bus: Int) -> UInt64 { interconnect.clock.hertz / busDivider(bus: bus) }

    /// Hertz of the kernel clock of U(S)ART `number`, 1 to 8; USART1 is on APB5 and has sources of its own.
    func uartClock(_ number: Int) -> UInt64 {
        let selection: UInt32 = switch number { case 1: RCCOffset.UART1CKSELR; case 6: RCCOffset.UART6CKSELR; case 2, 4: RCCOffset.UART24CKSELR; case 3, 5: RCCOffset.UART35CKSELR; default: RCCOffset.UART78CKSELR }
        return switch (self[selection] & 7, number) {
        case (1, 1): pll3(.q)
        case (1, _), (4, 1): pll4(.q)
        case (2, _): oscillators.hsi
        case (3, _): oscillators.csi
        case (4, _), (5, 1): oscillators.hse
        default: number == 1 ? axiBusClock : busClock(number == 6 ? 2 : 1)
        }
    }

    /// Hertz of the kernel clock of LPTIM `number`, 1 to 5.
    func lptimClock(_ number: Int) -> UInt64 {
        let selection: UInt32 = switch number { case 1: RCCOffset.LPTIM1CKSELR; case 2, 3: RCCOffset.LPTIM23CKSELR; default: RCCOffset.LPTIM45CKSELR }
        let isPair = number == 2 || number == 3
        return switch self[selection] & 7 {
        case 1: isPair ? pll4(.q) : pll4(.p)
        case 2: isPair ? peripheralClock : pll3(.q)
        case 3: oscillators.lse
        case 4: oscillators.lsi
        case 5 where !isPair: peripheralClock
        default: busClock(number == 1 ? 1 : 3)
        }
    }
}
