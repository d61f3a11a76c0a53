// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase
import SecureLoader

/// Program headers, which nobody signs, the hash records that are signed, and both together.
enum SegmentCases {
    private static let lookup = "get_segment_hash", range = "e32_parser_load_elf_image: va_in_fwm_image_range"

    static func cases(_ elf: [UInt8]) throws -> [CorpusCase] {
        var list = CaseList()
        let base = try Container([elf])
        let file = try ELFFile(elf)
        let table = try CorpusTable.of(elf)
        for (number, segment) in file.programHeaders.enumerated() {
            try unsigned(&list, base, elf, number, segment, table)
            try records(&list, base, number, segment)
        }
        try doubledRecords(&list, base)
        try addresses(&list)
        try memorySizes(&list)
        return list.cases
    }

    /// The program header in the image changed, and not its record.
    private static func unsigned(
        _ list: inout CaseList, _ base: Container, _ elf: [UInt8], _ number: Int, _ segment: ProgramHeader, _ table: String?
    ) throws {
        let place = Int(elf.word(28)) + 32 * number
        let size = UInt32(Container.padded(elf).count)
        func put(_ name: String, _ field: Int, _ value: UInt32, _ expected: TEEResult, _ check: String) throws {
            try list.add("segment\(number).\(name).\(hex(value))", base, expected, check, table: expected == .success ? table : nil) {
                $0.images[0].storeLittleEndian(value, at: place + 4 * field)
            }
        }
        for type: UInt32 in [0, 2, 4, 6, 0x6474_E551, 0x7000_0001, 0x0000_0101, 0x8000_0001, 0xFFFF_FFFF] {
            try put("p_type", 0, type, .success, "e32_parser_load_elf_image: only PT_LOAD is loaded")
        }
        for value: UInt32 in [0, CorpusPlaces.alias, 0xFFFF_FFFF] {
            try put("p_vaddr", 2, value, .success, "nothing reads p_vaddr")
            try put("p_flags", 6, value, .success, "nothing reads p_flags")
            try put("p_align", 7, value, .success, "nothing reads p_align")
        }
        for address: UInt32 in [segment.physicalAddress &+ 1, segment.physicalAddress &- 1, CorpusPlaces.code + 0x3_0000, 0x8000_0000] {
            try put("p_paddr", 3, address, .noData, "\(lookup): no record has the address")
        }
        for memory in [segment.memorySize &+ 1, segment.memorySize &- 1, segment.memorySize ^ 0x8000_0000, 0xFFFF_FFFF] {
            try put("p_memsz", 5, memory, .badParameters, "\(lookup): p_memsz is the record's")
        }
        for bytes: UInt32 in [0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFF, size] {
            try put("p_filesz", 4, bytes, .badFormat, range)
        }
        try put("p_filesz", 4, segment.fileSize + 1, .badParameters, "\(lookup): p_filesz is the record's")
        for offset: UInt32 in [size + 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFF] {
            try put("p_offset", 1, offset, .badFormat, range)
        }
        guard segment.fileSize > 0 else {
            for offset in [0, 1, size] { try put("p_offset", 1, offset, .success, "remoteproc_load_segment: no bytes, no hash") }
            return
        }
        try put("p_filesz", 4, segment.fileSize - 1, .badParameters, "\(lookup): p_filesz is the record's")
        try put("p_offset", 1, size - segment.fileSize + 1, .badFormat, range)
        try put("p_filesz", 4, 0, .badParameters, "\(lookup): p_filesz is the record's")
        for offset in [segment.offset + 1, segment.offset - 1, 0, size - segment.fileSize] {
            try put("p_offset", 1, offset, .security, "PTA LOAD_SEGMENT_SHA256: other bytes")
        }
        for (name, offset) in [("first", Int(segment.offset)), ("last", Int(segment.offset + segment.fileSize) - 1)] {
            try list.add("segment\(number).byte.\(name)", base, .security, "PTA LOAD_SEGMENT_SHA256: other bytes") { $0.images[0][offset] ^= 1 }
        }
    }

    /// The record changed and signed, and not the program header.
    private static func records(
        _ list: inout CaseList, _ base: Container, _ number: Int, _ segment: ProgramHeader
    ) throws {
        func put(_ name: String, _ field: Int, _ value: UInt32, _ expected: TEEResult, _ check: String) throws {
            try list.add("record\(number).\(name).\(hex(value))", base, expected, check) {
                $0.editTable { $0.storeLittleEndian(value, at: 64 * number + 4 * field) }
            }
        }
        for type: UInt32 in [0, 4, 0x6474_E551, 0xFFFF_FFFF] { try put("p_type", 0, type, .badParameters, "\(lookup): the record is no PT_LOAD") }
        for (name, field) in [("p_offset", 1), ("p_vaddr", 2), ("p_flags", 6), ("p_align", 7)] {
            try put(name, field, 0xFFFF_FFFF, .success, "nothing reads the record's \(name)")
        }
        try put("p_paddr", 3, CorpusPlaces.code + 0x3_0000, .noData, "\(lookup): no record has the address")
        try put("p_filesz", 4, segment.fileSize &+ 1, .badParameters, "\(lookup): p_filesz is the record's")
        try put("p_memsz", 5, segment.memorySize &- 1, .badParameters, "\(lookup): p_memsz is the record's")
        for byte in [32, 63] {
            try list.add(
                "record\(number).hash.\(byte - 32)", base, segment.fileSize > 0 ? .security : .success,
                segment.fileSize > 0 ? "PTA LOAD_SEGMENT_SHA256" : "remoteproc_load_segment: no bytes, no hash"
            ) { $0.editTable { $0[64 * number + byte] ^= 0x80 } }
        }
        try list.add("record\(number).missing", base, .noData, "\(lookup): no record has the address") {
            $0.editTable { $0.removeSubrange(64 * number..<64 * number + 64) }
        }
        try list.add("record\(number).doubled", base, .success, "\(lookup): the first record counts") {
            $0.editTable { $0 += $0[64 * number..<64 * number + 64] }
        }
    }

