// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import MachineBase

extension ImageReport {
    /// Reads `image`, and lets the trusted application itself try them on memory of its own.
    ///
    /// - Parameters:
    ///   - image: is looked at; the trusted application reads its bytes by itself.
    ///   - signatures: which keys to check against; without any the signature is left unchecked.
    ///   - support: the platform's kinds of signature.
    ///   - heapSize: of the TA, in bytes.
    public init(
        _ image: FirmwareImage, signatures: SignaturePolicy = .unverified, support: SignatureSupport = .rsaOnly, heapSize: Int = 4096
    ) {
        let bytes = image.bytes
        size = bytes.count
        kind = image.kind
        refusal = Self.refusal(of: bytes, signatures, support, heapSize)
        switch kind {
        case .elf:
            var budget = ReportBudget(fileSize: bytes.count)
            images = [Self.image(bytes, 0..<bytes.count, nil, &budget)]
            warnings = Findings(bytes: bytes, header: nil, tlvs: TLVArea([]), images: images, table: []).warnings + budget.warnings
        case .signed:
            guard let container = image.container else { break }
            let header = container.header, tlvs = container.tlvs
            self.header = header
            records = tlvs.records.prefix(ReportBudget.records).map { Self.record($0, in: tlvs) }
            signature = Self.signature(bytes, header, tlvs, signatures)
            let table = tlvs.value(of: .hashTable).map { HashRecord.records($0.bytes, limit: ReportBudget.segments) } ?? []
            let hashes = Dictionary(grouping: table, by: \.header).mapValues { $0.map(\.hash) }
            var budget = ReportBudget(fileSize: bytes.count)
            for range in Self.imageRanges(bytes, container) { images.append(Self.image(bytes, range, hashes, &budget)) }
            budget.recordsLeftOut = records.count < ReportBudget.records ? 0 : tlvs.records.reduce(-records.count) { count, _ in count + 1 }
            warnings = Findings(bytes: bytes, header: header, tlvs: tlvs, images: images, table: table).warnings + budget.warnings
        case .unknown: break
        }
    }

    private static func refusal(
        of bytes: [UInt8], _ signatures: SignaturePolicy, _ support: SignatureSupport, _ heapSize: Int
    ) -> TEEFailure? {
        ImageJudge(signatures: signatures, support: support, heapSize: heapSize).verdict(on: bytes).failure
    }

    private static func signature(
        _ bytes: [UInt8], _ header: SignedImageHeader, _ tlvs: TLVArea, _ policy: SignaturePolicy
    ) -> Signature {
        var result = Signature(
            offset: header.signatureOffset, length: header.signatureLength,
            type: tlvs.value(of: .signatureType)?.bytes.first.flatMap(SignatureType.init), verification: .notChecked)
        guard case .trusted(let keys) = policy else { return result }
        result.verification = .invalid
        let end = header.signatureOffset + Int(header.signatureLength)
        guard end <= bytes.count else { return result }
        guard header.signatureLength <= ReportBudget.longestSignature else { return result }
        let digest = SHA256.hash(data: bytes[..<header.signatureOffset])
        let signature = Array(bytes[header.signatureOffset..<end])
        let named = keys.named(by: Array(tlvs.value(of: .keyInfo)?.bytes ?? []))
        if let key = named.first(where: { $0.signatureType == result.type && $0.verifies(signature, over: digest) }) {
            result.verification = .valid
            result.key = key.summary
        }
        return result
    }

    /// Where the images are by IMGSIZE, as far as the file goes; all of the images' area when that record is missing.
    private static func imageRanges(_ bytes: [UInt8], _ container: SignedContainer) -> [Range<Int>] {
        let start = container.header.imagesOffset
        guard start < bytes.count else { return [] }
        guard let ranges = container.imageRanges else { return [start..<bytes.count] }
        return ranges.prefix(ReportBudget.images).prefix { $0.lowerBound < bytes.count }.map { $0.clamped(to: 0..<bytes.count) }
    }

