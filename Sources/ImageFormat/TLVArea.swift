// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// What a record of the TLV area is about. Source: OP-TEE remoteproc TA and scripts/sign_rproc_fw.py.
public struct TLVType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// u8: see ``SignatureType``.
    public static let signatureType = TLVType(rawValue: 0x01)
    /// u8: 1 is SHA-256. The TA never reads it.
    public static let hashType = TLVType(rawValue: 0x02)
    /// u8.
    public static let imageCount = TLVType(rawValue: 0x03)
    /// u8 an image: 1 is ELF.
    public static let imageTypes = TLVType(rawValue: 0x04)
    /// u32 an image: its padded size in bytes.
    public static let imageSizes = TLVType(rawValue: 0x05)
    /// ``HashRecord``s, one for every program header of every image.
    public static let hashTable = TLVType(rawValue: 0x10)
    /// Opaque: passed on to the platform beside the signature.
    public static let keyInfo = TLVType(rawValue: 0x11)
    /// Records for the platform's own use.
    public static let platformRange: Range<UInt32> = 0x1_0000..<0x2_0000

    /// The name in OP-TEE's signing script; the number in hex for others.
    public var description: String {
        switch self {
        case .signatureType: "SIGNTYPE"
        case .hashType: "HASHTYPE"
        case .imageCount: "NUM_IMG"
        case .imageTypes: "IMGTYPE"
        case .imageSizes: "IMGSIZE"
        case .hashTable: "HASHTABLE"
        case .keyInfo: "PKEYINFO"
        case _ where Self.platformRange.contains(rawValue): "platform 0x\(String(rawValue, radix: 16))"
        default: "unknown 0x\(String(rawValue, radix: 16))"
        }
    }
}

/// The value of the SIGNTYPE record.
public enum SignatureType: UInt8, Sendable, Codable, CustomStringConvertible {
    case rsaPKCS1v15SHA256 = 1
    case ecdsaP256SHA256 = 2

    public var description: String {
        switch self {
        case .rsaPKCS1v15SHA256: "RSASSA-PKCS1-v1_5 with SHA-256"
        case .ecdsaP256SHA256: "ECDSA P-256 with SHA-256"
        }
    }
}

/// The type-length-value records between header and signature, read as the TA reads them.
public struct TLVArea: Sendable {
    public struct Record: Equatable, Sendable {
        public var type: TLVType
        /// Of the record's first byte, from the start of the area.
        public var offset: Int
        /// As the record says, in bytes.
        public var length: UInt32
        /// Where the value lies in the area; nil when it does not end inside it, which hides the record from every search.
        public var value: Range<Int>?
    }

    /// `tlvLength` bytes: the padding of the area is not searched.
    public let bytes: ArraySlice<UInt8>

    public init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    /// An area inside a larger file; nothing is copied.
    public init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// The records in order, until fewer than 8 bytes are left. A hostile area has millions of them.
    public var records: some Sequence<Record> {
        sequence(state: 0) { offset in
            guard let record = record(at: offset) else { return nil }
            offset = next(after: record)
            return record
        }
    }

    /// The bytes in `range`, which counts from the start of the area.
    public subscript(range: Range<Int>) -> ArraySlice<UInt8> { bytes.dropFirst(range.lowerBound).prefix(range.count) }

    /// The value of the first record of `type` that lies inside the area, with its offset in the area; nil when there is none,
    /// or when that first record is empty. Types compare in full.
    public func value(of type: TLVType) -> (bytes: ArraySlice<UInt8>, offset: Int)? {
        var offset = 0
        while let record = record(at: offset) {
            if record.type == type, let value = record.value {
                return value.isEmpty ? nil : (self[value], value.lowerBound)
            }
            offset = next(after: record)
        }
        return nil
    }

    private func record(at offset: Int) -> Record? {
        guard let type: UInt32 = bytes.littleEndian(at: offset), let length: UInt32 = bytes.littleEndian(at: offset + 4)
        else { return nil }
        let value = offset + 8, end = value + Int(length)
        return Record(
            type: TLVType(rawValue: type), offset: offset, length: length, value: end <= bytes.count ? value..<end : nil)
    }

    /// At least 8 further, so that any walk ends.
    private func next(after record: Record) -> Int { record.offset + 8 + paddedTo8(Int(record.length)) }
}
