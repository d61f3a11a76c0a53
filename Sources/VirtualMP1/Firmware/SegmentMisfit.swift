// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import MachineBase
import RprocHost

/// The first segment of an ELF that remoteproc's loader finds no region for, in a sentence.
public struct SegmentMisfit: Equatable, Sendable, CustomStringConvertible {
    /// Number of the program header.
    public var index: Int
    public var address: UInt32
    public var memorySize: UInt32
    public var fileSize: UInt32
    public var fit: RegionFit

    /// nil when all segments fit. `image` is an ELF that Linux loads itself.
    public init?(_ image: FirmwareImage, _ linux: HostConfiguration) {
        for elf in image.elfFiles {
            for (index, segment) in elf.programHeaders.enumerated() where segment.type == ProgramHeader.load {
                if segment.memorySize == 0 && linux.kernel.skipsEmptySegments { continue }
                let fit = linux.fit(of: DeviceAddress(segment.physicalAddress), count: UInt64(segment.memorySize))
                if case .inside = fit { continue }
                (self.index, self.fit) = (index, fit)
                (address, memorySize, fileSize) = (segment.physicalAddress, segment.memorySize, segment.fileSize)
                return
            }
        }
        return nil
    }

    public var description: String {
        "Segment \(index) at \(hex32(address)) (p_paddr), 0x\(String(memorySize, radix: 16)) bytes (p_memsz counts; p_filesz is 0x\(String(fileSize, radix: 16))), \(fit)."
    }
}
