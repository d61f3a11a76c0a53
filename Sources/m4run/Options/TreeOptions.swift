// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import DeviceTree
import MachineBase
import RprocDeviceTree
import RprocHost
import SecureLoader
import VirtualMP1

/// What `--boot`, `--dtb` and `--optee-dtb` come to.
struct TreeOptions {
    let boot: BootSequence
    /// Where neither --boot nor a device tree says one.
    static let usualBoot = BootSequence.teeV3
    private let linux: HostConfiguration?
    private let secureMemory: ProcessorMemory?

    init(_ options: Run.BootOptions) throws {
        var secureMemory: ProcessorMemory?
        if let path = options.dtb {
            let tree = try Self.tree(path)
            let node = try Self.named(path) { () throws(CoprocessorNodeError) in try CoprocessorNode(tree, chip: .chosen) }
            let configuration = try Self.named(path) { () throws(CoprocessorNodeError) in try node.hostConfiguration(options.requested) }
            boot = configuration.bootSequence
            if options.requested == nil, !boot.usesTEE, options.wantsTEE {
                throw UsageError(
                    "\(path): \(node.path): \(node.why): this is a node for --boot elf, in which OP-TEE takes no part; "
                        + "--key, --unverified, --accept-ecdsa, --isolation and --optee-dtb are for OP-TEE", see: .page(.boot))
            }
            linux = configuration
            secureMemory = node.secureMemory
            for warning in node.warnings { Console.note("\(path): \(warning)", .warning) }
        } else {
            boot = options.requested ?? Self.usualBoot
            linux = nil
        }
        if let path = options.opteeDtb {
            let tree = try Self.tree(path)
            secureMemory = try Self.named(path) { () throws(CoprocessorNodeError) in try SecureNode.memory(tree, chip: .chosen) }
        }
        self.secureMemory = secureMemory
    }

    func apply(to configuration: inout SystemConfiguration) {
        if let linux { configuration.linux = linux }
        if let secureMemory { configuration.secureMemory = secureMemory }
    }

    static func tree(_ path: String) throws -> DeviceTree {
        let blob = try InputFile.read(path)
        if let hint = sourceHint(path, blob) { throw UsageError(hint, see: .page(.dt)) }
        do throws(DeviceTreeError) { return try DeviceTree(blob) } catch { throw UsageError("\(path): \(error)", see: .page(.dt)) }
    }

    /// What to do with a device tree's source; nil for anything else.
    private static func sourceHint(_ path: String, _ bytes: [UInt8]) -> String? {
        let isNamedSource = [".dts", ".dtsi", ".dtso"].contains { path.hasSuffix($0) }
        let isBlob = bytes.starts(with: [0xD0, 0x0D, 0xFE, 0xED])
        guard !isBlob, isNamedSource || String(decoding: bytes.prefix(4096), as: UTF8.self).contains("/dts-v1/") else { return nil }
        let stem = isNamedSource ? path[..<(path.lastIndex(of: ".") ?? path.endIndex)] : path[...]
        let name = ForeignText.line(path), blob = ForeignText.line(stem) + ".dtb"
        let compile = String(decoding: bytes, as: UTF8.self).contains("#include")
            ? "cpp -nostdinc -undef -x assembler-with-cpp -I INCLUDES \(name) | dtc -I dts -O dtb -o \(blob)" : "dtc -I dts -O dtb -o \(blob) \(name)"
        return "\(name): the source of a device tree; compile it first: \(compile)"
    }

    /// The tree's regions of DDR, when the M4 has none there.
    func missingDDR(_ mebibytes: UInt32) -> String? {
        let chip = SoCDescription.chosen, start = UInt64(chip.externalStart.value)
        let end = start + UInt64(mebibytes) << 20
        let regions = (linux?.memoryRegions ?? []).filter {
            UInt64($0.range.start.value) >= start && UInt64($0.range.start.value) + UInt64($0.range.size) > end
        }
        guard !regions.isEmpty else { return nil }
        let last = regions.map { UInt64($0.range.start.value) + UInt64($0.range.size) }.max() ?? 0
        let needed = (last - start + (1 << 20) - 1) >> 20
        let names = regions.map { ForeignText.line($0.name) + " (\($0.range))" }.joined(separator: ", ")
        let way = needed <= UInt64(chip.mostExternal) ? "--ddr \(needed) gives it" : "--ddr gives it \(chip.mostExternal) MiB at most, from \(chip.externalStart) on"
        return "\(names): DDR, of which the M4 has \(mebibytes == 0 ? "none" : "\(mebibytes) MiB") here; \(way)"
    }

    /// The file's name before what is wrong with it.
    private static func named<R>(_ path: String, _ body: () throws(CoprocessorNodeError) -> R) throws -> R {
        do throws(CoprocessorNodeError) { return try body() } catch { throw UsageError("\(path): \(error)", see: .page(.dt)) }
    }
}
