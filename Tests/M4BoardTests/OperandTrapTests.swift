// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import TestSupport
import Testing

private typealias T = Thumb

/// Traps that depend on what a register holds, at instructions that have run many times before: the first wrong operand traps, at its
/// instruction and before anything changes.
@Suite(.enabled(if: M4Board.trapsOnOperands, "needs the engine of engine/, not the system's")) struct OperandTrapTests {
    struct Loop: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// What comes before the loop; R0 is 0x10001000.
        var before: Thumb.Code = []
        /// The loop's first instructions; the last of them traps.
        let body: Thumb.Code
        let trapping: Int
        /// What makes the operand wrong.
        var then = Thumb.adds(0, 2)
        var status: UInt32 = 1 << 24
    }
    static let loops = [
        Loop(testDescription: "ldmia r0", body: [0xC80C], trapping: 0),
        Loop(testDescription: "ldrd r2, r3, [r0, #16]", body: [0xE9D0, 0x2304], trapping: 0),
        Loop(testDescription: "stmia r0, after a load of another register", body: [0x6807, 0xE880, 0x000C], trapping: 1),
        Loop(testDescription: "mov r7, r0; adds r7, #4; ldmia r7", body: [0x4607, 0x3704, 0xCF0C], trapping: 2),
        Loop(testDescription: "add r7, r0, r6, lsl #2; ldmia r7", before: T.movs(6, 3), body: [0xEB00, 0x0786, 0xCF0C], trapping: 2),
        Loop(testDescription: "movw r7, #8; add r7, r0; ldmia r7", body: [0xF240, 0x0708, 0x4407, 0xCF0C], trapping: 3),
        Loop(testDescription: "lsls r7, r0, #0; sub.w r7, r7, #256; ldmia r7", body: [0x0007, 0xF5A7, 0x7780, 0xCF0C], trapping: 3),
        // The block loads its base: such an instruction is watched by itself.
        Loop(
            testDescription: "ldr r7, [r6]; ldmia r7", before: T.load32(6, 0x1000_1100) + T.str(0, 6), body: [0x6837, 0xCF0C], trapping: 1,
            then: T.adds(0, 2) + T.str(0, 6)),
        Loop(
            testDescription: "adds r7, r0, #2; adds r7, r7, #2; ldmia r7", body: [0x1C87, 0x1CBF, 0xCF0C], trapping: 2),
        Loop(
            testDescription: "vldr s0, [r0, #8]", before: T.poke(0xE000_ED88, 0x00F0_0000) + T.load32(0, 0x1000_1000) + T.isb,
            body: [0xED90, 0x0A02], trapping: 0),
        Loop(
            testDescription: "vstmia r7, {s0-s1}, r7 from r0", before: T.poke(0xE000_ED88, 0x00F0_0000) + T.load32(0, 0x1000_1000) + T.isb,
            body: [0x4607, 0xEC87, 0x0A02], trapping: 1),
        Loop(
            testDescription: "sdiv r2, r6, r0", before: T.poke(0xE000_ED14, 0x10) + T.movs(0, 2), body: [0xFB96, 0xF2F0], trapping: 0,
            then: T.subs(0, 2), status: 1 << 25),
        Loop(
            testDescription: "subs r7, r0, #1; udiv r2, r6, r7", before: T.poke(0xE000_ED14, 0x10) + T.movs(0, 3),
            body: [0x1E47, 0xFBB6, 0xF2F7], trapping: 1, then: T.subs(0, 2), status: 1 << 25),
    ]

    @Test(arguments: loops) func theFirstWrongOperandTraps(loop: Loop) throws {
        let rounds: UInt16 = 200
        let start = T.poke(0xE000_ED24, 7 << 16) + T.load32(0, 0x1000_1000) + loop.before + T.movs(4, 0)
        let turn = loop.body + T.adds(4, 1) + T.cmp(4, rounds)
        let program = start + turn + T.bne(-turn.count * 2) + loop.then
        let again = T.b(-(program.count - start.count) * 2)
        let handler = T.load32(3, 0xE000_ED28) + T.ldr(3, 3) + T.log(register: 3) + T.stay
        let bench = try Bench(program + again, handlers: [6: handler])
        bench.run(cycles: 20_000)
        #expect(try bench.log == [loop.status])
        #expect(bench.board.core.registers.r[4] == UInt32(rounds))
        let frame = bench.board.core.registers.r[13]
        #expect(try bench.word(frame + 24) == Bench.code + UInt32((start.count + loop.trapping) * 2))
    }

    /// Whether such an instruction is watched or not, it counts once.
    @Test func watchingAnInstructionCountsNothing() throws {
        let start = T.load32(6, 0x1000_1100) + T.load32(0, 0x1000_1000) + T.str(0, 6) + T.load32(4, 3000)
        let turn: Thumb.Code = [0x6837, 0xCF0C] + T.subs(4, 1)
        let counted = try Bench(start + turn + T.bne(-turn.count * 2) + T.wfi, handlers: [6: T.stay])
        #expect(counted.run(cycles: .max >> 1) == .deadline)
        #expect(counted.board.core.registers.r[4] == 0)
        #expect(counted.board.core.faultCount == 0)
        #expect(counted.board.core.retired == 7 + 3000 * 4 + 1)
    }
}

@Suite struct UnalignedTrapAndBreakpointTests {
    @Test func aBreakpointStopsUnderUnalignTrapToo() throws {
        let start = T.poke(PPB.ccr, 1 << 3 | 1 << 9) + T.movs(4, 0), turn = T.adds(4, 1) + T.cmp(4, 5)
        let bench = try Bench(start + turn + T.bne(-turn.count * 2) + T.nop)
        let last = Bench.code + UInt32((start.count + turn.count + 1) * 2)
        try bench.board.core.setBreakpoints([last])
        #expect(bench.run(cycles: 5_000).name == "breakpoint")
        #expect(bench.board.core.registers.pc == last && bench.board.core.registers.r[4] == 5)
        #expect(bench.board.core.retired == 5 + 1 + 15)
    }
}
