// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase
import SecureLoader

/// Signed images, good and bad, with the answer of OP-TEE's remoteproc TA to each.
///
/// Expectations come from reading OP-TEE's source (ta/remoteproc/src/remoteproc_core.c, elf_parser.c, the STM32MP1's PTA and driver),
/// on a 32-bit machine, not from running ours. RSA signatures are deterministic, and so are all cases but the ECDSA ones.
public enum Corpus {
    /// - Parameter sample: an ELF of the firmware samples, with a resource table and segments of all kinds: tty-echo.
    /// - Throws: what ``ImageSigner`` says of a sample that cannot be signed.
    public static func cases(sample: [UInt8]) throws -> [CorpusCase] {
        try HeaderCases.cases(sample) + RecordCases.cases(sample) + ELFHeaderCases.cases(sample) + SegmentCases.cases(sample)
            + SectionCases.cases() + ImageCases.cases(sample)
    }

    /// A good image of 700 KiB, of which RETRAM and the firmware's part of MCUSRAM, 320 KiB, are loaded, and the rest is what a
    /// linker leaves in a file besides.
    public static func large() throws -> [UInt8] {
        let elf = SmallELF(
            segments: [
                .init(address: 0, bytes: SmallELF.pattern(0x1_0000)), .init(address: CorpusPlaces.code, bytes: SmallELF.pattern(0x4_0000, seed: 2)),
                .init(address: 0, bytes: SmallELF.pattern(380 << 10, seed: 3), type: 4),
            ], table: nil)
        return try Container([elf.bytes]).bytes()
    }

    /// The smallest good image of the corpus that has everything: segments, memory to clear, a resource table.
    public static func small() throws -> [UInt8] { try Container([SmallELF.usual.bytes]).bytes() }

    /// `count` times the same case, for timing.
    public static func pack(_ image: [UInt8], _ count: Int) -> [UInt8] {
        var one: [UInt8] = []
        one.appendLittleEndian(1 as UInt32)
        one.appendLittleEndian(UInt32(image.count))
        one += [0x2E] + image
        return Array(repeatElement(one, count: count).joined())
    }

    /// The cases for `m4run verify --batch`: {label length u32, image length u32, label, image}, little-endian.
    public static func pack(_ cases: [CorpusCase]) -> [UInt8] {
        var pack: [UInt8] = []
        for item in cases {
            pack.appendLittleEndian(UInt32(item.name.utf8.count))
            pack.appendLittleEndian(UInt32(item.image.count))
            pack += Array(item.name.utf8) + item.image
        }
        return pack
    }

    /// A line a case: name, result in hex, its name, table, what the C code does, the deciding check; between tabs.
    public static func expectations(_ cases: [CorpusCase]) -> String {
        cases.map { item in
            [
                item.name, String(item.expected.rawValue + 0, radix: 16).leftPadded(to: 8), item.expected.name, item.table ?? "?",
                "\(item.reference)", item.check,
            ].joined(separator: "\t") + "\n"
        }.joined()
    }
}

/// Resource tables as `verify --batch` writes them.
enum CorpusTable {
    static func hex8(_ value: UInt32) -> String { hex32(value) }

    /// Of a sample in MCUSRAM, whose device addresses are physical ones.
    static func of(_ elf: [UInt8]) throws -> String? {
        try ELFFile(elf).section(named: ".resource_table").map { "\(hex32($0.address)):\(hex($0.size))" }
    }
}

extension String {
    fileprivate func leftPadded(to width: Int) -> String { String(repeating: "0", count: max(0, width - count)) + self }
}
