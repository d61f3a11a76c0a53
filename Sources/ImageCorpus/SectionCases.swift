// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import SecureLoader

/// Section headers and names, and the resource table they lead to.
enum SectionCases {
    private static let find = "e32_parser_find_rsc_table"
    private static let table = CorpusPlaces.table()

    static func cases() throws -> [CorpusCase] {
        var list = CaseList()
        let elf = SmallELF.usual
        try names(&list, elf)
        try section(&list, elf)
        try contents(&list)
        try addresses(&list, elf)
        try cuts(&list, elf)
        return list.cases
    }

    /// The file ends inside the last section header, behind what is read of it: IMGSIZE is signed and stays, img_len fits the file.
    private static func cuts(_ list: inout CaseList, _ elf: SmallELF) throws {
        var plain = elf
        plain.table = nil
        for (name, file, found) in [("table", elf, table), ("names", plain, "-")] {
            for count in [8, 16] {
                try list.add(
                    "section.cut.\(name).\(count)", Container([Container.padded(file.bytes)]), .success,
                    "\(find): sh_align and sh_entsize are not read", table: found
                ) { $0.images[0].removeLast(count) }
            }
        }
    }

    private static func put(
        _ list: inout CaseList, _ name: String, _ elf: SmallELF, _ offset: Int, _ value: UInt32, _ expected: TEEResult, _ check: String,
        table: String? = nil
    ) throws {
        try list.add("section.\(name).\(hex(value))", Container([elf.bytes]), expected, check, table: table) {
            $0.images[0].storeLittleEndian(value, at: offset)
        }
    }

    private static func names(_ list: inout CaseList, _ elf: SmallELF) throws {
        let strings = elf.section(1), end = UInt32(elf.bytes.count), start = UInt32(elf.namesOffset)
        for (size, expected, found) in [
            // The first section's name is not below 0; .shstrtab's, at 1, not below 1; the table's, at 11, not below 11.
            (0, .badFormat, nil), (1, .badFormat, nil), (11, .badFormat, nil),
            // strncmp to the table's end: a "." that is .shstrtab's, with sh_size 2, is taken for the table and is too small for one.
            (2, .badFormat, nil), (12, .success, table), (20, .success, table), (26, .success, table), (28, .success, table),
            (end - start, .success, table), (end - start + 1, .badFormat, nil), (0x7FFF_FFFF, .badFormat, nil), (0x8000_0000, .badFormat, nil),
            (0xFFFF_FFFF, .badFormat, nil),
        ] as [(UInt32, TEEResult, String?)] {
            try put(&list, "names.sh_size", elf, strings + 20, size, expected, "\(find): names to sh_size", table: found)
        }
        for offset in [end - 26, end, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFF] {
            try put(&list, "names.sh_offset", elf, strings + 16, offset, .badFormat, "\(find): names inside the image")
        }
        // Other bytes as names: from 0 on, the first "." of a name that is the table's is nowhere at 11.
        try put(&list, "names.sh_offset", elf, strings + 16, 0, .success, "\(find): no section of the name", table: "-")
        for (text, found) in [
            (".resource_tablX", "-"), (".resource_table", table), (".Resource_table", "-"), ("resource_table.", "-"), ("\0resource_table", "-"),
        ] {
            try list.add("section.name.\(text.drop { $0 == "\0" })", Container([elf.bytes]), .success, "\(find): strncmp", table: found) {
                $0.images[0].replaceSubrange(elf.namesOffset + 11..<elf.namesOffset + 11 + text.utf8.count, with: Array(text.utf8))
            }
        }
        try list.add("section.name.longer", Container([elf.bytes]), .success, "\(find): strncmp, to the NUL", table: "-") {
            $0.images[0][elf.namesOffset + 26] = 0x58
        }
        for name: UInt32 in [12, 26, 1, 0] {
            try put(&list, "table.sh_name", elf, elf.section(2), name, .success, "\(find): no section of the name", table: "-")
        }
        for name: UInt32 in [27, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] {
            for number in 0..<3 {
                try put(&list, "sh_name\(number)", elf, elf.section(number), name, .badFormat, "\(find): sh_name below sh_size of the names")
            }
        }
    }

