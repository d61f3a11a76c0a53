import Chips

/// Frequencies that RCC's registers tell, for blocks whose kernel clock is not the M4's (RM0436, RCC).
extension RCC {
    private var oscillators: Oscillators { interconnect.chip.oscillators }
    enum PLLOutput {
        case p, q, r

        /// In PLLxCFGR2.
        fileprivate var divider: Field {
            switch self { case .p: PLL3CFGR2.DIVP; case .q: PLL3CFGR2.DIVQ; case .r: PLL3CFGR2.DIVR }
        }
    }

    /// Hertz at an output of PLL3 or PLL4, whose reference clock selection and control registers are at `selection` and `control`.
    private func pll(selection: Field, control: UInt32, _ output: PLLOutput) -> UInt64 {
        let source = switch self[selection] { case 0: oscillators.hsi; case 1: oscillators.hse; default: oscillators.csi }
        // All PLLs' registers are as PLL3's.
        func word(_ offset: UInt32) -> UInt32 { self[control &+ (offset &- PLL3CR.offset)] }
        let first = word(PLL3CFGR1.offset), second = word(PLL3CFGR2.offset), fractional = word(PLL3FRACR.offset)
        let fraction = fractional.has(PLL3FRACR.FRACLE) ? UInt64(fractional[PLL3FRACR.FRACV]) : 0
        // In 8192nds.
        let multiplier = ((UInt64(first[PLL3CFGR1.DIVN]) + 1) << 13) + fraction
        let divider = (UInt64(first[PLL3CFGR1.DIVM3]) + 1) * (UInt64(second[output.divider]) + 1)
        return source * multiplier / (divider << 13)
    }

    func pll3(_ output: PLLOutput) -> UInt64 { pll(selection: RCK3SELR.PLL3SRC, control: PLL3CR.offset, output) }
    func pll4(_ output: PLLOutput) -> UInt64 { pll(selection: RCK4SELR.PLL4SRC, control: PLL4CR.offset, output) }

    /// Hertz of the M4's clock as MSSCKSELR, MCUDIVR and PLL3 say.
    var selectedCoreClock: UInt64 {
        let source: UInt64 = switch self[MSSCKSELR.MCUSSRC] {
        case 0: oscillators.hsi >> UInt64(self[HSICFGR.HSIDIV])
        case 1: oscillators.hse
        case 2: oscillators.csi
        default: pll3(.p)
        }
        return source >> UInt64(min(self[MCUDIVR.MCUDIV], 9))
    }

    /// Hertz of pclk5: the AXI bus's clock (ASSCKSELR, AXIDIVR), divided by APB5DIVR.
    var axiBusClock: UInt64 {
        let source: UInt64 = switch self[ASSCKSELR.AXISSRC] {
        case 0: oscillators.hsi >> UInt64(self[HSICFGR.HSIDIV])
        case 1: oscillators.hse
        default: pll(selection: RCK12SELR.PLL12SRC, control: PLL2CR.offset, .p)
        }
        return (source / (UInt64(min(self[AXIDIVR.AXIDIV], 3)) + 1)) >> UInt64(min(self[APB5DIVR.APB5DIV], 4))
    }

    /// CPERCKSELR: what ck_per is.
    var peripheralClock: UInt64 {
        switch self[CPERCKSELR.CKPERSRC] { case 0: oscillators.hsi; case 1: oscillators.csi; default: oscillators.hse }
    }

    /// Hertz of pclk1, pclk2 or pclk3.
    func busClock(_ bus: Int) -> UInt64 { interconnect.clock.hertz / busDivider(bus: bus) }

    /// Hertz of the kernel clock of U(S)ART `number`, 1 to 8; USART1 is on APB5 and has sources of its own.
    func uartClock(_ number: Int) -> UInt64 {
        let selection = switch number {
        case 1: UART1CKSELR.UART1SRC
        case 6: UART6CKSELR.UART6SRC
        case 2, 4: UART24CKSELR.UART24SRC
        case 3, 5: UART35CKSELR.UART35SRC
        default: UART78CKSELR.UART78SRC
        }
        return switch (self[selection], number) {
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
        let selection = switch number { case 1: LPTIM1CKSELR.LPTIM1SRC; case 2, 3: LPTIM23CKSELR.LPTIM23SRC; default: LPTIM45CKSELR.LPTIM45SRC }
        let isPair = number == 2 || number == 3
        return switch self[selection] {
        case 1: isPair ? pll4(.q) : pll4(.p)
        case 2: isPair ? peripheralClock : pll3(.q)
        case 3: oscillators.lse
        case 4: oscillators.lsi
        case 5 where !isPair: peripheralClock
        default: busClock(number == 1 ? 1 : 3)
        }
    }

    /// Hertz of the kernel clock of SPI `number`, 1 to 6 (RM0436, RCC: SPI2S1CKSELR, SPI2S23CKSELR, SPI45CKSELR, SPI6CKSELR). The pin
    /// I2S_CKIN has none.
    func spiClock(_ number: Int) -> UInt64 {
        switch number {
        case 1, 2, 3:
            switch self[number == 1 ? SPI2S1CKSELR.SPI1SRC : SPI2S23CKSELR.SPI23SRC] {
            case 1: pll3(.q)
            case 2: 0
            case 3: peripheralClock
            case 4: pll3(.r)
            default: pll4(.p)
            }
        default:
            switch self[number == 6 ? SPI6CKSELR.SPI6SRC : SPI45CKSELR.SPI45SRC] {
            case 1: pll4(.q)
            case 2: oscillators.hsi
            case 3: oscillators.csi
            case 4: oscillators.hse
            case 5 where number == 6: pll3(.q)
            default: number == 6 ? axiBusClock : busClock(2)
            }
        }
    }
}
