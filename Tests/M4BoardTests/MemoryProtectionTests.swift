// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import TestSupport
import Testing

/// Engine 2.0 has no hook that could refuse: there the MPU's registers are all there is of it.
@Suite(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's")) struct MemoryProtectionTests {
    /// Region 0: `size` = log2 - 1 at `base`, with AP and XN as given; privileged code has the default map elsewhere.
    private func protect(_ base: UInt32, size: UInt32, access: UInt32, executeNever: Bool = false, control: UInt32 = 5) -> [UInt16] {
        Thumb.poke(0xE000_ED24, 1 << 16) + Thumb.poke(0xE000_ED9C, base | 0x10)
            + Thumb.poke(0xE000_EDA0, (executeNever ? 1 << 28 : 0) | access << 24 | size << 1 | 1) + Thumb.poke(0xE000_ED94, control) + Thumb.dsb + Thumb.isb
    }

    @Test func aStoreToAReadOnlyRegionFaults() throws {
        let bench = try Bench()
        try bench.program(protect(0x1000_9000, size: 11, access: 6), Thumb.load(2, 0x1000_9010), Thumb.ldrW(3, 2), Thumb.strW(3, 2), Thumb.stay)
        try bench.handler(4, Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 << 7 | 1 << 1 && bench.core.scs.faults.mmfar == 0x1000_9010)
    }

    @Test func aGuardOf32BytesIsExact() throws {
        let bench = try Bench()
        // Every word from 0x10009000 on is written, until the guard at 0x10009040 stops that.
        try bench.program(protect(0x1000_9040, size: 4, access: 0), Thumb.load(2, 0x1000_9000), [0x6012], [0x3204], [0xE7FC])
        try bench.handler(4, Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.mmfar == 0x1000_9040)
        #expect(try bench.word(0x1000_903C) == 0x1000_903C && bench.word(0x1000_9040) == 0)
    }

    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's")) func aWatchpointAndAGuardShareAPage() throws {
        let bench = try Bench()
        // Every word from 0x10009000 on is written: past a watched one at 0x10009010, up to the guard at 0x10009040.
        try bench.program(protect(0x1000_9040, size: 4, access: 0), Thumb.load(2, 0x1000_9000), [0x6012], [0x3204], [0xE7FC])
        try bench.handler(4, Bench.exit)
        try bench.core.setWatchpoints([Watchpoint(address: 0x1000_9010, count: 4)])
        guard case .watchpoint(let report) = bench.run(), case .access(let access) = report.cause else { Issue.record("no watchpoint"); return }
        #expect(access.address == 0x1000_9010 && access.new == 0x1000_9010 && report.registers.r[2] == 0x1000_9010)
        bench.runToExit()
        #expect(bench.core.scs.faults.mmfar == 0x1000_9040)
        #expect(try bench.word(0x1000_903C) == 0x1000_903C && bench.word(0x1000_9040) == 0)
    }

    @Test func anAccessAcrossTwoDividedPagesMakesProgress() throws {
        let bench = try Bench()
        // Guards of 32 bytes in two pages; stmia of eight words across their border.
        try bench.program(
            protect(0x1000_9000, size: 4, access: 0), Thumb.poke(0xE000_ED9C, 0x1000_9400 + 0x100 | 0x11), Thumb.poke(0xE000_EDA0, 4 << 1 | 1), Thumb.isb,
            Thumb.load(2, 0x1000_93F0), [0xE882, 0x00FF], Bench.exit)
        try bench.handler(4, Thumb.stay)
        bench.runToExit()
        #expect(try bench.word(0x1000_93F8) == 0x1000_93F0)
    }

    /// Region 0: 32 bytes at 0x10009040 that may be read, not written. Each with R2 = 0x10009040, R3 = 0.
    @Test(arguments: [
        ("str r3, [r2, #28]", [0x61D3], 0x1000_905C), ("strb r3, [r2]", [0x7013], 0x1000_9040), ("strh.w r3, [r2, #-2]; str r3, [r2, #-1]", [0xF822, 0x3C02, 0xF842, 0x3C01], 0x1000_9040),
        ("stmdb r2, {r0-r7}; stm r2, {r0, r1}", [0xE902, 0x00FF, 0xC203], 0x1000_9040), ("push of an exception's frame's neighbour", [0xF842, 0x3F04], 0x1000_9044),
    ] as [(String, [UInt16], UInt32)])
    func aStoreIntoADividedPageFaultsAtTheByteAndHasNoEffect(_ name: String, _ code: [UInt16], _ address: UInt32) throws {
        let bench = try Bench()
        try bench.word(0x1000_903C, 0x1111_1111)
        try bench.word(0x1000_9060, 0x2222_2222)
        // Behind it in the block: a load and a store that must not happen, and a change of flags and registers.
        try bench.program(
            protect(0x1000_9040, size: 4, access: 6), Thumb.load(2, 0x1000_9040), Thumb.load(3, 0), Thumb.load(5, 5), Thumb.load(6, 0x1000_9060), [0x4285],
            code, [0x2501], [0x6037], [0x6837], Thumb.stay)
        try bench.handler(4, Thumb.ldrW(8, 13, 24), Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 << 7 | 1 << 1 && bench.core.scs.faults.mmfar == address)
        #expect(bench.core.registers.r[5] == 5)
        #expect(bench.core.registers.r[2] == 0x1000_9040, "the base register is as before")
        #expect(try bench.word(0x1000_9060) == 0x2222_2222 && bench.word(0x1000_9040) == 0)
    }

    @Test func aLoadFromADividedPageThatIsRefusedLeavesItsRegister() throws {
        let bench = try Bench()
        try bench.program(
            protect(0x1000_9040, size: 4, access: 0), Thumb.load(2, 0x1000_9000), Thumb.load(3, 7), Thumb.ldrW(4, 2), [0x6C13], Thumb.load(3, 8), Thumb.stay)
        try bench.handler(4, Thumb.ldrW(8, 13, 24), Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.mmfar == 0x1000_9040 && bench.core.registers.r[3] == 7)
    }

    @Test func aRefusedStoreInAnITBlockKeepsItsState() throws {
        let bench = try Bench()
        // cmp r3, r3; itt eq; streq r3, [r2]; moveq r5, #9
        try bench.program(protect(0x1000_9040, size: 4, access: 6), Thumb.load(2, 0x1000_9040), Thumb.load(5, 1), [0x429B], [0xBF04], [0x6013], [0x2509], Thumb.stay)
        try bench.handler(4, Thumb.ldrW(8, 13, 28), Bench.exit)
        bench.runToExit()
        let xpsr = bench.core.registers.r[8]
        #expect((xpsr >> 8 & 0xFC | xpsr >> 25 & 3) == 0x04 && bench.core.registers.r[5] == 1)
    }

    @Test func codeIsExecutedUpToAnExecuteNeverGranule() throws {
        let bench = try Bench()
        // 0x10004000: movs r5, #n; nops up to 0x10004020, which is execute-never.
        try bench.place([0x2501] + [UInt16](repeating: 0xBF00, count: 14) + [0x2502, 0x2503, 0x4770], at: 0x1000_4000)
        try bench.program(protect(0x1000_4020, size: 4, access: 3, executeNever: true), Thumb.load(4, 0x1000_4001), [0x47A0], Thumb.stay)
        try bench.handler(4, Thumb.ldrW(7, 13, 24), Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 && bench.core.registers.r[7] == 0x1000_4020 && bench.core.registers.r[5] == 2)
    }

    @Test func codeInADividedPageThatIsRewrittenIsTheNewCode() throws {
        let bench = try Bench()
        try bench.place([0x2001, 0x4770], at: 0x1000_4000)
        // blx r4; add r5, r0 around a store of the new code; the guard lies at the page's end.
        try bench.program(
            protect(0x1000_43E0, size: 4, access: 0), Thumb.load(5, 0), Thumb.load(4, 0x1000_4001), Thumb.load(6, 0x1000_4000), [0x47A0], [0x4405],
            Thumb.load(7, 0x4770_2002), [0x6037], Thumb.dsb, Thumb.isb, [0x47A0], [0x4405], Bench.exit)
        try bench.handler(4, Thumb.stay)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 3)
    }

    @Test func aRegisterBesideAProtectedOneKeepsWorking() throws {
        let bench = try Bench()
        // GPIOA at 0x50002000: a region of 32 bytes over its registers from 0x20 on. ODR (0x14) may be written, AFRL (0x20) not.
        try bench.program(
            protect(0x5000_2020, size: 4, access: 6, executeNever: true), Thumb.poke(0x5000_2014, 0x1234), Thumb.load(2, 0x5000_2014), Thumb.ldrW(7, 2),
            Thumb.poke(0x5000_2020, 1), Thumb.stay)
        try bench.handler(4, Bench.exit)
        bench.runToExit()
        #expect(bench.core.registers.r[7] == 0x1234)
        #expect(bench.core.scs.faults.mmfar == 0x5000_2020)
    }

    @Test func aWordAcrossIntoADividedPageIsRefused() throws {
        let bench = try Bench()
        // The guard is the first granule of the page at 0x10009400; an unaligned word begins two bytes before it.
        try bench.program(protect(0x1000_9400, size: 4, access: 0), Thumb.load(2, 0x1000_93FE), Thumb.load(3, 7), Thumb.ldrW(3, 2), Thumb.stay)
        try bench.handler(4, Thumb.ldrW(8, 13, 24), Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.mmfar == 0x1000_9400 && bench.core.registers.r[3] == 7)
    }

    @Test func faultmaskPutsItOutOfForce() throws {
        let bench = try Bench()
        try bench.program(
            protect(0x1000_9000, size: 11, access: 0), Thumb.load(2, 0x1000_9000), Thumb.cpsidF, Thumb.ldrW(3, 2), Thumb.load(5, 1), Thumb.cpsieF,
            Thumb.ldrW(3, 2), Thumb.stay)
        try bench.handler(4, Bench.exit)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 1 && bench.core.scs.faults.mmfar == 0x1000_9000)
    }

    @Test func itIsAskedBeforeTheBus() throws {
        let bench = try Bench()
        // Nothing answers at 0x60000100, where region 0 forbids everything.
        try bench.program(protect(0x6000_0000, size: 11, access: 0), Thumb.load(2, 0x6000_0100), Thumb.ldrW(3, 2), Thumb.stay)
        try bench.handler(4, Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 << 7 | 1 << 1 && bench.core.scs.faults.mmfar == 0x6000_0100)
    }

    @Test func codeInAnExecuteNeverRegionFaults() throws {
        let bench = try Bench()
        try bench.place([0x4770], at: 0x1000_4000)
        try bench.program(protect(0x1000_4000, size: 11, access: 3, executeNever: true), Thumb.load(4, 0x1000_4001), [0x47A0], Thumb.stay)
        try bench.handler(4, Thumb.ldrW(7, 13, 24), Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 && bench.core.registers.r[7] == 0x1000_4000)
    }

    @Test func unprivilegedCodeHasOnlyItsRegions() throws {
        let bench = try Bench()
        // Region 0: all of RETRAM, for everyone. MCUSRAM is in none.
        try bench.program(
            Thumb.load(2, 0x1000_9000), protect(0, size: 15, access: 3), Thumb.ldrW(3, 2), Thumb.load(0, 1), Thumb.msr(.control, 0), Thumb.isb,
            Thumb.load(5, 7), Thumb.ldrW(3, 2), Thumb.stay)
        try bench.handler(4, Bench.exit)
        bench.runToExit()
        // Stacking for the MemManage handler is unprivileged, too.
        #expect(bench.core.registers.r[5] == 7)
        #expect(bench.core.scs.faults.cfsr & (1 << 4 | 1 << 1) == 1 << 4 | 1 << 1)
    }

    @Test func hardFaultRunsWithoutIt() throws {
        let bench = try Bench()
        try bench.program(protect(0x1000_9000, size: 11, access: 0), Thumb.load(2, 0x1000_9000), Thumb.undefined)
        try bench.handler(3, Thumb.ldrW(3, 2), Thumb.load(5, 1), Bench.exit)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 1)
    }

    @Test func switchingItOffOpensEverything() throws {
        let bench = try Bench()
        try bench.program(
            protect(0x1000_9000, size: 11, access: 0), Thumb.poke(0xE000_ED94, 0), Thumb.isb, Thumb.poke(0x1000_9000, 5), Bench.exit)
        bench.runToExit()
        #expect(try bench.word(0x1000_9000) == 5)
    }
}
