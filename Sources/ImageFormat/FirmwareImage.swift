// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase
import SourceLines
import Synchronization

/// A firmware file, parsed once for all who look at it: a signed image, an ELF file, or neither.
///
/// Symbols, placements, reports and diagnoses are made of it. What loads firmware reads the bytes by its own rules, and is not served here: OP-TEE's TA,
/// Linux's ELF loader, the signer. Making one reads two headers; the rest is read when it is first asked for, and kept. Reading is total.
public final class FirmwareImage: Sendable {
    /// What a file is meant to be, by its first four bytes.
    public enum Kind: String, Sendable, Codable { case signed, elf, unknown }

    public let bytes: [UInt8]
    public let kind: Kind
    /// The file itself as an ELF file, or why it is none.
    public let elf: Result<ELFFile, ELFError>
    /// nil for what does not begin with a whole header of a signed image.
    public let container: SignedContainer?
    private let parts = Mutex(Parts())

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        let elf = Result { () throws(ELFError) in try ELFFile(bytes) }
        self.elf = elf
        container = SignedContainer(bytes)
        kind = bytes.starts(with: ELFHeader.magic) ? .elf : bytes.littleEndian(at: 0) == SignedImageHeader.magic ? .signed : .unknown
    }

    /// The file itself, or those inside the container in their order, up to the first that is none. `bytes.startIndex` of each is its offset in the file.
    public var elfFiles: [ELFFile] { parts.withLock { $0.elfFiles(of: self) } }

    /// Functions, objects and labels with a name, by address; those of one address in the files' order.
    public var symbols: [Symbol] { parts.withLock { $0.symbols(of: self) } }

    /// The section `.resource_table` of each ELF file that has one.
    public var tables: [TableSection] { parts.withLock { $0.tables(of: self) } }

    /// What debugging information says of the code; nothing of it is read before the first question.
    public var lines: SourceLines { parts.withLock { $0.lines(of: self) } }

    /// The symbols of that name, as in `symbols`; without reading all of them when that has not been done.
    public func symbols(named name: String) -> [Symbol] {
        let (known, files) = parts.withLock { ($0.symbols, $0.elfFiles(of: self)) }
        guard known == nil, name.utf8.allSatisfy(Self.isPlain) else { return symbols.filter { $0.name == name } }
        return Parts.sorted(files.flatMap { $0.symbols(named: name) })
    }

    /// Whether a byte of a name stands for itself in a `Symbol`'s.
    private static func isPlain(_ byte: UInt8) -> Bool { (0x21..<0x7F).contains(byte) && byte != UInt8(ascii: "\\") }
}

extension FirmwareImage {
    /// What has been read so far.
    private struct Parts {
        var elfFiles: [ELFFile]?
        var symbols: [Symbol]?
        var tables: [TableSection]?
        var lines: SourceLines?

        mutating func lines(of image: FirmwareImage) -> SourceLines {
            if let lines { return lines }
            let made = SourceLines(elfFiles(of: image))
            lines = made
            return made
        }

        mutating func elfFiles(of image: FirmwareImage) -> [ELFFile] {
            if let elfFiles { return elfFiles }
            let files = Self.files(of: image)
            elfFiles = files
            return files
        }

        mutating func symbols(of image: FirmwareImage) -> [Symbol] {
            if let symbols { return symbols }
            let found = Self.sorted(elfFiles(of: image).flatMap(\.symbols))
            symbols = found
            return found
        }

        mutating func tables(of image: FirmwareImage) -> [TableSection] {
            if let tables { return tables }
            let found = elfFiles(of: image).compactMap(TableSection.init)
            tables = found
            return found
        }

        private static func files(of image: FirmwareImage) -> [ELFFile] {
            if case .success(let file) = image.elf { return [file] }
            var files: [ELFFile] = []
            guard let ranges = image.container?.imageRanges else { return files }
            for range in ranges {
                guard !range.isEmpty, range.upperBound <= image.bytes.count, let file = try? ELFFile(image.bytes[range]) else { break }
                files.append(file)
            }
            return files
        }

        /// Those that a person calls something in memory by.
        static func sorted(_ symbols: [Symbol]) -> [Symbol] {
            symbols.filter { $0.isDefined && !$0.name.isEmpty && !$0.name.hasPrefix("$") && [.function, .object, Symbol.Kind.none].contains($0.kind) }
                .enumerated().sorted { ($0.element.address, $0.offset) < ($1.element.address, $1.offset) }.map(\.element)
        }
    }
}

/// A section `.resource_table`, as its header says; the first of that name in its file.
public struct TableSection: Sendable {
    public let file: ELFFile
    public let header: SectionHeader

    init?(_ file: ELFFile) {
        guard let header = file.section(named: ".resource_table") else { return nil }
        (self.file, self.header) = (file, header)
    }

    /// Nothing is in it: Linux and OP-TEE take that for no table.
    public var isEmpty: Bool { header.size == 0 }
    /// What the file holds of it; nil when that is not all in the file, empty for a section without bytes.
    public var bytes: ArraySlice<UInt8>? { file.contents(of: header) }

    /// Where a segment loads the table's first byte, by p_paddr; nil when none has all of the section.
    public var loadAddress: UInt32? {
        for segment in file.programHeaders where segment.isLoad {
            let offset = header.offset &- segment.offset
            guard offset < segment.fileSize, header.size <= segment.fileSize &- offset else { continue }
            return segment.physicalAddress &+ offset
        }
        return nil
    }
}
