// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import TestSupport
import Testing

/// Jumps to where a register or memory says, which the engine remembers: they lead to what is there now, with the rights of who jumps.
@Suite struct JumpTests {
    private static let target: UInt32 = 0x1000_4000
    /// Ways to call `target` with R4 = target | 1; `mov lr, pc` is the address of what is two instructions further.
    static let ways: [(name: String, code: [UInt16])] = [
        ("blx r4", [0x47A0]),
        ("mov lr, pc; add lr, #5; bx r4", [0x46FE, 0xF10E, 0x0E05, 0x4720]),
        ("mov lr, pc; add lr, #7; push {r4}; pop {pc}", [0x46FE, 0xF10E, 0x0E07, 0xB410, 0xBD00]),
        ("mov lr, pc; add lr, #5; mov pc, r4", [0x46FE, 0xF10E, 0x0E05, 0x46A7]),
    ]

    /// Calls `target` forty times in a loop, R0 being added to R5, and goes on behind it.
    private func hot(_ way: [UInt16]) -> [UInt16] {
        // movs r6, #40; way; add r5, r0; subs r6, #1; bne
        let body = way + [0x4405, 0x3E01]
        let back = UInt16(truncatingIfNeeded: -(body.count + 2)) & 0xFF
        return [0x2628] + body + [0xD100 | back]
    }

    @Test(arguments: 0..<ways.count) func aRememberedJumpLeadsToTheNewCode(_ way: Int) throws {
        let bench = try Bench()
        try bench.place([0x2001, 0x4770], at: Self.target)  // movs r0, #1; bx lr
        try bench.program(Thumb.load(4, Self.target | 1), Thumb.load(5, 0))
        try bench.program(hot(Self.ways[way].code))
        try bench.program(Thumb.load(2, Self.target), Thumb.load(3, 0x2002), [0x8013], Thumb.dsb, Thumb.isb)
        try bench.program(hot(Self.ways[way].code), Bench.exit)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 40 + 80)
    }

    @Test func theHostsWriteIsSeenAtARememberedJump() throws {
        let bench = try Bench()
        try bench.place([0x2001, 0x4770], at: Self.target)
        // 1: blx r4; add r5, r0; b 1b
        try bench.program(Thumb.load(4, Self.target | 1), Thumb.load(5, 0), [0x47A0, 0x4405, 0xE7FC])
        bench.run(cycles: 1000)
        try bench.place([0x2000, 0x4770], at: Self.target)
        let before = bench.core.registers.r[5]
        bench.run(cycles: 10)
        let settled = bench.core.registers.r[5]
        bench.run(cycles: 1000)
        #expect(before > 100 && settled - before <= 1 && bench.core.registers.r[5] == settled)
    }

    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's"))
    func aPageThatMayNotBeExecutedAnyMoreIsNotJumpedTo() throws {
        let bench = try Bench()
        try bench.place([0x2001, 0x4770], at: Self.target)
        try bench.program(Thumb.load(4, Self.target | 1), Thumb.load(5, 0), hot(Self.ways[0].code))
        // Region 0: 1 KiB at the target, read and write, execute-never.
        try bench.program(
            Thumb.poke(0xE000_ED24, 1 << 16), Thumb.poke(0xE000_ED9C, Self.target | 0x10), Thumb.poke(0xE000_EDA0, 1 << 28 | 3 << 24 | 9 << 1 | 1),
            Thumb.poke(0xE000_ED94, 5), Thumb.dsb, Thumb.isb, [0x47A0], Thumb.stay)
        try bench.handler(4, Thumb.ldrW(7, 13, 24), Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 && bench.core.registers.r[7] == Self.target && bench.core.registers.r[5] == 40)
    }

    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's"))
    func whoJumpsToRememberedCodeHasHisOwnRights() throws {
        let bench = try Bench()
        // ldr r0, [r2]; bx lr: R2 is the SysTick's control register, which unprivileged code does not reach.
        try bench.place([0x6810, 0x4770], at: Self.target)
        try bench.program(Thumb.load(2, 0xE000_E010), Thumb.load(4, Self.target | 1), Thumb.load(5, 0), hot(Self.ways[0].code))
        try bench.program(Thumb.load(3, 1), Thumb.msr(.control, 3), Thumb.isb, [0x47A0], Thumb.stay)
        try bench.handler(3, Thumb.ldrW(7, 13, 24), Bench.exit)
        bench.runToExit()
        #expect(bench.core.registers.r[7] == Self.target && bench.core.scs.faults.hfsr == 1 << 30)
    }
}
