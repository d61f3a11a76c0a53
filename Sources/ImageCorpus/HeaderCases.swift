// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import MachineBase
import SecureLoader

/// The 20 bytes of header, the file's length, and the signature.
enum HeaderCases {
    static func cases(_ elf: [UInt8]) throws -> [CorpusCase] {
        var list = CaseList()
        let base = try Container([elf])
        let table = try CorpusTable.of(elf)
        let area = UInt32(base.area.count), body = UInt32(Container.padded(elf).count)
        try list.add("valid.sample", base, .success, "remoteproc_load_fw", table: table)
        let verify = "remoteproc_verify_header", save = "remoteproc_save_fw_header_and_tlvs"

        for magic: UInt32 in [0, 1, 0x3543_A467, 0x3543_A469, 0x68A4_4335, 0xB543_A468, 0xFFFF_FFFF] {
            try list.add("header.magic.\(hex(magic))", base, .badParameters, verify) { $0.header = { $0.magic = magic } }
        }
        for version: UInt32 in [0, 2, 0x100, 0x0100_0000, 0x8000_0001, 0xFFFF_FFFF] {
            try list.add("header.version.\(hex(version))", base, .badParameters, verify) { $0.header = { $0.version = version } }
        }
        // Lengths at which the sums wrap, nearly wrap, or do not fit, whatever else the header says.
        let far: [UInt32] = [
            0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FE00, 0xFFFF_FFE0, 0xFFFF_FFEC, 0xFFFF_FFF0, 0xFFFF_FFF8, 0xFFFF_FFF9, 0xFFFF_FFFE,
            0xFFFF_FFFF,
        ]
        for length in [0, 1, 7, 8, area - 9, area - 8, area + 1, area + 8] + far {
            try list.add("header.tlv_len.\(hex(length))", base, .badParameters, "\(save), \(verify)") { $0.header = { $0.tlvLength = length } }
        }
        try list.add("header.tlv_len.as_images", base, .outOfMemory, "\(save): the copy is made before the sum is checked") {
            $0.header = { $0.tlvLength = body }
        }
        for missing in 1...7 as ClosedRange<UInt32> {
            try list.add("header.tlv_len.minus\(missing)", base, .noData, "get_hash_table: the last record's value ends past tlv_len") {
                $0.header = { $0.tlvLength = area - missing }
            }
            try list.add("header.tlv_len.padding_minus\(missing)", base, .success, "remoteproc_get_tlv: all values end inside", table: table) {
                $0.records.append(.init(Container.keyInfo, [7]))
                $0.header = { $0.tlvLength -= missing }
            }
            try list.add("header.sign_len.minus\(missing)", base, .signatureInvalid, "PTA: a signature shorter than the modulus") {
                $0.header = { $0.signatureLength -= missing }
            }
        }
        for length: UInt32 in [0, 1, 8, 128, 248, 257, 264, 512, area] + far {
            try list.add("header.sign_len.\(hex(length))", base, .badParameters, "\(save), \(verify)") {
                $0.header = { $0.signatureLength = length }
            }
        }
        for length in [0, 1, 8, 20, body - 9, body - 8, body + 1, body + 8, area] + far {
            try list.add("header.img_len.\(hex(length))", base, .badParameters, verify) { $0.header = { $0.imagesLength = length } }
        }
        // The small ELF's section headers end 0 to 7 bytes before its padded end.
        let small = SmallELF.usual
        let smallBase = try Container([small.bytes])
        try list.add("valid.small", smallBase, .success, "remoteproc_load_fw", table: CorpusPlaces.table())
        for missing in 1...7 as ClosedRange<UInt32> {
            try list.add(
                "header.img_len.minus\(missing)", smallBase, .success, "remoteproc_verify_header rounds; segments end before img_len",
                table: CorpusPlaces.table()
            ) { $0.header = { $0.imagesLength -= missing } }
        }
        // Lengths that round to 0 and a file that agrees with them.
        for length in 0xFFFF_FFF9...0xFFFF_FFFF as ClosedRange<UInt32> {
            var fields = SignedImageHeader(tlvLength: area, signatureLength: length, imagesLength: body)
            list.add(
                "header.sign_len.rounds_to_0.\(hex(length))", fields.bytes + base.area + elf.padded, .badParameters,
                "remoteproc_pta_verify: a memref of 4 GiB panics the TA", reference: .panics)
            fields = SignedImageHeader(tlvLength: length, signatureLength: 256, imagesLength: body)
            list.add(
                "header.tlv_len.rounds_to_0.\(hex(length))", fields.bytes + [UInt8](repeating: 1, count: 256) + elf.padded, .badParameters,
                "remoteproc_verify_signature: no SIGNTYPE in an area whose end wraps")
            fields = SignedImageHeader(tlvLength: area, signatureLength: 256, imagesLength: length)
            list.add(
                "header.img_len.rounds_to_0.\(hex(length))", fields.bytes + base.area + [UInt8](repeating: 1, count: 256), .badParameters,
                "\(save): nothing behind the signature")
        }
        try fileLengths(&list, base, elf)
        try signatures(&list, base, elf, table)
        return list.cases
    }