    private static func section(_ list: inout CaseList, _ elf: SmallELF) throws {
        let place = elf.section(2), end = UInt32(elf.bytes.count), offset = UInt32(elf.offsets[2])
        for (name, field) in [("sh_type", 4), ("sh_flags", 8), ("sh_link", 24), ("sh_info", 28), ("sh_addralign", 32), ("sh_entsize", 36)] {
            for value: UInt32 in [0, 0xFFFF_FFFF] {
                try put(&list, "table.\(name)", elf, place + field, value, .success, "nothing reads \(name)", table: table)
            }
        }
        try put(&list, "table.sh_size", elf, place + 20, 0, .success, "\(find): an empty table is none", table: "-")
        for size: UInt32 in [1, 4, 15] { try put(&list, "table.sh_size", elf, place + 20, size, .badFormat, "\(find): 16 bytes of header") }
        for size: UInt32 in [16, 17, 19] { try put(&list, "table.sh_size", elf, place + 20, size, .badFormat, "\(find): an offset an entry") }
        for size in [20, 21, 41, end - offset] as [UInt32] {
            try put(&list, "table.sh_size", elf, place + 20, size, .success, "\(find): inside the image", table: CorpusPlaces.table(hex(size)))
        }
        for size in [end - offset + 1, end, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFF] {
            try put(&list, "table.sh_size", elf, place + 20, size, .badFormat, "\(find): inside the image")
        }
        for delta in 1...3 as ClosedRange<UInt32> {
            try put(&list, "table.sh_offset", elf, place + 16, offset + delta, .corruptObject, "\(find): 4-aligned")
        }
        for place16 in [offset + 4, offset - 8, 0, end - 40] {
            try put(&list, "table.sh_offset", elf, place + 16, place16, .badFormat, "\(find): version 1, reserved words 0")
        }
        for place16 in [end - 39, end, 0x7FFF_FFFC, 0x8000_0000, 0xFFFF_FFD8, 0xFFFF_FFFC, 0xFFFF_FFFF] {
            try put(&list, "table.sh_offset", elf, place + 16, place16, .badFormat, "\(find): inside the image")
        }
    }

    private static func contents(_ list: inout CaseList) throws {
        func add(_ name: String, _ bytes: [UInt8], _ expected: TEEResult, _ check: String) throws {
            var elf = SmallELF.usual
            elf.segments[2].bytes = bytes
            try list.add(
                "table.\(name)", Container([elf.bytes]), expected, "\(find): \(check)",
                table: expected == .success ? CorpusPlaces.table(hex(bytes.count)) : nil)
        }
        for version: UInt32 in [0, 2, 0x0100_0000, 0x8000_0001, 0xFFFF_FFFF] {
            try add("version.\(hex(version))", SmallELF.tableBytes(version: version), .badFormat, "version 1")
        }
        for count: UInt32 in [0, 2, 6] { try add("num.\(hex(count))", SmallELF.tableBytes(count: count), .success, "offsets inside; not their values") }
        for count: UInt32 in [7, 0x100, 0x3FFF_FFFB, 0x3FFF_FFFC, 0x3FFF_FFFF, 0x4000_0000, 0x4000_0001, 0x8000_0000, 0xFFFF_FFFF] {
            try add("num.\(hex(count))", SmallELF.tableBytes(count: count), .badFormat, "offsets inside, sums that wrap")
        }
        for (index, name) in ["reserved0", "reserved1"].enumerated() {
            for value: UInt32 in [1, 0x8000_0000, 0xFFFF_FFFF] {
                var words: [UInt32] = [0, 0]
                words[index] = value
                try add("\(name).\(hex(value))", SmallELF.tableBytes(reserved: words), .badFormat, "reserved words 0")
            }
        }
        for value: UInt32 in [0, 1, 0xFFFF_FFFF] {
            try add("offset0.\(hex(value))", SmallELF.tableBytes().storing(value, at: 16), .success, "an offset's value is not looked at")
        }
        try add("header_only", Array(SmallELF.tableBytes(count: 0).prefix(16)), .success, "16 bytes of header")
    }

    /// Where the table may be: the section's address, of which no segment need know.
    private static func addresses(_ list: inout CaseList, _ elf: SmallELF) throws {
        let code = CorpusPlaces.code, shared = CorpusPlaces.shared, alias = CorpusPlaces.alias, vectors = CorpusPlaces.vectorsOutside
        let same: [UInt32] = [code, shared - 0x28, shared, shared + 0x8000, alias, code + 1]
        let inside: [(UInt32, UInt32)] = [(0, vectors), (0xFFD8, vectors + 0xFFD8)] + same.map { ($0, $0) }
        for (address, physical) in inside {
            try put(
                &list, "table.sh_addr", elf, elf.section(2) + 12, address, .success, "stm32_rproc_da_to_pa",
                table: "\(CorpusTable.hex8(physical)):0x28")
        }
        let beside: [UInt32] = [shared - 0x27, shared + 0xFD9, shared + 0x6000, shared + 0x1_0000]
        let outside: [UInt32] = [0xFFD9, 0x1_0000] + beside + [0x2000_0000, alias + 0x3_FFD9, vectors, CorpusPlaces.external, 0xFFFF_FFD8, 0xFFFF_FFFF]
        for address in outside {
            try put(&list, "table.sh_addr", elf, elf.section(2) + 12, address, .accessDenied, "stm32_rproc_da_to_pa: inside one region")
        }
    }
}
