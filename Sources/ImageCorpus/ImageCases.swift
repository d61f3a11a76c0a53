// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import SecureLoader

/// Several images in one container, and ECDSA.
enum ImageCases {
    static func cases(_ elf: [UInt8]) throws -> [CorpusCase] {
        var list = CaseList()
        let table = try CorpusTable.of(elf)
        let second = SmallELF(
            segments: [.init(address: CorpusPlaces.code + 0x2_A000, bytes: SmallELF.tableBytes()), .init(address: CorpusPlaces.code + 0x2_B000, bytes: SmallELF.pattern(16))], table: 0)
        let plain = SmallELF(segments: [.init(address: CorpusPlaces.code + 0x2_8000, bytes: SmallELF.pattern(48, seed: 3))], table: nil).bytes
        let other = SmallELF(segments: [.init(address: CorpusPlaces.code + 0x2_9000, bytes: SmallELF.pattern(80, seed: 5))], table: nil).bytes
        try counts(&list, elf, plain, other, second, table)
        try laterHeaders(&list, plain, other)
        try ecdsa(&list, elf, table)
        return list.cases
    }

    private static func counts(
        _ list: inout CaseList, _ elf: [UInt8], _ plain: [UInt8], _ other: [UInt8], _ second: SmallELF, _ table: String?
    ) throws {
        let small = second.bytes
        let load = "remoteproc_load_elf"
        try list.add("images.2.table_first", Container([elf, plain]), .success, load, table: table)
        try list.add("images.2.table_last", Container([plain, elf]), .success, load, table: table)
        try list.add("images.2.no_table", Container([plain, other]), .success, load, table: "-")
        try list.add("images.3", Container([plain, elf, other]), .success, load, table: table)
        try list.add("images.2.same", Container([plain, plain]), .success, "\(load): the same segments twice", table: "-")
        try list.add("images.2.two_tables", Container([elf, small]), .badFormat, "\(load): more than one resource table")
        try list.add("images.2.same_table_twice", Container([small, small]), .badFormat, "\(load): more than one resource table")
        try list.add("images.3.tables_apart", Container([small, plain, elf]), .badFormat, "\(load): more than one resource table")
        try list.add("images.2.empty_table_first", Container([small, elf]), .success, "\(load): an empty table is none", table: table) {
            $0.images[0].storeLittleEndian(0 as UInt32, at: second.section(2) + 20)
        }
        try list.add(
            "images.2.addresses_in_common", Container([elf, SmallELF.usual.bytes]), .badParameters,
            "get_segment_hash: the first image's record for p_paddr 0 is found for the second's segment")
        let first = CorpusPlaces.code + 0x2_0000
        let many = (0..<8).map { SmallELF(segments: [.init(address: first + UInt32($0) * 0x100, bytes: SmallELF.pattern(32, seed: $0))], table: nil).bytes }
        try list.add("images.8", Container(many), .success, load, table: "-")
        func records(_ name: String, _ expected: TEEResult, _ check: String, _ edit: (inout Container) -> Void) throws {
            try list.add("images.\(name)", Container([plain, other]), expected, check, edit: edit)
        }
        try records("NUM_IMG.1_of_2", .badParameters, "get_tlv_images_type: as many types as images") { $0.set(Container.imageCount, [1]) }
        try records("NUM_IMG.3_of_2", .badParameters, "get_tlv_images_type: as many types as images") { $0.set(Container.imageCount, [3]) }
        try records("first_only", .success, "\(load): what lies behind the last image is not read") {
            $0.set(Container.imageCount, [1])
            $0.set(Container.imageTypes, [1])
            $0.set(Container.imageSizes, Array($0.value(Container.imageSizes).prefix(4)))
        }
        try records("IMGSIZE.one_of_two", .badParameters, "get_tlv_images_size: 4 bytes an image") {
            $0.set(Container.imageSizes, Array($0.value(Container.imageSizes).prefix(4)))
        }
        try records("IMGTYPE.one_of_two", .badParameters, "get_tlv_images_type: as many types as images") { $0.set(Container.imageTypes, [1]) }
        for value: UInt8 in [0, 2, 0xFF] {
            try records("IMGTYPE.second.\(value)", .badFormat, "\(load): ELF is 1, after the first was loaded") { $0.set(Container.imageTypes, [1, value]) }
            try records("IMGTYPE.first.\(value)", .badFormat, "\(load): ELF is 1") { $0.set(Container.imageTypes, [value, 1]) }
        }
        for value: UInt32 in [0, 0x8000_0000, 0xFFFF_FFFF] {
            try records("IMGSIZE.second.\(hex(value))", .badParameters, "e32_parser_load_elf_image: fw + fw_size <= fw") {
                $0.set(Container.imageSizes, $0.value(Container.imageSizes).storing(value, at: 4))
            }
        }
        try records("IMGSIZE.second.small", .badFormat, "e32_parser_load_elf_image: program header inside IMGSIZE") {
            $0.set(Container.imageSizes, $0.value(Container.imageSizes).storing(60 as UInt32, at: 4))
        }
        for delta: UInt32 in [1, 2, 3] {
            try records("IMGSIZE.first.plus\(delta)", .badFormat, "e32_parser_load_elf_image: a misaligned image", {
                // Where the second "header" then begins, e_phoff is read askew.
                let size = $0.value(Container.imageSizes).word(0)
                $0.set(Container.imageSizes, $0.value(Container.imageSizes).storing(size + delta, at: 0))
                $0.images[1] = [UInt8](repeating: 0, count: Int(delta)) + $0.images[1] + [UInt8](repeating: 0, count: 8 - Int(delta))
            })
        }
        try records("hash_table.second_only", .noData, "get_segment_hash: no record") { $0.editTable { $0.removeFirst(64) } }
        try records("hash_table.first_only", .noData, "get_segment_hash: no record, after the first image was loaded") { $0.editTable { $0.removeLast(64) } }
        try records("hash_table.swapped", .success, "get_segment_hash: by address, in any order") { $0.editTable { $0 = Array($0[64...] + $0[..<64]) } }
    }

