// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceTree
import DeviceTreeFixtures
import Foundation
import MachineBase
import RprocDeviceTree
import RprocHost
import SecureLoader
import TestSupport
import Testing

/// The DK2's tree with one thing changed.
private func read(_ edit: (SourceNode) -> Void = { _ in }) throws -> CoprocessorNode {
    let source = dk2()
    edit(source)
    return try CoprocessorNode(blob: source.blob)
}

private func refusal(_ edit: (SourceNode) -> Void) -> String {
    let source = dk2()
    edit(source)
    do throws(CoprocessorNodeError) {
        _ = try CoprocessorNode(blob: source.blob)
        return "taken"
    } catch { return error.description }
}

@Suite("The coprocessor of a device tree")
struct CoprocessorNodeTests {
    @Test("The DK2's tree is what is built in, to the last field")
    func builtIn() throws {
        let node = try read()
        #expect(node.configuration == HostConfiguration(bootSequence: .elf))
        #expect(node.warnings == [])
        #expect(node.deviceAddresses.first == .some(DeviceAddress(0)))
    }

    @Test("The tree in device-tree/ compiles without a warning and is what is built in", .enabled(if: Compiler.path != nil, "needs dtc: scripts/setup dtc"))
    func sample() throws {
        let (blob, complaints) = try Compiler.compile(TestEnvironment.package.appendingPathComponent("device-tree/stm32mp157c-dk2-m4.dts"))
        #expect(complaints == "")
        let node = try CoprocessorNode(blob: blob)
        #expect(node.configuration == HostConfiguration(bootSequence: .elf))
        #expect(node.warnings == [])
    }

    @Test("Name, firmware, auto-boot and order of the regions come from the tree")
    func names() throws {
        let source = dk2()
        let bus = source["/ahb"]
        let old = source[DK2.node]
        bus.children = []
        let node = source["/ahb/coproc@10000000"]
        node.properties = old.properties
        node.set("st,auto-boot", flag)
        node.set("firmware-name", strings("board/m4.sign"))
        node.set("memory-region", cells(18, 16))
        let linux = try CoprocessorNode(blob: source.blob).configuration
        #expect((linux.name, linux.platformDevice, linux.firmware, linux.autoBoot) == ("coproc", "10000000.coproc", "board/m4.sign", true))
        #expect(linux.memoryRegions.map(\.name) == ["mcuram2", "retram"])
        node.set("firmware-name", nil)
        #expect(try CoprocessorNode(blob: source.blob).configuration.firmware == "rproc-coproc-fw")
    }

    // MARK: Boot sequences

