// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

// Where the memories are for one side, and for the other.
extension SoCDescription {
    /// The coprocessor's view of the memories inside of the chip as device trees have it, `dma-ranges`.
    public var translations: [AddressTranslation] { memories.flatMap(\.translations) }

    /// Where Linux has `count` bytes of a memory inside of the chip that the coprocessor has at `address`; nil unless they are all in one.
    public func physical(_ address: DeviceAddress, count: UInt32 = 1) -> PhysicalAddress? {
        for memory in memories {
            for entry in memory.translations {
                let offset = address.value &- entry.device.value
                guard offset < entry.size, count <= entry.size &- offset else { continue }
                return PhysicalAddress(entry.physical.value &+ offset)
            }
        }
        return nil
    }

    /// Where the coprocessor has what Linux has at `address`; nil outside of the memories inside of the chip.
    public func device(_ address: PhysicalAddress) -> DeviceAddress? {
        for memory in memories {
            for entry in memory.translations {
                let offset = address.value &- entry.physical.value
                if offset < entry.size { return DeviceAddress(entry.device.value &+ offset) }
            }
        }
        return nil
    }

    /// Where Linux has the external memory that the coprocessor has at `address`; nil outside of its window.
    public func externalPhysical(_ address: DeviceAddress) -> PhysicalAddress? {
        for entry in externalMemory.translations where address.value &- entry.device.value < entry.size {
            return PhysicalAddress(entry.physical.value &+ (address.value &- entry.device.value))
        }
        return nil
    }

    /// The memory, inside of the chip or outside, of which `range` is a part, by any of its addresses.
    public func memory(holding range: PhysicalRange) -> ChipMemory? {
        (memories + [externalMemory]).first { memory in memory.physicalRanges.contains { $0.contains(range.start, count: Int(range.size)) } }
    }

    /// Whether an address is one of the external memory's.
    public func isExternal(_ address: PhysicalAddress) -> Bool { externalMemory.physicalAddresses.contains { address >= $0 } }

    /// First address of the external memory, for both sides.
    public var externalStart: PhysicalAddress { externalMemory.physicalAddresses.first ?? PhysicalAddress(.max) }

    /// `RETRAM, MCUSRAM or DDR`
    public var memoryNames: String { (memories.map(\.name) + [externalMemory.name]).list(" or ") }

    /// The coprocessor's, for a person: `RETRAM (0x00000000, 64 KiB) or MCUSRAM (0x10000000 or 0x30000000, 384 KiB)`.
    public var memoryPlaces: String {
        memories.map { memory in
            "\(memory.name) (\(memory.deviceAddresses.map(\.description).list(" or ")), \(memory.size >> 10) KiB)"
        }.list(" or ")
    }
}

extension [String] {
    /// `a, b or c`
    fileprivate func list(_ last: String) -> String {
        guard let end = self.last else { return "" }
        return count == 1 ? end : dropLast().joined(separator: ", ") + last + end
    }
}
