// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// An ELF of some hundred bytes in which every offset is known: what cases about sections and limits are made of.
///
/// Header, program headers, segments (8-aligned), section names, section headers: null, .shstrtab, .resource_table.
struct SmallELF {
    struct Segment {
        var address: UInt32
        var bytes: [UInt8]
        var memorySize: UInt32?
        var type: UInt32 = 1
    }

    var segments: [Segment]
    /// The segment whose bytes are the resource table, and the section's address unless it is the segment's.
    var table: Int?
    var tableAddress: UInt32?

    static let names = Array("\0.shstrtab\0.resource_table\0".utf8)
    static let tableName = 11

    /// 24 bytes of vectors at 0, 64 of code with memory for 128, and a table of one entry of an unknown type.
    static let usual = SmallELF(
        segments: [
            Segment(address: 0, bytes: pattern(24)), Segment(address: CorpusPlaces.code, bytes: pattern(64), memorySize: 128),
            Segment(address: CorpusPlaces.code + 0x1000, bytes: tableBytes()),
        ], table: 2)

    static func pattern(_ count: Int, seed: Int = 1) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ seed &* 29 &+ 2) } }

    /// 40 bytes: version 1, one entry at 20, of 20 bytes.
    static func tableBytes(version: UInt32 = 1, count: UInt32 = 1, reserved: [UInt32] = [0, 0]) -> [UInt8] {
        var bytes: [UInt8] = []
        for word in [version, count] + reserved + [20, 0x7F, 0, 0, 0, 0] as [UInt32] { bytes.appendLittleEndian(word) }
        return bytes
    }

    static func programHeader(_ number: Int) -> Int { 52 + 32 * number }

    var offsets: [Int] {
        var offset = (52 + 32 * segments.count + 7) & ~7
        return segments.map { segment in
            defer { offset = (offset + segment.bytes.count + 7) & ~7 }
            return offset
        }
    }
    var namesOffset: Int { ((offsets.last ?? 52) + (segments.last?.bytes.count ?? 0) + 7) & ~7 }
    var sectionsOffset: Int { namesOffset + 32 }
    func section(_ number: Int) -> Int { sectionsOffset + 40 * number }
    var sectionCount: Int { table == nil ? 2 : 3 }

    var bytes: [UInt8] {
        var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + Array(repeating: 0, count: 9)
        func put(_ words: UInt32...) { for word in words { file.appendLittleEndian(word) } }
        func half(_ values: Int...) { for value in values { file.appendLittleEndian(UInt16(value)) } }
        half(2, 40)
        put(1, 9, 52, UInt32(sectionsOffset), 0x0500_0000)
        half(52, 32, segments.count, 40, sectionCount, 1)
        for (segment, offset) in zip(segments, offsets) {
            let size = UInt32(segment.bytes.count)
            put(segment.type, UInt32(offset), segment.address, segment.address, size, segment.memorySize ?? size, 5, 8)
        }
        func pad(to offset: Int) { file += Array(repeating: 0, count: max(0, offset - file.count)) }
        for (segment, offset) in zip(segments, offsets) {
            pad(to: offset)
            file += segment.bytes
        }
        pad(to: namesOffset)
        file += Self.names
        pad(to: sectionsOffset)
        put(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        put(1, 3, 0, 0, UInt32(namesOffset), UInt32(Self.names.count), 0, 0, 1, 0)
        if let table {
            put(
                UInt32(Self.tableName), 1, 2, tableAddress ?? segments[table].address, UInt32(offsets[table]),
                UInt32(segments[table].bytes.count), 0, 0, 4, 0)
        }
        return Container.padded(file)
    }
}
