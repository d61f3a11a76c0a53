import ELF32
import MachineBase

/// What in an image deserves a word although, or because, the TA does not look.
struct Findings {
    let bytes: [UInt8]
    let header: SignedImageHeader
    let tlvs: TLVArea
    let images: [ImageReport.Image]
    /// nil for a plain ELF file.
    let table: [HashRecord]?

    private typealias Warning = ImageReport.Warning

    var warnings: [ImageReport.Warning] { recordWarnings + sizeWarnings + tableWarnings + elfWarnings }

    /// Those that an unsigned ELF file can have too.
    var elfWarnings: [ImageReport.Warning] { images.enumerated().flatMap(imageWarnings) + placementWarnings }

    // MARK: The TLV area

    private var recordWarnings: [Warning] {
        var warnings: [Warning] = []
        var seen: Set<TLVType> = []
        let records = tlvs.records
        for record in records {
            let place = SignedImageHeader.size + record.offset
            if record.value == nil {
                warnings.append(Warning(
                    subject: .hiddenRecord, text: "\(record.type) says \(record.length) bytes, more than the TLV area has: neither it nor anything behind it is found", offset: place))
            } else if !seen.insert(record.type).inserted {
                warnings.append(Warning(subject: .repeatedRecord, text: "\(record.type) is there again; only the first counts", offset: place))
            }
            if !Self.known.contains(record.type), !TLVType.platformRange.contains(record.type.rawValue) {
                warnings.append(Warning(subject: .unknownRecord, text: "record type \(hex32(record.type.rawValue)) is not one that the TA or a platform reads", offset: place))
            }
        }
        if tlvs.value(of: .hashType).map({ Array($0.bytes) }) != [1] {
            warnings.append(Warning(subject: .hashType, text: "HASHTYPE is not SHA-256 (1); the TA does not read it and takes SHA-256", offset: nil))
        }
        let end = records.last.map { $0.offset + 8 + Int($0.length) } ?? 0
        if end < tlvs.bytes.count, tlvs.bytes[end...].contains(where: { $0 != 0 }) {
            warnings.append(Warning(subject: .bytesBehindRecords, text: "bytes that are not zero behind the last record", offset: SignedImageHeader.size + end))
        }
        return warnings
    }

    private static let known: Set<TLVType> = [.signatureType, .hashType, .imageCount, .imageTypes, .imageSizes, .hashTable, .keyInfo]

    private var sizeWarnings: [Warning] {
        guard let sizes = tlvs.value(of: .imageSizes) else { return [] }
        let sum = stride(from: 0, through: sizes.bytes.count - 4, by: 4).reduce(0) { $0 + Int(sizes.bytes.littleEndian(UInt32.self, at: $1) ?? 0) }
        guard sum != Int(header.imagesLength) else { return [] }
        return [Warning(
            subject: .imageSizes, text: "IMGSIZE adds up to \(sum) bytes and the header says \(header.imagesLength); the TA does not compare them",
            offset: SignedImageHeader.size + sizes.offset)]
    }

    // MARK: The hash table

    private var tableWarnings: [Warning] {
        guard let table, let place = tlvs.value(of: .hashTable)?.offset else { return [] }
        let segments = images.flatMap(\.segments)
        var warnings: [Warning] = []
        for (number, record) in table.enumerated() {
            let header = record.header, offset = SignedImageHeader.size + place + number * HashRecord.size
            if !segments.contains(where: { $0.describes(header) }) {
                let sameAddress = segments.contains { $0.physicalAddress == header.physicalAddress && $0.type == header.type }
                warnings.append(Warning(
                    subject: sameAddress ? .changedHeader : .recordWithoutHeader,
                    text: "hash record \(number) (\(header.typeName) at \(hex32(header.physicalAddress))) is of a program header that the images do not have"
                        + (sameAddress ? " in this form" : "") + ": headers are not under the signature, and one was changed after signing",
                    offset: offset))
            }
            if let first = table.prefix(number).firstIndex(where: { $0.header.physicalAddress == header.physicalAddress }),
                header.isLoad || table[first].header.isLoad, header.isLoad != table[first].header.isLoad || header != table[first].header {
                warnings.append(Warning(
                    subject: .sharedAddress,
                    text: "hash records \(first) (\(table[first].header.typeName)) and \(number) (\(header.typeName)) have p_paddr \(hex32(header.physicalAddress)) in common; the TA takes the first for both"
                        + (table[first].header.isLoad ? "" : ", and refuses the image with TEE_ERROR_BAD_PARAMETERS"),
                    offset: offset))
            }
        }
        return warnings
    }