    /// - Parameter hashes: what the hash table says of each program header; nil when there is no table.
    private static func image(_ bytes: [UInt8], _ range: Range<Int>, _ hashes: [ProgramHeader: [[UInt8]]]?, _ budget: inout ReportBudget) -> Image {
        var image = Image(offset: range.lowerBound, size: range.count, segments: [])
        let file: ELFFile
        do throws(ELFError) { file = try ELFFile(bytes[range]) } catch {
            image.problem = error.description
            return image
        }
        image.machine = file.header.machine
        image.entry = file.header.entry
        // Of many headers with the same bytes, which a hostile file can have, each run of bytes is hashed once.
        var digests: [Range<Int>: [UInt8]] = [:]
        for segment in file.programHeaders where budget.takesSegment() {
            image.segments.append(Segment(segment, hash: hashState(of: segment, in: file, hashes, &digests, &budget)))
        }
        if let section = file.section(named: ".resource_table"), section.size > 0,
            let content = file.bytes(at: section.offset, size: section.size)
        {
            image.resourceTable = Table(
                deviceAddress: section.address, size: section.size, offset: range.lowerBound + Int(section.offset),
                content: ResourceTableSummary(Array(content)))
        }
        return image
    }

    private static func hashState(
        of segment: ProgramHeader, in file: ELFFile, _ hashes: [ProgramHeader: [[UInt8]]]?, _ digests: inout [Range<Int>: [UInt8]],
        _ budget: inout ReportBudget
    ) -> HashState {
        guard let hashes else { return .none }
        guard let contents = file.contents(of: segment) else { return .outside }
        guard let recorded = hashes[segment] else { return .noRecord }
        if digests[contents.indices] == nil {
            guard budget.takesHash(of: contents.count) else { return .notHashed }
            digests[contents.indices] = Array(SHA256.hash(data: contents))
        }
        guard let actual = digests[contents.indices] else { return .notHashed }
        return recorded.contains(actual) ? .matches : .differs
    }
}

extension ImageReport.Segment {
    init(_ header: ProgramHeader, hash: ImageReport.HashState) {
        self.init(
            type: header.type, name: header.typeName, offset: header.offset, virtualAddress: header.virtualAddress,
            physicalAddress: header.physicalAddress, fileSize: header.fileSize, memorySize: header.memorySize,
            flags: header.flagsText, hash: hash)
    }
}

extension ImageReport {
    /// The same for bytes that nobody else looks at.
    public init(_ bytes: [UInt8], signatures: SignaturePolicy = .unverified, support: SignatureSupport = .rsaOnly, heapSize: Int = 4096) {
        self.init(FirmwareImage(bytes), signatures: signatures, support: support, heapSize: heapSize)
    }

    private static func record(_ record: TLVArea.Record, in tlvs: TLVArea) -> Record {
        Record(
            type: record.type.rawValue, name: record.type.description, offset: SignedImageHeader.size + record.offset,
            length: record.length,
            meaning: record.value.map { meaning(record.type, tlvs[$0]) } ?? "does not end inside the area")
    }

    private static func meaning(_ type: TLVType, _ value: ArraySlice<UInt8>) -> String {
        guard let first = value.first else { return "empty" }
        switch type {
        case .signatureType: return "\(first): \(SignatureType(rawValue: first)?.description ?? "unknown")"
        case .hashType: return "\(first): \(first == 1 ? "SHA-256" : "unknown")"
        case .imageCount: return "\(first)"
        case .imageTypes: return list(value.prefix(9).map { $0 == 1 ? "ELF" : "unknown \($0)" })
        case .imageSizes:
            return list(stride(from: 0, through: value.count - 4, by: 4).prefix(9).map { "\(value.littleEndian(UInt32.self, at: $0) ?? 0)" })
        case .hashTable: return "\(value.count / HashRecord.size) records"
        default:
            let printable = value.allSatisfy { (0x20..<0x7F).contains($0) }
            guard !printable else { return "\"\(String(decoding: value.prefix(48), as: UTF8.self))\"" }
            return hexText(value.prefix(16)) + (value.count > 16 ? "..." : "")
        }
    }

    /// Of at most eight things.
    private static func list(_ things: [String]) -> String {
        things.prefix(8).joined(separator: ", ") + (things.count > 8 ? ", ..." : "")
    }
}
