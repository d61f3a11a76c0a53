// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import DeviceTree
import MachineBase
import RprocHost
import SecureLoader

/// `dma-ranges` and `memory-region`.
extension NodeReader {
    /// Linux's MAX_RESERVED_REGIONS.
    private static let mostEntries = 64
    /// In bytes: the window of external memory, which is the largest memory here.
    private var largestRegion: UInt64 { UInt64(chip.externalMemory.size) }

    mutating func readTranslations() throws(CoprocessorNodeError) {
        if binding.driver == .stm32RprocTEE {
            // Not in the tree: that driver's own table, the memory at device address 0 (RETRAM) and else the same address on both sides.
            configuration.translations = chip.translations.filter { $0.device == DeviceAddress(0) } + [
                AddressTranslation(device: DeviceAddress(0), physical: PhysicalAddress(0), size: .max)
            ]
            return
        }
        let missing = "stm32_rproc_of_memory_translations: dma-ranges property not defined"
        guard let bus = node.parent, let bytes = bus.bytes("dma-ranges") else {
            throw refuse(PropertyFault(node.parent ?? node, "dma-ranges", seen: "nothing", allowed: "device address, physical address and size of what the M4 reaches"), .invalid, missing)
        }
        // The driver counts in threes whatever the cells are.
        guard !bytes.isEmpty, bytes.count % 12 == 0 else {
            throw refuse(PropertyFault(bus, "dma-ranges", seen: "\(bytes.count) bytes", allowed: "a multiple of 12, and more than none"), .invalid, missing)
        }
        let mappings = try property { _ throws(PropertyFault) in
            let above = bus.parent ?? bus
            if try (bus.addressCells(), above.addressCells(), bus.sizeCells()) != (1, 1, 1) { return try bus.mappings("dma-ranges").map { ($0, false) } }
            return try bus.mappings("dma-ranges").map { ($0, true) }
        }
        guard let (entries, isPlain) = mappings else { return }
        guard entries.count <= Self.mostEntries else {
            throw .tree(.property(PropertyFault(bus, "dma-ranges", seen: "\(entries.count) entries", allowed: "at most \(Self.mostEntries)")))
        }
        if !isPlain { warn(bus, "dma-ranges", "entries are not one cell each of child address, parent address and size; Linux's driver reads them as if they were") }
        var result: [AddressTranslation] = []
        for entry in entries {
            guard let device = UInt32(exactly: entry.child), let physical = UInt32(exactly: entry.parent), let size = UInt32(exactly: entry.size), size > 0,
                UInt64(device) + UInt64(size) <= 1 << 32, UInt64(physical) + UInt64(size) <= 1 << 32
            else {
                throw .tree(.property(PropertyFault(
                    bus, "dma-ranges", seen: "0x\(String(entry.size, radix: 16)) bytes at device address 0x\(String(entry.child, radix: 16)), physical 0x\(String(entry.parent, radix: 16))",
                    allowed: "a size that is not 0, and ends below 2^32")))
            }
            result.append(AddressTranslation(device: DeviceAddress(device), physical: PhysicalAddress(physical), size: size))
        }
        configuration.translations = result
    }

    /// As `stm32_rproc_pa_to_da`: the first entry that holds the address.
    func deviceAddress(_ address: PhysicalAddress) -> DeviceAddress? {
        for entry in configuration.translations where PhysicalRange(start: entry.physical, size: entry.size).contains(address, count: 1) {
            return DeviceAddress(entry.device.value &+ (address.value &- entry.physical.value))
        }
        return nil
    }

    mutating func readRegions() throws(CoprocessorNodeError) {
        configuration.memoryRegions = []
        guard let list = node.references("memory-region", arguments: 0) else {
            warn(node, "memory-region", "nothing, so Linux has no memory to load firmware to")
            return
        }
        guard list.entries.count <= Self.mostEntries else {
            throw .tree(.property(PropertyFault(node, "memory-region", seen: "\(list.entries.count) regions", allowed: "at most \(Self.mostEntries), as many as Linux reserves")))
        }
        for entry in list.entries { configuration.memoryRegions.append(try region(entry.node)) }
        if let fault = list.fault { warn(fault, "Linux stops reading there: what is behind it is no carveout") }
    }

