// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import TestSupport
import Testing

/// Code that changes is run as it is now, whoever changed it and at whichever address.
@Suite struct CodeChangeTests {
    typealias T = Thumb

    /// Calls a routine that answers 1 in R0, has it changed to answer 2, and calls it again.
    private func answers(code: UInt32, written: UInt32) throws -> [UInt32] {
        let call = T.load32(4, code | 1) + T.blx(4) + T.mov(2, 0) + T.log(register: 2)
        let bench = try Bench(
            call, call, T.load32(0, written), T.load32(1, 0x2002), T.strh(1, 0), [0xF3BF, 0x8F4F], T.isb, call)
        try bench.place(T.movs(0, 1) + T.bxLR, at: code)
        bench.run(cycles: 5_000)
        return try bench.log
    }

    @Test(arguments: [
        (0x1000_4000 as UInt32, 0x1000_4000 as UInt32), (0x1000_4000, 0x3000_4000), (0x3000_4000, 0x1000_4000), (0x3000_4000, 0x3000_4000),
        (0x0000_6000, 0x0000_6000),
    ])
    func aStoreChangesCodeAtEveryAddressOfItsMemory(code: UInt32, written: UInt32) throws {
        #expect(try answers(code: code, written: written) == [1, 1, 2])
    }

    @Test func aStoreToTheSamePageAsItsOwnCodeIsSeen() throws {
        let target = Bench.code + 0x40
        let code = T.movs(3, 1) + T.load32(0, target) + T.load32(1, 0x3302) + T.strh(1, 0) + T.isb
        let bench = try Bench(code + Array(repeating: T.nop[0], count: 0x20 - code.count), T.adds(3, 1))
        bench.run(cycles: 5_000)
        #expect(bench.board.core.registers.r[3] == 3)
    }

    @Test func theOtherProcessorsWriteIsSeenBetweenRuns() throws {
        let bench = try Bench(T.movs(5, 1), T.b(-2))
        bench.run(cycles: 100)
        #expect(bench.board.core.registers.r[5] == 1)
        try bench.place(T.movs(5, 2), at: Bench.code)
        bench.run(cycles: 100)
        #expect(bench.board.core.registers.r[5] == 2)
        try bench.board.fill(PhysicalAddress(0x3800_0000 + Bench.code), count: 2, with: 0x00)  // movs r0, r0
        bench.run(cycles: 100)
        #expect(bench.board.core.registers.r[5] == 2)
        #expect(bench.board.cycles == bench.board.core.retired)
    }

    @Test func changedCodeIsCountedAsItIsNow() throws {
        // Two narrow instructions become one wide one: `nop; nop` and `nop.w`.
        let bench = try Bench(T.nop, T.nop, T.b(-4))
        bench.run(cycles: 300)
        try bench.place([0xF3AF, 0x8000], at: Bench.code)
        let start = bench.board.cycles
        bench.run(cycles: 200)
        #expect(bench.board.cycles - start == 200)
        #expect(bench.board.core.registers.pc == Bench.code)
    }
}
