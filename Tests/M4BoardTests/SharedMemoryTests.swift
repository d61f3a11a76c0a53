// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import M4Board
import MachineBase
import TestSupport
import Testing

/// Memories that another process has mapped, too.
@Suite struct SharedMemoryTests {
    /// An unnamed file of `size` bytes.
    private final class File {
        let descriptor: Int32
        init(size: Int) throws {
            var path = Array((NSTemporaryDirectory() + "/m4run-shared-XXXXXX").utf8CString)
            descriptor = mkstemp(&path)
            unlink(&path)
            try #require(descriptor >= 0 && ftruncate(descriptor, off_t(size)) == 0)
        }
        deinit { close(descriptor) }
        func write(_ halfwords: [UInt16], at offset: Int) {
            halfwords.withUnsafeBytes { _ = pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
        }
        func word(at offset: Int) -> UInt32 {
            var word: UInt32 = 0
            _ = pread(descriptor, &word, 4, off_t(offset))
            return UInt32(littleEndian: word)
        }
    }

    @Test func aFileIsTheMemoryForBothSides() throws {
        let file = try File(size: 0x8_0000)
        let shared: [String: SharedMemory] = [
            "RETRAM": SharedMemory(descriptor: file.descriptor), "MCUSRAM": SharedMemory(descriptor: file.descriptor, offset: 0x1_0000),
        ]
        let bench = try Bench(shared: shared)
        file.write([0x2001, 0x4770], at: 0x1_4000)  // movs r0, #1; bx lr
        try bench.program(
            Thumb.load(5, 0), Thumb.load(4, 0x1000_4001), [0x47A0, 0x4405], Thumb.poke(0x3000_9000, 0x1234_5678), Thumb.wfi, [0x47A0, 0x4405], Bench.exit)
        #expect(bench.run(cycles: 1_000) == .deadline)
        #expect(file.word(at: 0x1_9000) == 0x1234_5678 && file.word(at: 0) == Bench.stack)
        // What is translated stays until it is to be forgotten.
        file.write([0x2002], at: 0x1_4000)
        bench.board.forgetTranslations()
        bench.board.core.scs.exceptions.setPending(.pendSV)
        try bench.handler(14, Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 3)
    }

    @Test("A file that is too small, at an odd place or not open is refused with what is needed")
    func refused() throws {
        let file = try File(size: 0x1_0000)
        func complaint(_ memory: SharedMemory) -> String? {
            do { _ = try Bench(shared: ["MCUSRAM": memory]) } catch { return "\(error)" }
            return nil
        }
        #expect(complaint(SharedMemory(descriptor: file.descriptor)) == "MCUSRAM in a file of 65536 bytes at 0: 393216 are needed")
        #expect(complaint(SharedMemory(descriptor: file.descriptor, offset: -4096)) == "MCUSRAM in a file of 65536 bytes at -4096: 393216 are needed")
        #expect(complaint(SharedMemory(descriptor: -1)) == "MCUSRAM in a file: Bad file descriptor")
        let large = try File(size: 0x10_0000)
        #expect(complaint(SharedMemory(descriptor: large.descriptor, offset: 8)) == "MCUSRAM in a file: mmap: Invalid argument")
    }
}
