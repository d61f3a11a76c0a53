import CortexM
import M4Board
import Testing

/// Engine 2.0 has no hook that could refuse: there the MPU's registers are all there is of it.
@Suite(.enabled(if: M4Board.enforcesPermissions)) struct MemoryProtectionTests {
    /// Region 0: `size` = log2 - 1 at `base`, with AP and XN as given; privileged code has the default map elsewhere.
    private func protect(_ base: UInt32, size: UInt32, access: UInt32, executeNever: Bool = false, control: UInt32 = 5) -> [UInt16] {
        Thumb.poke(0xE000_ED24, 1 << 16) + Thumb.poke(0xE000_ED9C, base | 0x10)
            + Thumb.poke(0xE000_EDA0, (executeNever ? 1 << 28 : 0) | access << 24 | size << 1 | 1) + Thumb.poke(0xE000_ED94, control) + Thumb.dsb + Thumb.isb
    }

    @Test func aStoreToAReadOnlyRegionFaults() throws {
        let bench = try Bench()
        try bench.program(protect(0x1000_9000, size: 11, access: 6), Thumb.load(2, 0x1000_9010), Thumb.ldr(3, 2), Thumb.str(3, 2), Thumb.loop)
        try bench.handler(4, Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 << 7 | 1 << 1 && bench.core.scs.faults.mmfar == 0x1000_9010)
    }

    @Test func aGuardOf32BytesIsExact() throws {
        let bench = try Bench(smallRegions: true)
        // Every word from 0x10009000 on is written, until the guard at 0x10009040 stops that.
        try bench.program(protect(0x1000_9040, size: 4, access: 0), Thumb.load(2, 0x1000_9000), [0x6012], [0x3204], [0xE7FC])
        try bench.handler(4, Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.mmfar == 0x1000_9040)
        #expect(try bench.word(0x1000_903C) == 0x1000_903C && bench.word(0x1000_9040) == 0)
    }

    @Test func anAccessAcrossTwoDividedPagesMakesProgress() throws {
        let bench = try Bench(smallRegions: true)
        // Guards of 32 bytes in two pages; stmia of eight words across their border.
        try bench.program(
            protect(0x1000_9000, size: 4, access: 0), Thumb.poke(0xE000_ED9C, 0x1000_9400 + 0x100 | 0x11), Thumb.poke(0xE000_EDA0, 4 << 1 | 1), Thumb.isb,
            Thumb.load(2, 0x1000_93F0), [0xE882, 0x00FF], Bench.exit)
        try bench.handler(4, Thumb.loop)
        bench.runToExit()
        #expect(try bench.word(0x1000_93F8) == 0x1000_93F0)
    }

    @Test func codeInAnExecuteNeverRegionFaults() throws {
        let bench = try Bench()
        try bench.place([0x4770], at: 0x1000_4000)
        try bench.program(protect(0x1000_4000, size: 11, access: 3, executeNever: true), Thumb.load(4, 0x1000_4001), [0x47A0], Thumb.loop)
        try bench.handler(4, Thumb.ldr(7, 13, 24), Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 && bench.core.registers.r[7] == 0x1000_4000)
    }

    @Test func unprivilegedCodeHasOnlyItsRegions() throws {
        let bench = try Bench()
        // Region 0: all of RETRAM, for everyone. MCUSRAM is in none.
        try bench.program(
            Thumb.load(2, 0x1000_9000), protect(0, size: 15, access: 3), Thumb.ldr(3, 2), Thumb.load(0, 1), Thumb.msr(.control, 0), Thumb.isb,
            Thumb.load(5, 7), Thumb.ldr(3, 2), Thumb.loop)
        try bench.handler(4, Bench.exit)
        bench.runToExit()
        // Stacking for the MemManage handler is unprivileged, too.
        #expect(bench.core.registers.r[5] == 7)
        #expect(bench.core.scs.faults.cfsr & (1 << 4 | 1 << 1) == 1 << 4 | 1 << 1)
    }

    @Test func hardFaultRunsWithoutIt() throws {
        let bench = try Bench()
        try bench.program(protect(0x1000_9000, size: 11, access: 0), Thumb.load(2, 0x1000_9000), Thumb.undefined)
        try bench.handler(3, Thumb.ldr(3, 2), Thumb.load(5, 1), Bench.exit)
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
