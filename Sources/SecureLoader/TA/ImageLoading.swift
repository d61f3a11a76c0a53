// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import MachineBase

/// One image of the file, still in Linux's memory.
///
/// The TA takes IMGSIZE for its length. Reads past the buffer, which the C code would do, have no answer here: they are refused with
/// BAD_FORMAT. It reads field by field, so a header that the end of the buffer cuts behind the fields it uses is as good as a whole one.
struct ImageWindow {
    var memory: any SharedMemory
    var number: Int
    /// Of the image's first byte in the buffer.
    var base: Int
    /// IMGSIZE.
    var size: Int

    /// Whether `[offset, offset + count)` lies inside IMGSIZE. No sum here can wrap: both come from 32-bit fields.
    func holds(_ offset: Int, _ count: Int) -> Bool { offset + count <= size }

    /// The bytes as they are now; nil when they are not all in the buffer.
    func read(_ offset: Int, _ count: Int) -> [UInt8]? { memory.read(at: base + offset, count: count) }

    /// As many of the `count` bytes as the buffer has.
    func readUpTo(_ count: Int, _ offset: Int) -> [UInt8] {
        read(offset, max(0, min(count, memory.count - base - offset))) ?? []
    }

    /// Whether the C code could read 32-bit words at `offset`: the buffer itself is 4-aligned.
    func isAligned(_ offset: Int) -> Bool { (base + offset) % 4 == 0 }

    /// The ELF header, of which the first `needed` bytes must be in the buffer; what is cut off behind them reads as 0.
    func header(_ needed: Int) throws(TEEFailure) -> ELFHeader {
        let bytes = readUpTo(ELFHeader.size, 0)
        guard bytes.count >= needed, let header = ELFHeader(bytes.extended(to: ELFHeader.size)) else {
            throw TEEFailure(
                .badFormat, .elfHeader, at: base,
                "image \(number) begins where \(max(0, memory.count - base)) bytes are left; of an ELF header \(needed) are read")
        }
        return header
    }

    /// The program header at `offset`; nil when a field that is read of it is not in the buffer: the type alone, of a segment that is
    /// not loaded, else all up to p_memsz.
    func programHeader(_ offset: Int) -> ProgramHeader? {
        let bytes = readUpTo(ProgramHeader.size, offset)
        guard bytes.count >= 4, let header = ProgramHeader(bytes.extended(to: ProgramHeader.size)) else { return nil }
        return bytes.count >= 24 || !header.isLoad ? header : nil
    }

    /// The section header at `offset`, of which the first `needed` bytes must be in the buffer; what is cut off behind them reads as 0.
    func sectionHeader(_ offset: Int, _ needed: Int) -> SectionHeader? {
        let bytes = readUpTo(SectionHeader.size, offset)
        return bytes.count >= needed ? SectionHeader(bytes.extended(to: SectionHeader.size)) : nil
    }
}

extension FirmwareLoad {
    /// The images in order: each one's segments, then its resource table.
    func loadImages(_ verified: VerifiedImage, _ heap: inout TAHeap) throws(TEEFailure) -> PhysicalRange? {
        var window = ImageWindow(
            memory: image, number: 0, base: verified.header.imagesOffset, size: Int(verified.header.imagesLength))
        try checkFirstHeader(window)
        let table = try hashTable(verified, &heap)
        let count = try imageCount(verified)
        var resourceTable: PhysicalRange?
        for number in 0..<count {
            window.number = number
            window.size = try imageSize(verified, number, of: count)
            try loadSegments(of: window, verified, table)
            if let found = try findResourceTable(in: window) {
                guard resourceTable == nil else {
                    throw TEEFailure(
                        .badFormat, .resourceTableRepeated, at: window.base,
                        "image \(number) has a resource table, and so has an earlier one")
                }
                passed(.resourceTableRepeated, "image \(number) has the table", "one in all images")
                resourceTable = found
            }
            window.base += window.size
        }
        return resourceTable
    }

