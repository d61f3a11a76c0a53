// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import MachineBase
import SecureLoader

/// A signed image put together record by record, so that any of it can be wrong and the rest be signed around it.
struct Container {
    struct Record {
        var type: UInt32
        var value: [UInt8]
        /// As the record says; the value's own when nil.
        var length: UInt32?

        init(_ type: UInt32, _ value: [UInt8], length: UInt32? = nil) { self.type = type; self.value = value; self.length = length }
    }

    static let signType: UInt32 = 0x01, hashType: UInt32 = 0x02, imageCount: UInt32 = 0x03, imageTypes: UInt32 = 0x04
    static let imageSizes: UInt32 = 0x05, hashTable: UInt32 = 0x10, keyInfo: UInt32 = 0x11, platform: UInt32 = 0x10001

    var images: [[UInt8]]
    var records: [Record]
    /// Behind the last record.
    var trailer: [UInt8] = []
    var key = CorpusKey.rsa
    /// Changes the header after its lengths are set and before it is signed.
    var header: (inout SignedImageHeader) -> Void = { _ in }
    /// Changes the signature, and so its length in the file, after it is made.
    var signature: (inout [UInt8]) -> Void = { _ in }

    /// In the signing script's order.
    init(_ images: [[UInt8]]) throws {
        self.images = images
        var sizes: [UInt8] = []
        for image in images { sizes.appendLittleEndian(UInt32(Self.padded(image).count)) }
        records = [
            Record(Self.signType, [1]), Record(Self.imageCount, [UInt8(images.count)]), Record(Self.imageTypes, images.map { _ in 1 }),
            Record(Self.imageSizes, sizes), Record(Self.hashType, [1]),
            Record(Self.hashTable, try images.enumerated().flatMap { try ImageSigner.hashTable($0.element, $0.offset) }),
        ]
    }

    func index(_ type: UInt32) -> Int { records.firstIndex { $0.type == type } ?? 0 }
    func value(_ type: UInt32) -> [UInt8] { records.first { $0.type == type }?.value ?? [] }

    mutating func set(_ type: UInt32, _ value: [UInt8]) {
        for index in records.indices where records[index].type == type { records[index].value = value }
    }
    mutating func setLength(_ type: UInt32, _ length: UInt32) { records[index(type)].length = length }
    mutating func remove(_ type: UInt32) { records.removeAll { $0.type == type } }
    /// Changes the hash table's bytes.
    mutating func editTable(_ edit: (inout [UInt8]) -> Void) {
        var table = value(Self.hashTable)
        edit(&table)
        set(Self.hashTable, table)
    }

    static func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + Array(repeating: 0, count: (8 - bytes.count % 8) % 8) }

    var area: [UInt8] {
        var area: [UInt8] = []
        for record in records {
            area.appendLittleEndian(record.type)
            area.appendLittleEndian(record.length ?? UInt32(record.value.count))
            area += Self.padded(record.value)
        }
        return area + trailer
    }

    func bytes() throws -> [UInt8] {
        let area = area, body = images.flatMap(Self.padded), key = try key.signing
        var fields = SignedImageHeader(
            tlvLength: UInt32(area.count), signatureLength: UInt32(key.signatureLength), imagesLength: UInt32(body.count))
        header(&fields)
        let signed = fields.bytes + Self.padded(area)
        var signature = try key.signature(for: SHA256.hash(data: signed))
        self.signature(&signature)
        return signed + Self.padded(signature) + body
    }
}

extension [UInt8] {
    func storing(_ value: some FixedWidthInteger, at offset: Int) -> [UInt8] {
        var copy = self
        copy.storeLittleEndian(value, at: offset)
        return copy
    }

    func inverting(_ offset: Int) -> [UInt8] {
        var copy = self
        copy[offset] ^= 0xFF
        return copy
    }

    func word(_ offset: Int) -> UInt32 { littleEndian(at: offset) ?? 0 }
}
