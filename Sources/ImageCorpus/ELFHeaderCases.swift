// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import SecureLoader

/// The file header of the first image. Nothing signs it.
enum ELFHeaderCases {
    private static let parse = "e32_parse_ehdr"

    static func cases(_ elf: [UInt8]) throws -> [CorpusCase] {
        var list = CaseList()
        let base = try Container([elf])
        let table = try CorpusTable.of(elf)
        func put(_ name: String, _ offset: Int, _ value: some FixedWidthInteger, _ expected: TEEResult, _ check: String,
                 _ reference: CorpusCase.Reference = .same) throws {
            try list.add("ehdr.\(name).\(hex(value))", base, expected, check, table: expected == .success ? table : nil, reference: reference) {
                $0.images[0].storeLittleEndian(value, at: offset)
            }
        }
        for place in 0..<4 {
            for byte: UInt8 in [0, 0xFF] { try put("magic\(place)", place, byte, .badFormat, "\(parse): IS_ELF") }
        }
        for value: UInt8 in [0, 2, 3, 0xFF] { try put("EI_CLASS", 4, value, .badFormat, parse) }
        for value: UInt8 in [0, 2, 0xFF] { try put("EI_DATA", 5, value, .success, "nothing reads EI_DATA") }
        for value: UInt8 in [0, 2, 0xFF] { try put("EI_VERSION", 6, value, .badFormat, parse) }
        for place in [7, 8, 9, 15] { try put("e_ident\(place)", place, 0xFF as UInt8, .success, "nothing reads it") }
        for value: UInt16 in [0, 1, 3, 4, 0xFFFF] { try put("e_type", 16, value, .success, "nothing reads e_type") }
        for value: UInt16 in [0, 3, 62, 183, 243, 0xFFFF] { try put("e_machine", 18, value, .success, "nothing reads e_machine") }
        for value: UInt32 in [0, 2, 0xFFFF_FFFF] { try put("e_version", 20, value, .success, "nothing reads e_version") }
        for value: UInt32 in [0, 1, 0xFFFF_FFFF] { try put("e_entry", 24, value, .success, "nothing reads e_entry") }
        for value: UInt32 in [0, 0xFFFF_FFFF] { try put("e_flags", 36, value, .success, "nothing reads e_flags") }
        for value: UInt16 in [0, 51, 0xFFFF] { try put("e_ehsize", 40, value, .success, "nothing reads e_ehsize") }
        for value: UInt16 in [0, 31, 33, 0x2000, 0xFFFF] { try put("e_phentsize", 42, value, .badFormat, parse) }
        for value: UInt16 in [0, 39, 41, 0x2800, 0xFFFF] { try put("e_shentsize", 46, value, .badFormat, parse) }
        try put("e_phnum", 44, 0 as UInt16, .badFormat, "\(parse): no segment")
        for value in 1..<UInt16(elf.word(44) & 0xFFFF) { try put("e_phnum", 44, value, .success, "fewer program headers, and nobody knows") }

        let end = UInt32(Container.padded(elf).count)
        let read = "e32_parser_load_elf_image: p_paddr is read before the range is checked"
        for offset: UInt32 in [elf.word(28) + 1, elf.word(28) + 2, elf.word(28) + 3, 0xFFFF_FFFF, 0x7FFF_FFFF] {
            try put("e_phoff", 28, offset, .badFormat, "e32_parser_load_elf_image: 4-aligned")
        }
        for offset in [end - 28, end - 16] { try put("e_phoff", 28, offset, .badFormat, "va_in_fwm_image_range") }
        for offset in [end - 12, end, end + 0x1000, 0x7FFF_FFFC, 0x8000_0000, 0xFFFF_0000, 0xFFFF_FFFC] {
            try put("e_phoff", 28, offset, .badFormat, read, .readsOutside)
        }
        let sections = elf.word(32), names = "e32_parser_find_rsc_table"
        for offset in [end - 39, end - 8, end, end + 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FF00, 0xFFFF_FFD7] {
            try put("e_shoff", 32, offset, .badFormat, "\(parse): the first section header inside img_len")
        }
        for offset: UInt32 in [0xFFFF_FFD8, 0xFFFF_FFE0, 0xFFFF_FFFC, 0xFFFF_FFFF] {
            try put("e_shoff", 32, offset, .badParameters, "\(parse) adds in 32 bits; \(names): an address below the image's")
        }
        for offset in [sections + 1, sections + 2, sections + 3] { try put("e_shoff", 32, offset, .badFormat, "\(names): 4-aligned") }
        for offset in [sections + 8, end - 40, end - 80] { try put("e_shoff", 32, offset, .badFormat, "\(names): all section headers inside IMGSIZE") }
        let count = UInt16(elf.word(48) & 0xFFFF), strings = UInt16(elf.word(48) >> 16)
        for value in [count + 1, count + 100, 0xFFFF] { try put("e_shnum", 48, value, .badFormat, "\(names): all section headers inside IMGSIZE") }
        for value in [0, 1, strings] { try put("e_shnum", 48, value, .badFormat, "\(names): e_shstrndx below e_shnum") }
        try put("e_shnum", 48, strings + 1, .success, "\(names): fewer sections, and nobody knows")
        for value in [count, count + 1, 0x7FFF, 0xFFFF] { try put("e_shstrndx", 50, value, .badFormat, "\(names): e_shstrndx below e_shnum") }
        try put("e_shstrndx", 50, 0 as UInt16, .badFormat, "\(names): sh_name of a table of no bytes")

        try imageSizes(&list, elf, table)
        return list.cases
    }

    /// IMGSIZE, which is signed, against what the ELF needs.
    private static func imageSizes(_ list: inout CaseList, _ elf: [UInt8], _ table: String?) throws {
        let base = try Container([elf])
        let end = UInt32(elf.word(32) + 40 * (elf.word(48) & 0xFFFF)), padded = UInt32(Container.padded(elf).count)
        func size(_ value: UInt32, _ expected: TEEResult, _ check: String, _ reference: CorpusCase.Reference = .same) throws {
            try list.add("tlv.IMGSIZE.value.\(hex(value))", base, expected, check, table: expected == .success ? table : nil, reference: reference) {
                var bytes: [UInt8] = []
                bytes.appendLittleEndian(value)
                $0.set(Container.imageSizes, bytes)
            }
        }
        for value: UInt32 in [0, 0x8000_0000, 0xC000_0000, 0xFFFF_FFF0, 0xFFFF_FFFF] {
            try size(value, .badParameters, "e32_parser_load_elf_image: fw + fw_size <= fw")
        }
        for value: UInt32 in [1, 31, 52, 83] { try size(value, .badFormat, "e32_parser_load_elf_image: the first program header inside IMGSIZE") }
        for value in [84, 0xD4, 0x200, 0x1000] as [UInt32] { try size(value, .badFormat, "e32_parser_load_elf_image: segments inside IMGSIZE") }
        for value in [elf.word(32), end - 40, end - 1] { try size(value, .badFormat, "e32_parser_find_rsc_table: all section headers inside IMGSIZE") }
        for value in end..<padded { try size(value, .success, "e32_parser_find_rsc_table: to the last section header's end") }
        for value in [padded + 1, padded + 8, padded + 0x1000, 0x1000_0000] {
            try size(value, .success, "nothing compares IMGSIZE with img_len; nothing that is read lies past it")
        }
    }
}
