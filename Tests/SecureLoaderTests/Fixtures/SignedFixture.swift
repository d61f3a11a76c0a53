// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import MachineBase

import SecureLoader

/// A signed image put together record by record, so that a test can get each of them wrong and sign the result.
struct SignedFixture {
    var images: [[UInt8]]
    /// In order; the default is the signing script's.
    var records: [(type: UInt32, value: [UInt8])]
    /// Behind the last record.
    var trailer: [UInt8] = []
    /// Changes the header after its lengths are set and before it is signed.
    var editHeader: (inout SignedImageHeader) -> Void = { _ in }
    var key = TestKeys.rsa

    init(_ images: [[UInt8]] = [ELFFixture.firmware().bytes]) throws {
        self.images = images
        var sizes: [UInt8] = []
        for image in images { sizes.appendLittleEndian(UInt32((image.count + 7) & ~7)) }
        records = [
            (0x01, [1]), (0x03, [UInt8(images.count)]), (0x04, images.map { _ in 1 }), (0x05, sizes), (0x02, [1]),
            (0x10, try images.enumerated().flatMap { try ImageSigner.hashTable($0.element, $0.offset) }),
        ]
    }

    mutating func set(_ type: UInt32, _ value: [UInt8]) {
        records = records.map { $0.type == type ? (type, value) : $0 }
    }

    mutating func remove(_ type: UInt32) { records.removeAll { $0.type == type } }

    func value(_ type: UInt32) -> [UInt8] { records.first { $0.type == type }?.value ?? [] }

    static func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + Array(repeating: 0, count: (8 - bytes.count % 8) % 8) }

    /// The finished file.
    var bytes: [UInt8] {
        get throws {
            var area: [UInt8] = []
            for record in records {
                area.appendLittleEndian(record.type)
                area.appendLittleEndian(UInt32(record.value.count))
                area += Self.padded(record.value)
            }
            area += trailer
            let body = images.flatMap(Self.padded)
            var header = SignedImageHeader(
                tlvLength: UInt32(area.count), signatureLength: UInt32(key.signatureLength), imagesLength: UInt32(body.count))
            editHeader(&header)
            let signed = header.bytes + Self.padded(area)
            let signature = try key.signature(for: SHA256.hash(data: signed))
            return signed + Self.padded(signature) + body
        }
    }
}
