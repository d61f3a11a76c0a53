// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc

/// A part of an open file that stands for one of the board's memories, so that another process sees and writes it, too.
///
/// What others write to code is seen when `M4Board.forgetTranslations` is called, and not before.
public struct SharedMemory: Equatable, Sendable {
    /// Of a file that is large enough, open for reading and writing; the board keeps a mapping of its own.
    public var descriptor: Int32
    /// Of the first byte, a multiple of the host's page size.
    public var offset: Int

    public init(descriptor: Int32, offset: Int = 0) { self.descriptor = descriptor; self.offset = offset }

    /// Maps `size` bytes.
    /// - Throws: `BoardError.configuration` with what the host says.
    func map(_ bank: String, size: Int) throws(BoardError) -> UnsafeMutablePointer<UInt8> {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .configuration("\(bank) in a file: \(String(cString: strerror(errno)))") }
        // A page behind the file's end is mapped, and its first access is a bus error.
        guard offset >= 0, Int(status.st_size) >= offset, Int(status.st_size) - offset >= size else {
            throw .configuration("\(bank) in a file of \(status.st_size) bytes at \(offset): \(size) are needed")
        }
        guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, off_t(offset)), memory != MAP_FAILED else {
            throw .configuration("\(bank) in a file: mmap: \(String(cString: strerror(errno)))")
        }
        return memory.bindMemory(to: UInt8.self, capacity: size)
    }
}
