// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The ELF32 file header, fields as the file has them (little-endian). Source: System V ABI, chapter 4.
///
/// Reading it judges nothing but its length: magic, class and encoding are the caller's to check, as each loader has its
/// own list (``ELFFile`` has the strictest that every reader here shares).
public struct ELFHeader: Equatable, Sendable {
    /// In bytes.
    public static let size = 52
    public static let magic: [UInt8] = [0x7F, 0x45, 0x4C, 0x46]
    /// EM_ARM.
    public static let machineARM: UInt16 = 40

    /// `e_ident`, 16 bytes.
    public let identification: [UInt8]
    public var type, machine: UInt16
    public var version, entry, programHeaderOffset, sectionHeaderOffset, flags: UInt32
    public var headerSize, programHeaderEntrySize, programHeaderCount: UInt16
    public var sectionHeaderEntrySize, sectionHeaderCount, sectionNameIndex: UInt16

    /// nil when `bytes` holds fewer than 52 bytes from `offset`.
    @inlinable public init?<Bytes>(_ bytes: Bytes, at offset: Int = 0)
    where Bytes: RandomAccessCollection, Bytes.Element == UInt8, Bytes.Index == Int {
        guard offset >= 0, offset <= bytes.count - Self.size else { return nil }
        func half(_ at: Int) -> UInt16 { bytes.littleEndian(at: offset + at) ?? 0 }
        func word(_ at: Int) -> UInt32 { bytes.littleEndian(at: offset + at) ?? 0 }
        identification = Array(bytes.dropFirst(offset).prefix(16))
        type = half(16)
        machine = half(18)
        version = word(20)
        entry = word(24)
        programHeaderOffset = word(28)
        sectionHeaderOffset = word(32)
        flags = word(36)
        headerSize = half(40)
        programHeaderEntrySize = half(42)
        programHeaderCount = half(44)
        sectionHeaderEntrySize = half(46)
        sectionHeaderCount = half(48)
        sectionNameIndex = half(50)
    }

    public var hasMagic: Bool { identification.starts(with: Self.magic) }
    /// EI_CLASS: 1 is 32-bit, 2 is 64-bit.
    public var fileClass: UInt8 { identification[4] }
    /// EI_DATA: 1 is little-endian.
    public var dataEncoding: UInt8 { identification[5] }
    /// EI_VERSION: 1 is current.
    public var identVersion: UInt8 { identification[6] }
}
