// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import SecureLoader

/// The TLV area: every record missing, doubled, empty, shortened, lengthened, hidden, and with every kind of value.
enum RecordCases {
    private static let names: [(type: UInt32, name: String)] = [
        (Container.signType, "SIGNTYPE"), (Container.imageCount, "NUM_IMG"), (Container.imageTypes, "IMGTYPE"),
        (Container.imageSizes, "IMGSIZE"), (Container.hashType, "HASHTYPE"), (Container.hashTable, "HASHTABLE"),
        (Container.keyInfo, "PKEYINFO"), (Container.platform, "platform"),
    ]
    private static let get = "remoteproc_get_tlv"

    /// What a record's absence leads to; the TA does without HASHTYPE, PKEYINFO and the platform's records.
    private static func absent(_ type: UInt32) -> TEEResult {
        switch type {
        case Container.signType: .badParameters
        case Container.hashType, Container.keyInfo, Container.platform: .success
        default: .noData
        }
    }

    static func cases(_ elf: [UInt8]) throws -> [CorpusCase] {
        var list = CaseList()
        var base = try Container([elf])
        base.records += [.init(Container.keyInfo, [1, 2, 3]), .init(Container.platform, [4, 5])]
        for (type, name) in names { try presence(&list, base, type, name) }
        try values(&list, base)
        try search(&list, base)
        try heap(&list, base)
        return list.cases
    }

    private static func presence(_ list: inout CaseList, _ base: Container, _ type: UInt32, _ name: String) throws {
        let absent = absent(type)
        try list.add("tlv.\(name).missing", base, absent, get) { $0.remove(type) }
        try list.add("tlv.\(name).empty", base, absent, "\(get): an empty record is no data") { $0.set(type, []) }
        try list.add("tlv.\(name).doubled", base, .success, "\(get): the first record counts") {
            $0.records.append($0.records[$0.index(type)])
        }
        try list.add("tlv.\(name).doubled_empty_first", base, absent, "\(get): the search ends at an empty record") {
            $0.records.insert(.init(type, []), at: 0)
        }
        try list.add("tlv.\(name).doubled_empty_last", base, .success, "\(get): the first record counts") { $0.records.append(.init(type, [])) }
        try list.add("tlv.\(name).type_plus_64K", base, absent, "\(get): types compare in 32 bits") {
            $0.records[$0.index(type)].type = type == Container.platform ? 0x20001 : type + 0x1_0000
        }
        try list.add("tlv.\(name).type_high_bit", base, absent, "\(get): types compare in 32 bits") {
            $0.records[$0.index(type)].type |= 0x8000_0000
        }
        try list.add("tlv.\(name).first", base, .success, "\(get): any order") { $0.records.insert($0.records.remove(at: $0.index(type)), at: 0) }
        try list.add("tlv.\(name).last", base, .success, "\(get): any order") { $0.records.append($0.records.remove(at: $0.index(type))) }
        // A record that does not end in the area hides itself and those behind it; HASHTABLE is behind all that count.
        let hidden: TEEResult = type == Container.signType ? .badParameters : absent == .success && type != Container.hashType ? .success : .noData
        let room = base.area.count
        for length in [UInt32(room), 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_0000, 0xFFFF_FFF0, 0xFFFF_FFF7, 0xFFFF_FFF8, 0xFFFF_FFF9, 0xFFFF_FFFF] {
            try list.add("tlv.\(name).length.\(hex(length))", base, hidden, "\(get): past the area's end, or an address that wraps") {
                $0.setLength(type, length)
            }
        }
        // Behind all others, only itself is hidden.
        try list.add("tlv.\(name).last_and_too_long", base, absent, "\(get): the value must end inside tlv_len") {
            var record = $0.records.remove(at: $0.index(type))
            record.length = UInt32(Container.padded(record.value).count + 1)
            $0.records.append(record)
        }
        try list.add("tlv.\(name).last_and_length_wraps", base, absent, "\(get): an address that wraps ends the search") {
            var record = $0.records.remove(at: $0.index(type))
            record.length = 0xFFFF_FFFF
            $0.records.append(record)
        }
    }

