// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import MachineBase

extension FirmwareLoad {
    /// Every PT_LOAD of the image, by p_paddr, against the hash table.
    func loadSegments(of window: ImageWindow, _ verified: VerifiedImage, _ table: [HashRecord]) throws(TEEFailure) {
        // e_phoff ends at 32, e_phnum at 46.
        let start = Int(try window.header(32).programHeaderOffset)
        guard window.isAligned(start) else {
            throw TEEFailure(
                .badFormat, .programHeaders, at: window.base + 28,
                "image \(window.number): program headers at 0x\(String(start, radix: 16)) are not 4-aligned")
        }
        let header = try window.header(46)
        passed(
            .programHeaders, at: window.base + 28,
            "image \(window.number): \(header.programHeaderCount) program headers at \(hex32(header.programHeaderOffset))",
            "4-aligned, inside the image's \(window.size) bytes")
        for number in 0..<Int(header.programHeaderCount) {
            let offset = start + number * ProgramHeader.size
            guard window.holds(offset, ProgramHeader.size), let segment = window.programHeader(offset) else {
                throw TEEFailure(
                    .badFormat, .programHeaders, at: window.base + 28,
                    "image \(window.number): program header \(number) of \(header.programHeaderCount), at "
                        + "0x\(String(offset, radix: 16)), is not in the image of \(window.size) bytes")
            }
            if segment.isLoad {
                try work.check(pta.configuration.memory, at: window.base + offset, "image \(window.number), segment \(number)")
                try load(segment, Place(number: number, headerOffset: window.base + offset), of: window, verified, table)
                work.add(segment)
            }
        }
    }

    /// Which program header a refusal is about, and where it is in the file.
    private struct Place {
        var number: Int
        var headerOffset: Int
    }

    private func load(
        _ segment: ProgramHeader, _ place: Place, of window: ImageWindow, _ verified: VerifiedImage, _ table: [HashRecord]
    ) throws(TEEFailure) {
        let name = "image \(window.number), segment \(place.number)"
        let source = Int(segment.offset), size = Int(segment.fileSize)
        guard window.holds(source, size) else {
            throw TEEFailure(
                .badFormat, .segmentBounds, at: place.headerOffset,
                "\(name): \(size) bytes at \(hex32(segment.offset)) are not in the image of \(window.size)")
        }
        passed(
            .segmentBounds, at: place.headerOffset, "\(name): \(size) bytes at \(hex32(segment.offset))",
            "inside the image's \(window.size) bytes")
        let record = try self.record(for: segment, name, place, table)
        // The C code compares with the length of all images here, behind the comparison with IMGSIZE above.
        let images = verified.header.imagesOffset + Int(verified.header.imagesLength)
        guard window.base + source + size <= images, images <= window.memory.count else {
            throw TEEFailure(
                .badParameters, .segmentBounds, at: place.headerOffset,
                "\(name): its \(size) bytes end past the images, at 0x\(String(window.base + source + size, radix: 16))")
        }
        let address = DeviceAddress(segment.physicalAddress)
        if size > 0 {
            let bytes = SharedMemoryPart(whole: window.memory, offset: window.base + source, count: size)
            try pta.loadSegment(processor: processor, bytes, to: address, hash: record.hash, imageOffset: window.base + source)
        }
        if size > 0 {
            passed(.segmentAddress, at: place.headerOffset, "\(name): \(size) bytes to \(address)", "inside one region of the device tree")
            passed(.segmentHash, at: window.base + source, "\(name): SHA-256 \(hexText(record.hash))", "the hash table's")
        }
        if segment.memorySize > segment.fileSize {
            try pta.setMemory(
                processor: processor, DeviceAddress(address.value &+ segment.fileSize),
                size: segment.memorySize - segment.fileSize, value: 0)
            passed(
                .segmentClear, at: place.headerOffset,
                "\(name): \(segment.memorySize - segment.fileSize) bytes from \(hex32(address.value &+ segment.fileSize)) cleared",
                "inside one region of the device tree")
        }
    }

    /// The first record with the segment's p_paddr, which must then agree.
    private func record(
        for segment: ProgramHeader, _ name: String, _ place: Place, _ table: [HashRecord]
    ) throws(TEEFailure) -> HashRecord {
        let address = hex32(segment.physicalAddress)
        guard let index = table.firstIndex(where: { $0.header.physicalAddress == segment.physicalAddress }) else {
            throw TEEFailure(
                .noData, .hashRecordMissing, at: place.headerOffset,
                "\(name): the hash table has no record with p_paddr \(address)")
        }
        let record = table[index]
        let later =
            table[(index + 1)...].contains { $0.header == segment }
            ? "; the segment's own record comes later, and only the first with an address counts: give the segments different "
                + "p_paddr, or put PT_LOAD first"
            : ""
        guard record.header.isLoad else {
            throw TEEFailure(
                .badParameters, .hashRecordType, at: place.headerOffset,
                "\(name): the first hash record with p_paddr \(address), number \(index), is a \(record.header.typeName), not "
                    + "PT_LOAD\(later)")
        }
        guard record.header.fileSize == segment.fileSize, record.header.memorySize == segment.memorySize else {
            throw TEEFailure(
                .badParameters, .hashRecordSizes, at: place.headerOffset,
                "\(name): p_filesz \(segment.fileSize) and p_memsz \(segment.memorySize); the first hash record with p_paddr "
                    + "\(address), number \(index), has \(record.header.fileSize) and \(record.header.memorySize)\(later)")
        }
        passed(.hashRecordMissing, at: place.headerOffset, "\(name): record \(index) has p_paddr \(address)", "the first that has it")
        passed(.hashRecordType, at: place.headerOffset, "\(name): record \(index) is a PT_LOAD", "PT_LOAD")
        passed(
            .hashRecordSizes, at: place.headerOffset, "\(name): p_filesz \(segment.fileSize), p_memsz \(segment.memorySize)",
            "those of record \(index)")
        return record
    }
}
