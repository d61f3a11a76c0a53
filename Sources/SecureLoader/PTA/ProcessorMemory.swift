// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// Why a list of reserved memory does not describe a coprocessor. Source: OP-TEE stm32_remoteproc driver, probe.
public enum ProcessorMemoryError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A region at physical address 0, of size 0, or past the end of the address space.
    case emptyRegion(name: String, PhysicalRange)
    /// No `dma-ranges` entry holds the region whole: it has no device address.
    case untranslatable(name: String, PhysicalRange)

    public var description: String {
        switch self {
        case .emptyRegion(let name, let range):
            "reserved memory \(name) at \(range): address and size must not be 0, and its "
                + "end below 2^32"
        case .untranslatable(let name, let range): "reserved memory \(name) at \(range) lies in no entry of dma-ranges"
        }
    }
}

/// The memory that the secure world may load a coprocessor's firmware into: `memory-region` of its device tree node, with the
/// device addresses that the bus's `dma-ranges` give. Source: OP-TEE stm32_remoteproc driver.
public struct ProcessorMemory: Equatable, Sendable {
    /// Whom a region is for once the firmware runs.
    public typealias Use = ReservedMemory.Use

    public struct Region: Equatable, Sendable {
        /// The node's name in the device tree.
        public var name: String
        public var physical: PhysicalRange
        public var device: DeviceAddress
        public var use: Use
    }

    /// In the order of `memory-region`: the first that holds a buffer whole translates it.
    public let regions: [Region]
    /// Folds the windows by which one memory has several addresses.
    public let aliases: AliasMap

    /// - Parameters:
    ///   - reserved: what `memory-region` lists.
    ///   - dmaRanges: the parent bus's `dma-ranges`; nil when it has none, and device addresses are physical ones.
    ///   - aliases: the chip's.
    public init(
        reserved: [(name: String, range: PhysicalRange, use: Use)], dmaRanges: [AddressTranslation]?,
        aliases: AliasMap = SoCDescription.stm32mp157.aliases
    ) throws(ProcessorMemoryError) {
        var regions: [Region] = []
        for (name, range, use) in reserved {
            guard range.start.value != 0, range.size != 0, UInt64(range.start.value) + UInt64(range.size) <= 1 << 32 else {
                throw .emptyRegion(name: name, range)
            }
            guard let device = Self.device(range, dmaRanges) else { throw .untranslatable(name: name, range) }
            regions.append(Region(name: name, physical: range, device: device, use: use))
        }
        self.regions = regions
        self.aliases = aliases
    }

    /// What the device trees of the chip's boards reserve for OP-TEE.
    public init(_ chip: SoCDescription) {
        let translations = chip.translations
        regions = chip.reservedMemory.compactMap { reserved in
            Self.device(reserved.range, translations).map { Region(name: reserved.name, physical: reserved.range, device: $0, use: reserved.use) }
        }
        aliases = chip.aliases
    }

    private static func device(_ range: PhysicalRange, _ dmaRanges: [AddressTranslation]?) -> DeviceAddress? {
        guard let dmaRanges else { return DeviceAddress(range.start.value) }
        for entry in dmaRanges
        where PhysicalRange(start: entry.physical, size: entry.size).contains(range.start, count: Int(range.size)) {
            return DeviceAddress(entry.device.value &+ (range.start.value &- entry.physical.value))
        }
        return nil
    }

    /// The physical address of `[address, address + size)`; nil unless the buffer lies inside one region and is not empty.
    public func physical(_ address: DeviceAddress, size: UInt32) -> PhysicalAddress? {
        guard size > 0 else { return nil }
        for region in regions {
            // The device side of a region is a range like any other.
            let window = PhysicalRange(start: PhysicalAddress(region.device.value), size: region.physical.size)
            if window.contains(PhysicalAddress(address.value), count: Int(size)) {
                return PhysicalAddress(region.physical.start.value &+ (address.value &- region.device.value))
            }
        }
        return nil
    }

    /// Whether the buffer lies inside one region, by physical addresses.
    public func holds(_ range: PhysicalRange) -> Bool {
        range.size > 0 && regions.contains { $0.physical.contains(range.start, count: Int(range.size)) }
    }

    /// The range by the address that memory has outside alias windows.
    func folded(_ range: PhysicalRange) -> PhysicalRange { aliases.folded(range) }

    /// What a refusal prints: the device windows, in order.
    var windowsText: String {
        regions.map { "\($0.name) \($0.device)+0x\(String($0.physical.size, radix: 16))" }.joined(separator: ", ")
    }

    /// The STM32MP157C-DK2 in OP-TEE's device tree.
    public static let stm32mp157DK2 = ProcessorMemory(.stm32mp157)
}
