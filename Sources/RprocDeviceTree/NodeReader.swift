// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import DeviceTree
import MachineBase
import RprocHost
import SecureLoader

/// Reads the coprocessor's node in the order of the driver's probe.
struct NodeReader {
    let node: Node
    let binding: CoprocessorNode.Binding
    var configuration: HostConfiguration
    var warnings: [String] = []
    var chip: SoCDescription { configuration.chip }

    static func read(_ tree: DeviceTree, _ chip: SoCDescription) throws(CoprocessorNodeError) -> CoprocessorNode {
        let nodes = tree.nodes
        let known = chip.deviceTree.coprocessorCompatibles
        let found = nodes.filter { node in node.compatible.contains { known.contains($0) } }
        let model = (try? tree.root.strings("model"))??.first ?? ""
        guard let node = found.first(where: { $0.disabledAt == nil }) ?? found.first else { throw .noNode(model: model, nodes: nodes.count, allowed: known) }
        if let place = node.disabledAt { throw .disabled(node: node.path, at: place.path, status: place.status ?? "") }

        let binding = Self.binding(of: node, chip.deviceTree)
        let sequences = Self.sequences(binding, node)
        var reader = NodeReader(node: node, binding: binding, configuration: HostConfiguration(bootSequence: sequences.first ?? .elf, chip: chip))
        let others = found.filter { $0 != node && $0.disabledAt == nil }
        if !others.isEmpty { reader.warnings.append("\(others.prefix(4).map(\.path).joined(separator: ", ")): a further coprocessor, which this machine has not") }
        return try reader.read(model, sequences)
    }

    private static func binding(of node: Node, _ names: DeviceTreeNames) -> CoprocessorNode.Binding {
        switch node.compatible.first(where: names.coprocessorCompatibles.contains) {
        case names.coprocessorBelowTEE: .teeChild
        case names.secureCoprocessor: node.has("rproc-tee-phandle") ? .teePhandle : .tee
        default: node.has("st,rproc-tee") ? .linuxWithTEE : .linux
        }
    }

    private static func sequences(_ binding: CoprocessorNode.Binding, _ node: Node) -> [BootSequence] {
        switch binding {
        case .linux: [.elf]
        case .linuxWithTEE, .teePhandle, .teeChild: [.teeOps]
        // The identifier came with version 6; a driver of version 3 does not look at it.
        case .tee: node.has("st,proc-id") ? [.teeOps, .teeV3] : [.teeV3, .teeOps]
        }
    }

    private mutating func read(_ model: String, _ sequences: [BootSequence]) throws(CoprocessorNodeError) -> CoprocessorNode {
        configuration.name = node.baseName
        configuration.driver = binding.driver
        configuration.platformDevice = Self.platformDevice(node)
        configuration.firmware = "rproc-\(node.baseName)-fw"
        if let name = try property({ (node) throws(PropertyFault) in try node.strings("firmware-name") })?.first {
            guard !name.isEmpty else { throw .tree(.property(PropertyFault(node, "firmware-name", seen: "an empty name", allowed: "a file below /lib/firmware"))) }
            configuration.firmware = name
        }
        configuration.autoBoot = node.has("st,auto-boot")
        if let parent = node.parent, parent.parent != nil, binding != .teeChild, !parent.isCompatible("simple-bus") {
            warn(parent, "compatible", "no \"simple-bus\": Linux makes no devices of what is below it")
        }
        try readIdentifier()
        try readWatchdog()
        let holdBoot = try readRegisters()
        try readTranslations()
        try readMailboxes()
        try readRegions()
        let addresses = configuration.memoryRegions.map { deviceAddress($0.range.start) }
        checkRegions(addresses)
        let secure = secureMemory()
        return CoprocessorNode(
            path: node.path, compatible: node.compatible, binding: binding, model: model, bootSequences: sequences, deviceAddresses: addresses,
            holdBoot: holdBoot, secureMemory: secure, warnings: warnings, configuration: configuration)
    }

    /// The name that Linux gives the platform device: address and name, or, without an address of the processor's, the way to it.
    private static func platformDevice(_ node: Node) -> String {
        var suffix = "", place: Node? = node
        while let here = place, let parent = here.parent {
            if let first = (try? here.registers())??.first, let address = (try? here.translate(first.start)) ?? nil {
                return String(address, radix: 16) + "." + here.baseName + suffix
            }
            suffix = suffix.isEmpty ? here.name : ":" + here.name + suffix
            if !suffix.hasPrefix(":") && parent.parent != nil { suffix = ":" + suffix }
            place = parent
        }
        return suffix.hasPrefix(":") ? String(suffix.dropFirst()) : suffix
    }

