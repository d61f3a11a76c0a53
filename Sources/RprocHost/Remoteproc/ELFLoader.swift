// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase

/// remoteproc's ELF loader (`remoteproc_elf_loader.c`), with its complaints.
struct ELFLoader {
    let kernel: KernelContext
    let carveouts: CarveoutList

    /// `rproc_elf_sanity_check`
    func sanityCheck(_ image: [UInt8]) throws(Errno) {
        func refuse(_ message: String) -> Errno {
            kernel.error(message)
            return .invalid
        }
        guard let header = ELFHeader(image) else { throw refuse("Image is too small") }
        guard header.hasMagic else { throw refuse("Image is corrupted (bad magic)") }
        guard header.fileClass == 1 else { throw refuse("Unsupported class: \(header.fileClass)") }
        kernel.debug("Firmware is an elf32 file")
        guard header.dataEncoding == 1 else { throw refuse("Unsupported firmware endianness") }
        // What a look for the table reads at least.
        var needed = 1
        if kernel.configuration.kernel.checksSectionHeaders {
            let offset = UInt64(header.sectionHeaderOffset), end = offset + UInt64(header.sectionHeaderCount) * UInt64(SectionHeader.size)
            guard offset <= UInt64(image.count) else { throw refuse("Section header table is out of bounds") }
            guard header.sectionHeaderCount == 0 || end <= UInt64(image.count) else { throw refuse("Section headers are out of bounds") }
            needed = Int(header.sectionNameIndex) + 1
        }
        guard UInt64(image.count) >= UInt64(header.sectionHeaderOffset) + UInt64(needed * SectionHeader.size) else {
            throw refuse("Image is too small")
        }
        guard header.programHeaderCount != 0 else { throw refuse("No loadable segments") }
        guard UInt64(header.programHeaderOffset) <= UInt64(image.count) else { throw refuse("Firmware size is too small") }
    }

    /// `rproc_elf_load_segments`: PT_LOAD by physical address, the rest of memsz zeroed; other memory keeps its content.
    func load(_ image: [UInt8]) throws(Errno) {
        guard let header = ELFHeader(image) else { throw .invalid }
        for index in 0..<Int(header.programHeaderCount) {
            let offset = Int(header.programHeaderOffset) + index * ProgramHeader.size
            guard let segment = ProgramHeader(image, at: offset) else {
                let end = UInt64(offset + ProgramHeader.size)
                kernel.findings.report(.headersOutsideImage(end: end, size: image.count))
                kernel.error("truncated fw: need 0x\(hex(end)) avail 0x\(hex(image.count))")
                throw .invalid
            }
            guard segment.type == ProgramHeader.load else { continue }
            if segment.memorySize == 0 && kernel.configuration.kernel.skipsEmptySegments { continue }
            let (da, memsz, filesz) = (segment.physicalAddress, segment.memorySize, segment.fileSize)
            kernel.debug("phdr: type \(segment.type) da 0x\(hex(da)) memsz 0x\(hex(memsz)) filesz 0x\(hex(filesz))")
            guard filesz <= memsz else {
                kernel.error("bad phdr filesz 0x\(hex(filesz)) memsz 0x\(hex(memsz))")
                throw .invalid
            }
            let end = UInt64(segment.offset) + UInt64(filesz)
            guard end <= UInt64(image.count) else {
                kernel.error("truncated fw: need 0x\(hex(end)) avail 0x\(hex(image.count))")
                throw .invalid
            }
            guard let physical = carveouts.physicalAddress(DeviceAddress(da), count: UInt64(memsz)) else {
                kernel.error("bad phdr da 0x\(hex(da)) mem 0x\(hex(memsz))", .segment)
                throw .invalid
            }
            try kernel.onBus("loading a segment") { () throws(BusError) in
                try image.withBytes { (bytes) throws(BusError) in
                    if filesz > 0 {
                        let start = Int(segment.offset)
                        try kernel.bus.write(physical, from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(filesz)]))
                    }
                }
                if memsz > filesz { try kernel.bus.zero(physical.advanced(filesz), count: Int(memsz - filesz)) }
            }
        }
    }

    /// `find_table`: the first section named `.resource_table`, if it passes every check.
    ///
    /// The kernel looks twice a boot, before and after loading, and complains each time.
    /// - Parameter isSecondLook: makes no finding: the first look's stands.
    func resourceTableSection(_ image: [UInt8], isSecondLook: Bool = false) -> (address: UInt32, range: Range<Int>)? {
        func refuse(_ message: String) -> (address: UInt32, range: Range<Int>)? {
            kernel.error(message, .resourceTable)
            return nil
        }
        guard let header = ELFHeader(image) else { return nil }
        func section(_ index: Int) -> SectionHeader? {
            SectionHeader(image, at: Int(header.sectionHeaderOffset) + index * SectionHeader.size)
        }
        guard let names = section(Int(header.sectionNameIndex)) else {
            let end = UInt64(header.sectionHeaderOffset) + (UInt64(header.sectionNameIndex) + 1) * UInt64(SectionHeader.size)
            if !isSecondLook { kernel.findings.report(.headersOutsideImage(end: end, size: image.count)) }
            return nil
        }
        let wanted = Array(".resource_table".utf8) + [0]
        for index in 0..<Int(header.sectionHeaderCount) {
            guard let candidate = section(index) else { return nil }
            let name = Int(names.offset) + Int(candidate.name)
            guard name <= image.count - wanted.count, image[name..<name + wanted.count].elementsEqual(wanted) else { continue }
            let (offset, size) = (UInt64(candidate.offset), UInt64(candidate.size))
            guard offset + size <= UInt64(image.count) else { return refuse("resource table truncated") }
            let range = Int(offset)..<Int(offset + size)
            let bytes = Array(image[range])
            guard let table = ResourceTable(bytes) else { return refuse("header-less resource table") }
            guard table.version == 1 else { return refuse("unsupported fw ver: \(Int32(bitPattern: table.version))") }
            guard table.reserved == [0, 0] else { return refuse("non zero reserved bytes") }
            guard UInt64(ResourceTable.headerSize) + 4 * UInt64(table.count) <= size else {
                return refuse("resource table incomplete")
            }
            return (candidate.address, range)
        }
        return nil
    }
}