    // MARK: The ELF files

    private func imageWarnings(_ number: Int, _ image: ImageReport.Image) -> [Warning] {
        var warnings: [Warning] = []
        if let problem = image.problem {
            warnings.append(Warning(subject: .machine, text: "image \(number): \(problem)", offset: image.offset))
        } else if let machine = image.machine, machine != ELFHeader.machineARM {
            warnings.append(Warning(
                subject: .machine, text: "image \(number): e_machine is \(machine), not \(ELFHeader.machineARM) (EM_ARM); the TA does not look", offset: image.offset + 18))
        }
        for (index, segment) in image.segments.enumerated() {
            let name = "image \(number), segment \(index)"
            if segment.isLoad, segment.memorySize < segment.fileSize {
                warnings.append(Warning(
                    subject: .memorySize, text: "\(name): p_memsz \(segment.memorySize) is below p_filesz \(segment.fileSize); the TA loads all of p_filesz", offset: nil))
            }
            if !segment.isLoad, segment.hash == .differs {
                warnings.append(Warning(
                    subject: .hashOfOther, text: "\(name): the bytes of this \(segment.name) are not those that were signed; the TA checks PT_LOAD only", offset: nil))
            }
        }
        return warnings + resourceTableWarnings(number, image)
    }

    private func resourceTableWarnings(_ number: Int, _ image: ImageReport.Image) -> [Warning] {
        guard let file = try? ELFFile(Array(bytes[image.offset..<image.offset + image.size])) else { return [] }
        guard let table = image.resourceTable else {
            guard let names = file.sectionNames, let cut = file.sectionHeaders.first(where: { section in
                let tail = names.bytes.dropFirst(Int(section.name))
                return !tail.isEmpty && tail.count < FirmwareLoad.resourceTableName.count && FirmwareLoad.resourceTableName.starts(with: tail)
            }) else { return [] }
            return [Warning(
                subject: .resourceTableName, text: "image \(number): the names end in the middle of one that begins like .resource_table; the TA takes that section, at \(hex32(cut.address)), for it", offset: nil)]
        }
        let inOffset = table.offset - image.offset
        let inPlace = image.segments.contains { segment in
            let start = Int(segment.offset), delta = inOffset - start
            return segment.isLoad && delta >= 0 && delta + Int(table.size) <= Int(segment.fileSize)
                && UInt64(table.deviceAddress) == UInt64(segment.physicalAddress) + UInt64(delta)
        }
        guard !inPlace else { return [] }
        return [Warning(
            subject: .resourceTableAddress, text: "image \(number): no segment loads the resource table's bytes to \(hex32(table.deviceAddress)), where Linux will look for it: the table there is under no hash", offset: table.offset)]
    }

    private var placementWarnings: [Warning] {
        let loaded = images.flatMap(\.segments).filter { $0.isLoad && max($0.fileSize, $0.memorySize) > 0 }
            .map { PhysicalRange(start: PhysicalAddress($0.physicalAddress), size: max($0.fileSize, $0.memorySize)) }
        var warnings: [Warning] = []
        var earlier: PhysicalRange?
        for range in loaded.sorted(by: { $0.start < $1.start }) {
            if let earlier, earlier.overlaps(range) {
                warnings.append(Warning(subject: .overlap, text: "segments at \(earlier) and \(range) overlap; the later one in the file wins", offset: nil))
            }
            if range.end > earlier?.end ?? 0 { earlier = range }
        }
        if !loaded.isEmpty, !loaded.contains(where: { $0.contains(PhysicalAddress(0), count: 8) }) {
            warnings.append(Warning(subject: .resetVectors, text: "no segment loads to device address 0, where the M4 takes its stack pointer and reset vector from", offset: nil))
        }
        return warnings
    }
}

extension ImageReport.Segment {
    var isLoad: Bool { type == ProgramHeader.load }

    /// Whether this is the header of a hash record, in every field that the report keeps.
    func describes(_ header: ProgramHeader) -> Bool {
        type == header.type && offset == header.offset && virtualAddress == header.virtualAddress
            && physicalAddress == header.physicalAddress && fileSize == header.fileSize && memorySize == header.memorySize
            && flags == header.flagsText
    }
}