    private mutating func region(_ memory: Node) throws(CoprocessorNodeError) -> MemoryRegion {
        var ranges: [AddressRange] = []
        var isReserved = true
        func unusable(_ fault: PropertyFault, _ reader: inout NodeReader) {
            reader.warn(fault, "the kernel does not reserve it, and a boot ends at \"unable to acquire memory-region\"")
            isReserved = false
        }
        do throws(PropertyFault) { ranges = try memory.registers() ?? [] } catch { unusable(error, &self) }
        if ranges.isEmpty && isReserved {
            unusable(PropertyFault(memory, "reg", seen: "nothing", allowed: "an address and a size: memory that the kernel places itself is not the M4's"), &self)
        }
        if isReserved, let fault = Self.outsideReservedMemory(memory) { unusable(fault, &self) }
        if isReserved, let off = memory.disabledAt {
            unusable(PropertyFault(off, "status", seen: "\"\(off.status ?? "")\"", allowed: "\"okay\", or none"), &self)
        }
        if ranges.count > 1 { warn(memory, "reg", "\(ranges.count) ranges, of which Linux takes the first") }
        let first = ranges.first ?? AddressRange(start: 0, size: 0)
        guard let start = UInt32(exactly: first.start), let size = UInt32(exactly: first.size), UInt64(start) + UInt64(size) <= 1 << 32, size > 0 || ranges.isEmpty, size <= largestRegion
        else {
            throw .tree(.property(PropertyFault(
                memory, "reg", seen: "0x\(String(first.size, radix: 16)) bytes at 0x\(String(first.start, radix: 16))", allowed: "a size that is not 0 and at most \(largestRegion >> 20) MiB, and ends below 2^32")))
        }
        var region = MemoryRegion(memory.baseName, start, size: size)
        region.isReserved = isReserved
        region.isPool = memory.isCompatible("shared-dma-pool") && memory.has("no-map")
        if memory.name != region.nodeName {
            region.unitName = memory.name
            if !ranges.isEmpty { warn(memory, "reg", "begins at 0x\(String(start, radix: 16)), which is not the node's unit address") }
        }
        if memory.baseName == "vdev0buffer", !region.isPool {
            warn(memory, "compatible", "no \"shared-dma-pool\" with no-map: a boot of firmware with rpmsg ends at \"Can't associate reserved memory\"")
        }
        return region
    }

    /// Why the kernel does not look at a node for reserved memory. Source: Linux `of_reserved_mem.c`.
    private static func outsideReservedMemory(_ memory: Node) -> PropertyFault? {
        guard let parent = memory.parent, parent.path == "/reserved-memory" else {
            return PropertyFault(memory, "reg", seen: "a node below \(memory.parent?.path ?? "/")", allowed: "one below /reserved-memory")
        }
        guard parent.has("ranges") else { return PropertyFault(parent, "ranges", seen: "nothing", allowed: "an empty property") }
        guard let root = parent.parent else { return nil }
        for name in ["#address-cells", "#size-cells"] {
            let inner = (try? parent.cell(name)) ?? nil, outer = (try? root.cell(name)) ?? nil
            guard inner == outer else {
                return PropertyFault(parent, name, seen: inner.map(String.init) ?? "nothing", allowed: outer.map(String.init) ?? "nothing, as the root has none")
            }
        }
        return nil
    }

    // MARK: Checks

    mutating func checkRegions(_ addresses: [DeviceAddress?]) {
        let regions = configuration.memoryRegions
        for (index, region) in regions.enumerated() where region.range.size > 0 {
            let path = "/reserved-memory/\(region.nodeName)"
            if addresses[index] == nil {
                warnings.append("\(path): reg: \(region.range) begins in no entry of dma-ranges: a boot ends at \"memory region not valid \(region.range.start)\"")
            } else if !isTranslatedWhole(region.range) {
                warnings.append("\(path): reg: \(region.range) ends outside of the entry of dma-ranges that it begins in; Linux does not look, OP-TEE refuses it")
            }
            if let memory = chip.memory(holding: region.range) {
                if memory == chip.externalMemory { warnings.append("\(path): reg: \(region.range) is \(memory.name), which this machine has with --ddr only") }
            } else {
                warnings.append("\(path): reg: \(region.range) is not inside \(chip.memoryNames): nothing answers there")
            }
            for other in regions[..<index] where other.range.size > 0 {
                if other.range.overlaps(region.range) {
                    warnings.append("\(path): reg: \(region.range) overlaps \(other.nodeName) at \(other.range)")
                } else if folded(other.range).overlaps(folded(region.range)), !isAlias(region.range, other.range) {
                    let memory = chip.memory(holding: PhysicalRange(start: folded(region.range).start, size: 1))?.name ?? "the memory"
                    warnings.append("\(path): reg: \(region.range) is in part the memory of \(other.nodeName) at \(other.range), by \(memory)'s other address")
                }
            }
        }
        for name in Set(regions.map(\.name)).sorted() where regions.filter({ $0.name == name }).count > 1 {
            warnings.append("\(node.path): memory-region: \(name) twice: Linux finds the first by its name")
        }
    }

    /// All of a region seen by both addresses is what every tree of ST's has.
    private func isAlias(_ a: PhysicalRange, _ b: PhysicalRange) -> Bool { folded(a) == folded(b) }
    private func folded(_ range: PhysicalRange) -> PhysicalRange { chip.aliases.folded(range) }

    private func isTranslatedWhole(_ range: PhysicalRange) -> Bool {
        configuration.translations.contains { PhysicalRange(start: $0.physical, size: $0.size).contains(range.start, count: Int(range.size)) }
    }

    /// Where OP-TEE would load firmware to, when it would take the node too; one that it cannot use is worth a warning.
    mutating func secureMemory() -> ProcessorMemory? {
        guard SecureNode.takes(node, chip) else { return nil }
        do throws(PropertyFault) { return try SecureNode.memory(of: node, chip) } catch {
            warn(error, "OP-TEE does not take the node")
            return nil
        }
    }
}
