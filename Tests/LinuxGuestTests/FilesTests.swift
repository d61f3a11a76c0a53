// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import DeviceTree
import Foundation
import LinuxGuest
import MachineBase
import RprocDeviceTree
import RprocHost
import SecondChip
import Testing

/// What a guest is made of, without starting one.
@Suite final class FilesTests {
    private let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("m4run-linux-\(UUID().uuidString)")
    deinit { try? FileManager.default.removeItem(at: scratch) }

    @Test("An archive has folders above files, sizes in their fields, and the same bytes each time")
    func archive() throws {
        func made() -> [UInt8] {
            var tree = Initramfs()
            tree.file("lib/firmware/a", [1, 2, 3], mode: 0o640)
            tree.file("lib/b", [], mode: 0o755)
            tree.link("bin/sh", to: "busybox")
            return tree.archive
        }
        #expect(made() == made())
        let entries = try Self.entries(made())
        #expect(entries.map(\.name) == ["lib", "lib/firmware", "lib/firmware/a", "lib/b", "bin", "bin/sh", "TRAILER!!!"])
        #expect(entries.map(\.mode) == [0o40755, 0o40755, 0o100640, 0o100755, 0o40755, 0o120777, 0])
        #expect(entries.first { $0.name == "lib/firmware/a" }?.content == [1, 2, 3])
        #expect(entries.first { $0.name == "bin/sh" }?.content == Array("busybox".utf8))
        #expect(made().count % 512 == 0)
    }

    private static func entries(_ bytes: [UInt8]) throws -> [(name: String, mode: UInt32, content: [UInt8])] {
        var result: [(name: String, mode: UInt32, content: [UInt8])] = [], place = 0
        func field(_ number: Int) throws -> UInt32 {
            let start = place + 6 + 8 * number
            return try #require(UInt32(String(decoding: bytes[start..<start + 8], as: UTF8.self), radix: 16))
        }
        while result.last?.name != "TRAILER!!!" {
            try #require(bytes[place..<place + 6].elementsEqual("070701".utf8))
            let mode = try field(1), size = Int(try field(6)), length = Int(try field(11))
            let name = String(decoding: bytes[(place + 110)..<(place + 110 + length - 1)], as: UTF8.self)
            let start = (place + 110 + length + 3) & ~3
            result.append((name, mode, Array(bytes[start..<start + size])))
            place = (start + size + 3) & ~3
        }
        return result
    }