    /// The only look at an ELF header's fields; it is the first image's, and by the length of all images.
    private func checkFirstHeader(_ window: ImageWindow) throws(TEEFailure) {
        func refuse(_ offset: Int, _ reason: String) -> TEEFailure {
            TEEFailure(.badFormat, .elfHeader, at: window.base + offset, reason)
        }
        guard window.size >= ELFHeader.size else {
            throw refuse(0, "the images have \(window.size) bytes; an ELF header has \(ELFHeader.size)")
        }
        let header = try window.header(ELFHeader.size)
        // The C code adds in 32 bits: an offset just below 2^32 passes here, and is refused when sections are looked for.
        guard Int(header.sectionHeaderOffset &+ UInt32(SectionHeader.size)) <= window.size else {
            throw refuse(
                32,
                "e_shoff is \(hex32(header.sectionHeaderOffset)); no section header fits there in \(window.size) bytes")
        }
        guard header.hasMagic else { throw refuse(0, "the first image does not begin with 7f 45 4c 46: it is not an ELF file") }
        guard header.identVersion == 1 else { throw refuse(6, "EI_VERSION is \(header.identVersion); 1 is current") }
        guard header.fileClass == 1 else { throw refuse(4, "EI_CLASS is \(header.fileClass); 1 is ELF32") }
        guard header.programHeaderEntrySize == ProgramHeader.size else {
            throw refuse(42, "e_phentsize is \(header.programHeaderEntrySize); it must be \(ProgramHeader.size)")
        }
        guard header.sectionHeaderEntrySize == SectionHeader.size else {
            throw refuse(46, "e_shentsize is \(header.sectionHeaderEntrySize); it must be \(SectionHeader.size)")
        }
        guard header.programHeaderCount != 0 else { throw refuse(44, "e_phnum is 0: there is nothing to load") }
        passed(
            .elfHeader, at: window.base,
            "ELF32, version 1, e_phentsize 32, e_shentsize 40, e_phnum \(header.programHeaderCount), e_shoff "
                + hex32(header.sectionHeaderOffset),
            "these sizes, e_phnum above 0, a section header inside \(window.size); e_type, e_machine and encoding are not looked at")
    }

    private func hashTable(_ verified: VerifiedImage, _ heap: inout TAHeap) throws(TEEFailure) -> [HashRecord] {
        guard let table = verified.value(.hashTable) else { throw Self.missing(.hashTable, .hashTable) }
        guard table.bytes.count % HashRecord.size == 0 else {
            throw TEEFailure(
                .badParameters, .hashTable, at: table.offset,
                "HASHTABLE has \(table.bytes.count) bytes; records have \(HashRecord.size)")
        }
        passed(.hashTable, at: table.offset, "\(table.bytes.count) bytes", "a multiple of \(HashRecord.size)")
        try heap.allocate(table.bytes.count, for: "the copy of the hash table", at: table.offset)
        return HashRecord.records(table.bytes)
    }

    private func imageCount(_ verified: VerifiedImage) throws(TEEFailure) -> Int {
        guard let record = verified.value(.imageCount) else { throw Self.missing(.imageCount, .imageCount) }
        guard record.bytes.count == 1, let count = record.bytes.first else {
            throw TEEFailure(.badFormat, .imageCount, at: record.offset, "NUM_IMG has \(record.bytes.count) bytes; it is one byte")
        }
        guard count > 0 else { throw TEEFailure(.noData, .imageCount, at: record.offset, "NUM_IMG is 0") }
        passed(.imageCount, at: record.offset, "NUM_IMG \(count)", "1 to 255, in one byte")
        return Int(count)
    }

    /// Checks the image's type on the way.
    private func imageSize(_ verified: VerifiedImage, _ number: Int, of count: Int) throws(TEEFailure) -> Int {
        guard let types = verified.value(.imageTypes) else { throw Self.missing(.imageTypes, .imageTypes) }
        guard types.bytes.count == count else {
            throw TEEFailure(
                .badParameters, .imageTypes, at: types.offset, "IMGTYPE has \(types.bytes.count) bytes; NUM_IMG is \(count)")
        }
        let type = types.bytes[types.bytes.startIndex + number]
        guard type == 1 else {
            throw TEEFailure(.badFormat, .imageTypes, at: types.offset + number, "IMGTYPE of image \(number) is \(type); 1 is ELF")
        }
        passed(.imageTypes, at: types.offset + number, "IMGTYPE of image \(number) is 1, ELF", "1 in a record of \(count) bytes")
        guard let sizes = verified.value(.imageSizes) else { throw Self.missing(.imageSizes, .imageSizes) }
        guard sizes.bytes.count == 4 * count, let size: UInt32 = sizes.bytes.littleEndian(at: 4 * number) else {
            throw TEEFailure(
                .badParameters, .imageSizes, at: sizes.offset,
                "IMGSIZE has \(sizes.bytes.count) bytes; \(count) images need \(4 * count)")
        }
        guard size > 0, size < 0x8000_0000 else {
            throw TEEFailure(
                .badParameters, .imageSizes, at: sizes.offset + 4 * number,
                "IMGSIZE of image \(number) is \(hex32(size)); 1 to 0x7fffffff is allowed")
        }
        passed(.imageSizes, at: sizes.offset + 4 * number, "IMGSIZE of image \(number) is \(size)", "1 to 0x7fffffff")
        return Int(size)
    }

    private static func missing(_ type: TLVType, _ check: TEEFailure.Check) -> TEEFailure {
        TEEFailure(.noData, check, at: SignedImageHeader.size, "\(type) is missing or empty in the TLV area")
    }
}

extension [UInt8] {
    /// With zeros behind the end, as many bytes as `count`.
    fileprivate func extended(to count: Int) -> [UInt8] { self + repeatElement(0, count: Swift.max(0, count - self.count)) }
}
