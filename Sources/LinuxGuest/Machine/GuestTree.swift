// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceTree
import MachineBase
import RprocHost

/// The guest's device tree: what is used of QEMU's `virt` machine, and the coprocessor as m4run's own configuration has it.
///
/// The machine's nodes are written here instead of dumped from QEMU: its addresses and interrupts do not change between releases, a dump costs a
/// run of QEMU, and most of it (flash, GPIO, thirty virtio slots, the PCI bridge that must not move our memories) is not wanted.
///
/// Source: QEMU hw/arm/virt.c; bindings st,stm32-rproc.yaml, st,stm32-ipcc.yaml, st,stm32-rcc.yaml, syscon.yaml; Linux 6.1's stm32_rproc.c.
struct GuestTree {
    let layout: GuestLayout
    let configuration: HostConfiguration
    /// virtio devices, by their slots from 0 on.
    let virtioSlots: Int
    /// For the kernel's random numbers.
    let seed: [UInt8]

    private enum Phandle: UInt32 {
        case gic = 1, clock, ipcc, resets
        static let firstBlock: UInt32 = 16, firstRegion: UInt32 = 64
    }
    private static let level: UInt32 = 4, rising: UInt32 = 1

    /// - Throws: `.layout` for registers that no driver could be told of, `.tree` when libfdt refuses.
    func blob() throws(GuestError) -> [UInt8] {
        let root = NewNode(
            "", ["#address-cells": .cell(1), "#size-cells": .cell(1), "compatible": .string("linux,dummy-virt"),
                "model": .string("m4run, a guest beside the Cortex-M4"), "interrupt-parent": .cell(Phandle.gic.rawValue)],
            machine + [reservedMemory, try soc(), try bus()])
        do throws(DeviceTreeError) { return try DeviceTree.blob(root) } catch { throw .tree(error) }
    }

    // MARK: QEMU's machine

    private var machine: [NewNode] {
        let clocks = NewProperty.cells([Phandle.clock.rawValue, Phandle.clock.rawValue])
        var nodes = [
            NewNode("chosen", ["stdout-path": .string("/pl011@9000000"), "rng-seed": .bytes(seed)]),
            NewNode("aliases", ["serial0": .string("/pl011@9000000")]),
            NewNode("cpus", ["#address-cells": .cell(1), "#size-cells": .cell(0)], [
                NewNode("cpu@0", ["device_type": .string("cpu"), "compatible": .string("arm,cortex-a15"), "reg": .cell(0), "enable-method": .string("psci")])
            ]),
            NewNode("memory@40000000", ["device_type": .string("memory"), "reg": .cells([GuestLayout.ramStart, GuestLayout.linuxMemory])]),
            NewNode("psci", ["compatible": .strings(["arm,psci-1.0", "arm,psci-0.2"]), "method": .string("hvc")]),
            NewNode("timer", [
                "compatible": .string("arm,armv7-timer"), "always-on": .flag,
                // Secure, non-secure, virtual, hypervisor; of processor 0.
                "interrupts": .cells([1, 13, 0x104, 1, 14, 0x104, 1, 11, 0x104, 1, 10, 0x104]),
            ]),
            NewNode("intc@8000000", [
                "compatible": .string("arm,cortex-a15-gic"), "interrupt-controller": .flag, "#interrupt-cells": .cell(3), "#address-cells": .cell(0),
                "reg": .cells([GuestLayout.gicDistributor, 0x1_0000, GuestLayout.gicCPU, 0x1_0000]), "phandle": .cell(Phandle.gic.rawValue),
            ]),
            NewNode("apb-pclk", [
                "compatible": .string("fixed-clock"), "#clock-cells": .cell(0), "clock-frequency": .cell(GuestLayout.systemClock),
                "phandle": .cell(Phandle.clock.rawValue),
            ]),
            NewNode("pl011@9000000", [
                "compatible": .strings(["arm,pl011", "arm,primecell"]), "reg": .cells([GuestLayout.uart, GuestLayout.page]),
                "interrupts": Self.shared(GuestLayout.uartInterrupt, Self.level), "clocks": clocks, "clock-names": .strings(["uartclk", "apb_pclk"]),
            ]),
            NewNode("pl031@9010000", [
                "compatible": .strings(["arm,pl031", "arm,primecell"]), "reg": .cells([GuestLayout.clock, GuestLayout.page]),
                "interrupts": Self.shared(GuestLayout.clockInterrupt, Self.level), "clocks": .cell(Phandle.clock.rawValue),
                "clock-names": .string("apb_pclk"),
            ]),
        ]
        for slot in 0..<UInt32(clamping: virtioSlots) {
            let address = GuestLayout.virtio + slot * GuestLayout.virtioSize
            nodes.append(
                NewNode("virtio_mmio@\(String(address, radix: 16))", [
                    "compatible": .string("virtio,mmio"), "reg": .cells([address, GuestLayout.virtioSize]), "dma-coherent": .flag,
                    "interrupts": Self.shared(GuestLayout.virtioInterrupt + slot, Self.rising),
                ]))
        }
        return nodes
    }

    private static func shared(_ number: some BinaryInteger, _ kind: UInt32) -> NewProperty { .cells([0, UInt32(clamping: number), kind]) }

    // MARK: The board's

    private var reservedMemory: NewNode {
        var nodes = configuration.memoryRegions.enumerated().filter { $0.element.isReserved }.map { index, region in
            var node = NewNode(
                region.nodeName, ["reg": .cells([region.range.start.value, region.range.size]), "no-map": .flag,
                    "phandle": .cell(Phandle.firstRegion + UInt32(index))])
            if region.isPool { node.set("compatible", .string("shared-dma-pool")) }
            return node
        }
        nodes += layout.registerPages.map {
            NewNode("registers@\(String($0, radix: 16))", ["reg": .cells([$0, GuestLayout.page]), "no-map": .flag])
        }
        return NewNode("reserved-memory", ["#address-cells": .cell(1), "#size-cells": .cell(1), "ranges": .flag], nodes)
    }

