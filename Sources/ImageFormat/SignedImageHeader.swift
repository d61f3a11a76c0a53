// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The 20 bytes that a signed image begins with. Source: OP-TEE remoteproc TA.
///
/// Behind it come the TLV area, the signature and the images, each padded to a multiple of 8 bytes of its own length.
public struct SignedImageHeader: Equatable, Sendable, Codable {
    /// In bytes.
    public static let size = 20
    public static let magic: UInt32 = 0x3543_A468
    public static let version: UInt32 = 1

    public var magic = SignedImageHeader.magic
    public var version = SignedImageHeader.version
    /// Lengths in bytes, as the file has them.
    public var tlvLength, signatureLength, imagesLength: UInt32

    public init(tlvLength: UInt32, signatureLength: UInt32, imagesLength: UInt32) {
        self.tlvLength = tlvLength; self.signatureLength = signatureLength; self.imagesLength = imagesLength
    }

    /// nil when `bytes` has fewer than 20. Nothing else is judged.
    public init?(_ bytes: some RandomAccessCollection<UInt8>) {
        let bytes = Array(bytes.prefix(Self.size))
        guard let magic: UInt32 = bytes.littleEndian(at: 0), let version: UInt32 = bytes.littleEndian(at: 4),
            let tlvLength: UInt32 = bytes.littleEndian(at: 8), let signatureLength: UInt32 = bytes.littleEndian(at: 12),
            let imagesLength: UInt32 = bytes.littleEndian(at: 16)
        else { return nil }
        self.init(tlvLength: tlvLength, signatureLength: signatureLength, imagesLength: imagesLength)
        self.magic = magic
        self.version = version
    }

    public var bytes: [UInt8] {
        var result: [UInt8] = []
        for word in [magic, version, tlvLength, signatureLength, imagesLength] { result.appendLittleEndian(word) }
        return result
    }

    /// Where the signature begins, in bytes from the start of the image. No sum here can wrap.
    public var signatureOffset: Int { Self.size + paddedTo8(Int(tlvLength)) }
    /// Where the first image begins.
    public var imagesOffset: Int { signatureOffset + paddedTo8(Int(signatureLength)) }
    /// The size that a file with this header must have exactly.
    public var fileSize: Int { imagesOffset + paddedTo8(Int(imagesLength)) }
}

/// `length` rounded up to a multiple of 8.
package func paddedTo8(_ length: Int) -> Int { (length &+ 7) & ~7 }