    /// A folder as `scripts/fetch-linux` makes it, with small files.
    private func folder(_ change: (URL) throws -> Void = { _ in }) throws -> String {
        let folder = scratch.appendingPathComponent("\(UUID().uuidString)/bookworm")
        try FileManager.default.createDirectory(at: folder.appendingPathComponent("modules"), withIntermediateDirectories: true)
        var program: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 45)
        program[18] = 40
        for (name, content) in [
            ("vmlinuz", [UInt8]()), ("busybox", program), ("modules.dep", Array("core:\nns: core\nbus: core ns\n".utf8)),
            ("version", Array("package linux-image-6.1.0-1-armmp\nversion 6.1.1-1\nrelease 6.1.0-1-armmp\n".utf8)),
        ] { try Data(content).write(to: folder.appendingPathComponent(name)) }
        for name in ["core", "ns", "bus"] { try Data(name.utf8).write(to: folder.appendingPathComponent("modules/\(name).ko")) }
        try change(folder)
        return folder.path
    }

    @Test("Modules load behind what they need; what is built in needs no file")
    func order() throws {
        let files = try GuestFiles(folder: folder())
        #expect(files.loadOrder(["bus", "virtio", "ns"]) == ["core", "ns", "bus"])
        #expect(files.release == "6.1.0-1-armmp")
        #expect(try files.module("bus") == Array("bus".utf8))
    }

    @Test("A folder that is not whole is named with what brings it")
    func missing() throws {
        let path = try folder { try FileManager.default.removeItem(at: $0.appendingPathComponent("vmlinuz")) }
        #expect { try GuestFiles(folder: path) } throws: { "\($0)" == "\(path): no vmlinuz: scripts/fetch-linux bookworm brings Debian's kernel" }
        let other = try folder { try Data("x".utf8).write(to: $0.appendingPathComponent("busybox")) }
        #expect { try GuestFiles(folder: other) } throws: { "\($0)".contains("not a program for 32-bit Arm: scripts/fetch-linux --refresh bookworm") }
    }

    private func configuration(_ coprocessor: HostConfiguration) throws -> GuestConfiguration {
        GuestConfiguration(files: try GuestFiles(folder: folder()), coprocessor: coprocessor, plugin: "")
    }

    @Test("The guest's tree says of the coprocessor what m4run's own configuration says", arguments: [SoCDescription.stm32mp157, .second])
    func tree(chip: SoCDescription) throws {
        var coprocessor = HostConfiguration(bootSequence: .elf, chip: chip)
        coprocessor.firmware = "other.elf"
        coprocessor.autoBoot = true
        coprocessor.mailboxes.detach = nil
        coprocessor.memoryRegions.append(MemoryRegion("ddr", chip.externalStart.value, size: 0x10_0000))
        let node = try CoprocessorNode(blob: try configuration(coprocessor).deviceTree(), chip: chip)
        var read = node.configuration
        // There is no EXTI in the guest's machine: it is a line of the GIC.
        #expect(read.watchdogInterrupt != nil)
        read.watchdogInterrupt = coprocessor.watchdogInterrupt
        read.mailboxes.refusals = [:]
        #expect(read.memoryRegions == coprocessor.memoryRegions)
        #expect(read == coprocessor)
    }

    @Test("Each register's word is watched, in runs, and lies in the guest's memory")
    func words() throws {
        let layout = try GuestLayout(HostConfiguration(bootSequence: .elf))
        #expect(layout.words == [
            0x4C00_1000: .ipcc(0), 0x4C00_1004: .ipcc(4), 0x4C00_1008: .ipcc(8), 0x5000_010C: .holdBoot, 0x5000_0404: .reset,
            0x5000_1014: .powerDown, 0x5C00_A144: .resourceTable, 0x5C00_A148: .m4State,
        ])
        #expect(layout.place(PhysicalAddress(0x1000_0040)) == layout.place(PhysicalAddress(0x3000_0040)))
        #expect(layout.place(PhysicalAddress(0x3800_0004))?.bank == .memory("RETRAM"))
        #expect(layout.place(PhysicalAddress(0x4000_0010))?.offset == 0x10)
        #expect(layout.place(PhysicalAddress(0x2000_0000)) == nil)
    }

    @Test("The words and memories of another chip are where it has them")
    func otherChip() throws {
        let layout = try GuestLayout(HostConfiguration(bootSequence: .elf, chip: .second))
        #expect(layout.words == [
            0x4C00_6000: .ipcc(0), 0x4C00_6004: .ipcc(4), 0x4C00_6008: .ipcc(8), 0x5000_C110: .holdBoot, 0x5000_C100: .reset,
            0x5002_5010: .powerDown, 0x5C00_2110: .resourceTable, 0x5C00_210C: .m4State,
        ])
        #expect(layout.place(PhysicalAddress(0x1200_0040)) == layout.place(PhysicalAddress(0x3400_0040)))
        #expect(layout.place(PhysicalAddress(0x3900_0004))?.bank == .memory("VECTORS"))
        #expect(layout.place(PhysicalAddress(0x1000_0000)) == nil && layout.place(PhysicalAddress(0x3800_0000)) == nil)
    }

    @Test("Memory regions and registers that no guest can have are refused by name")
    func refusals() throws {
        var coprocessor = HostConfiguration(bootSequence: .elf)
        coprocessor.memoryRegions.append(MemoryRegion("sysram", 0x2FFC_0000, size: 0x1000))
        #expect { try GuestLayout(coprocessor) } throws: { "\($0)".contains("sysram@2ffc0000") }
        coprocessor = HostConfiguration(bootSequence: .elf)
        coprocessor.registers.m4State = SystemRegister(0xA000_0000, mask: 1)
        #expect { try GuestLayout(coprocessor) } throws: { "\($0)".contains("0xa0000000") }
    }

    @Test("DDR that the coprocessor has makes the guest's memory reach it")
    func ddr() throws {
        var coprocessor = HostConfiguration(bootSequence: .elf)
        coprocessor.memoryRegions.append(MemoryRegion("ddr", 0xC000_0000, size: 0x10_0000))
        let layout = try GuestLayout(coprocessor)
        #expect(layout.ramSize == 0x8010_0000)
        #expect(layout.place(PhysicalAddress(0xC000_0010))?.bank == .ram)
        #expect(layout.place(PhysicalAddress(0xC000_0010))?.offset == 0x8000_0010)
    }
}
