// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import TestSupport
import Testing

/// Loops that only wait are counted up to what they wait for. Nothing but the time it takes may tell.
@Suite struct IdleLoopTests {
    /// Everything of a board that firmware, trace or host can see.
    private func view(_ bench: Bench) throws -> String {
        let memory = try (0..<32).map { try bench.result($0) } + (0..<64).map { try bench.word(Bench.stack - 256 + 4 * $0) }
        return "\(bench.board.cycles) \(bench.core.retired) \(bench.core.registers) \(bench.core.history) \(memory)"
    }

    /// Runs the same on a board that executes every round, in legs of `cycles`; answers with the instructions that were skipped.
    private func compare(
        legs: [UInt64], model: CycleModel = .instructions, _ location: SourceLocation = #_sourceLocation, _ prepare: (Bench) throws -> Void
    ) throws -> UInt64 {
        let counting = try Bench(cycles: model), executing = try Bench(cycles: model, executesIdleLoops: true)
        try prepare(counting)
        try prepare(executing)
        for leg in legs {
            let one = counting.run(cycles: leg), other = executing.run(cycles: leg)
            #expect("\(one)" == "\(other)", sourceLocation: location)
            #expect(try view(counting) == view(executing), sourceLocation: location)
        }
        #expect(executing.core.skipped == 0, sourceLocation: location)
        return counting.core.skipped
    }

    /// A handler of SysTick that counts in `result(0)`, every `period` cycles.
    private func tick(_ bench: Bench, every period: UInt32) throws {
        try bench.handler(15, Thumb.count(Bench.results), Thumb.bxLR)
        try bench.program(Thumb.poke(0xE000_E014, period - 1), Thumb.poke(0xE000_E018, 0), Thumb.poke(0xE000_E010, 7))
    }

    @Test func aBranchToItselfIsCountedToTheDeadline() throws {
        let skipped = try compare(legs: [1_000_000, 17, 1_000_000]) { try $0.program(Thumb.stay) }
        #expect(skipped > 1_990_000)
    }

    @Test(arguments: [CycleModel.instructions, .coarse]) func aDelayByTheTickIsCountedTickByTick(_ model: CycleModel) throws {
        let skipped = try compare(legs: [123_456, 1_000, 2_000_000], model: model) { bench in
            try tick(bench, every: 10_000)
            // The tick's word, 150 more of it, then the next delay; as HAL_Delay is without optimisation: a call, a frame, a local.
            try bench.program(
                Thumb.load(5, Bench.results),
                [0x682C],                  // outer: ldr r4, [r5]
                [0xB083],                  // sub sp, #12
                [0x9401],                  // str r4, [sp, #4]
                [0xF000, 0xF807],          // wait: bl tick
                [0x9901],                  // ldr r1, [sp, #4]
                [0x1A40],                  // subs r0, r0, r1
                [0x2896],                  // cmp r0, #150
                [0xD3F8],                  // blo wait
                [0xB003],                  // add sp, #12
                [0x616C],                  // str r4, [r5, #20]
                [0xE7F2],                  // b outer
                [0xB580],                  // tick: push {r7, lr}
                [0xAF00],                  // add r7, sp, #0
                [0x6828],                  // ldr r0, [r5]
                [0x46BD],                  // mov sp, r7
                [0xBD80])                  // pop {r7, pc}
        }
        #expect(skipped > 900_000)
    }

    /// What an error handler comes to, `cpsid i; for (;;) wfi`, once the tick pends: WFI does not sleep.
    @Test(arguments: [CycleModel.instructions, .coarse]) func aSleepThatIsAlwaysAwakeIsCounted(_ model: CycleModel) throws {
        for around in [[], Thumb.dsb, Thumb.nop + Thumb.isb] as [Thumb.Code] {
            let skipped = try compare(legs: [30_000, 17, 1, 2, 3, 1_000_000, 2_000_000], model: model) { bench in
                try tick(bench, every: 10_000)
                try bench.program(Thumb.cpsidI, around, Thumb.wfi, around, [0xE000 | UInt16(bitPattern: Int16(-(2 * around.count + 3))) & 0x7FF])
            }
            #expect(skipped > 1_000_000, "\(skipped) with \(around)")
        }
    }

