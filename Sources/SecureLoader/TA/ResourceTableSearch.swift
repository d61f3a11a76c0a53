// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase

extension FirmwareLoad {
    /// Where the image's resource table was loaded; nil when it has none, or an empty one.
    ///
    /// Section headers are not signed: this trusts the address they give.
    func findResourceTable(in window: ImageWindow) throws(TEEFailure) -> PhysicalRange? {
        guard let section = try resourceTableSection(of: window), section.size > 0 else { return nil }
        let offset = Int(section.offset), size = Int(section.size)
        let place = window.base + offset
        guard window.holds(offset, size) else {
            throw TEEFailure(
                .badFormat, .resourceTableBounds, at: place,
                "the resource table, \(size) bytes at \(hex32(section.offset)), is not in the image of \(window.size)")
        }
        guard size >= Self.tableHeaderSize else {
            throw TEEFailure(.badFormat, .resourceTableBounds, at: place, "the resource table has \(size) bytes; its header has 16")
        }
        guard window.isAligned(offset) else {
            throw TEEFailure(
                .corruptObject, .resourceTableAlignment, at: place,
                "the resource table is at \(hex32(section.offset)) in the image; it must be 4-aligned")
        }
        // The header alone is read: an IMGSIZE beyond the file lets the rest lie there.
        guard let bytes = window.read(offset, Self.tableHeaderSize), let version: UInt32 = bytes.littleEndian(at: 0),
            let count: UInt32 = bytes.littleEndian(at: 4), let reserved0: UInt32 = bytes.littleEndian(at: 8),
            let reserved1: UInt32 = bytes.littleEndian(at: 12)
        else {
            throw TEEFailure(
                .badFormat, .resourceTableBounds, at: place,
                "the resource table's header, 16 bytes at \(hex32(section.offset)), is not in the file")
        }
        guard version == 1 else {
            throw TEEFailure(.badFormat, .resourceTableContent, at: place, "the resource table's version is \(version); 1 is known")
        }
        guard reserved0 == 0, reserved1 == 0 else {
            throw TEEFailure(
                .badFormat, .resourceTableContent, at: place + 8,
                "the resource table's reserved words are \(hex32(reserved0)), \(hex32(reserved1)); they must be 0")
        }
        guard 16 + 4 * Int(count) <= size else {
            throw TEEFailure(
                .badFormat, .resourceTableContent, at: place + 4,
                "the resource table counts \(count) entries; \(size) bytes have room for \((size - 16) / 4)")
        }
        passed(
            .resourceTableContent, at: place, "\(size) bytes, version 1, \(count) entries",
            "4-aligned, 16 bytes and more, version 1, reserved words 0, offsets of all entries inside")
        do throws(TEEFailure) {
            let start = try pta.physical(processor: processor, DeviceAddress(section.address), size: section.size)
            passed(
                .resourceTableAddress, at: place, "\(size) bytes at device address \(hex32(section.address)), physical \(start)",
                "inside one region of the device tree; the address comes from a section header that no signature covers")
            return PhysicalRange(start: start, size: section.size)
        } catch {
            throw TEEFailure(.accessDenied, .resourceTableAddress, at: place, "the resource table: \(error.reason)")
        }
    }

    private func resourceTableSection(of window: ImageWindow) throws(TEEFailure) -> SectionHeader? {
        // e_shoff ends at 36, e_shstrndx, the last field, at 52.
        let start = Int(try window.header(36).sectionHeaderOffset)
        func refuse(_ check: TEEFailure.Check, _ offset: Int, _ reason: String) -> TEEFailure {
            TEEFailure(.badFormat, check, at: window.base + offset, "image \(window.number): \(reason)")
        }
        // The C code compares addresses: an offset of 2^31 and more is taken for one below the image.
        guard start < 0x8000_0000 else {
            throw TEEFailure(
                .badParameters, .sectionHeaders, at: window.base + 32,
                "image \(window.number): e_shoff is 0x\(String(start, radix: 16)); below 0x80000000 is allowed")
        }
        func section(_ number: Int, _ needed: Int) throws(TEEFailure) -> SectionHeader {
            guard let section = window.sectionHeader(start + number * SectionHeader.size, needed) else {
                throw refuse(.sectionHeaders, 32, "section header \(number) is not in the file")
            }
            return section
        }
        guard window.isAligned(start) else {
            throw refuse(.sectionHeaders, 32, "the section headers at 0x\(String(start, radix: 16)) are not 4-aligned")
        }
        let header = try window.header(ELFHeader.size), count = Int(header.sectionHeaderCount)
        guard window.holds(start, count * SectionHeader.size) else {
            throw refuse(
                .sectionHeaders, 32,
                "\(count) section headers at \(hex32(header.sectionHeaderOffset)) are not inside the image of \(window.size) bytes")
        }
        guard header.sectionNameIndex < header.sectionHeaderCount else {
            throw refuse(
                .sectionHeaders, 50,
                "e_shstrndx is \(header.sectionNameIndex) of \(count) sections"
                    + (count == 0 ? "; the file has none (stripped with --strip-sections?)" : ""))
        }
        passed(
            .sectionHeaders, at: window.base + 32,
            "image \(window.number): \(count) section headers at \(hex32(header.sectionHeaderOffset)), e_shstrndx "
                + "\(header.sectionNameIndex)",
            "4-aligned, inside the image, e_shstrndx below their number")
        let names = try section(Int(header.sectionNameIndex), Self.sectionSizeEnd)
        guard window.holds(Int(names.offset), Int(names.size)) else {
            throw refuse(
                .sectionNames, start + Int(header.sectionNameIndex) * SectionHeader.size,
                "the section names, \(names.size) bytes at \(hex32(names.offset)), are not in the image")
        }
        for number in 0..<count {
            let candidate = try section(number, Self.sectionNameEnd)
            guard candidate.name < names.size else {
                throw refuse(
                    .sectionNames, start + number * SectionHeader.size,
                    "the name of section \(number) is at \(candidate.name) of \(names.size) bytes of names")
            }
            // strncmp up to the table's end: a name that the end cuts short matches, and one that differs is read no further.
            let count = min(Self.resourceTableName.count, Int(names.size - candidate.name))
            let name = window.readUpTo(count, Int(names.offset) + Int(candidate.name))
            if Self.resourceTableName.starts(with: name) {
                guard name.count == count else {
                    throw refuse(.sectionNames, start + number * SectionHeader.size, "the name of section \(number) is not in the file")
                }
                passed(
                    .sectionNames, at: window.base + start + number * SectionHeader.size,
                    "image \(window.number): section \(number) is .resource_table", "the first of that name")
                return try section(number, Self.sectionSizeEnd)
            }
        }
        passed(.sectionNames, at: window.base + 50, "image \(window.number): no .resource_table", "none is fine")
        return nil
    }

    private static let tableHeaderSize = 16
    /// Where the fields of a section header end that are read of each section, and those that are read of a section that counts.
    private static let sectionNameEnd = 4, sectionSizeEnd = 24
    /// With the NUL that ends it.
    static let resourceTableName = Array(".resource_table".utf8) + [0]
}
