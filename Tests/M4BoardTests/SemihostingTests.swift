// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import TestSupport
import Testing

/// Arm semihosting 2.0: BKPT 0xAB.
@Suite struct SemihostingTests {
    typealias T = Thumb
    static let block: UInt32 = 0x1000_2000

    private func call(_ operation: UInt16, _ argument: UInt32) -> T.Code { T.movs(0, operation) + T.load32(1, argument) + T.bkpt(0xAB) }

    @Test func exitEndsTheRunWithItsCode() throws {
        let bench = try Bench(call(0x20, Self.block))
        try bench.word(Self.block, 0x20026)
        try bench.word(Self.block + 4, 42)
        #expect(bench.run(cycles: 5_000) == .exit(code: 42))
    }

    @Test(arguments: [(0x20026 as UInt32, 0 as Int32), (0x20023, 1)])
    func plainExitTellsSuccessFromError(why: UInt32, code: Int32) throws {
        #expect(try Bench(call(0x18, why)).run(cycles: 5_000) == .exit(code: code))
    }

    @Test func textGoesToTheDelegate() throws {
        let bench = try Bench(call(0x04, Self.block), call(0x03, Self.block))
        try bench.word(Self.block, 0x0021_6948)
        bench.run(cycles: 5_000)
        #expect(bench.output.text == Array("Hi!H".utf8))
    }

    @Test func textOutsideOfMemoryIsNone() throws {
        let bench = try Bench(call(0x04, 0x2000_0000), call(0x05, 0x2000_0000), call(0x04, 0x1005_FFFF))
        bench.run(cycles: 5_000)
        #expect(bench.output.text == [])
        #expect(bench.board.core.faultCount == 0)
    }

    /// R0 after a call, kept in R7: `call; mov r7, r0`.
    private func answer(_ operation: UInt16, _ words: [UInt32], argument: UInt32 = block, prepare: (Bench) throws -> Void = { _ in }) throws -> (UInt32, Bench) {
        let bench = try Bench(call(operation, argument), T.mov(7, 0))
        for (n, word) in words.enumerated() { try bench.word(Self.block + 4 * UInt32(n), word) }
        try prepare(bench)
        bench.run(cycles: 5_000)
        return (bench.board.core.registers.r[7], bench)
    }
    private static let buffer: UInt32 = 0x1000_3000

    private func open(_ name: String, mode: UInt32) throws -> (UInt32, Bench) {
        try answer(0x01, [Self.buffer, mode, UInt32(name.utf8.count)]) { bench in
            try bench.board.write(.init(Self.buffer), Array(name.utf8))
        }
    }

    @Test func theConsoleOpensAsThreeHandlesAndNothingElseDoes() throws {
        #expect(try [0, 4, 8].map { try open(":tt", mode: $0).0 } == [1, 2, 3])
        #expect(try open(":semihosting-features", mode: 0).0 == 4)
        let (handle, bench) = try open("/etc/passwd", mode: 0)
        #expect(handle == .max)
        #expect(bench.output.findings == [.semihostingFile("/etc/passwd")])
    }

    @Test(arguments: [
        (0x02, [1], 0), (0x02, [9], .max), (0x08, [0xFFFF_FFFF], 1), (0x08, [3], 0), (0x09, [2], 1), (0x09, [4], 0), (0x0A, [1, 0], .max),
        (0x0C, [2], 0), (0x0C, [4], 5), (0x06, [1, 0x1000_3000, 7], 7), (0x05, [1, 0x1000_3000, 7], 7), (0x0E, [0x1000_3000, 1], .max), (0x12, [0x1000_3000, 1], .max),
        (0x31, [], 208_877_930), (0x11, [], 0), (0x13, [], 0), (0x10, [], 0),
    ] as [(UInt16, [UInt32], UInt32)])
    func operationsAnswerAsSpecified(operation: UInt16, words: [UInt32], expected: UInt32) throws {
        #expect(try answer(operation, words).0 == expected)
    }

    @Test func theFeaturesTellOfExtendedExit() throws {
        let (left, bench) = try answer(0x06, [4, Self.buffer, 8])
        #expect(left == 3)
        #expect(try bench.word(Self.buffer) == 0x4246_4853)
        #expect(try bench.word(Self.buffer + 4) == 0b11)
    }

    @Test func theCommandLineIsGivenWhereItFits() throws {
        let name: (Bench) -> Void = { $0.board.core.semihosting.commandLine = "firmware" }
        let (result, bench) = try answer(0x15, [Self.buffer, 32], prepare: name)
        #expect(result == 0)
        #expect(try bench.word(Self.block + 4) == 8)
        #expect(try bench.word(Self.buffer) == 0x6D72_6966)  // "firm"
        #expect(try answer(0x15, [Self.buffer, 8], prepare: name).0 == .max, "there is no room for its end")
        #expect(try answer(0x15, [0x2000_0000, 32]).0 == .max)
    }

    @Test func heapAndStackAreUnknown() throws {
        let (result, bench) = try answer(0x16, [Self.buffer]) { bench in
            for n in 0..<4 as Range<UInt32> { try bench.word(Self.buffer + n * 4, 0xFFFF_FFFF) }
        }
        #expect(result == 0)
        #expect(try (0..<4 as Range<UInt32>).allSatisfy { try bench.word(Self.buffer + $0 * 4) == 0 })
    }

    @Test func anUnknownOperationAnswersMinusOneAndIsOneFinding() throws {
        let bench = try Bench(call(0x77, 0), T.mov(7, 0), call(0x77, 0), call(0x78, 0))
        bench.run(cycles: 5_000)
        #expect(bench.board.core.registers.r[7] == .max)
        #expect(bench.output.findings == [.semihostingOperation(0x77), .semihostingOperation(0x78)])
    }

    @Test func elapsedTicksAreCycles() throws {
        let (_, bench) = try answer(0x30, [])
        let ticks = try bench.word(Self.block)
        #expect(ticks >= 3 && ticks < 10)
    }

    @Test func anotherBreakpointIsAHardFault() throws {
        let bench = try Bench(T.bkpt(0), policy: .hardFault)
        guard case .fault(let report) = bench.run(cycles: 5_000) else { Issue.record("no fault"); return }
        #expect(report.status.hfsr == 1 << 31)
        #expect(report.registers.pc == Bench.code)
    }
}
