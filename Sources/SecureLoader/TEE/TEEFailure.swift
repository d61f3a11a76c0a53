// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A refusal by the trusted application or its pseudo TA: the code Linux gets, and what a person needs beside it.
public struct TEEFailure: Error, Equatable, Sendable, Codable, CustomStringConvertible {
    /// The code that crosses to Linux.
    public var result: TEEResult
    /// Which check refused.
    public var check: Check
    /// One sentence: what was seen, and what was allowed.
    public var reason: String
    /// Where in the signed image, in bytes from its start; nil when the refusal is not about a place in it.
    public var offset: Int?

    public init(_ result: TEEResult, _ check: Check, at offset: Int? = nil, _ reason: String) {
        self.result = result; self.check = check; self.offset = offset; self.reason = reason
    }

    public var description: String {
        let place = offset.map { " (image offset 0x\(String($0, radix: 16)))" } ?? ""
        return "\(result.name): \(reason)\(place)"
    }

    /// The TA's and PTA's checks, in the order of a LOAD_FW; the calls' own checks first.
    public enum Check: String, Sendable, Codable, CaseIterable {
        // Any call.
        case session, parameterTypes, command, caller, processor, processorUnknown, state, heap
        // The container.
        case emptyImage, capabilities, imageAlignment, chunkLengths, magic, version, totalSize
        case signatureType, signatureAlgorithm, keyInfo, digestLength, signature
        // The images.
        case elfHeader, hashTable, imageCount, imageTypes, imageSizes, programHeaders, segmentBounds
        case hashRecordMissing, hashRecordType, hashRecordSizes, segmentAddress, segmentHash, segmentClear
        // The resource table.
        case sectionHeaders, sectionNames, resourceTableBounds, resourceTableAlignment, resourceTableContent
        case resourceTableAddress, resourceTableRepeated
        // The machine underneath did not take an access.
        case bus
        // More work than any image that is meant.
        case work
    }
}
