// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A check of a LOAD_FW that an image has passed.
public struct LoadCheck: Equatable, Sendable, Codable {
    public var check: TEEFailure.Check
    /// Where in the signed image, in bytes from its start; nil when the check is not about a place in it.
    public var offset: Int?
    /// What the image, or the platform, has.
    public var seen: String
    /// What would have passed.
    public var allowed: String
}

extension FirmwareLoad {
    /// Reports a check that was passed. The texts are made only when somebody listens.
    @inline(__always)
    func passed(
        _ check: TEEFailure.Check, at offset: Int? = nil, _ seen: @autoclosure () -> String, _ allowed: @autoclosure () -> String
    ) {
        guard let onCheck else { return }
        onCheck(LoadCheck(check: check, offset: offset, seen: seen(), allowed: allowed()))
    }
}

extension TEEFailure.Check {
    /// The checks of a LOAD_FW in the TA's order; those of an image repeat for each image, those of a segment for each segment.
    /// Source: OP-TEE ta/remoteproc, remoteproc_core.c and elf_parser.c.
    public static let loadOrder: [Self] = [
        .emptyImage, .capabilities, .imageAlignment, .chunkLengths, .heap, .magic, .version, .totalSize, .signatureType,
        .signatureAlgorithm, .signature, .elfHeader, .hashTable, .imageCount, .imageTypes, .imageSizes, .programHeaders,
        .segmentBounds, .hashRecordMissing, .hashRecordType, .hashRecordSizes, .segmentAddress, .segmentHash, .segmentClear,
        .sectionHeaders, .sectionNames, .resourceTableBounds, .resourceTableAlignment, .resourceTableContent,
        .resourceTableAddress, .resourceTableRepeated,
    ]

    /// What is checked, in a few words.
    public var title: String {
        switch self {
        case .session: "session"
        case .parameterTypes: "parameter types"
        case .command: "command"
        case .caller: "caller"
        case .processor: "processor"
        case .processorUnknown: "processor known"
        case .state: "state"
        case .heap: "room in the TA's heap"
        case .emptyImage: "buffer"
        case .capabilities: "capabilities"
        case .imageAlignment: "buffer's alignment"
        case .chunkLengths: "header's lengths"
        case .magic: "magic"
        case .version: "header version"
        case .totalSize: "total size"
        case .signatureType: "SIGNTYPE"
        case .signatureAlgorithm: "signature algorithm"
        case .keyInfo: "key information"
        case .digestLength: "digest's length"
        case .signature: "signature"
        case .elfHeader: "first ELF header"
        case .hashTable: "HASHTABLE"
        case .imageCount: "NUM_IMG"
        case .imageTypes: "IMGTYPE"
        case .imageSizes: "IMGSIZE"
        case .programHeaders: "program headers"
        case .segmentBounds: "segment in image"
        case .hashRecordMissing: "hash record"
        case .hashRecordType: "hash record's type"
        case .hashRecordSizes: "hash record's sizes"
        case .segmentAddress: "segment's address"
        case .segmentHash: "segment's hash"
        case .segmentClear: "cleared memory"
        case .sectionHeaders: "section headers"
        case .sectionNames: "section names"
        case .resourceTableBounds: "table's bounds"
        case .resourceTableAlignment: "table's alignment"
        case .resourceTableContent: "table's header"
        case .resourceTableAddress: "table's address"
        case .resourceTableRepeated: "one table only"
        case .bus: "bus"
        case .work: "bytes loaded in all"
        }
    }
}
