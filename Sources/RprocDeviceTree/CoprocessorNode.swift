// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import DeviceTree
import MachineBase
import RprocHost
import SecureLoader

/// The Cortex-M4's node of a device tree as Linux's driver reads it, and, where the tree is OP-TEE's, as OP-TEE's does.
///
/// Source: Linux `stm32_rproc.c` and bindings `st,stm32-rproc.yaml`; the "remoteproc TEE" patch series; OP-TEE stm32_remoteproc.
public struct CoprocessorNode: Sendable {
    /// What the node looks like, which says whose driver takes it.
    public enum Binding: Sendable, CaseIterable {
        /// `DeviceTreeNames.coprocessor`: mainline, which loads ELF files itself.
        case linux
        /// The same with `st,rproc-tee`: version 22 of the series.
        case linuxWithTEE
        /// `DeviceTreeNames.secureCoprocessor`: versions 1 to 19.
        case tee
        /// The same with `rproc-tee-phandle`: version 21.
        case teePhandle
        /// `DeviceTreeNames.coprocessorBelowTEE` below OP-TEE's node: version 20.
        case teeChild

        var driver: PlatformDriver { self == .teePhandle || self == .teeChild ? .stm32RprocTEE : .stm32Rproc }
        /// Whether Linux itself holds and resets the core.
        var hasResets: Bool { self == .linux }
    }

    public let path: String
    public let compatible: [String]
    public let binding: Binding
    /// `/model`
    public let model: String
    /// Boot sequences that fit the node, the likeliest first.
    public let bootSequences: [BootSequence]
    /// Device addresses of `configuration.memoryRegions`; nil where Linux will say "memory region not valid".
    public let deviceAddresses: [DeviceAddress?]
    /// Where the driver takes the hold boot from: "st,syscfg-holdboot", "resets", "OP-TEE".
    public let holdBoot: String
    /// What OP-TEE would load firmware into; nil when the node has not what OP-TEE's driver needs.
    public let secureMemory: ProcessorMemory?
    /// What Linux passes over, or complains of and goes on, and what this machine does otherwise than the tree says.
    public let warnings: [String]
    /// As the tree has it, with the first of `bootSequences`.
    public let configuration: HostConfiguration

    /// The Linux side of this node.
    /// - Parameter boot: what was asked for; nil for what the tree says.
    /// - Throws: `.contradiction` when the node is for another boot sequence.
    public func hostConfiguration(_ boot: BootSequence? = nil) throws(CoprocessorNodeError) -> HostConfiguration {
        var result = configuration
        guard let boot else { return result }
        guard bootSequences.contains(boot) else { throw .contradiction(node: path, seen: why, asked: boot, allowed: bootSequences) }
        result.bootSequence = boot
        return result
    }

    /// The property that decides the boot sequence, as a message has it.
    public var why: String {
        let names = configuration.chip.deviceTree
        return switch binding {
        case .linux: "compatible \"\(names.coprocessor)\" without st,rproc-tee"
        case .linuxWithTEE: "compatible \"\(names.coprocessor)\" with st,rproc-tee"
        case .tee: "compatible \"\(names.secureCoprocessor)\""
        case .teePhandle: "compatible \"\(names.secureCoprocessor)\" with rproc-tee-phandle"
        case .teeChild: "compatible \"\(names.coprocessorBelowTEE)\""
        }
    }

    /// The node that Linux would make a remoteproc of.
    /// - Throws: `.noNode`, `.disabled`, or `.probe` with what the kernel's driver says.
    public init(_ tree: DeviceTree, chip: SoCDescription = .stm32mp157) throws(CoprocessorNodeError) {
        self = try NodeReader.read(tree, chip)
    }

    /// The blob's bytes to its coprocessor.
    public init(blob: [UInt8], chip: SoCDescription = .stm32mp157) throws(CoprocessorNodeError) {
        let tree: DeviceTree
        do throws(DeviceTreeError) { tree = try DeviceTree(blob) } catch { throw .tree(error) }
        try self.init(tree, chip: chip)
    }

    init(
        path: String, compatible: [String], binding: Binding, model: String, bootSequences: [BootSequence], deviceAddresses: [DeviceAddress?],
        holdBoot: String, secureMemory: ProcessorMemory?, warnings: [String], configuration: HostConfiguration
    ) {
        self.path = path; self.compatible = compatible; self.binding = binding; self.model = model; self.bootSequences = bootSequences
        self.deviceAddresses = deviceAddresses; self.holdBoot = holdBoot; self.secureMemory = secureMemory; self.warnings = warnings
        self.configuration = configuration
    }
}
