// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import MachineBase

/// What in an image deserves a word although, or because, the TA does not look.
struct Findings {
    let bytes: [UInt8]
    /// nil for a plain ELF file, which has neither TLV area nor hash table.
    let header: SignedImageHeader?
    let tlvs: TLVArea
    let images: [ImageReport.Image]
    let table: [HashRecord]

    private typealias Warning = ImageReport.Warning

    var warnings: [ImageReport.Warning] {
        var list = WarningList()
        addRecordWarnings(to: &list)
        list.add(sizeWarnings)
        addTableWarnings(to: &list)
        for (number, image) in images.enumerated() { list.add(imageWarnings(number, image)) }
        list.add(placementWarnings)
        return list.all
    }

    // MARK: The TLV area

    private static let known: Set<TLVType> = [
        .signatureType, .hashType, .imageCount, .imageTypes, .imageSizes, .hashTable, .keyInfo,
    ]

    /// Types that are looked for a second time.
    private static let mostTypes = 4096

    private func addRecordWarnings(to list: inout WarningList) {
        guard header != nil else { return }
        var seen: Set<TLVType> = []
        var end = 0
        for record in tlvs.records {
            end = record.offset + 8 + Int(record.length)
            let place = SignedImageHeader.size + record.offset
            if record.value == nil {
                list.add(
                    .hiddenRecord, at: place,
                    "\(record.type) says \(record.length) bytes, more than the TLV area has: neither it nor anything behind it is found")
            } else if seen.count < Self.mostTypes, !seen.insert(record.type).inserted {
                list.add(.repeatedRecord, at: place, "\(record.type) is there again; only the first counts")
            }
            if !Self.known.contains(record.type), !TLVType.platformRange.contains(record.type.rawValue) {
                list.add(.unknownRecord, at: place, "record type \(hex32(record.type.rawValue)) is not one that the TA or a platform reads")
            }
        }
        if tlvs.value(of: .hashType).map({ Array($0.bytes) }) != [1] {
            list.add(.hashType, "HASHTYPE is not SHA-256 (1); the TA does not read it and takes SHA-256")
        }
        if end < tlvs.bytes.count, tlvs.bytes.dropFirst(end).contains(where: { $0 != 0 }) {
            list.add(.bytesBehindRecords, at: SignedImageHeader.size + end, "bytes that are not zero behind the last record")
        }
    }

    private var sizeWarnings: [Warning] {
        guard let header, let sizes = tlvs.value(of: .imageSizes) else { return [] }
        let sum = stride(from: 0, through: sizes.bytes.count - 4, by: 4).reduce(0) {
            $0 + Int(sizes.bytes.littleEndian(UInt32.self, at: $1) ?? 0)
        }
        guard sum != Int(header.imagesLength) else { return [] }
        return [
            Warning(
                .imageSizes, at: SignedImageHeader.size + sizes.offset,
                "IMGSIZE adds up to \(sum) bytes and the header says \(header.imagesLength); the TA does not compare them")
        ]
    }

    // MARK: The hash table

    private func addTableWarnings(to list: inout WarningList) {
        guard let place = tlvs.value(of: .hashTable)?.offset else { return }
        let segments = images.flatMap(\.segments)
        let headers = Set(segments.map(HeaderKey.init))
        let places = Set(segments.map { PlaceKey(type: $0.type, address: $0.physicalAddress) })
        var first: [UInt32: Int] = [:]
        for (number, record) in table.enumerated() {
            let header = record.header, address = hex32(header.physicalAddress)
            let offset = SignedImageHeader.size + place + number * HashRecord.size
            if !headers.contains(HeaderKey(ImageReport.Segment(header, hash: .none))) {
                let changed = places.contains(PlaceKey(type: header.type, address: header.physicalAddress))
                list.add(
                    changed ? .changedHeader : .recordWithoutHeader, at: offset,
                    "hash record \(number) (\(header.typeName) at \(address)) is of a program header that the images do not have"
                        + (changed ? " in this form" : "")
                        + ": headers are not under the signature, and one was changed after signing")
            }
            guard let earlier = first[header.physicalAddress] else {
                first[header.physicalAddress] = number
                continue
            }
            let other = table[earlier].header
            guard header.isLoad || other.isLoad, header != other else { continue }
            list.add(
                .sharedAddress, at: offset,
                "hash records \(earlier) (\(other.typeName)) and \(number) (\(header.typeName)) have p_paddr \(address) in common; "
                    + "the TA takes the first for both" + (other.isLoad ? "" : ", and refuses the image with TEE_ERROR_BAD_PARAMETERS"))
        }
    }

