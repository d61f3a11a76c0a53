// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A small ELF32 file described by its parts: enough of one for a loader, and as wrong as a test wants it.
///
/// Layout: header, program headers, the segments' bytes (8-aligned), the resource table unless it lies in a segment, section
/// names, section headers.
struct ELFFixture {
    struct Segment {
        var type: UInt32 = 1
        var address: UInt32
        var bytes: [UInt8]
        /// nil: as many as there are bytes.
        var memorySize: UInt32?
        var flags: UInt32 = 5

        static func load(_ address: UInt32, _ bytes: [UInt8], memorySize: UInt32? = nil) -> Segment {
            Segment(address: address, bytes: bytes, memorySize: memorySize)
        }
    }

    var segments: [Segment] = []
    /// The `.resource_table` section's device address and bytes.
    var resourceTable: (address: UInt32, bytes: [UInt8])?
    var machine: UInt16 = 40
    var type: UInt16 = 2

    /// Vectors in RETRAM, code and .bss in MCUSRAM, and a resource table in a segment of its own.
    static func firmware(table: [UInt8] = ResourceTableFixture.rpmsg) -> ELFFixture {
        ELFFixture(
            segments: [
                .load(0, pattern(0x40, seed: 1)),
                .load(0x1000_0000, pattern(0x123, seed: 2), memorySize: 0x400),
                .load(0x1000_1000, table),
            ],
            resourceTable: (0x1000_1000, table))
    }

    /// Bytes that are not all alike.
    static func pattern(_ count: Int, seed: UInt8) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ Int(seed) &* 31) }
    }

    /// Offsets that tests aim at.
    struct Layout {
        var segmentOffsets: [Int]
        var resourceTableOffset: Int
        var namesOffset: Int
        var sectionHeadersOffset: Int
        func programHeader(_ number: Int) -> Int { 52 + 32 * number }
        func sectionHeader(_ number: Int) -> Int { sectionHeadersOffset + 40 * number }
    }

    private static let names = Array("\0.shstrtab\0.resource_table\0".utf8)

    var layout: Layout {
        var offset = (52 + 32 * segments.count + 7) & ~7
        var offsets: [Int] = []
        for segment in segments {
            offsets.append(offset)
            offset = (offset + segment.bytes.count + 7) & ~7
        }
        var table = offset
        if let resourceTable {
            if let inside = segments.firstIndex(where: { $0.bytes == resourceTable.bytes && $0.address == resourceTable.address }) {
                table = offsets[inside]
            } else {
                offset = (offset + resourceTable.bytes.count + 7) & ~7
            }
        }
        let names = offset
        return Layout(
            segmentOffsets: offsets, resourceTableOffset: table, namesOffset: names,
            sectionHeadersOffset: (names + Self.names.count + 7) & ~7)
    }

    var bytes: [UInt8] {
        let layout = layout
        let sections = resourceTable == nil ? 2 : 3
        var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + Array(repeating: 0, count: 9)
        for half in [type, machine] { file.appendLittleEndian(half) }
        for word in [1, 0x1000_0001, 52, UInt32(layout.sectionHeadersOffset), 0x0500_0000] as [UInt32] {
            file.appendLittleEndian(word)
        }
        for half in [52, 32, UInt16(segments.count), 40, UInt16(sections), 1] as [UInt16] { file.appendLittleEndian(half) }
        for (segment, offset) in zip(segments, layout.segmentOffsets) {
            let size = UInt32(segment.bytes.count)
            let words = [
                segment.type, UInt32(offset), segment.address, segment.address, size, segment.memorySize ?? size, segment.flags, 8,
            ]
            for word in words { file.appendLittleEndian(word) }
        }
        func pad(to offset: Int) { file += Array(repeating: 0, count: max(0, offset - file.count)) }
        for (segment, offset) in zip(segments, layout.segmentOffsets) {
            pad(to: offset)
            file += segment.bytes
        }
        if let resourceTable, layout.resourceTableOffset >= file.count {
            pad(to: layout.resourceTableOffset)
            file += resourceTable.bytes
        }
        pad(to: layout.namesOffset)
        file += Self.names
        pad(to: layout.sectionHeadersOffset)
        func section(_ words: UInt32...) { for word in words { file.appendLittleEndian(word) } }
        section(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        section(1, 3, 0, 0, UInt32(layout.namesOffset), UInt32(Self.names.count), 0, 0, 1, 0)
        if let resourceTable {
            section(
                11, 1, 2, resourceTable.address, UInt32(layout.resourceTableOffset), UInt32(resourceTable.bytes.count), 0, 0, 4, 0)
        }
        return file
    }
}

extension [UInt8] {
    /// The same bytes with one little-endian number overwritten.
    func storing<T: FixedWidthInteger>(_ value: T, at offset: Int) -> [UInt8] {
        var copy = self
        copy.storeLittleEndian(value, at: offset)
        return copy
    }

    /// The same bytes with one bit of the byte at `offset` inverted.
    func flipping(_ offset: Int) -> [UInt8] {
        var copy = self
        if copy.indices.contains(offset) { copy[offset] ^= 1 }
        return copy
    }
}