    /// A system controller for each page of registers. That of the reset line is the reset controller, too: the RCC.
    private var blocks: [UInt32: UInt32] {
        let mailbox = layout.chip.mailbox.base.value
        let pages = layout.registerPages.filter { $0 != mailbox }
        return Dictionary(uniqueKeysWithValues: pages.enumerated().map { ($1, Phandle.firstBlock + UInt32($0)) })
    }

    private func soc() throws(GuestError) -> NewNode {
        let chip = layout.chip, mailbox = chip.mailbox
        var nodes = [
            NewNode("mailbox@\(String(mailbox.base.value, radix: 16))", [
                "compatible": .string(chip.deviceTree.mailbox), "reg": .cells([mailbox.base.value, mailbox.size]), "#mbox-cells": .cell(1),
                // 0 is this side's processor.
                "st,proc-id": .cell(0), "clocks": .cell(Phandle.clock.rawValue), "phandle": .cell(Phandle.ipcc.rawValue),
                "interrupts": .cells([0, UInt32(GuestLayout.receiveInterrupt), Self.level, 0, UInt32(GuestLayout.transmitInterrupt), Self.level]),
                "interrupt-names": .strings(["rx", "tx"]),
            ])
        ]
        let reset = Self.page(configuration.registers.reset)
        for (page, phandle) in blocks.sorted(by: { $0.key < $1.key }) {
            nodes.append(
                NewNode("syscon@\(String(page, radix: 16))", [
                    // The reset driver without data sets a bit to assert, as the RCC's MP_GRSTCSETR wants it.
                    "compatible": .strings(page == reset ? ["st,stm32-rcc", "syscon"] : ["syscon"]), "reg": .cells([page, GuestLayout.page]),
                    "#reset-cells": .cell(1), "phandle": .cell(phandle),
                ]))
        }
        return NewNode("soc", ["compatible": .string("simple-bus"), "#address-cells": .cell(1), "#size-cells": .cell(1), "ranges": .flag], nodes)
    }

    /// The bus on which the M4 is a master, with its node.
    private func bus() throws(GuestError) -> NewNode {
        let registers = configuration.registers, names = layout.chip.deviceTree, secure = layout.chip.coprocessor.secureControl
        let start = UInt32(configuration.platformDevice.prefix { $0 != "." }, radix: 16) ?? names.nodeRange.start.value
        var node = NewNode("\(configuration.name)@\(String(start, radix: 16))", [
            "compatible": .string(names.coprocessor), "reg": .cells([start, names.nodeRange.size]), "reset-names": .string("mcu_rst"),
            "st,syscfg-holdboot": try field(registers.holdBoot),
            // Linux 6.1 demands it, and where it reads 0 the RCC is not for the secure world alone.
            "st,syscfg-tz": try field(
                SystemRegister(Self.page(registers.holdBoot) | secure.address.value & (GuestLayout.page - 1), mask: secure.mask)),
        ])
        guard let resets = blocks[Self.page(registers.reset)], registers.reset.mask.nonzeroBitCount == 1 else {
            throw .layout("reset \(registers.reset): a reset line is one bit of a word")
        }
        let line = (registers.reset.address.value & (GuestLayout.page - 1)) * 8 + UInt32(registers.reset.mask.trailingZeroBitCount)
        node.set("resets", .cells([resets, line]))
        if let register = registers.powerDown { node.set("st,syscfg-pdds", try field(register)) }
        if let register = registers.resourceTable { node.set("st,syscfg-rsc-tbl", try field(register)) }
        if let register = registers.m4State { node.set("st,syscfg-m4-state", try field(register)) }
        let regions = configuration.memoryRegions.enumerated().filter { $0.element.isReserved }
        if !regions.isEmpty { node.set("memory-region", .cells(regions.map { Phandle.firstRegion + UInt32($0.offset) })) }
        let mailboxes = configuration.mailboxes.named.compactMap { name, channel in channel.map { (name, UInt32(clamping: $0)) } }
        if !mailboxes.isEmpty {
            node.set("mboxes", .cells(mailboxes.flatMap { [Phandle.ipcc.rawValue, $0.1] }))
            node.set("mbox-names", .strings(mailboxes.map(\.0)))
        }
        if configuration.watchdogInterrupt != nil { node.set("interrupts", Self.shared(GuestLayout.watchdogInterrupt, Self.rising)) }
        if configuration.firmware != "rproc-\(configuration.name)-fw" { node.set("firmware-name", .string(configuration.firmware)) }
        if configuration.autoBoot { node.set("st,auto-boot", .flag) }
        let ranges = configuration.translations.flatMap { [$0.device.value, $0.physical.value, $0.size] }
        return NewNode("ahb", [
            "compatible": .strings(["st,mlahb", "simple-bus"]), "#address-cells": .cell(1), "#size-cells": .cell(1), "ranges": .flag,
            "dma-ranges": .cells(ranges),
        ], [node])
    }

    private static func page(_ register: SystemRegister) -> UInt32 { register.address.value & ~(GuestLayout.page - 1) }

    private func field(_ register: SystemRegister) throws(GuestError) -> NewProperty {
        guard let phandle = blocks[Self.page(register)] else { throw .layout("register \(register): it shares the IPCC's page") }
        return .cells([phandle, register.address.value & (GuestLayout.page - 1), register.mask])
    }
}