    private static func values(_ list: inout CaseList, _ base: Container) throws {
        func set(_ name: String, _ type: UInt32, _ value: [UInt8], _ expected: TEEResult, _ check: String) throws {
            try list.add("tlv.\(name)", base, expected, check) { $0.set(type, value) }
        }
        for value: UInt8 in [0, 3, 4, 0x10, 0x7F, 0x80, 0x81, 0xFF] {
            try set("SIGNTYPE.value.\(value)", Container.signType, [value], .notSupported, "remoteproc_get_algo")
        }
        try set("SIGNTYPE.value.2", Container.signType, [2], .notSupported, "PTA VERIFY_DIGEST: RSA only")
        for count in [2, 4, 8] {
            try set(
                "SIGNTYPE.bytes.\(count)", Container.signType, [1] + [UInt8](repeating: 0, count: count - 1), .badParameters,
                "remoteproc_verify_signature: one byte")
        }
        for (value, expected) in [(0, .noData), (2, .badParameters), (127, .badParameters), (128, .badParameters), (255, .badParameters)] as [(UInt8, TEEResult)] {
            try set(
                "NUM_IMG.value.\(value)", Container.imageCount, [value], expected,
                value == 0 ? "remoteproc_load_elf: no image" : "get_tlv_images_type: as many types as images")
        }
        for count in [2, 4] {
            try set(
                "NUM_IMG.bytes.\(count)", Container.imageCount, [1] + [UInt8](repeating: 0, count: count - 1), .badFormat,
                "remoteproc_load_elf: one byte")
        }
        for value: UInt8 in [0, 2, 0x7F, 0x80, 0xFF] {
            try set("IMGTYPE.value.\(value)", Container.imageTypes, [value], .badFormat, "remoteproc_load_elf: ELF is 1")
        }
        for count in [2, 3, 8] {
            try set(
                "IMGTYPE.bytes.\(count)", Container.imageTypes, [UInt8](repeating: 1, count: count), .badParameters,
                "get_tlv_images_type: as many types as images")
        }
        let size = base.value(Container.imageSizes)
        for count in [1, 2, 3, 5, 8] {
            try set(
                "IMGSIZE.bytes.\(count)", Container.imageSizes, Array((size + size).prefix(count)), .badParameters,
                "get_tlv_images_size: 4 bytes an image")
        }
        for value: UInt8 in [0, 2, 0xFF] { try set("HASHTYPE.value.\(value)", Container.hashType, [value], .success, "nothing reads HASHTYPE") }
        try set("HASHTYPE.bytes.4", Container.hashType, [1, 0, 0, 0], .success, "nothing reads HASHTYPE")
        let table = base.value(Container.hashTable)
        for count in [1, 32, 63, 65, table.count - 1, table.count + 1] {
            try set(
                "HASHTABLE.bytes.\(count)", Container.hashTable, Array((table + [0]).prefix(count)), .badParameters,
                "get_hash_table: a multiple of 64")
        }
        for count in [1, 7, 8, 9, 32, 255, 256] {
            try set(
                "PKEYINFO.bytes.\(count)", Container.keyInfo, [UInt8](repeating: 0x5A, count: count), .success,
                "remoteproc_pta_verify passes it on; the STM32MP1's PTA does not look")
        }
        for type: UInt32 in [0, 6, 0xF, 0x12, 0xFFFF, 0x1_0000, 0x1_FFFF, 0x2_0000, 0x7FFF_FFFF, 0xFFFF_FFFF] {
            try list.add("tlv.unknown.\(hex(type))", base, .success, "\(get): passed over") { $0.records.insert(.init(type, [9, 9, 9]), at: 2) }
        }
    }

    private static func search(_ list: inout CaseList, _ base: Container) throws {
        try list.add("tlv.order.reversed", base, .success, "\(get): any order") { $0.records.reverse() }
        for count in 1...9 {
            try list.add("tlv.trailer.\(count)", base, .success, "\(get): less than a record's 8 bytes, or an unknown one, ends the search") {
                $0.trailer = [UInt8](repeating: 0xEE, count: count)
            }
        }
        for (type, name) in names.prefix(4) {
            let wrong: TEEResult = type == Container.signType ? .notSupported : type == Container.imageTypes ? .badFormat : .badParameters
            let value: [UInt8] = type == Container.imageSizes ? [0, 0, 0, 0] : type == Container.imageCount ? [2] : [7]
            try list.add("tlv.\(name).doubled_wrong_first", base, wrong, "\(get): the first record counts") {
                $0.records.insert(.init(type, value), at: 0)
            }
            try list.add("tlv.\(name).doubled_wrong_last", base, .success, "\(get): the first record counts") {
                $0.records.append(.init(type, value))
            }
        }
    }

    /// Far from the edge on both sides: what an allocation costs beside its bytes is OP-TEE's own affair.
    private static func heap(_ list: inout CaseList, _ base: Container) throws {
        let check = "TEE_Malloc: CFG_REMOTEPROC_TA_HEAP_SIZE is 4096"
        for (name, count, expected) in [("fits", 600, .success), ("too_large", 3000, .outOfMemory)] as [(String, Int, TEEResult)] {
            try list.add("heap.PKEYINFO.\(name)", base, expected, check) {
                $0.set(Container.keyInfo, [UInt8](repeating: 1, count: count))
            }
        }
        for (name, count, expected) in [("fits", 1500, .success), ("too_large", 4200, .outOfMemory)] as [(String, Int, TEEResult)] {
            try list.add("heap.platform.\(name)", base, expected, check) {
                $0.set(Container.platform, [UInt8](repeating: 1, count: count))
            }
        }
        for (name, count, expected) in [("fits", 15, .success), ("too_large", 50, .outOfMemory)] as [(String, Int, TEEResult)] {
            try list.add("heap.HASHTABLE.\(name)", base, expected, check) {
                $0.editTable { $0 += [UInt8](repeating: 0xEE, count: 64 * count) }
            }
        }
    }
}
