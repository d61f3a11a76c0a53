// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import MachineBase

/// All that a signed image, or a plain ELF file, shows to a reader: what is in it, whether it would load, and what the TA would
/// let pass without looking.
///
/// Offsets are in bytes from the start of the file. Text is in ``text``; for machines the whole is `Codable`.
public struct ImageReport: Equatable, Sendable, Codable {
    public typealias Kind = FirmwareImage.Kind

    /// A record of the TLV area.
    public struct Record: Equatable, Sendable, Codable {
        public var type: UInt32
        public var name: String
        public var offset: Int
        public var length: UInt32
        /// What the value says, or the first bytes of it in hex.
        public var meaning: String
    }

    public enum Verification: String, Sendable, Codable { case valid, invalid, notChecked }

    public struct Signature: Equatable, Sendable, Codable {
        public var offset: Int
        public var length: UInt32
        /// nil when SIGNTYPE is missing or unknown.
        public var type: SignatureType?
        public var verification: Verification
        /// The trusted key that made it.
        public var key: String?
    }

    /// How a segment and the hash table go together.
    public enum HashState: String, Sendable, Codable {
        case matches, differs
        /// No record has this program header.
        case noRecord
        /// The segment's bytes are not in the file.
        case outside
        /// There is no hash table: a plain ELF file.
        case none
        /// The file's segments overlap so often that hashing them all would take for ever.
        case notHashed
    }

    public struct Segment: Equatable, Sendable, Codable {
        public var type: UInt32
        public var name: String
        /// In the ELF file.
        public var offset: UInt32
        public var virtualAddress, physicalAddress: UInt32
        public var fileSize, memorySize: UInt32
        /// As `r-x`.
        public var flags: String
        public var hash: HashState
    }

    public struct Table: Equatable, Sendable, Codable {
        /// The section's address, by which the TA answers.
        public var deviceAddress: UInt32
        public var size: UInt32
        public var offset: Int
        public var content: ResourceTableSummary
    }

    public struct Image: Equatable, Sendable, Codable {
        public var offset: Int
        public var size: Int
        /// nil when the bytes are no ELF32 file; `problem` says why.
        public var machine: UInt16?
        public var entry: UInt32?
        public var problem: String?
        public var segments: [Segment]
        public var resourceTable: Table?
    }

    /// Something that loads, or fails, in a way that the image's maker may not expect.
    public struct Warning: Equatable, Sendable, Codable {
        public enum Subject: String, Sendable, Codable, CaseIterable {
            case hashType, repeatedRecord, hiddenRecord, unknownRecord, bytesBehindRecords, imageSizes, machine
            case recordWithoutHeader, changedHeader, sharedAddress, hashOfOther, memorySize, overlap, resetVectors
            case resourceTableAddress, resourceTableName, unauthenticated, noSections, notShown
        }
        public var subject: Subject
        public var text: String
        /// In the file; nil when it is not about one place.
        public var offset: Int?

        init(_ subject: Subject, at offset: Int? = nil, _ text: String) {
            self.subject = subject; self.offset = offset; self.text = text
        }
    }

    public var kind: Kind
    public var size: Int
    public var header: SignedImageHeader?
    public var records: [Record] = []
    public var signature: Signature?
    public var images: [Image] = []
    /// What LOAD_FW answers; nil when the image loads.
    public var refusal: TEEFailure?
    public var warnings: [Warning] = []

    /// Whether the TA takes the image. Of a signature that was not checked it says nothing: ``verdict``.
    public var loads: Bool { refusal == nil }

    /// Whether somebody looked at who signed the image.
    public var isSignatureChecked: Bool { signature.map { $0.verification != .notChecked } ?? true }

    /// What comes of it, in a line.
    public var verdict: String {
        guard let refusal else {
            return isSignatureChecked
                ? "the TA loads it" : "nobody checked the signature: no key given; all else in it is as the TA wants it"
        }
        let hint = kind == .elf ? "; an ELF file must be signed first" : ""
        let unchecked = isSignatureChecked ? "" : "nobody checked the signature: no key given; apart from that "
        return "\(unchecked)the TA refuses it: \(refusal)\(hint)"
    }
}
