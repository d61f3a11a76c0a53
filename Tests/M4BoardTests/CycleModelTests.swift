// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import TestSupport
import Testing

/// `CycleModel.coarse`: the Cortex-M4's cycles, as far as encodings tell. Source: Cortex-M4 TRM r0p1, tables 3-1 and 7-1.
@Suite struct CycleModelTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let code: [UInt16]
        /// Of `code`, and of the MOVS behind it that keeps the next instructions from sharing anything.
        let cycles: UInt64
        let instructions: UInt64
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "adds r4, #1", code: [0x3401], cycles: 1, instructions: 1),
        Case(name: "ldr r4, [r2]", code: [0x6814], cycles: 2, instructions: 1),
        Case(name: "ldr r4, [r2]; ldr r5, [r2, #4]: pipelined", code: [0x6814, 0x6855], cycles: 3, instructions: 2),
        Case(name: "ldr r2, [r2]; ldr r5, [r2]: dependent", code: [0x6812, 0x6815], cycles: 4, instructions: 2),
        Case(name: "str r4, [r2]", code: [0x6014], cycles: 1, instructions: 1),
        Case(name: "str r4, [r2, r3]", code: [0x50D4], cycles: 2, instructions: 1),
        Case(name: "ldm r2, {r4-r7}", code: [0xCAF0], cycles: 5, instructions: 1),
        Case(name: "push {r4-r7}; pop {r4-r7}", code: [0xB4F0, 0xBCF0], cycles: 10, instructions: 2),
        Case(name: "ldrd r4, r5, [r2]", code: [0xE9D2, 0x4500], cycles: 3, instructions: 1),
        Case(name: "mul r4, r3", code: [0x435C], cycles: 1, instructions: 1),
        Case(name: "smull r4, r5, r2, r3", code: [0xFB82, 0x4503], cycles: 1, instructions: 1),
        Case(name: "udiv r4, r2, r3", code: [0xFBB2, 0xF4F3], cycles: 7, instructions: 1),
        Case(name: "mrs r4, primask", code: [0xF3EF, 0x8410], cycles: 2, instructions: 1),
        Case(name: "vadd.f32 s0, s1, s2", code: [0xEE30, 0x0A81], cycles: 1, instructions: 1),
        Case(name: "vfma.f32 s0, s1, s2", code: [0xEEA0, 0x0A81], cycles: 3, instructions: 1),
        Case(name: "vdiv.f32 s0, s1, s2", code: [0xEE80, 0x0A81], cycles: 14, instructions: 1),
        Case(name: "vsqrt.f32 s0, s1", code: [0xEEB1, 0x0AE0], cycles: 14, instructions: 1),
        Case(name: "vldr s0, [r2]", code: [0xED92, 0x0A00], cycles: 2, instructions: 1),
        Case(name: "b over one; (skipped); nop", code: [0xE000, 0xBF00, 0xBF00], cycles: 4, instructions: 2),
        Case(name: "beq that is not taken", code: [0x2401, 0xD000], cycles: 2, instructions: 2),
    ]

    private func run(_ code: [UInt16], _ model: CycleModel) throws -> (cycles: UInt64, retired: UInt64) {
        let bench = try Bench(cycles: model)
        try bench.word(Bench.results, Bench.results)
        try bench.program(Thumb.poke(0xE000_ED88, 0xF << 20), Thumb.isb, Thumb.load(2, Bench.results), Thumb.load(3, 4), [0x2001], code, [0x2601], Bench.exit)
        bench.runToExit()
        return (bench.board.cycles, bench.core.retired)
    }

    @Test(arguments: cases) func instructionsTakeTheCyclesOfTheTable(_ test: Case) throws {
        let without = try run([], .coarse), with = try run(test.code, .coarse)
        #expect(with.cycles - without.cycles == test.cycles)
        #expect(with.retired - without.retired == test.instructions)
        let plain = try run(test.code, .instructions)
        #expect(plain.retired == with.retired && plain.cycles == plain.retired)
    }

    @Test func aDelayLoopTakesThreeCyclesAndARefillARound() throws {
        let bench = try Bench(cycles: .coarse)
        // subs r2, #1; bne: 1 + 1 + 2, and no refill the last time
        try bench.program(Thumb.load(2, 1000), [0x3A01], [0xD1FD], Bench.exit)
        bench.runToExit()
        #expect(bench.core.retired == 1 + 2000 + 4)
        #expect(bench.board.cycles == 1 + 4 * 1000 - 2 + 4)
    }

    @Test func exceptionsTakeTimeAndStopsDoNot() throws {
        func end(_ model: CycleModel, breakpoints: [UInt32] = [], slice: UInt64 = 1_000_000) throws -> [UInt64] {
            let bench = try Bench(cycles: model)
            try bench.program(Thumb.load(4, 0), Thumb.svc(0), Thumb.load(2, 500), [0x3A01], [0xD1FD], Bench.exit)
            try bench.handler(11, Thumb.adds(4, 1), Thumb.bxLR)
            try bench.core.setBreakpoints(breakpoints)
            var reason = bench.run(cycles: slice)
            while reason != .exit(code: 0) { reason = bench.run(cycles: slice) }
            return [bench.board.cycles, bench.core.retired]
        }
        let plain = try end(.instructions), coarse = try end(.coarse)
        // Entry 12, return 10, and 499 taken branches.
        #expect(coarse[0] == plain[0] + 22 + 2 * 499)
        #expect(coarse[1] == plain[1])
        #expect(try end(.coarse, breakpoints: [Bench.code + 10, 0x1000]) == coarse, "breakpoints take no time")
        #expect(try end(.coarse, slice: 7) == coarse, "nor do deadlines")
    }

    @Test func theCycleCounterFollowsTheModel() throws {
        let bench = try Bench(cycles: .coarse)
        try bench.program(
            Thumb.poke(0xE000_EDFC, 1 << 24), Thumb.poke(0xE000_1000, 1), Thumb.load(0, 0xE000_1004), Thumb.isb, Thumb.ldrW(4, 0), Thumb.isb,
            Thumb.load(2, 100), [0x3A01], [0xD1FD], Thumb.ldrW(5, 0), Bench.exit)
        bench.runToExit()
        #expect(bench.core.registers.r[5] - bench.core.registers.r[4] >= 4 * 100)
    }
}
