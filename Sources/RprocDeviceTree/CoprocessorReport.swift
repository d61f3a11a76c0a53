// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import SecureLoader

/// What was understood of a device tree, as `m4run dt` shows it: text, or an object whose keys are always there.
public struct CoprocessorReport: Encodable, Sendable {
    struct Region: Encodable, Sendable {
        let name: String, node: String
        let physical: UInt32, size: UInt32
        let device: UInt32?
        let isReserved: Bool, isPool: Bool

        enum CodingKeys: CodingKey { case name, node, physical, size, device, isReserved, isPool }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .name)
            try container.encode(node, forKey: .node)
            try container.encode(physical, forKey: .physical)
            try container.encode(size, forKey: .size)
            try container.encode(device, forKey: .device)
            try container.encode(isReserved, forKey: .isReserved)
            try container.encode(isPool, forKey: .isPool)
        }
    }
    struct Translation: Encodable, Sendable { let device: UInt32, physical: UInt32, size: UInt32 }
    struct Mailbox: Encodable, Sendable {
        let name: String
        let channel: Int?

        enum CodingKeys: CodingKey { case name, channel }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .name)
            try container.encode(channel, forKey: .channel)
        }
    }
    struct Register: Encodable, Sendable { let name: String, address: UInt32, mask: UInt32 }
    struct SecureRegion: Encodable, Sendable { let name: String, physical: UInt32, size: UInt32, device: UInt32, shared: Bool }

    /// nil where the tree does not say, or is refused.
    let model: String?
    /// nil where the tree is refused.
    let node: String?
    let error: String?
    let compatible: [String]
    let boot: [String]
    let name: String?
    let device: String?
    let firmware: String?
    let autoBoot: Bool
    let watchdog: UInt32?
    /// Of the EXTI, on this chip.
    private let watchdogLine: UInt32
    let holdBoot: String?
    let regions: [Region]
    let translations: [Translation]
    let mailboxes: [Mailbox]
    let registers: [Register]
    let secureRegions: [SecureRegion]
    let warnings: [String]

    enum CodingKeys: CodingKey {
        case model, node, error, compatible, boot, name, device, firmware, autoBoot, watchdog, holdBoot, regions, translations, mailboxes, registers,
            secureRegions, warnings
    }

    /// Keys whose value is nothing are there, as null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(model, forKey: .model)
        try container.encode(node, forKey: .node)
        try container.encode(error, forKey: .error)
        try container.encode(compatible, forKey: .compatible)
        try container.encode(boot, forKey: .boot)
        try container.encode(name, forKey: .name)
        try container.encode(device, forKey: .device)
        try container.encode(firmware, forKey: .firmware)
        try container.encode(autoBoot, forKey: .autoBoot)
        try container.encode(watchdog, forKey: .watchdog)
        try container.encode(holdBoot, forKey: .holdBoot)
        try container.encode(regions, forKey: .regions)
        try container.encode(translations, forKey: .translations)
        try container.encode(mailboxes, forKey: .mailboxes)
        try container.encode(registers, forKey: .registers)
        try container.encode(secureRegions, forKey: .secureRegions)
        try container.encode(warnings, forKey: .warnings)
    }

    public init(_ coprocessor: CoprocessorNode) {
        let linux = coprocessor.configuration
        model = coprocessor.model.isEmpty ? nil : coprocessor.model
        node = coprocessor.path
        error = nil
        compatible = coprocessor.compatible
        boot = coprocessor.bootSequences.map(\.rawValue)
        name = linux.name
        device = linux.platformDevice
        firmware = linux.firmware
        autoBoot = linux.autoBoot
        watchdog = linux.watchdogInterrupt
        watchdogLine = linux.chip.coprocessor.watchdogReset.number
        holdBoot = coprocessor.holdBoot
        regions = zip(linux.memoryRegions, coprocessor.deviceAddresses).map { region, device in
            Region(
                name: region.name, node: region.nodeName, physical: region.range.start.value, size: region.range.size, device: device?.value,
                isReserved: region.isReserved, isPool: region.isPool)
        }
        translations = linux.translations.map { Translation(device: $0.device.value, physical: $0.physical.value, size: $0.size) }
        mailboxes = linux.mailboxes.named.map { Mailbox(name: $0.name, channel: $0.channel) }
        registers = Self.registers(coprocessor)
        secureRegions = Self.regions(coprocessor.secureMemory)
        warnings = coprocessor.warnings
    }

    /// The report on a tree of which Linux makes no coprocessor; it may be OP-TEE's own.
    public init(refused why: CoprocessorNodeError, secureMemory: ProcessorMemory?) {
        error = why.description
        secureRegions = Self.regions(secureMemory)
        (model, node, name, device, firmware, watchdog, watchdogLine, holdBoot) = (nil, nil, nil, nil, nil, nil, 0, nil)
        (compatible, boot, autoBoot) = ([], [], false)
        (regions, translations, mailboxes, registers, warnings) = ([], [], [], [], [])
    }

    private static func regions(_ memory: ProcessorMemory?) -> [SecureRegion] {
        (memory?.regions ?? []).map {
            SecureRegion(name: $0.name, physical: $0.physical.start.value, size: $0.physical.size, device: $0.device.value, shared: $0.use == .shared)
        }
    }

    private static func registers(_ coprocessor: CoprocessorNode) -> [Register] {
        guard coprocessor.binding.driver == .stm32Rproc else { return [] }
        let map = coprocessor.configuration.registers
        var all: [(String, SystemRegister?)] = coprocessor.binding.hasResets ? [("hold boot", map.holdBoot), ("reset", map.reset)] : []
        all += [("pdds", map.powerDown), ("m4 state", map.m4State), ("resource table", map.resourceTable)]
        return all.compactMap { name, register in register.map { Register(name: name, address: $0.address.value, mask: $0.mask) } }
    }

    // MARK: Text

    /// A line for each fact, a table for each list, and the warnings at the end.
    public var lines: [ReportLine] {
        guard let node else { return [ReportLine("Linux: \(error ?? "")", .warning)] + secureLines.map { ReportLine($0) } }
        var lines = ["\(node)\(model.map { "  (\($0))" } ?? "")"]
        func line(_ label: String, _ value: String) { lines.append("  " + Self.pad(label, 12) + value) }
        line("compatible", compatible.joined(separator: ", "))
        line("boot", (boot.first ?? "") + (boot.count > 1 ? "  (or --boot \(boot.dropFirst().joined(separator: ", "))" + ")" : ""))
        line("device", "\(device ?? ""), named \(name ?? "")")
        line("firmware", (firmware ?? "") + (autoBoot ? ", booted by the kernel itself (st,auto-boot)" : ", booted when user space says so"))
        line("hold boot", holdBoot ?? "")
        line("watchdog", watchdog.map { $0 == watchdogLine ? "EXTI line \(watchdogLine)" : "not the EXTI's line \(watchdogLine)" } ?? "none: such a crash goes unnoticed")
        line("mailboxes", mailboxes.map { "\($0.name) \($0.channel.map(String.init) ?? "none")" }.joined(separator: ", "))
        lines.append("  memory regions, in the order of the carveouts")
        for region in regions {
            var notes = region.isPool && region.name == "vdev0buffer" ? "  pool for buffers" : ""
            if !region.isReserved { notes += "  not reserved" }
            let place = region.device.map { "device \(hex32($0))" } ?? "no device address"
            lines.append("    \(Self.pad(region.name, 14))\(hex32(region.physical)) + 0x\(Self.pad(String(region.size, radix: 16), 8))\(place)\(notes)")
        }
        lines.append("  translations")
        for entry in translations { lines.append("    device \(hex32(entry.device)) is physical \(hex32(entry.physical)), 0x\(String(entry.size, radix: 16)) bytes") }
        if !registers.isEmpty { lines.append("  registers") }
        for register in registers { lines.append("    \(Self.pad(register.name, 16))\(hex32(register.address)) mask \(hex32(register.mask))") }
        lines += secureLines
        return lines.map { ReportLine($0) } + warnings.map { ReportLine("  warning: \($0)", .warning) }
    }
    /// The same in one, each line with its newline.
    public var text: String { lines.text }

    private var secureLines: [String] {
        guard !secureRegions.isEmpty else { return [] }
        return ["  OP-TEE loads firmware into"]
            + secureRegions.map { region in
                "    \(Self.pad(region.name, 14))\(hex32(region.physical)) + 0x\(Self.pad(String(region.size, radix: 16), 8))device \(hex32(region.device))"
                    + (region.shared ? "  shared" : "")
            }
    }

    private static func pad(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(1, width - text.count)) }
}
