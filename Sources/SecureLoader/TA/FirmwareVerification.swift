// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import MachineBase

/// What the TA keeps in its own memory of an image, after the signature was found good: Linux cannot change it any more.
struct VerifiedImage {
    var header: SignedImageHeader
    var tlvs: TLVArea

    /// The TLV value, with its offset in the image.
    func value(_ type: TLVType) -> (bytes: ArraySlice<UInt8>, offset: Int)? {
        tlvs.value(of: type).map { ($0.bytes, SignedImageHeader.size + $0.offset) }
    }
}

extension FirmwareLoad {
    /// The container: capabilities, lengths, the copy, header, signature type, signature.
    func verify(_ heap: inout TAHeap) throws(TEEFailure) -> VerifiedImage {
        let capabilities = try pta.capabilities(processor: processor)
        guard capabilities.formats == 1, capabilities.protections & 1 != 0 else {
            throw TEEFailure(
                .notImplemented, .capabilities,
                "the platform's formats are \(capabilities.formats) and protections \(capabilities.protections); ELF (1) and "
                    + "hash table (1) are needed")
        }
        passed(.capabilities, "image formats \(capabilities.formats), protections \(capabilities.protections)", "ELF (1), hash table (1)")
        let (header, copy) = try secureCopy(&heap)
        try check(header)
        let verified = VerifiedImage(
            header: header,
            tlvs: TLVArea(copy[SignedImageHeader.size..<SignedImageHeader.size + Int(header.tlvLength)]))
        try verifySignature(of: verified, copy, &heap)
        return verified
    }

    /// Header, TLV area and signature, read once.
    private func secureCopy(_ heap: inout TAHeap) throws(TEEFailure) -> (SignedImageHeader, [UInt8]) {
        guard image.address % 4 == 0 else {
            throw TEEFailure(
                .badParameters, .imageAlignment,
                "the image buffer is at \(hex32(image.address)); it must be 4-aligned")
        }
        passed(.imageAlignment, "buffer at \(hex32(image.address))", "a multiple of 4")
        guard let start = image.read(at: 0, count: SignedImageHeader.size), let header = SignedImageHeader(start) else {
            throw TEEFailure(
                .badParameters, .chunkLengths, at: 0, "\(image.count) bytes; the header alone has \(SignedImageHeader.size)")
        }
        let length = header.imagesOffset
        guard length < image.count, header.tlvLength != 0, header.signatureLength != 0 else {
            throw TEEFailure(
                .badParameters, .chunkLengths, at: 8,
                "header says \(header.tlvLength) bytes of TLV area and \(header.signatureLength) of signature; neither may be "
                    + "0, and with the header they must leave room for an image in \(image.count) bytes")
        }
        passed(
            .chunkLengths, at: 8, "TLV area \(header.tlvLength), signature \(header.signatureLength), with the header \(length)",
            "neither 0, less than \(image.count) with the header")
        try heap.allocate(length, for: "the copy of header, TLV area and signature")
        guard let rest = image.read(at: SignedImageHeader.size, count: length - SignedImageHeader.size) else {
            throw TEEFailure(.badParameters, .chunkLengths, at: 0, "the image shrank below \(length) bytes while it was read")
        }
        passed(.heap, "\(length) bytes copied to secure memory", "what the TA's heap of \(heap.capacity) holds")
        return (header, start + rest)
    }

    private func check(_ header: SignedImageHeader) throws(TEEFailure) {
        guard header.magic == SignedImageHeader.magic else {
            throw TEEFailure(
                .badParameters, .magic, at: 0,
                "magic is \(hex32(header.magic)); a signed image has \(hex32(SignedImageHeader.magic))")
        }
        passed(.magic, at: 0, hex32(header.magic), hex32(SignedImageHeader.magic))
        guard header.version == SignedImageHeader.version else {
            throw TEEFailure(
                .badParameters, .version, at: 4, "header version is \(header.version); only \(SignedImageHeader.version) is known")
        }
        passed(.version, at: 4, "\(header.version)", "\(SignedImageHeader.version)")
        guard header.fileSize == image.count else {
            throw TEEFailure(
                .badParameters, .totalSize, at: 8,
                "the lengths in the header (TLV \(header.tlvLength), signature \(header.signatureLength), images "
                    + "\(header.imagesLength)) make \(header.fileSize) bytes; there are \(image.count)")
        }
        passed(.totalSize, at: 8, "the header's lengths make \(header.fileSize) bytes", "\(image.count), the file's size")
    }

    private func verifySignature(of image: VerifiedImage, _ copy: [UInt8], _ heap: inout TAHeap) throws(TEEFailure) {
        guard let record = image.value(.signatureType), record.bytes.count == 1, let number = record.bytes.first else {
            let seen = image.value(.signatureType).map { "has \($0.bytes.count) bytes" } ?? "is missing"
            throw TEEFailure(.badParameters, .signatureType, at: SignedImageHeader.size, "SIGNTYPE \(seen); it is one byte")
        }
        passed(.signatureType, at: record.offset, "SIGNTYPE of 1 byte", "1 byte")
        guard let type = SignatureType(rawValue: number) else {
            throw TEEFailure(
                .notSupported, .signatureAlgorithm, at: record.offset, "SIGNTYPE is \(number); 1 is RSA, 2 is ECDSA")
        }
        passed(.signatureAlgorithm, at: record.offset, "\(number), \(type)", "1, RSA, or 2, ECDSA; the platform has its own list")
        let header = image.header
        let keyInfo = image.value(.keyInfo)?.bytes ?? []
        let temporary = [SHA256.Digest.byteCount, 8 + keyInfo.count]
        for size in temporary { try heap.allocate(size, for: "the digest and the key information") }
        let digest = SHA256.hash(data: copy[..<header.signatureOffset])
        let signature = Array(copy[header.signatureOffset..<header.signatureOffset + Int(header.signatureLength)])
        try pta.verify(
            processor: processor, signature, over: digest, type: type, keyInfo: Array(keyInfo), imageOffset: header.signatureOffset)
        passed(
            .signature, at: header.signatureOffset,
            pta.isCheckingSignatures ? "a trusted key's, over the SHA-256 \(hexText(digest))" : "NOT CHECKED: unverified",
            "a signature over the bytes before 0x\(String(header.signatureOffset, radix: 16))")
        for size in temporary { heap.free(size) }
    }
}