    private static func fileLengths(_ list: inout CaseList, _ base: Container, _ elf: [UInt8]) throws {
        let whole = try base.bytes()
        let header = SignedImageHeader(whole)
        let places = [
            0, 1, 3, 4, 8, 12, 16, 19, 20, 21, 28, header?.signatureOffset ?? 0, (header?.imagesOffset ?? 0) - 1, header?.imagesOffset ?? 0,
            (header?.imagesOffset ?? 0) + 1, (header?.imagesOffset ?? 0) + 52, whole.count - 8, whole.count - 4, whole.count - 1,
        ]
        for count in places {
            list.add(
                "file.truncated.\(count)", Array(whole[..<count]), .badParameters,
                count == 0 ? "remoteproc_load_fw: an empty buffer" : "remoteproc_save_fw_header_and_tlvs, remoteproc_verify_header",
                reference: (1..<SignedImageHeader.size).contains(count) ? .readsOutside : .same)
        }
        for more in [1, 4, 8, 4096] {
            list.add(
                "file.extended.\(more)", whole + [UInt8](repeating: 0, count: more), .badParameters, "remoteproc_verify_header: exact size")
        }
        list.add("file.elf_unsigned", elf, .badParameters, "remoteproc_save_fw_header_and_tlvs or remoteproc_verify_header")
        list.add("file.zeros", [UInt8](repeating: 0, count: 1024), .badParameters, "remoteproc_save_fw_header_and_tlvs: tlv_len 0")
        list.add("file.ones", [UInt8](repeating: 0xFF, count: 1024), .badParameters, "remoteproc_save_fw_header_and_tlvs: sums wrap")
    }

    private static func signatures(_ list: inout CaseList, _ base: Container, _ elf: [UInt8], _ table: String?) throws {
        let check = "PTA VERIFY_DIGEST: RSASSA-PKCS1-v1_5 over header and padded TLV area"
        let whole = try base.bytes()
        guard let header = SignedImageHeader(whole) else { return }
        for place in [0, 1, 127, 128, 254, 255] {
            list.add("signature.bit.\(place)", whole.inverting(header.signatureOffset + place), .signatureInvalid, check)
        }
        for (name, byte) in [("zeros", 0), ("ones", 0xFF), ("one", 1)] as [(String, UInt8)] {
            try list.add("signature.\(name)", base, .signatureInvalid, check) {
                $0.signature = { $0 = [UInt8](repeating: 0, count: 255) + [byte] }
                if byte == 0xFF { $0.signature = { $0 = [UInt8](repeating: byte, count: 256) } }
            }
        }
        try list.add("signature.longer", base, .signatureInvalid, "PTA: a signature longer than the modulus") {
            $0.header = { $0.signatureLength = 264 }
            $0.signature = { $0 += [UInt8](repeating: 0, count: 8) }
        }
        try list.add("signature.padded_in_front", base, .signatureInvalid, "PTA: a signature longer than the modulus") {
            $0.header = { $0.signatureLength = 264 }
            $0.signature = { $0 = [UInt8](repeating: 0, count: 8) + $0 }
        }
        for (name, key) in [("rsa1024", CorpusKey.rsa1024), ("rsa4096", .rsa4096)] {
            try list.add("signature.other_key.\(name)", base, .signatureInvalid, check) { $0.key = key }
        }
        // What is signed: every byte in front of the signature, and no byte behind it.
        // (SIGNTYPE, at 20 to 28, is read before.)
        list.add("signature.covers.SIGNTYPE_type", whole.inverting(20), .badParameters, "remoteproc_verify_signature: no SIGNTYPE")
        list.add("signature.covers.SIGNTYPE_length", whole.inverting(24), .badParameters, "remoteproc_verify_signature: one byte")
        list.add("signature.covers.SIGNTYPE_value", whole.inverting(28), .notSupported, "remoteproc_get_algo")
        for place in [29, 35, 44, 100, header.signatureOffset - 33, header.signatureOffset - 1] {
            list.add("signature.covers.\(place)", whole.inverting(place), .signatureInvalid, check)
        }
        let unpadded = try with(base) { $0.trailer = [1, 2, 3] }
        if let header = SignedImageHeader(unpadded) {
            list.add("signature.area_not_of_8", unpadded, .success, "remoteproc_verify_signature: ROUNDUP_64(tlv_len) is hashed", table: table)
            list.add("signature.area_padding_bit", unpadded.inverting(header.signatureOffset - 1), .signatureInvalid, check)
        }
        var other = base
        other.records.append(.init(Container.platform, [1]))
        let otherSignature = try other.bytes()
        try list.add("signature.of_another_image", base, .signatureInvalid, check) {
            $0.signature = { signature in
                guard let header = SignedImageHeader(otherSignature) else { return }
                signature = Array(otherSignature[header.signatureOffset..<header.imagesOffset])
            }
        }
        // Padding of the signature, of keys whose length is no multiple of 8, is under nothing; RSA has none. Images neither.
        list.add("signature.not_over_images.padding", whole.inverting(whole.count - 1), .success, "nothing reads an image's padding", table: table)
    }

    static func with(_ base: Container, _ edit: (inout Container) -> Void) throws -> [UInt8] {
        var container = base
        edit(&container)
        return try container.bytes()
    }
}

extension [UInt8] {
    var padded: [UInt8] { Container.padded(self) }
}
