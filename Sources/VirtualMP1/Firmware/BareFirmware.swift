// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import ELF32
import M4Board
import MachineBase

/// Loading an ELF straight into a board: no OP-TEE, no Linux, as a debugger would.
public enum BareFirmware {
    public enum LoadError: Error, Equatable, Sendable, CustomStringConvertible {
        case notAnELF(String)
        case noSegments
        case truncated(segment: Int, end: UInt64, fileSize: Int)
        /// `memories`: where the chip has some, for a person.
        case outsideMemory(segment: Int, address: DeviceAddress, size: UInt32, memories: String)

        public var description: String {
            switch self {
            case .notAnELF(let why): "not an ELF for a Cortex-M4: \(why)"
            case .noSegments: "the ELF has no loadable segment"
            case .truncated(let segment, let end, let size):
                "program header \(segment) ends at file offset \(end), but the file has \(size) bytes"
            case .outsideMemory(let segment, let address, let size, let memories):
                "program header \(segment) loads \(size) bytes at \(address), which is not all in \(memories)"
            }
        }
    }

    /// Copies the PT_LOAD segments of `elf` to their p_paddr and zeroes the rest of each.
    public static func load(_ elf: [UInt8], into board: M4Board) throws(LoadError) {
        guard let header = ELFHeader(elf), header.hasMagic else { throw .notAnELF("no ELF header") }
        guard header.fileClass == 1, header.dataEncoding == 1 else { throw .notAnELF("class \(header.fileClass), data \(header.dataEncoding); 32-bit little-endian is class 1, data 1") }
        guard header.machine == ELFHeader.machineARM else { throw .notAnELF("machine \(header.machine), Arm is \(ELFHeader.machineARM)") }
        var loaded = 0
        for index in 0..<Int(header.programHeaderCount) {
            let offset = UInt64(header.programHeaderOffset) + UInt64(index) * UInt64(ProgramHeader.size)
            guard offset + UInt64(ProgramHeader.size) <= UInt64(elf.count), let segment = ProgramHeader(elf, at: Int(offset)) else {
                throw .truncated(segment: index, end: offset + UInt64(ProgramHeader.size), fileSize: elf.count)
            }
            guard segment.type == ProgramHeader.load, segment.memorySize > 0 else { continue }
            try load(segment, index: index, of: elf, into: board)
            loaded += 1
        }
        guard loaded > 0 else { throw .noSegments }
    }

    private static func load(_ segment: ProgramHeader, index: Int, of elf: [UInt8], into board: M4Board) throws(LoadError) {
        let end = UInt64(segment.offset) + UInt64(segment.fileSize)
        guard end <= UInt64(elf.count) else { throw .truncated(segment: index, end: end, fileSize: elf.count) }
        let device = DeviceAddress(segment.physicalAddress)
        let chip = board.configuration.chip
        let outside = LoadError.outsideMemory(segment: index, address: device, size: segment.memorySize, memories: chip.memoryPlaces)
        guard segment.fileSize <= segment.memorySize, let physical = physical(device, chip) else { throw outside }
        let copied = elf.withUnsafeBytes { bytes in
            (try? board.fill(physical, count: Int(segment.memorySize), with: 0)) != nil
                && (try? board.write(physical, from: UnsafeRawBufferPointer(rebasing: bytes[Int(segment.offset)..<Int(end)]), secure: false)) != nil
        }
        guard copied else { throw outside }
    }

    private static func physical(_ device: DeviceAddress, _ chip: SoCDescription) -> PhysicalAddress? {
        chip.physical(device) ?? chip.externalPhysical(device)
    }
}