    // MARK: The ELF files

    private func imageWarnings(_ number: Int, _ image: ImageReport.Image) -> [Warning] {
        var warnings: [Warning] = []
        if let problem = image.problem {
            warnings.append(Warning(.machine, at: image.offset, "image \(number): \(problem)"))
        } else if let machine = image.machine, machine != ELFHeader.machineARM {
            warnings.append(
                Warning(
                    .machine, at: image.offset + 18,
                    "image \(number): e_machine is \(machine), not \(ELFHeader.machineARM) (EM_ARM); the TA does not look"))
        }
        for (index, segment) in image.segments.enumerated() {
            let name = "image \(number), segment \(index)"
            if segment.isLoad, segment.memorySize < segment.fileSize {
                warnings.append(
                    Warning(
                        .memorySize,
                        "\(name): p_memsz \(segment.memorySize) is below p_filesz \(segment.fileSize); the TA loads all of p_filesz"
                    ))
            }
            if !segment.isLoad, segment.hash == .differs {
                warnings.append(
                    Warning(
                        .hashOfOther,
                        "\(name): the bytes of this \(segment.name) are not those that were signed; the TA checks PT_LOAD only"))
            }
        }
        return warnings + resourceTableWarnings(number, image)
    }

    private func resourceTableWarnings(_ number: Int, _ image: ImageReport.Image) -> [Warning] {
        guard let table = image.resourceTable else { return cutNameWarnings(number, image) }
        let offset = table.offset - image.offset
        let isLoadedInPlace = image.segments.contains { segment in
            let delta = offset - Int(segment.offset)
            return segment.isLoad && delta >= 0 && delta + Int(table.size) <= Int(segment.fileSize)
                && UInt64(table.deviceAddress) == UInt64(segment.physicalAddress) + UInt64(delta)
        }
        guard !isLoadedInPlace else { return [] }
        return [
            Warning(
                .resourceTableAddress, at: table.offset,
                "image \(number): no segment loads the resource table's bytes to \(hex32(table.deviceAddress)), where Linux will look "
                    + "for it; in an ELF boot Linux writes its copy there, in a TEE boot it takes what is there, under no hash")
        ]
    }

    private func cutNameWarnings(_ number: Int, _ image: ImageReport.Image) -> [Warning] {
        guard let file = try? ELFFile(bytes[image.offset..<image.offset + image.size]), let names = file.sectionNames
        else { return [] }
        let name = FirmwareLoad.resourceTableName
        let cut = file.sectionHeaders.first { section in
            let tail = names.bytes.dropFirst(Int(section.name))
            return !tail.isEmpty && tail.count < name.count && name.starts(with: tail)
        }
        guard let cut else { return [] }
        return [
            Warning(
                .resourceTableName,
                "image \(number): the section names end in the middle of one that begins like .resource_table; the TA takes its section, "
                    + "at \(hex32(cut.address)), for the table")
        ]
    }

    private var placementWarnings: [Warning] {
        let loaded = images.flatMap(\.segments).filter { $0.isLoad && max($0.fileSize, $0.memorySize) > 0 }
            .map { PhysicalRange(start: PhysicalAddress($0.physicalAddress), size: max($0.fileSize, $0.memorySize)) }
        var warnings: [Warning] = []
        var earlier: PhysicalRange?
        for range in loaded.sorted(by: { $0.start < $1.start }) {
            if let earlier, earlier.overlaps(range) {
                warnings.append(Warning(.overlap, "segments at \(earlier) and \(range) overlap; the later one in the file wins"))
            }
            if range.end > earlier?.end ?? 0 { earlier = range }
        }
        if !loaded.isEmpty, !loaded.contains(where: { $0.contains(PhysicalAddress(0), count: 8) }) {
            warnings.append(
                Warning(
                    .resetVectors,
                    "no segment loads to device address 0, where the M4 takes its stack pointer and reset vector from"))
        }
        return warnings
    }
}

/// A program header in the fields that a report keeps of it.
private struct HeaderKey: Hashable {
    var words: [UInt32]
    var flags: String

    init(_ segment: ImageReport.Segment) {
        words = [
            segment.type, segment.offset, segment.virtualAddress, segment.physicalAddress, segment.fileSize, segment.memorySize,
        ]
        flags = segment.flags
    }
}

private struct PlaceKey: Hashable {
    var type, address: UInt32
}

extension ImageReport.Segment {
    var isLoad: Bool { type == ProgramHeader.load }
}
