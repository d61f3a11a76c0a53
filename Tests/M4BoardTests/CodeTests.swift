// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import TestSupport
import Testing

@Suite struct CodeTests {
    /// Calls R4, and adds R0 to R5, `times` times with whatever `between` does in between.
    private let call: [UInt16] = [0x47A0, 0x4405]  // blx r4; add r5, r0
    private static let returnsOne: [UInt16] = [0x2001, 0x4770], returnsTwo: UInt32 = 0x4770_2002

    @Test(arguments: [0x1000_4000, 0x3000_4000] as [UInt32], [0x1000_4000, 0x3000_4000] as [UInt32])
    func codeThatFirmwareRewritesIsTheNewCode(_ executed: UInt32, _ written: UInt32) throws {
        let bench = try Bench()
        try bench.place(Self.returnsOne, at: 0x1000_4000)
        try bench.program(
            Thumb.load(5, 0), Thumb.load(6, written), Thumb.ldrW(7, 6), Thumb.strW(7, 6), Thumb.load(4, executed | 1), call,
            Thumb.load(7, Self.returnsTwo), Thumb.strW(7, 6), Thumb.dsb, Thumb.isb, call, Bench.exit)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 3)
    }

    @Test func codeThatTheOtherProcessorRewritesIsTheNewCode() throws {
        let bench = try Bench()
        try bench.place(Self.returnsOne, at: 0x1000_4000)
        try bench.program(Thumb.load(5, 0), Thumb.load(4, 0x1000_4001), call, Thumb.wfi, call, Bench.exit)
        #expect(bench.run(cycles: 1_000) == .deadline)
        try bench.word(0x1000_4000, Self.returnsTwo)
        bench.board.core.scs.exceptions.setPending(.pendSV)
        try bench.handler(14, Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 3)
    }

    @Test func rewrittenCodeIsCountedAnew() throws {
        // Two 16-bit instructions and a return, then a 32-bit one and a return: the same size, one instruction less.
        let bench = try Bench()
        try bench.place([0xBF00, 0xBF00, 0x4770], at: 0x1000_4000)
        try bench.program(
            Thumb.load(4, 0x1000_4001), Thumb.load(6, 0x1000_4000), [0x47A0], Thumb.load(7, 0x8000_F3AF), Thumb.strW(7, 6), Thumb.isb, [0x47A0], Bench.exit)
        bench.runToExit()
        let program: UInt64 = 2 + 2 + 1 + 2 + 1 + 1 + 1 + 4
        #expect(bench.core.retired == program + 3 + 2)
    }

    @Test func bothAddressesOfMCUSRAMAreOneMemory() throws {
        let bench = try Bench()
        try bench.program(Thumb.poke(0x3000_9000, 0x1234_5678), Thumb.load(2, 0x1000_9000), Thumb.ldrW(3, 2), Bench.exit)
        bench.runToExit()
        #expect(bench.core.registers.r[3] == 0x1234_5678)
        #expect(try bench.word(0x1000_9000) == 0x1234_5678)
    }

    @Test func anITBlockSurvivesAnException() throws {
        let bench = try Bench()
        // cmp r0, r0; itte eq; svceq; moveq r4, #1; movne r5, #1
        try bench.program(Thumb.load(4, 0), Thumb.load(5, 0), [0x4280], [0xBF06], [0xDF00], [0x2401], [0x2501], Bench.exit)
        try bench.handler(11, [0x2E00], [0xBF18], [0x2600], Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[4] == 1 && bench.core.registers.r[5] == 0)
    }

    @Test func semihostingWritesTextAndExitsWithACode() throws {
        let bench = try Bench()
        try bench.word(Bench.results, 0x0021_6968)  // "hi!"
        try bench.word(Bench.results + 8, 0x20026)
        try bench.word(Bench.results + 12, 42)
        try bench.program(
            Thumb.load(0, 4), Thumb.load(1, Bench.results), Thumb.semihosting, Thumb.load(0, 0x20), Thumb.load(1, Bench.results + 8),
            Thumb.semihosting)
        #expect(bench.run() == .exit(code: 42))
        #expect(bench.output.text == Array("hi!".utf8) && bench.output.texts.allSatisfy { $0.source == .semihosting })
    }

    @Test func theSameProgramRunsTheSameEveryTime() throws {
        func trace() throws -> [String] {
            let bench = try Bench()
            try bench.program(
                Thumb.poke(0xE000_E014, 777), Thumb.poke(0xE000_E018, 0), Thumb.poke(0xE000_E010, 7), [0x3401], [0xE7FD])
            try bench.handler(15, Thumb.adds(5, 1), Thumb.bxLR)
            return (0..<20).map { _ in
                bench.run(cycles: 3_333)
                return "\(bench.board.cycles) \(bench.core.registers.text)"
            }
        }
        #expect(try trace() == trace())
    }
}
