// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import ELF32
import ImageFormat
import M4Board
import MachineBase
import RprocHost

/// An ELF that Linux may start, known by what it leaves in memory.
public struct KnownFirmware: Sendable {
    public let name: String
    public let image: FirmwareImage
    private let elf: ELFFile
    private let chip: SoCDescription

    /// nil for what is no ELF of 32 bits.
    public init?(_ name: String, _ image: FirmwareImage, chip: SoCDescription = .stm32mp157) {
        guard case .success(let elf) = image.elf else { return nil }
        (self.name, self.image, self.elf, self.chip) = (name, image, elf, chip)
    }

    public var entry: UInt32 { elf.header.entry }

    /// Where its resource table is when it runs; nil without one that the file holds: what Linux starts has no other.
    public var tableRange: PhysicalRange? {
        guard let table = image.tables.first, !table.isEmpty, table.bytes?.count == Int(table.header.size) else { return nil }
        return PhysicalRange(start: physical(table.header.address, table.header.size), size: table.header.size)
    }

    /// Whether the memories hold what loading it leaves there: all segments, but for the table, in which Linux writes.
    public func isLoaded(in board: M4Board) -> Bool {
        var compared = 0
        for segment in elf.programHeaders where segment.isLoad && segment.fileSize > 0 {
            guard let content = elf.contents(of: segment) else { return false }
            let start = physical(segment.physicalAddress, segment.fileSize)
            let table = tableRange.map { Int($0.start.value) - Int(start.value) } ?? -1, size = Int(tableRange?.size ?? 0)
            let isSame = board.withMemory(start, count: content.count) { bytes in
                zip(bytes, content).enumerated().allSatisfy { index, pair in pair.0 == pair.1 || (table...).contains(index) && index < table + size }
            }
            guard isSame == true else { return false }
            compared += content.count
        }
        return compared > 0
    }

    private func physical(_ device: UInt32, _ size: UInt32) -> PhysicalAddress {
        chip.physical(DeviceAddress(device), count: size) ?? PhysicalAddress(device)
    }
}
