// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import MachineBase

/// Makes signed images, byte for byte as OP-TEE's scripts/sign_rproc_fw.py does.
///
/// With an RSA key the same input gives the same bytes, every time and from either program. An ECDSA signature is different
/// each time by nature.
public struct ImageSigner: Sendable {
    public var key: SigningKey
    /// The PKEYINFO record's value (`--key_info`); no record when nil.
    public var keyInfo: [UInt8]?
    /// In the order they are written. A repeated identifier keeps its first place and gets its last value.
    public var platformTLVs: [PlatformTLV]

    public init(key: SigningKey, keyInfo: [UInt8]? = nil, platformTLVs: [PlatformTLV] = []) {
        self.key = key; self.keyInfo = keyInfo; self.platformTLVs = platformTLVs
    }

    /// The signed image of `images`, ELF files that the TA will load in this order.
    public func sign(_ images: [[UInt8]]) throws(SigningError) -> [UInt8] { try pieces(images).bytes }

    /// ``sign(_:)`` without a copy of the ELF files.
    public func pieces(_ images: [[UInt8]]) throws(SigningError) -> SignedPieces {
        let tlvs = try tlvArea(images)
        // The script writes the padded length into the header: the area is a whole number of 8-byte units.
        let header = SignedImageHeader(
            tlvLength: try narrow(tlvs.count), signatureLength: try narrow(key.signatureLength),
            imagesLength: try narrow(images.reduce(0) { $0 + paddedTo8($1.count) }))
        var hash = SHA256()
        hash.update(data: header.bytes)
        hash.update(data: tlvs)
        let signature: [UInt8]
        do throws(KeyError) { signature = try key.signature(for: hash.finalize()) } catch { throw .key(error) }

        var front = header.bytes + tlvs
        front.appendPaddedTo8(signature)
        return SignedPieces([front] + images.flatMap { [$0, [UInt8](repeating: 0, count: paddedTo8($0.count) - $0.count)] })
    }

    private func tlvArea(_ images: [[UInt8]]) throws(SigningError) -> [UInt8] {
        guard (1...255).contains(images.count) else { throw .imageCount(images.count) }
        var sizes: [UInt8] = []
        var hashTable: [UInt8] = []
        for (index, image) in images.enumerated() {
            sizes.appendLittleEndian(try narrow(paddedTo8(image.count)))
            hashTable += try Self.hashTable(image, index)
        }
        var area: [UInt8] = []
        func add(_ type: TLVType, _ value: [UInt8]) throws(SigningError) {
            area.appendLittleEndian(type.rawValue)
            area.appendLittleEndian(try narrow(value.count))
            area.appendPaddedTo8(value)
        }
        try add(.signatureType, [key.signatureType.rawValue])
        try add(.imageCount, [UInt8(truncatingIfNeeded: images.count)])
        try add(.imageTypes, images.map { _ in 1 })
        try add(.imageSizes, sizes)
        try add(.hashType, [1])
        try add(.hashTable, hashTable)
        if let keyInfo { try add(.keyInfo, keyInfo) }
        for record in orderedPlatformTLVs { try add(TLVType(rawValue: record.identifier), record.value) }
        return area
    }

    private var orderedPlatformTLVs: [PlatformTLV] {
        var result: [PlatformTLV] = []
        for record in platformTLVs {
            if let place = result.firstIndex(where: { $0.identifier == record.identifier }) {
                result[place] = record
            } else {
                result.append(record)
            }
        }
        return result
    }

    /// One record a program header of the image: its 32 bytes, and the SHA-256 of its segment's bytes.
    public static func hashTable(_ image: [UInt8], _ index: Int) throws(SigningError) -> [UInt8] {
        let file: ELFFile
        do throws(ELFError) { file = try ELFFile(image) } catch { throw .notELF(image: index, error) }
        guard file.header.machine == ELFHeader.machineARM else { throw .notARM(image: index, machine: file.header.machine) }
        let segments = file.programHeaders
        guard segments.count == Int(file.header.programHeaderCount),
            segments.isEmpty || Int(file.header.programHeaderEntrySize) == ProgramHeader.size
        else {
            throw .programHeaders(
                image: index, count: Int(file.header.programHeaderCount), found: segments.count,
                entrySize: file.header.programHeaderEntrySize)
        }
        var table: [UInt8] = []
        for (number, segment) in segments.enumerated() {
            guard ProgramHeader.typeNames[segment.type] != nil || segment.type == 0x6000_0000 || segment.type == 0x6FFF_FFFF else {
                throw .segmentType(image: index, segment: number, type: segment.type)
            }
            guard !segment.isLoad || file.contents(of: segment) != nil else {
                throw .segmentOutsideFile(
                    image: index, segment: number, offset: segment.offset, size: segment.fileSize, fileSize: image.count)
            }
            let headerOffset = Int(file.header.programHeaderOffset) + number * ProgramHeader.size
            table += image[headerOffset..<headerOffset + ProgramHeader.size]
            // Of a segment that is never loaded the script hashes what is in the file of it.
            let bytes = image.dropFirst(Int(segment.offset)).prefix(Int(segment.fileSize))
            table += SHA256.hash(data: bytes)
        }
        return table
    }

    private func narrow(_ length: Int) throws(SigningError) -> UInt32 {
        guard let narrow = UInt32(exactly: length) else { throw .tooLarge(bytes: length) }
        return narrow
    }
}

extension Array where Element == UInt8 {
    fileprivate mutating func appendPaddedTo8(_ chunk: [UInt8]) {
        append(contentsOf: chunk)
        append(contentsOf: repeatElement(0, count: paddedTo8(chunk.count) - chunk.count))
    }
}