    /// Later images get no look at their headers' fields.
    private static func laterHeaders(_ list: inout CaseList, _ plain: [UInt8], _ other: [UInt8]) throws {
        func put(_ name: String, _ offset: Int, _ value: some FixedWidthInteger, _ expected: TEEResult, _ check: String,
                 _ reference: CorpusCase.Reference = .same) throws {
            try list.add("later.\(name).\(hex(value))", Container([plain, other]), expected, check, reference: reference) {
                $0.images[1].storeLittleEndian(value, at: offset)
            }
        }
        let none = "remoteproc_load_elf: e32_parse_ehdr sees the first image only"
        for place in 0..<7 { try put("e_ident\(place)", place, 0xEE as UInt8, .success, none) }
        for (name, offset) in [("e_phentsize", 42), ("e_shentsize", 46), ("e_ehsize", 40)] {
            for value: UInt16 in [0, 0xFFFF] { try put(name, offset, value, .success, none) }
        }
        try put("e_phnum", 44, 0 as UInt16, .success, none)
        let find = "e32_parser_find_rsc_table"
        try put("e_shnum", 48, 0 as UInt16, .badFormat, "\(find): e_shstrndx below e_shnum")
        for value: UInt32 in [0x8000_0000, 0xFFFF_FF00, 0xFFFF_FFFC] { try put("e_shoff", 32, value, .badParameters, "\(find): an address below the image's") }
        for value: UInt32 in [UInt32(other.count), 0x7FFF_FFFC] { try put("e_shoff", 32, value, .badFormat, "\(find): section headers inside IMGSIZE") }
        try put("e_phoff", 28, 0x7FFF_FFFC as UInt32, .badFormat, "e32_parser_load_elf_image", .readsOutside)
    }

    private static func ecdsa(_ list: inout CaseList, _ elf: [UInt8], _ table: String?) throws {
        var base = try Container([elf])
        base.key = .ecdsa
        base.set(Container.signType, [2])
        try list.add("ecdsa.valid", base, .notSupported, "PTA VERIFY_DIGEST: RSA only")
        try list.add("ecdsa.zeros", base, .notSupported, "PTA VERIFY_DIGEST: RSA only, before the signature") {
            $0.signature = { $0 = [UInt8](repeating: 0, count: 64) }
        }
        try list.add("ecdsa.SIGNTYPE_says_RSA", base, .signatureInvalid, "PTA: a signature shorter than the modulus") { $0.set(Container.signType, [1]) }
        try list.add("ecdsa.SIGNTYPE_of_RSA_says_ECDSA", Container([elf]), .notSupported, "PTA VERIFY_DIGEST: RSA only") { $0.set(Container.signType, [2]) }

        // A platform that checks ECDSA; its PTA is not OP-TEE's, so the expectations are of FIPS 186-4.
        func accepted(_ name: String, _ expected: TEEResult, _ check: String, _ edit: @escaping (inout [UInt8]) -> Void = { _ in }) throws {
            try list.add("ecdsa_platform.\(name)", base, expected, check, table: expected == .success ? table : nil, support: .rsaAndECDSA) {
                $0.signature = edit
            }
        }
        try accepted("valid", .success, "ECDSA P-256 over SHA-256")
        let order: [UInt8] = [
            0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3,
            0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
        ]
        try accepted("r_is_0", .signatureInvalid, "FIPS 186-4 §4.7: 0 < r < n") { $0.replaceSubrange(..<32, with: [UInt8](repeating: 0, count: 32)) }
        try accepted("s_is_0", .signatureInvalid, "FIPS 186-4 §4.7: 0 < s < n") { $0.replaceSubrange(32..., with: [UInt8](repeating: 0, count: 32)) }
        try accepted("r_is_n", .signatureInvalid, "FIPS 186-4 §4.7: 0 < r < n") { $0.replaceSubrange(..<32, with: order) }
        try accepted("s_is_n", .signatureInvalid, "FIPS 186-4 §4.7: 0 < s < n") { $0.replaceSubrange(32..., with: order) }
        try accepted("ones", .signatureInvalid, "FIPS 186-4 §4.7: below n") { $0 = [UInt8](repeating: 0xFF, count: 64) }
        try accepted("swapped", .signatureInvalid, "r and s are not each other's") { $0 = Array($0[32...] + $0[..<32]) }
        for place in [0, 31, 32, 63] { try accepted("bit.\(place)", .signatureInvalid, "another signature") { $0[place] ^= 1 } }
        try list.add("ecdsa_platform.rsa_valid", Container([elf]), .success, "RSA beside ECDSA", table: table, support: .rsaAndECDSA)
        try list.add("ecdsa_platform.rsa_says_ECDSA", Container([elf]), .badParameters, "64 bytes of r and s", support: .rsaAndECDSA) {
            $0.set(Container.signType, [2])
        }
    }
}