    // MARK: Complaints

    mutating func warn(_ node: Node, _ property: String, _ text: String) { warnings.append("\(node.path): \(property): \(text)") }
    mutating func warn(_ fault: PropertyFault, _ consequence: String) { warnings.append("\(fault); \(consequence)") }

    /// A property that nobody could read is an error of the tree.
    func property<R>(_ body: (Node) throws(PropertyFault) -> R) throws(CoprocessorNodeError) -> R {
        do throws(PropertyFault) { return try body(node) } catch { throw .tree(.property(error)) }
    }

    /// The driver gives up: `message` as it logs it, with the errno in it where `dev_err_probe` puts it.
    func refuse(_ fault: PropertyFault, _ errno: Errno, _ message: String, probe: Bool = false) -> CoprocessorNodeError {
        let device = "\(configuration.driver.rawValue) \(configuration.platformDevice)"
        return .probe(fault, errno, log: "\(device): \(probe ? "error -\(errno.name): " : "")\(message)")
    }

    // MARK: OP-TEE's number of the processor

    private static let service = "80a4c275-0a47-4905-8285-1486a9771a08"

    private mutating func readIdentifier() throws(CoprocessorNodeError) {
        switch binding {
        case .linux: return
        case .tee:
            guard let id = try property({ (node) throws(PropertyFault) in try node.cell("st,proc-id") }) else { return }
            try check(id, "st,proc-id")
        case .teeChild:
            guard let id = try property({ (node) throws(PropertyFault) in try node.cells("reg") })?.first else {
                throw refuse(PropertyFault(node, "reg", seen: "nothing", allowed: "\(chip.coprocessor.teeProcessor), OP-TEE's number of the processor"), .invalid, "invalid reg on \(node.path)")
            }
            try check(id, "reg")
            if let parent = node.parent, !parent.compatible.contains(where: { $0.contains(Self.service) }) {
                warn(parent, "compatible", "not OP-TEE's remoteproc service \(Self.service): Linux makes no device of what is below it")
            }
        case .linuxWithTEE: try checkService("st,rproc-tee")
        case .teePhandle: try checkService("rproc-tee-phandle")
        }
    }

    private func checkService(_ name: String) throws(CoprocessorNodeError) {
        let list = node.references(name, arguments: 1)
        guard let entry = list?.entries.first, let id = entry.arguments.first else {
            let fault = list?.fault ?? PropertyFault(node, name, seen: "nothing", allowed: "a phandle and the processor's number")
            throw refuse(fault, .invalid, "failed to parse \(name)", probe: true)
        }
        guard entry.node.disabledAt == nil, entry.node.isCompatible(Self.service) else {
            let seen = entry.node.disabledAt.map { "\($0.path), whose status is \"\($0.status ?? "")\"" } ?? "\(entry.node.path), compatible \(entry.node.compatible)"
            throw .probe(PropertyFault(node, name, seen: seen, allowed: "an available node of OP-TEE's service, compatible \"\(Self.service)\""), .probeDefer, log: nil)
        }
        try check(id, name)
    }

    private func check(_ id: UInt32, _ name: String) throws(CoprocessorNodeError) {
        let known = chip.coprocessor.teeProcessor
        guard id == known else {
            throw refuse(
                PropertyFault(node, name, seen: "processor \(id)", allowed: "\(known): OP-TEE on the \(chip.family) has one"), .noDevice,
                "signed firmware not supported by TEE", probe: true)
        }
    }

    // MARK: Watchdog

    private mutating func readWatchdog() throws(CoprocessorNodeError) {
        configuration.watchdogInterrupt = nil
        let interrupt: Reference?
        do throws(PropertyFault) { interrupt = try node.interrupt() } catch {
            warn(error, "Linux goes on without the watchdog's interrupt")
            return
        }
        guard let interrupt, let line = interrupt.arguments.first else { return }
        configuration.watchdogInterrupt = line
        let usual = chip.coprocessor.watchdogReset.number
        if line != usual || !interrupt.node.compatible.contains(where: { $0.hasSuffix(chip.deviceTree.interruptControllerSuffix) }) {
            warn(node, "interrupts", "line \(line) of \(interrupt.node.path): the M4's watchdog reset is line \(usual) of the EXTI, so no watchdog crash will be noticed")
            if line == usual { configuration.watchdogInterrupt = .max }
        }
    }
}
