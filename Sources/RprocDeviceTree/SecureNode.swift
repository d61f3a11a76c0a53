// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import DeviceTree
import MachineBase
import RprocHost
import SecureLoader

/// The coprocessor's node as OP-TEE's driver reads it: the memory it may load firmware into. Source: OP-TEE stm32_remoteproc, probe.
public enum SecureNode {
    /// - Throws: `.noNode`, `.disabled`, `.secureWorld` with what is not as OP-TEE needs it.
    public static func memory(_ tree: DeviceTree, chip: SoCDescription = .stm32mp157) throws(CoprocessorNodeError) -> ProcessorMemory {
        let names = chip.deviceTree
        let found = tree.nodes.filter { $0.isCompatible(names.secureCoprocessor) }
        guard let node = found.first(where: { $0.disabledAt == nil }) ?? found.first else {
            if let other = tree.nodes.first(where: { $0.isCompatible(names.coprocessor) }) {
                throw .secureWorld(PropertyFault(other, "compatible", seen: "\(other.compatible)", allowed: "\"\(names.secureCoprocessor)\""))
            }
            throw .noNode(model: ((try? tree.root.strings("model")) ?? nil)?.first ?? "", nodes: tree.nodes.count, allowed: names.coprocessorCompatibles)
        }
        if let place = node.disabledAt { throw .disabled(node: node.path, at: place.path, status: place.status ?? "") }
        do throws(PropertyFault) { return try memory(of: node, chip) } catch { throw .secureWorld(error) }
    }

    /// Whether OP-TEE's driver would take the node: its compatible, and the two reset lines that it drives.
    static func takes(_ node: Node, _ chip: SoCDescription) -> Bool {
        let names = ((try? node.strings("reset-names")) ?? nil) ?? []
        return node.isCompatible(chip.deviceTree.secureCoprocessor) && names.contains("mcu_rst") && names.contains("hold_boot")
    }

    static func memory(of node: Node, _ chip: SoCDescription) throws(PropertyFault) -> ProcessorMemory {
        let names = try node.strings("reset-names") ?? []
        for name in ["mcu_rst", "hold_boot"] where !names.contains(name) {
            throw PropertyFault(node, "reset-names", seen: "\(names)", allowed: "mcu_rst and hold_boot")
        }
        guard let list = node.references("memory-region", arguments: 0) else {
            throw PropertyFault(node, "memory-region", seen: "nothing", allowed: "phandles of reserved memory")
        }
        if let fault = list.fault { throw fault }
        var reserved: [(name: String, range: PhysicalRange, use: ProcessorMemory.Use)] = []
        for entry in list.entries {
            guard let reg = try entry.node.registers()?.first, let start = UInt32(exactly: reg.start), let size = UInt32(exactly: reg.size) else {
                throw PropertyFault(entry.node, "reg", seen: "nothing, or beyond 2^32", allowed: "an address and a size")
            }
            reserved.append((entry.node.baseName, PhysicalRange(start: PhysicalAddress(start), size: size), use(entry.node.baseName)))
        }
        var translations: [AddressTranslation]?
        if let bus = node.parent, let cells = try bus.cells("dma-ranges") {
            // In threes, whatever the cells of the bus are.
            guard cells.count % 3 == 0 else { throw PropertyFault(bus, "dma-ranges", seen: "\(cells.count) cells", allowed: "a multiple of 3") }
            translations = stride(from: 0, to: cells.count, by: 3).map {
                AddressTranslation(device: DeviceAddress(cells[$0]), physical: PhysicalAddress(cells[$0 + 1]), size: cells[$0 + 2])
            }
        }
        do throws(ProcessorMemoryError) { return try ProcessorMemory(reserved: reserved, dmaRanges: translations, aliases: chip.aliases) } catch {
            throw PropertyFault(node, "memory-region", seen: "\(error)", allowed: "regions inside one entry of dma-ranges each")
        }
    }

    /// By name, as nothing else in the tree says it: rings, buffers and what is called shared memory are for both sides.
    private static func use(_ name: String) -> ProcessorMemory.Use {
        name.hasPrefix("vdev") || name.contains("shm") || name.contains("shared") || name.contains("ipc") ? .shared : .firmware
    }
}