    /// One that counts its rounds is executed, as is one with a breakpoint inside.
    @Test func aSleepThatIsAlwaysAwakeAndCountsIsExecuted() throws {
        let skipped = try compare(legs: [30_000, 50_000, 50_000]) { bench in
            try tick(bench, every: 10_000)
            try bench.program(Thumb.cpsidI, Thumb.wfi, Thumb.adds(4, 1), [0xE7FC])
        }
        #expect(skipped == 0)
        let bench = try Bench()
        try tick(bench, every: 10_000)
        try bench.program(Thumb.cpsidI, Thumb.wfi, Thumb.nop, [0xE7FC])
        _ = bench.run(cycles: 500_000)
        try bench.core.setBreakpoints([bench.core.registers.pc])
        for _ in 0..<3 { #expect(bench.run(cycles: 100_000).name == "breakpoint") }
    }

    struct Loop: CustomTestStringConvertible, Sendable {
        let name: String
        let before: [UInt16], body: [UInt16]
        var testDescription: String { name }
    }
    /// Each goes on for ever and is no wait: something of it changes from round to round, or may.
    static let busy = [
        Loop(name: "counts in a register", before: [], body: [0x3401]),
        Loop(name: "counts in memory", before: Thumb.load(5, Bench.results), body: [0x6868, 0x3001, 0x6068, 0x2000]),
        Loop(name: "counts on the stack", before: [0xB082], body: [0x9800, 0x3001, 0x9000, 0x2000]),
        Loop(name: "counts bytes by an index", before: Thumb.load(5, Bench.results) + Thumb.load(6, 9), body: [0x5DA8, 0x3001, 0x55A8, 0x2000]),
        Loop(name: "counts behind a pointer in memory", before: Thumb.load(5, Bench.results) + Thumb.load(6, Bench.results + 40) + [0x602E],
            body: [0x682F, 0x6838, 0x3001, 0x6038, 0x2000, 0x2700]),
        Loop(name: "reads the cycle counter", before: Thumb.poke(0xE000_EDFC, 1 << 24) + Thumb.poke(0xE000_1000, 1) + Thumb.load(5, 0xE000_1004),
            body: [0x6828, 0x2000]),
        Loop(name: "stores to a device", before: Thumb.load(5, 0x5000_2018) + Thumb.load(6, 1), body: [0x602E]),
        Loop(name: "changes a mask", before: [], body: Thumb.cpsidI + Thumb.cpsieI),
        Loop(name: "uses the FPU", before: Thumb.poke(0xE000_ED88, 0xF << 20) + Thumb.isb + Thumb.load(5, Bench.results), body: [0xEE30, 0x0A20]),
        Loop(name: "holds the monitor", before: Thumb.load(5, Bench.results), body: [0xE855, 0x0F00]),
        Loop(name: "stores where its code is", before: Thumb.load(5, 0x1008) + Thumb.load(6, 0x200), body: [0x602E]),
    ]
    @Test(arguments: busy) func whatChangesSomethingIsExecuted(_ loop: Loop) throws {
        let skipped = try compare(legs: [50_000, 50_000]) { bench in
            try tick(bench, every: 7_001)
            let back = UInt16(bitPattern: Int16(-(loop.body.count + 2))) & 0x7FF
            try bench.program(loop.before, loop.body, [0xE000 | back])
        }
        #expect(skipped == 0 || loop.name == "stores where its code is", "\(skipped) instructions of a loop that \(loop.name)")
    }

    /// A counter that only memory has, at an address that is itself in memory, and stores that come and go with conditions.
    @Test func randomLoopsAreTheSameEitherWay() throws {
        var waited = 0
        for seed in 0..<160 as Range<UInt64> {
            var random = SeededChoices(seed: 77_000 &+ seed)
            let code = Self.loop(&random), period = 300 + random.below(9_000)
            let legs = (0..<6).map { _ in UInt64(50 + random.below(40_000)) }
            let skipped = try compare(legs: legs, model: random.below(4) == 0 ? .coarse : .instructions) { bench in
                try tick(bench, every: period)
                try bench.program(
                    Thumb.load(5, Bench.results), Thumb.load(6, Bench.results + 64), [0xB088], [0xAF02], Thumb.load(0, Bench.results + 32), [0x60A8], code)
            }
            if skipped > 0 { waited += 1 }
        }
        #expect(waited > 30, "\(waited) of 160 loops waited")
    }

    /// R5 and R6 point to words, SP and R7 to a frame; the tick's count is in the word of R5, a pointer in the third.
    private static func loop(_ random: inout SeededChoices) -> [UInt16] {
        var body: [UInt16] = []
        for _ in 0..<(1 + random.below(7)) {
            let low = UInt16(random.below(4)), other = UInt16(random.below(4)), n = UInt16(random.below(8))
            body += random.pick([
                [0x6828 | low],                                     // ldr rl, [r5]
                [0x9800 | low << 8 | n], [0x9000 | low << 8 | n],   // ldr, str rl, [sp, #n]
                [0x6838 | n << 6 | low], [0x6038 | n << 6 | low],   // ldr, str rl, [r7, #n]
                [0x6830 | n << 6 | low], [0x6030 | n << 6 | low],   // ldr, str rl, [r6, #n]
                [0x7030 | n << 6 | low], [0x8030 | n << 6 | low],   // strb, strh rl, [r6, #n]
                [0xB40F, 0xBC0F], [0xB403, 0xB002],                 // push and pop; push and add sp
                [0x2000 | low << 8 | n], [0x3000 | low << 8 | n],   // movs, adds
                [0x1A40 | other << 3 | low], [0x4000 | other << 3 | low], // subs rl, r0; ands
                [0x2800 | low << 8 | n, 0xBF08, 0x6030 | n << 6 | low],   // cmp; it eq; streq
                [0x2800 | low << 8 | n, 0xBF18, 0x2000 | low << 8 | n],   // cmp; it ne; movne
                [0x68A8 | low, 0x6000 | low << 3 | other],          // ldr rl, [r5, #8]; str ro, [rl]
                [0xE9C6, low << 12 | other << 8 | n], [0xE9D6, (low & 1) << 12 | 2 << 8 | n],  // strd, ldrd [r6]
                [0xF846, low << 12 | 0x0C04], [0xF856, low << 12 | 0x0C04],  // str, ldr rl, [r6, #-4]
                [0xC60F, 0xF1A6, 0x0610], [0xE886, 0x0003],         // stm r6!, sub.w r6, #16; stm.w r6
                [0x2800 | low << 8 | n, 0xD100, 0x9000 | low << 8], // cmp; bne over; str
                [0xBF00],
            ])
        }
        return body + [0xE000 | UInt16(bitPattern: Int16(-(body.count + 2))) & 0x7FF]
    }
}
