// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import TestSupport
import Testing

/// What a firmware file shows to those who look at it.
@Suite struct FirmwareImageTests {
    /// A signed image as far as a reader is concerned: header, one IMGSIZE record, eight bytes of signature, images.
    private func container(_ images: [[UInt8]], sizes: [UInt32]? = nil) -> [UInt8] {
        let sizes = sizes ?? images.map { UInt32($0.count) }
        var record: [UInt8] = [5, 0, 0, 0]
        record.appendLittleEndian(UInt32(sizes.count * 4))
        for size in sizes { record.appendLittleEndian(size) }
        let padding = [UInt8](repeating: 0, count: (8 - record.count % 8) % 8)
        let header = SignedImageHeader(tlvLength: UInt32(record.count), signatureLength: 8, imagesLength: UInt32(images.reduce(0) { $0 + $1.count }))
        return header.bytes + record + padding + [UInt8](repeating: 0x55, count: 8) + images.flatMap { $0 }
    }

    @Test("A file is what it begins like, and says why it is no ELF file")
    func kinds() throws {
        let elf = try TestEnvironment.sample("tty-echo"), plain = FirmwareImage(elf)
        #expect(plain.kind == .elf && plain.container == nil && plain.elfFiles.count == 1)
        let signed = FirmwareImage(container([elf]))
        #expect(signed.kind == .signed && signed.container?.header.imagesLength == UInt32(elf.count))
        var wide = elf
        wide[4] = 2
        let image = FirmwareImage(wide)
        #expect(image.kind == .elf && image.elfFiles.isEmpty)
        #expect(throws: ELFError.not32Bit(fileClass: 2)) { try image.elf.get() }
        #expect(FirmwareImage(Array(container([elf]).prefix(19))).container == nil)
        #expect(FirmwareImage([]).kind == .unknown)
    }

    @Test("The ELF files of a container have their places in it, up to the first that is none")
    func files() throws {
        let elf = try TestEnvironment.sample("tty-echo")
        let image = FirmwareImage(container([elf, elf, [1, 2, 3, 4], elf]))
        let start = try #require(image.container?.header.imagesOffset)
        #expect(image.elfFiles.map(\.bytes.startIndex) == [start, start + elf.count])
        #expect(image.container?.imageRanges.map { Array($0).count } == 4)
        // One that ends beyond the file is none.
        #expect(FirmwareImage(container([elf], sizes: [.max, 8])).elfFiles.isEmpty)
        #expect(FirmwareImage(container([elf], sizes: [0])).elfFiles.isEmpty)
    }

    @Test("A resource table is its section: its bytes, and where a segment loads them")
    func tables() throws {
        let elf = try TestEnvironment.sample("tty-echo")
        let table = try #require(FirmwareImage(container([elf])).tables.first)
        #expect(!table.isEmpty && table.bytes?.count == Int(table.header.size))
        #expect(table.loadAddress == table.header.address)
        #expect(FirmwareImage(Array(elf.prefix(52))).tables.isEmpty)
    }

    @Test("Asking for one name finds what reading all symbols finds", arguments: ["main", "Reset_Handler", "resource_table", "no such name", "", "$t", "mai", "\u{C4}"])
    func names(_ name: String) throws {
        let elf = try TestEnvironment.sample("tty-echo")
        let whole = FirmwareImage(elf), quick = FirmwareImage(elf)
        let all = whole.symbols
        #expect(all.count > 10 && all.map(\.address) == all.map(\.address).sorted())
        #expect(quick.symbols(named: name) == all.filter { $0.name == name })
        #expect(whole.symbols(named: name) == all.filter { $0.name == name })
    }
}
