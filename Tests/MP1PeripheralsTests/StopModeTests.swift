// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MP1Peripherals
import Testing

/// CSTOP of the M4's domain.
@Suite struct StopModeTests {
    @Test func anUnmaskedLineEndsCSTOPAndRCCSaysSo() {
        let chip = TestSoC()
        chip["EXTI.C2IMR2"] = 1 << 30  // line 62, the IPCC
        chip["RCC.MC_CIER"] = 1 << 20  // WKUPIE
        chip["IPCC.C2CR"] = 1
        chip["IPCC.C2MR"] = 0
        chip["IPCC.C1SCR", by: linux] = 1 << 16
        #expect(chip.host.interrupts.contains(103) && !chip.host.interrupts.contains(145))
        chip["IPCC.C2SCR"] = 1
        chip.soc.setMCUStopped(true)
        #expect(!chip.host.interrupts.contains(145))
        chip["IPCC.C1SCR", by: linux] = 1 << 16
        #expect(chip.host.interrupts.contains(145))
        #expect(!chip.host.interrupts.contains(5))
        #expect(chip["RCC.MC_CIFR"] >> 20 & 1 == 1)
        chip["RCC.MC_CIFR"] = 1 << 20
        #expect(!chip.host.interrupts.contains(145))
    }

    @Test func aMaskedLineDoesNot() {
        let chip = TestSoC()
        chip["EXTI.C2IMR2"] = 0
        chip["RCC.MC_CIER"] = 1 << 20
        chip["IPCC.C2CR"] = 1
        chip["IPCC.C2MR"] = 0
        chip.soc.setMCUStopped(true)
        chip["IPCC.C1SCR", by: linux] = 1 << 16
        #expect(chip.host.interrupts.contains(103) && !chip.host.interrupts.contains(145))
    }
}