    @Test("The node says who loads firmware")
    func bootSequences() throws {
        func sequences(_ edit: (SourceNode, SourceNode) -> Void) throws -> [BootSequence] {
            try read { edit($0, $0[DK2.node]) }.bootSequences
        }
        #expect(try sequences { _, _ in } == [.elf])
        #expect(try sequences { _, m4 in m4.set("compatible", strings("st,stm32mp1-m4-tee")) } == [.teeV3, .teeOps])
        #expect(try sequences { _, m4 in
            m4.set("compatible", strings("st,stm32mp1-m4-tee"))
            m4.set("st,proc-id", cells(0))
        } == [.teeOps, .teeV3])
        #expect(try sequences { root, m4 in withService(root); m4.set("st,rproc-tee", cells(7, 0)) } == [.teeOps])
        #expect(try sequences { root, m4 in
            withService(root)
            m4.set("compatible", strings("st,stm32mp1-m4-tee"))
            m4.set("rproc-tee-phandle", cells(7, 0))
        } == [.teeOps])
    }

    @Test("Asking for another boot sequence than the node's is a contradiction")
    func contradiction() throws {
        let node = try read()
        #expect(try node.hostConfiguration(.elf).bootSequence == .elf)
        #expect(throws: CoprocessorNodeError.contradiction(
            node: DK2.node, seen: "compatible \"st,stm32mp1-m4\" without st,rproc-tee", asked: .teeV3, allowed: [.elf])) { try node.hostConfiguration(.teeV3) }
        let tee = try read { $0[DK2.node].set("compatible", strings("st,stm32mp1-m4-tee")) }
        #expect(try tee.hostConfiguration(.teeOps).bootSequence == .teeOps)
        #expect(throws: CoprocessorNodeError.self) { try tee.hostConfiguration(.elf) }
    }

    @Test("A node for OP-TEE needs no reset lines, and OP-TEE's service must be there and available")
    func teeService() throws {
        let node = try read {
            withService($0)
            let m4 = $0[DK2.node]
            m4.set("st,rproc-tee", cells(7, 0))
            for name in ["resets", "reset-names", "st,syscfg-holdboot"] { m4.set(name, nil) }
        }
        #expect(node.holdBoot == "OP-TEE")
        #expect(refusal { withService($0); $0[DK2.node].set("st,rproc-tee", cells(7)) }.contains(#""stm32-rproc 10000000.m4: error -EINVAL: failed to parse st,rproc-tee", EINVAL (-22)"#))
        #expect(refusal { withService($0); $0[DK2.node].set("st,rproc-tee", cells(7, 1)) }.hasPrefix("/ahb/m4@10000000: st,rproc-tee: processor 1; allowed is 0"))
        #expect(refusal {
            withService($0)
            $0["/firmware/optee-rproc"].set("status", strings("disabled"))
            $0[DK2.node].set("st,rproc-tee", cells(7, 0))
        }.hasSuffix("waits for it for ever (EPROBE_DEFER), and there is no remoteproc"))
    }

    @Test("Below OP-TEE's node the driver brings its own translations, and says little of mailboxes")
    func belowOPTEE() throws {
        let source = dk2()
        let properties = source[DK2.node].properties
        source["/ahb"].children = []
        let service = source["/firmware/optee/rproc-service@0"]
        service.set("compatible", strings("rproc-service-80a4c275-0a47-4905-8285-1486a9771a08"))
        service.set("#address-cells", cells(1))
        service.set("#size-cells", cells(0))
        service.set("reg", cells(0))
        let m4 = source["/firmware/optee/rproc-service@0/m4@0"]
        m4.properties = properties
        m4.set("compatible", strings("st,stm32mp15-m4-tee"))
        m4.set("reg", cells(0))
        m4.set("mboxes", cells(4, 0, 4, 1, 4, 2))
        m4.set("mbox-names", strings("vq0", "vq1", "shutdown"))
        let node = try CoprocessorNode(blob: source.blob)
        #expect(node.bootSequences == [.teeOps])
        #expect(node.configuration.platformDevice == "firmware:optee:rproc-service@0:m4@0")
        #expect(node.deviceAddresses == [0, 0x3000_0000, 0x1000_0000, 0x1004_0000, 0x1004_1000, 0x1004_2000].map { DeviceAddress($0) })
        m4.set("reg", nil)
        #expect(throws: CoprocessorNodeError.self) { try CoprocessorNode(blob: source.blob) }
    }

    private func withService(_ root: SourceNode) {
        let service = root["/firmware/optee-rproc"]
        service.set("compatible", strings("80a4c275-0a47-4905-8285-1486a9771a08"))
        service.set("phandle", cells(7))
    }

    // MARK: What the driver refuses

    @Test("Without a node, or with a disabled one, there is no remoteproc")
    func absent() {
        #expect(refusal { $0["/ahb"].children = [] }.contains("none of 15 nodes has a compatible of st,stm32mp1-m4"))
        #expect(refusal { $0[DK2.node].set("status", strings("disabled")) }.hasPrefix("/ahb/m4@10000000: status: \"disabled\""))
        #expect(refusal { $0["/ahb"].set("status", strings("fail")) }.hasPrefix("/ahb/m4@10000000: status of /ahb: \"fail\""))
        #expect(refusal { $0[DK2.node].set("status", strings("ok")) } == "taken")
    }

    @Test("The driver's own complaints end the probe with its line and errno", arguments: [
        ("resets", nil, "/ahb/m4@10000000: resets: nothing;", "error -ENOENT: failed to get mcu_reset\", ENOENT (-2)"),
        ("st,syscfg-holdboot", nil, "/ahb/m4@10000000: st,syscfg-holdboot: nothing;", "failed to get hold boot\", ENODEV (-19)"),
        ("st,syscfg-holdboot", cells(1, 0x10C), "/ahb/m4@10000000: st,syscfg-holdboot: 2 cells;", "failed to get hold boot\", EOVERFLOW (-75)"),
        ("st,syscfg-holdboot", cells(4, 0x10C, 1), "/ahb/m4@10000000: st,syscfg-holdboot: /soc/mailbox@4c001000", "failed to get hold boot\", EINVAL (-22)"),
    ] as [(String, [UInt8]?, String, String)])
    func probe(property: String, value: [UInt8]?, begin: String, end: String) {
        let text = refusal { $0[DK2.node].set(property, value) }
        #expect(text.hasPrefix(begin), "\(text)")
        #expect(text.hasSuffix("\"stm32-rproc 10000000.m4: " + end), "\(text)")
    }

    @Test("dma-ranges must be there, in threes")
    func translations() throws {
        let line = "stm32-rproc 10000000.m4: stm32_rproc_of_memory_translations: dma-ranges property not defined\", EINVAL (-22)"
        #expect(refusal { $0["/ahb"].set("dma-ranges", nil) }.hasSuffix(line))
        #expect(refusal { $0["/ahb"].set("dma-ranges", flag) }.hasSuffix(line))
        #expect(refusal { $0["/ahb"].set("dma-ranges", cells(0, 1)) }.hasSuffix(line))
        #expect(refusal { $0["/ahb"].set("dma-ranges", cells(0, 0, 0)) }.hasPrefix("/ahb: dma-ranges: 0x0 bytes at device address 0x0"))
    }

    @Test("Addresses are counted in the cells of both buses")
    func cellCounts() throws {
        let node = try read {
            $0.set("#address-cells", cells(2))
            $0["/soc"].set("#address-cells", cells(1))
            $0["/soc"].set("#size-cells", cells(1))
            $0["/reserved-memory"].set("#address-cells", cells(2))
            for child in $0["/reserved-memory"].children { child.set("reg", cells(0) + (child.properties.first { $0.name == "reg" }?.value ?? [])) }
            $0["/ahb"].set("dma-ranges", cells(0, 0, 0x3800_0000, 0x1_0000, 0x1000_0000, 0, 0x1000_0000, 0x6_0000, 0x3000_0000, 0, 0x3000_0000, 0x6_0000))
        }
        #expect(node.configuration == HostConfiguration(bootSequence: .elf))
        #expect(node.warnings.count == 1)
        #expect(node.warnings.first?.contains("Linux's driver reads them as if they were") == true)
    }

    @Test("Addresses above 4 GiB and regions of no size are errors of the tree")
    func limits() {
        #expect(refusal { $0["/reserved-memory/mcuram2@10000000"].set("reg", cells(0x1000_0000, 0)) }.hasPrefix("/reserved-memory/mcuram2@10000000: reg: 0x0 bytes at 0x10000000; allowed"))
        #expect(refusal { $0["/reserved-memory/mcuram2@10000000"].set("reg", cells(0xFFFF_0000, 0x2_0000)) }.contains("allowed is a size that is not 0 and at most 256 MiB, and ends below 2^32"))
        #expect(refusal { $0["/reserved-memory/mcuram2@10000000"].set("reg", cells(0x1000_0000, 0x1000_0001)) }.contains("at most 256 MiB"))
    }

    @Test("More regions or translations than Linux has room for are an error, however many", arguments: [65, 200_000])
    func counts(count: Int) {
        let regions = (0..<count).flatMap { cells(16 + UInt32($0 % 6)) }
        #expect(refusal { $0[DK2.node].set("memory-region", regions) } == "/ahb/m4@10000000: memory-region: \(count) regions; allowed is at most 64, as many as Linux reserves")
        let ranges = (0..<count).flatMap { _ in cells(0, 0x3800_0000, 0x1_0000) }
        #expect(refusal { $0["/ahb"].set("dma-ranges", ranges) } == "/ahb: dma-ranges: \(count) entries; allowed is at most 64")
    }

    // MARK: What Linux goes on with

    @Test("A mailbox that is not there is none; one of another controller is an error, a disabled one is waited for")
    func mailboxes() throws {
        let three = try read {
            $0[DK2.node].set("mboxes", cells(4, 0, 4, 1, 4, 2))
            $0[DK2.node].set("mbox-names", strings("vq0", "vq1", "shutdown"))
        }
        #expect(three.configuration.mailboxes.detach == nil)
        #expect(three.configuration.mailboxes.shutdown == 2)
        let other = try read { $0[DK2.node].set("mboxes", cells(4, 3, 4, 1, 4, 9, 4, 1)) }
        #expect(other.configuration.mailboxes.named.map(\.channel) == [3, 1, nil, nil])
        #expect(other.warnings.count == 3)
        #expect(other.configuration.mailboxes.refusals == ["shutdown": .outOfRange, "detach": .taken])
        let short = try read { $0[DK2.node].set("mboxes", cells(4, 0, 4, 1, 4, 2)) }
        #expect(short.configuration.mailboxes.refusals == ["detach": .notReferenced])
        #expect(refusal { $0[DK2.node].set("mboxes", cells(5, 0, 0, 4, 1)); $0["/soc/interrupt-controller@5000d000"].set("#mbox-cells", cells(1)) }.contains("mboxes: /soc/interrupt-controller@5000d000"))
        #expect(refusal { $0["/soc/mailbox@4c001000"].set("status", strings("disabled")) }.contains("EPROBE_DEFER"))
    }

    @Test("Registers and the watchdog's interrupt may be missing")
    func optional() throws {
        let node = try read {
            for name in ["st,syscfg-pdds", "st,syscfg-m4-state", "interrupts-extended"] { $0[DK2.node].set(name, nil) }
        }
        #expect(node.configuration.registers.powerDown == nil)
        #expect(node.configuration.registers.m4State == nil && node.configuration.registers.resourceTable == nil)
        #expect(node.configuration.watchdogInterrupt == nil)
        let plain = try read {
            $0[DK2.node].set("interrupts-extended", nil)
            $0[DK2.node].set("interrupts", cells(68, 1))
            $0["/ahb"].set("interrupt-parent", cells(5))
        }
        #expect(plain.configuration.watchdogInterrupt == 68)
        let other = try read { $0[DK2.node].set("interrupts-extended", cells(5, 7, 1)) }
        #expect(other.configuration.watchdogInterrupt == 7 && other.warnings.count == 1)
    }

    @Test("Regions that overlap, lie outside, or are not reserved are warned of, each by node and property", arguments: [
        ("mcuram2@10000000", cells(0x1000_0000, 0x4_1000), "/reserved-memory/vdev0vring0@10040000: reg: 0x10040000+0x1000 overlaps mcuram2@10000000"),
        ("mcuram@30000000", cells(0x3000_0000, 0x4_1000), "by MCUSRAM's other address"),
        ("retram@38000000", cells(0x3801_0000, 0x1_0000), "a boot ends at \"memory region not valid 0x38010000\""),
        ("retram@38000000", cells(0x3800_0000, 0x2_0000), "ends outside of the entry of dma-ranges"),
        ("retram@38000000", cells(0x3800_1000, 0x1000), "begins at 0x38001000, which is not the node's unit address"),
        ("retram@38000000", [1, 2, 3], "\"unable to acquire memory-region\""),
    ])
    func regionChecks(node: String, reg: [UInt8], warning: String) throws {
        let warnings = try read { $0["/reserved-memory/" + node].set("reg", reg) }.warnings
        #expect(warnings.contains { $0.contains(warning) }, "\(warnings)")
    }

    @Test("A phandle that means nothing ends the list of regions, as it does in Linux")
    func deadPhandle() throws {
        let node = try read { $0[DK2.node].set("memory-region", cells(16, 17, 200, 19)) }
        #expect(node.configuration.memoryRegions.map(\.name) == ["retram", "mcuram"])
        #expect(node.warnings.contains { $0.contains("memory-region: phandle 0xc8 in cell 2") })
    }

    @Test("A region outside of /reserved-memory, or disabled, is not reserved; one without no-map is no pool")
    func reservation() throws {
        let disabled = try read { $0["/reserved-memory/retram@38000000"].set("status", strings("disabled")) }
        #expect(disabled.configuration.memoryRegions.map(\.isReserved) == [false, true, true, true, true, true])
        let unranged = try read { $0["/reserved-memory"].set("ranges", nil) }
        #expect(unranged.configuration.memoryRegions.allSatisfy { !$0.isReserved })
        let mapped = try read { $0["/reserved-memory/vdev0buffer@10042000"].set("no-map", nil) }
        #expect(mapped.configuration.memoryRegions.last?.isPool == false)
        #expect(mapped.warnings.contains { $0.contains("Can't associate reserved memory") })
    }

    // MARK: OP-TEE

    @Test("OP-TEE's own tree says where firmware may go")
    func secureMemory() throws {
        let source = dk2()
        let m4 = source[DK2.node]
        m4.set("compatible", strings("st,stm32mp1-m4-tee"))
        #expect(try CoprocessorNode(blob: source.blob).secureMemory == nil)
        m4.set("reset-names", strings("mcu_rst", "hold_boot"))
        let shared = source["/reserved-memory/ipc-shmem@10048000"]
        shared.set("reg", cells(0x1004_8000, 0x8000))
        shared.set("phandle", cells(30))
        m4.set("memory-region", cells(16, 17, 18, 19, 20, 21, 30))
        #expect(try CoprocessorNode(blob: source.blob).secureMemory == .stm32mp157DK2)
        // OP-TEE asks for no mailbox.
        source["/soc/mailbox@4c001000"].set("status", strings("disabled"))
        #expect(try SecureNode.memory(DeviceTree(source.blob)) == .stm32mp157DK2)
        shared.set("reg", cells(0x1005_8000, 0x1_0000))
        #expect(throws: CoprocessorNodeError.self) { try SecureNode.memory(DeviceTree(source.blob)) }
    }
}

/// `dtc`, where there is one.
enum Compiler {
    static let path = TestEnvironment.program("dtc")

    static func compile(_ source: URL) throws -> (blob: [UInt8], complaints: String) {
        let process = Process(), output = Pipe(), complaints = Pipe()
        process.executableURL = URL(fileURLWithPath: path ?? "/usr/bin/dtc")
        process.arguments = ["-I", "dts", "-O", "dtb", source.path]
        process.standardOutput = output
        process.standardError = complaints
        try process.run()
        let blob = try output.fileHandleForReading.readToEnd() ?? Data()
        let text = try complaints.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return ([UInt8](blob), String(decoding: text, as: UTF8.self))
    }
}
