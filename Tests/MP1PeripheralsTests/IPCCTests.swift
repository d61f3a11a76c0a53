// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MP1Peripherals
import Testing

@Suite struct IPCCTests {
    @Test func `A message to the M4 raises interrupt 103 until the M4 clears the flag`() {
        let chip = TestSoC()
        chip["IPCC.C2CR"] = 1
        chip["IPCC.C2MR"] = 0x003F_003D  // channel 2 unmasked
        chip["IPCC.C1SCR", by: linux] = 2 << 16
        #expect(chip.host.interrupts == [103])
        #expect(chip["IPCC.C1TOC2SR"] == 2)
        chip["IPCC.C2SCR"] = 2
        #expect(chip.host.interrupts.isEmpty)
        #expect(chip["IPCC.C1TOC2SR"] == 0)
    }

    @Test func `A masked channel and a switched-off interrupt stay silent, and unmasking shows the level`() {
        let chip = TestSoC()
        chip["IPCC.C1SCR", by: linux] = 1 << 16
        chip["IPCC.C2CR"] = 1
        #expect(chip.host.interrupts.isEmpty)
        chip["IPCC.C2MR"] = 0x003F_003E
        #expect(chip.host.interrupts == [103])
        chip["IPCC.C2CR"] = 0
        #expect(chip.host.interrupts.isEmpty)
    }

    @Test func `The M4's message reaches the A7s, whose clearing tells the M4 that the channel is free`() {
        let chip = TestSoC()
        chip["IPCC.C1CR", by: linux] = 1
        chip["IPCC.C1MR", by: linux] = 0x003F_003E
        chip["IPCC.C2SCR"] = 1 << 16
        #expect(chip.host.applicationInterrupts == [.ipccReceive])
        chip["IPCC.C2MR"] = 0x003E_003F  // TX free of channel 1
        chip["IPCC.C2CR"] = 1 << 16
        #expect(chip.host.interrupts.isEmpty)
        chip["IPCC.C1SCR", by: linux] = 1
        #expect(chip.host.applicationInterrupts.isEmpty)
        #expect(chip.host.interrupts == [104])
    }

    @Test func `Linux hears that its message was taken`() {
        let chip = TestSoC()
        chip["IPCC.C1SCR", by: linux] = 1 << 17
        chip["IPCC.C1MR", by: linux] = 0x003D_003F
        chip["IPCC.C1CR", by: linux] = 1 << 16
        #expect(chip.host.applicationInterrupts.isEmpty)
        chip["IPCC.C2SCR"] = 2
        #expect(chip.host.applicationInterrupts == [.ipccTransmitFree])
    }

    @Test func `Both directions of a channel are independent and SCR reads zero`() {
        let chip = TestSoC()
        chip["IPCC.C1SCR", by: linux] = 1 << 16
        chip["IPCC.C2SCR"] = 1 << 16
        #expect(chip["IPCC.C1TOC2SR"] == 1)
        #expect(chip["IPCC.C2TOC1SR"] == 1)
        // Firmware reads, modifies and writes; a read that gave flags back would set them again.
        chip["IPCC.C2SCR"] |= 1
        #expect(chip["IPCC.C1TOC2SR"] == 0)
        #expect(chip["IPCC.C2TOC1SR"] == 1)
        #expect(chip.soc.ipcc.occupiedToA7 == 1)
    }

    @Test func `It has six channels and says so`() {
        let chip = TestSoC()
        chip["IPCC.C2SCR"] = 0xFFFF_0000
        #expect(chip["IPCC.C2TOC1SR"] == 0x3F)
        #expect(chip["IPCC.HWCFGR"] == 6)
        #expect(chip["IPCC.VER"] == 0x10)
        #expect(chip.host.reports.isEmpty)
    }

    @Test func `Status registers cannot be written`() {
        let chip = TestSoC()
        chip["IPCC.C1TOC2SR"] = 0x3F
        chip["IPCC.C2TOC1SR", by: linux] = 0x3F
        #expect(chip["IPCC.C1TOC2SR"] == 0)
        #expect(chip["IPCC.C2TOC1SR"] == 0)
    }

    @Test func `A reset of the M4 keeps flags and presents the level to the new NVIC again`() {
        let chip = TestSoC()
        chip["IPCC.C2CR"] = 1
        chip["IPCC.C2MR"] = 0
        chip["IPCC.C1SCR", by: linux] = 1 << 16
        chip.host.interrupts = []
        chip.soc.resetMCUDomain()
        #expect(chip.host.interrupts == [103])
        chip.soc.reset()
        #expect(chip.host.interrupts.isEmpty)
        #expect(chip["IPCC.C1TOC2SR"] == 0)
    }
}
