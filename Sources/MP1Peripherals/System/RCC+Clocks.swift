// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips

/// Frequencies that RCC's registers tell (RM0436, RCC).
extension RCC {
    private var oscillators: Oscillators { interconnect.chip.oscillators }

    // MARK: What blocks run on

    /// What the clock's selector has selected.
    func selected(_ clock: KernelClock) -> ClockSource {
        let first = clock.sources.first ?? .core
        guard let selector = clock.selector, selector.mask != 0 else { return first }
        let value = (self[selector.address.value &- base] & selector.mask) >> UInt32(selector.mask.trailingZeroBitCount)
        return Int(value) < clock.sources.count ? clock.sources[Int(value)] : first
    }

    /// Hertz of a clock; 0 where nothing drives it.
    func hertz(_ source: ClockSource) -> UInt64 {
        switch source {
        case .lsi: oscillators.lsi
        case .lse: oscillators.lse
        case .csi: oscillators.csi
        case .hse: oscillators.hse
        case .hsi: oscillators.hsi
        case .pll3(let output): pll3(output)
        case .pll4(let output): pll4(output)
        case .peripheral: peripheralClock
        case .bus(4), .bus(5), .axi: hertzFromAXI(source)
        case .core: interconnect.clock.hertz
        case .bus, .timers: interconnect.clock.hertz / (coreCycles(source) ?? 1)
        case .outside: 0
        }
    }

    /// Core cycles of a period, at least 1; nil without a clock.
    func coreCycles(_ source: ClockSource) -> UInt64? {
        switch source {
        case .core: return 1
        case .bus(1), .bus(2), .bus(3):
            if case .bus(let number) = source { return busDivider(number) }
            return nil
        case .timers(let bus):
            // By RM0436, RCC: twice, or with TIMGxPRE four times, as fast as the bus, and at most as the core.
            let isFast = has(bus == 2 ? TIMG2PRER.TIMG2PRE : TIMG1PRER.TIMG1PRE)
            return max(1, busDivider(bus) / (isFast ? 4 : 2))
        default:
            let hertz = hertz(source)
            return hertz == 0 ? nil : max(1, interconnect.clock.hertz / hertz)
        }
    }

    /// How many cycles of the core clock make one of pclk1, pclk2 or pclk3.
    private func busDivider(_ bus: Int) -> UInt64 {
        let divider = switch bus { case 1: self[APB1DIVR.APB1DIV]; case 2: self[APB2DIVR.APB2DIV]; default: self[APB3DIVR.APB3DIV] }
        return 1 &<< UInt64(min(divider, 4))
    }

    // MARK: The tree

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

    /// The AXI bus's clock (ASSCKSELR, AXIDIVR), for `.axi`, and the buses that are divided from it.
    private func hertzFromAXI(_ clock: ClockSource) -> UInt64 {
        let source: UInt64 = switch self[ASSCKSELR.AXISSRC] {
        case 0: oscillators.hsi >> UInt64(self[HSICFGR.HSIDIV])
        case 1: oscillators.hse
        default: pll(selection: RCK12SELR.PLL12SRC, control: PLL2CR.offset, .p)
        }
        let bus = source / (UInt64(min(self[AXIDIVR.AXIDIV], 3)) + 1)
        return switch clock {
        case .bus(4): bus >> UInt64(min(self[APB4DIVR.APB4DIV], 4))
        case .bus(5): bus >> UInt64(min(self[APB5DIVR.APB5DIV], 4))
        default: bus
        }
    }

    /// CPERCKSELR: what ck_per is.
    var peripheralClock: UInt64 {
        switch self[CPERCKSELR.CKPERSRC] { case 0: oscillators.hsi; case 1: oscillators.csi; default: oscillators.hse }
    }
}

extension PLLOutput {
    /// In PLLxCFGR2.
    fileprivate var divider: Field {
        switch self { case .p: RCC.PLL3CFGR2.DIVP; case .q: RCC.PLL3CFGR2.DIVQ; case .r: RCC.PLL3CFGR2.DIVR }
    }
}
