// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Why bytes are not an ELF32 little-endian file.
public enum ELFError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Fewer bytes than the file header has.
    case tooShort(count: Int)
    /// The first four bytes are not 7F 'E' 'L' 'F'.
    case notELF(found: [UInt8])
    /// EI_CLASS is not 1.
    case not32Bit(fileClass: UInt8)
    /// EI_DATA is not 1.
    case notLittleEndian(encoding: UInt8)

    public var description: String {
        switch self {
        case .tooShort(let count): "\(count) bytes at offset 0; an ELF32 file header has \(ELFHeader.size)"
        case .notELF(let found):
            "not an ELF file: the first bytes are \(found.map { String($0, radix: 16) }.joined(separator: " ")), not 7f 45 4c 46"
        case .not32Bit(let fileClass): "EI_CLASS (offset 4) is \(fileClass); only 1, ELF32, is read here"
        case .notLittleEndian(let encoding): "EI_DATA (offset 5) is \(encoding); only 1, little-endian, is read here"
        }
    }
}

/// An ELF32 little-endian file in memory: its tables, by name and by number.
///
/// Reading is total. A table that does not lie inside the file reads as far as it does, a name or a range that does not is
/// nil: what a loader must refuse, it refuses by its own rules.
public struct ELFFile: Sendable {
    public let bytes: ArraySlice<UInt8>
    public let header: ELFHeader

    public init(_ bytes: [UInt8]) throws(ELFError) { try self.init(bytes[...]) }

    /// A file inside a larger one; nothing is copied.
    public init(_ bytes: ArraySlice<UInt8>) throws(ELFError) {
        guard let header = ELFHeader(bytes) else { throw .tooShort(count: bytes.count) }
        guard header.hasMagic else { throw .notELF(found: Array(header.identification.prefix(4))) }
        guard header.fileClass == 1 else { throw .not32Bit(fileClass: header.fileClass) }
        guard header.dataEncoding == 1 else { throw .notLittleEndian(encoding: header.dataEncoding) }
        self.bytes = bytes
        self.header = header
    }

    /// The program headers that lie inside the file, in its order; none when `e_phentsize` is under 32.
    public var programHeaders: [ProgramHeader] {
        entries(header.programHeaderOffset, header.programHeaderCount, header.programHeaderEntrySize, ProgramHeader.size) {
            ProgramHeader(bytes, at: $0)
        }
    }

    /// The section headers that lie inside the file, in its order; none when `e_shentsize` is under 40.
    public var sectionHeaders: [SectionHeader] {
        entries(header.sectionHeaderOffset, header.sectionHeaderCount, header.sectionHeaderEntrySize, SectionHeader.size) {
            SectionHeader(bytes, at: $0)
        }
    }

    private func entries<Entry>(
        _ offset: UInt32, _ count: UInt16, _ stride: UInt16, _ minimum: Int, read: (Int) -> Entry?
    ) -> [Entry] {
        guard Int(stride) >= minimum else { return [] }
        var result: [Entry] = []
        for index in 0..<Int(count) {
            guard let entry = read(Int(offset) + index * Int(stride)) else { break }
            result.append(entry)
        }
        return result
    }

    /// The bytes `[offset, offset + size)`; nil when they are not all in the file.
    public func bytes(at offset: UInt32, size: UInt32) -> ArraySlice<UInt8>? {
        let end = Int(offset) + Int(size)
        guard end <= bytes.count else { return nil }
        return bytes[bytes.startIndex + Int(offset)..<bytes.startIndex + end]
    }

    /// The segment's bytes in the file (`filesz` of them).
    public func contents(of segment: ProgramHeader) -> ArraySlice<UInt8>? { bytes(at: segment.offset, size: segment.fileSize) }

    /// The section's bytes in the file; empty for SHT_NOBITS.
    public func contents(of section: SectionHeader) -> ArraySlice<UInt8>? {
        section.type == SectionHeader.noBits ? [] : bytes(at: section.offset, size: section.size)
    }

    /// The string table that holds the sections' names (`e_shstrndx`).
    public var sectionNames: StringTable? { stringTable(at: Int(header.sectionNameIndex), in: sectionHeaders) }

    /// Every section with its name, nil where the name is not in the string table.
    public var sections: [(name: String?, header: SectionHeader)] {
        let headers = sectionHeaders
        let names = stringTable(at: Int(header.sectionNameIndex), in: headers)
        return headers.map { (names?[$0.name], $0) }
    }

    /// The first section of that name.
    public func section(named name: String) -> SectionHeader? {
        let headers = sectionHeaders, wanted = Array(name.utf8) + [0]
        guard let names = stringTable(at: Int(header.sectionNameIndex), in: headers) else { return nil }
        // Compared where they are: a hostile file has 65535 names of many kilobytes.
        return headers.first { names.bytes.dropFirst(Int($0.name)).starts(with: wanted) }
    }

    func stringTable(at index: Int, in headers: [SectionHeader]) -> StringTable? {
        guard headers.indices.contains(index) else { return nil }
        return contents(of: headers[index]).map(StringTable.init)
    }
}