    /// A record in front of, or behind, the one for the same address.
    private static func doubledRecords(_ list: inout CaseList, _ base: Container) throws {
        func shadow(_ name: String, _ expected: TEEResult, _ check: String, _ edit: (inout [UInt8]) -> Void) throws {
            for (place, result) in [("before", expected), ("behind", .success)] {
                try list.add("shadow.\(name).\(place)", base, result, place == "before" ? check : "\(lookup): the first record counts") {
                    $0.editTable { table in
                        var record = Array(table[..<64])
                        edit(&record)
                        if place == "before" { table = record + table } else { table += record }
                    }
                }
            }
        }
        try shadow("gnu_stack", .badParameters, "\(lookup): the first record with p_paddr 0 is no PT_LOAD") {
            $0.storeLittleEndian(0x6474_E551 as UInt32, at: 0)
        }
        try shadow("exidx", .badParameters, "\(lookup): the first record with the p_paddr is no PT_LOAD") {
            $0.storeLittleEndian(0x7000_0001 as UInt32, at: 0)
        }
        try shadow("filesz", .badParameters, "\(lookup): the first record's p_filesz is another") { $0.storeLittleEndian(1 as UInt32, at: 16) }
        try shadow("memsz", .badParameters, "\(lookup): the first record's p_memsz is another") { $0.storeLittleEndian(1 as UInt32, at: 20) }
        try shadow("hash", .security, "PTA LOAD_SEGMENT_SHA256: the first record's hash is another") { $0[40] ^= 1 }
    }

    /// Where a segment may go: inside one region of the device tree, by device address.
    private static func addresses(_ list: inout CaseList) throws {
        let size: UInt32 = 64
        let code = CorpusPlaces.code, alias = CorpusPlaces.alias
        // In MCUSRAM: the firmware's part, rings, buffers and what else is shared, and what lies between and behind them.
        let within: [UInt32] = [0, 0x3_FFC0, 0x4_0000, 0x4_0FC0, 0x4_1000, 0x4_2000, 0x4_5FC0, 0x4_8000, 0x4_FFC0]
        let between: [UInt32] = [0x3_FFC1, 0x4_0FC1, 0x4_1FC1, 0x4_5FC1, 0x4_6000, 0x4_7FFF, 0x4_FFC1, 0x5_0000, 0x5_FFC0]
        let inside = [0, 0xFFC0] + within.map { code + $0 } + [alias, alias + 0x3_FFC0, code + 1, alias + 3]
        let before: [UInt32] = [0xFFC1, 0x1_0000, code - 1, code - 0x40], behind: [UInt32] = [alias - 1, alias + 0x3_FFC1, alias + 0x4_0000]
        let outside = before + between.map { code + $0 } + [0x2000_0000] + behind
            + [CorpusPlaces.vectorsOutside, 0x4000_0000, 0x8000_0000, CorpusPlaces.external, 0xFFFF_FFC0, 0xFFFF_FFFF]
        for (addresses, expected) in [(inside, TEEResult.success), (outside, .accessDenied)] {
            for address in addresses {
                let elf = SmallELF(segments: [.init(address: address, bytes: SmallELF.pattern(Int(size)))], table: nil)
                try list.add(
                    "address.load.\(hex(address))", try Container([elf.bytes]), expected, "stm32_rproc_da_to_pa: inside one region", table: "-")
                // Without bytes only the cleared part goes through the translation; without that, nothing does.
                let cleared = SmallELF(segments: [.init(address: address, bytes: [], memorySize: size)], table: nil)
                try list.add(
                    "address.clear.\(hex(address))", try Container([cleared.bytes]), expected, "PTA SET_MEMORY: inside one region", table: "-")
                let empty = SmallELF(segments: [.init(address: address, bytes: [])], table: nil)
                try list.add(
                    "address.empty.\(hex(address))", try Container([empty.bytes]), .success, "remoteproc_load_segment: nothing to do", table: "-")
            }
        }
    }

    private static func memorySizes(_ list: inout CaseList) throws {
        func add(_ name: String, _ address: UInt32, _ memory: UInt32, _ expected: TEEResult, _ check: String) throws {
            let elf = SmallELF(segments: [.init(address: address, bytes: SmallELF.pattern(64), memorySize: memory)], table: nil)
            try list.add("memory.\(name).\(hex(memory))", try Container([elf.bytes]), expected, check, table: "-")
        }
        for memory: UInt32 in [0, 1, 63, 64] { try add("below_file", CorpusPlaces.code, memory, .success, "nothing compares p_memsz with p_filesz") }
        for memory: UInt32 in [65, 0x4_0000] { try add("mcuram", CorpusPlaces.code, memory, .success, "PTA SET_MEMORY: inside the region") }
        for memory: UInt32 in [0x4_0001, 0x5_0000, 0x7FFF_FFFF, 0x8000_0000, 0xF000_0000, 0xFFFF_FFFF] {
            try add("mcuram", CorpusPlaces.code, memory, .accessDenied, "PTA SET_MEMORY: past the region")
        }
        for (memory, expected) in [(0x1_0000, .success), (0x1_0001, .accessDenied)] as [(UInt32, TEEResult)] {
            try add("retram", 0, memory, expected, "PTA SET_MEMORY: RETRAM is 64 KiB")
        }
    }
}
