// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import TestSupport
import Testing

/// Who wrote and who read a word last.
@Suite(.enabled(if: M4Board.recordsAccesses, "needs the engine of engine/, not the system's")) struct RecordingTests {
    private static let word: UInt32 = 0x1001_0000

    @Test func theLastWriterAndReaderOfAWordAreKnownThroughEachAlias() throws {
        let bench = try Bench()
        // ldr r0, =word; movs r1, #1; str r1, [r0]; ldr r2, [r0, #4]; strb r1, [r0, #5]
        let load = Thumb.load(0, Self.word + 0x2000_0000)
        try bench.program(load, [0x2101], [0x6001], [0x6842], [0x7141], Bench.exit)
        let first = Bench.code + 2 * UInt32(load.count)
        try bench.board.record([PhysicalRange(start: PhysicalAddress(Self.word), size: 8)])
        bench.runToExit()
        let zero = bench.board.accesses(of: PhysicalAddress(Self.word)), four = bench.board.accesses(of: PhysicalAddress(Self.word + 4))
        #expect(zero == WordAccesses(writer: first + 2, reader: nil, anyReader: nil))
        #expect(four == WordAccesses(writer: first + 6, reader: first + 4, anyReader: first + 4))
        #expect(bench.board.accesses(of: PhysicalAddress(Self.word + 8)) == WordAccesses())
    }

    @Test func aWriteOfTheOtherProcessorsTakesTheWritersPlace() throws {
        let bench = try Bench()
        try bench.program(Thumb.load(0, Self.word), [0x6001], [0x6802], Bench.exit)
        try bench.board.record([PhysicalRange(start: PhysicalAddress(Self.word), size: 4)])
        bench.runToExit()
        #expect(bench.board.accesses(of: PhysicalAddress(Self.word)).writer != nil)
        try bench.board.write(PhysicalAddress(Self.word), [1])
        let after = bench.board.accesses(of: PhysicalAddress(Self.word))
        #expect(after.writer == nil && after.reader == nil && after.anyReader != nil)
    }

    @Test func recordedMemoryBehavesAsAnyOther() throws {
        func end(_ records: Bool) throws -> [UInt32] {
            let bench = try Bench()
            // Words, bytes, an unaligned word across the end of the page, STM and LDM.
            try bench.program(
                Thumb.load(0, Self.word + 1022), Thumb.load(1, 0x1122_3344), [0x6001], [0x7081], [0x6802], [0x3802], Thumb.load(3, 0x55AA),
                [0xC00A], [0x3808], [0xC830], Bench.exit)
            if records { try bench.board.record([PhysicalRange(start: PhysicalAddress(Self.word), size: 2048)]) }
            bench.runToExit()
            return bench.core.registers.r + [UInt32(truncatingIfNeeded: bench.core.retired)]
        }
        #expect(try end(true) == end(false))
    }

    @Test func whatCannotBeRecordedIsRefused() throws {
        let board = try M4Board()
        #expect(throws: BoardError.self) { try board.record([PhysicalRange(start: PhysicalAddress(0x5000_0000), size: 4)]) }
        let many = (0...UInt32(M4Board.mostRecorded)).map { PhysicalRange(start: PhysicalAddress(Self.word + 64 * $0), size: 4) }
        #expect(throws: BoardError.self) { try board.record(many) }
    }
}
