// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// An ELF32 section header. Source: System V ABI, chapter 4.
public struct SectionHeader: Equatable, Sendable {
    /// In bytes.
    public static let size = 40
    /// SHT_SYMTAB.
    public static let symbolTable: UInt32 = 2
    /// SHT_NOBITS: the section occupies memory but no bytes of the file.
    public static let noBits: UInt32 = 8

    /// `name` is an offset into the section name string table.
    public var name, type, flags, address, offset, size, link, info, alignment, entrySize: UInt32

    /// nil when the 40 bytes at `offset` are not all there.
    @inlinable public init?<Bytes>(_ bytes: Bytes, at offset: Int = 0)
    where Bytes: RandomAccessCollection, Bytes.Element == UInt8, Bytes.Index == Int {
        guard offset >= 0, offset <= bytes.count - Self.size else { return nil }
        func word(_ index: Int) -> UInt32 { bytes.littleEndian(at: offset + 4 * index) ?? 0 }
        name = word(0)
        type = word(1)
        flags = word(2)
        address = word(3)
        self.offset = word(4)
        size = word(5)
        link = word(6)
        info = word(7)
        alignment = word(8)
        entrySize = word(9)
    }
}
