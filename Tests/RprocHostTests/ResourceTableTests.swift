// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

private typealias Builder = FirmwareImageBuilder

/// What the kernel says of a table, and what `start` returns.
struct TableCase: Sendable, CustomTestStringConvertible {
    var title: String
    var table: [UInt8]
    var lines: [String]
    var errno: Errno?
    var testDescription: String { title }

    static let failed = "remoteproc remoteproc0: Failed to process resources: "
    static let all: [TableCase] = [
        TableCase(
            title: "reserved word of a carveout", table: Builder.table([Builder.memory(da: 0xFFFF_FFFF, length: 16, name: "a", reserved: 1)]),
            lines: ["remoteproc remoteproc0: carveout rsc has non zero reserved bytes", failed + "-22"], errno: .invalid),
        TableCase(
            title: "carveout longer than its region",
            table: Builder.table([Builder.memory(da: 0xFFFF_FFFF, length: 0x1001, name: "vdev0vring0")]),
            lines: ["remoteproc remoteproc0: Registered carveout doesn't fit len request", failed + "-12"], errno: .noMemory),
        TableCase(
            title: "carveout before its region",
            table: Builder.table([Builder.memory(da: 0x1003_FFFF, length: 16, name: "vdev0vring0")]),
            lines: ["remoteproc remoteproc0: Registered carveout doesn't fit da request", failed + "-12"], errno: .noMemory),
        TableCase(
            title: "carveout past its region's end",
            table: Builder.table([Builder.memory(da: 0x1004_0FF8, length: 16, name: "vdev0vring0")]),
            lines: ["remoteproc remoteproc0: Registered carveout doesn't fit len request", failed + "-12"], errno: .noMemory),
        TableCase(
            title: "carveout 2 GiB above its region, which is a negative difference to the kernel",
            table: Builder.table([Builder.memory(da: 0x9004_0000, length: 16, name: "vdev0vring0")]),
            lines: ["remoteproc remoteproc0: Registered carveout doesn't fit da request", failed + "-12"], errno: .noMemory),
        TableCase(
            title: "carveout just less than 2 GiB above its region",
            table: Builder.table([Builder.memory(da: 0x9003_FFFF, length: 16, name: "vdev0vring0")]),
            lines: ["remoteproc remoteproc0: Registered carveout doesn't fit len request", failed + "-12"], errno: .noMemory),
        TableCase(
            title: "two carveouts of one name",
            table: Builder.table([
                Builder.memory(da: 0xFFFF_FFFF, length: 16, name: "vdev0vring0"), Builder.memory(da: 0xFFFF_FFFF, length: 16, name: "vdev0vring0"),
            ]),
            lines: ["remoteproc remoteproc0: Carveout already associated to resource table", failed + "-12"], errno: .noMemory),
        TableCase(
            title: "carveout without a region, and no pool",
            table: Builder.table([Builder.memory(da: 0xFFFF_FFFF, length: 0x2000, name: "heap")]),
            lines: [
                "stm32-rproc 10000000.m4: failed to allocate dma memory: len 0x2000",
                "remoteproc remoteproc0: Unable to allocate carveout heap: -12",
                "remoteproc remoteproc0: Failed to allocate associated carveouts: -12",
            ], errno: .noMemory),
        TableCase(
            title: "devmem without an IOMMU", table: Builder.table([Builder.memory(type: 1, da: 0, length: 16, name: "regs")]),
            lines: [failed + "-22"], errno: .invalid),
        TableCase(
            title: "reserved word of a trace", table: Builder.table([Builder.trace(da: 0, length: 4, reserved: 9)]),
            lines: ["remoteproc remoteproc0: trace rsc has non zero reserved bytes", failed + "-22"], errno: .invalid),
        TableCase(
            title: "reserved bytes of a vdev", table: Builder.table([Builder.vdev(reserved: [0, 1])]),
            lines: ["remoteproc remoteproc0: vdev rsc has non zero reserved bytes", failed + "-22"], errno: .invalid),
        TableCase(
            title: "three vrings", table: Builder.table([Builder.vdev(rings: [(0, 16, 4), (0, 16, 4), (0, 16, 4)])]),
            lines: ["remoteproc remoteproc0: too many vrings: 3", failed + "-22"], errno: .invalid),
        TableCase(
            title: "vdev whose vrings are cut off", table: Array(Builder.table([Builder.vdev()]).dropLast(4)),
            lines: ["remoteproc remoteproc0: vdev rsc is truncated", failed + "-22"], errno: .invalid),
        TableCase(
            title: "vdev cut off in its fixed part", table: Array(Builder.table([Builder.vdev()]).prefix(40)),
            lines: ["remoteproc remoteproc0: vdev rsc is truncated", failed + "-22"], errno: .invalid),
        TableCase(
            title: "offset outside the table",
            table: {
                var table = Builder.table([Builder.vdev()])
                table.storeLittleEndian(UInt32(0xFFFF_FFFF), at: 16)
                return table
            }(),
            lines: ["remoteproc remoteproc0: rsc table is truncated", failed + "-22"], errno: .invalid),
        TableCase(
            title: "entry of an unknown type", table: Builder.table([[77, 0, 0, 0]]),
            lines: ["remoteproc remoteproc0: unsupported resource 77", "remoteproc remoteproc0: remote processor m4 is now up"], errno: nil),
        TableCase(
            title: "vendor entry nobody knows", table: Builder.table([[130, 0, 0, 0]]),
            lines: [
                "remoteproc remoteproc0: unsupported vendor resource 130", "remoteproc remoteproc0: remote processor m4 is now up",
            ], errno: nil),
        TableCase(
            title: "vring without buffers", table: Builder.table([Builder.vdev(rings: [(0, 16, 0), (0, 16, 4)])]),
            lines: [
                "remoteproc remoteproc0: invalid qsz (0) or alignment (16)",
                "rproc-virtio rproc-virtio.0.auto: probe with driver rproc-virtio failed with error -22",
                "remoteproc remoteproc0: remote processor m4 is now up",
            ], errno: nil),
        TableCase(
            title: "vring larger than its region", table: Builder.table([Builder.vdev(rings: [(0xFFFF_FFFF, 4096, 64), (0xFFFF_FFFF, 16, 4)])]),
            lines: [
                "remoteproc remoteproc0: Registered carveout doesn't fit len request",
                "rproc-virtio rproc-virtio.0.auto: probe with driver rproc-virtio failed with error -12",
                "remoteproc remoteproc0: remote processor m4 is now up",
            ], errno: nil),
        TableCase(
            title: "vring count that is no power of two", table: Builder.table([Builder.vdev(rings: [(0xFFFF_FFFF, 16, 12), (0xFFFF_FFFF, 16, 12)])]),
            lines: [
                "rproc-virtio rproc-virtio.0.auto: assigned reserved memory node vdev0buffer@10042000",
                "virtio_rpmsg_bus virtio0: rpmsg host is online",
                "rproc-virtio rproc-virtio.0.auto: registered virtio0 (type 7)",
                "remoteproc remoteproc0: remote processor m4 is now up",
            ], errno: nil),
        TableCase(
            title: "32 buffers, which the DK2's region cannot hold",
            table: Builder.table([Builder.vdev(rings: [(0xFFFF_FFFF, 16, 32), (0xFFFF_FFFF, 16, 32)])]),
            lines: [
                "rproc-virtio rproc-virtio.0.auto: assigned reserved memory node vdev0buffer@10042000",
                "virtio_rpmsg_bus virtio0: probe with driver virtio_rpmsg_bus failed with error -12",
                "rproc-virtio rproc-virtio.0.auto: registered virtio0 (type 7)",
                "remoteproc remoteproc0: remote processor m4 is now up",
            ], errno: nil),
        TableCase(
            title: "virtio device without a driver", table: Builder.table([Builder.vdev(id: 3)]),
            lines: [
                "rproc-virtio rproc-virtio.0.auto: assigned reserved memory node vdev0buffer@10042000",
                "rproc-virtio rproc-virtio.0.auto: registered virtio0 (type 3)",
                "remoteproc remoteproc0: remote processor m4 is now up",
            ], errno: nil),
        TableCase(
            title: "virtio device of a type that is negative to the kernel", table: Builder.table([Builder.vdev(id: 0xAD8F_1007)]),
            lines: [
                "rproc-virtio rproc-virtio.0.auto: assigned reserved memory node vdev0buffer@10042000",
                "rproc-virtio rproc-virtio.0.auto: registered virtio0 (type -1383133177)",
                "remoteproc remoteproc0: remote processor m4 is now up",
            ], errno: nil),
    ]
}

@Suite struct ResourceTableTests {
    @Test(arguments: TableCase.all) func `The kernel's verdict on a table`(_ sample: TableCase) {
        let rig = Rig(image: Builder(table: sample.table))
        let errno = rig.errno { () throws(LinuxFailure) in try rig.host.start() }
        #expect(errno == sample.errno)
        var expected = sample.lines
        if let errno { expected.append("remoteproc remoteproc0: Boot failed: \(errno.negative)") }
        #expect(Array(rig.bootLog.dropFirst(2)) == expected)
        if sample.errno != nil { expectClean(rig) }
    }

    @Test(arguments: [(0xF000_0000 as UInt32, true), (0xFFFF_FFFF, true), (0x8000_0000, false), (0x1000, false)])
    func `An entry at an offset that is negative to older kernels is a finding: they would read from before their table`(_ offset: UInt32, _ isFound: Bool) {
        var table = Builder.table([Builder.vdev()])
        table.storeLittleEndian(offset, at: 16)
        for kernel in [KernelProfile.openSTLinux5, .v6_1, .newest] {
            let rig = Rig(image: Builder(table: table)) { $0.kernel = kernel }
            #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == .invalid)
            #expect(rig.log.contains("remoteproc remoteproc0: rsc table is truncated"))
            #expect(rig.host.findings.kept.map(\.finding).contains(.entryBeforeTable(index: 0, offset: offset)) == (isFound && kernel == .openSTLinux5))
        }
    }

    @Test(arguments: [0, 7, 12, 15, 16] as [UInt32])
    func `An entry that lies in the table's header is out of bounds for newer kernels, and is read by older ones`(_ offset: UInt32) {
        var table = Builder.table([Builder.vdev()])
        table.storeLittleEndian(offset, at: 16)
        for kernel in [KernelProfile.openSTLinux5, .v6_1, .v6_12, .newest] {
            let rig = Rig(image: Builder(table: table)) { $0.kernel = kernel }
            _ = rig.errno { () throws(LinuxFailure) in try rig.host.start() }
            #expect(rig.log.contains("remoteproc remoteproc0: rsc table is truncated") == (offset < 16 && kernel != .openSTLinux5), "\(rig.log)")
        }
    }

    @Test func `Memory without a region fails the boot, and a finding says that the kernel would oops at the stop`() {
        let rig = Rig(image: Builder(table: Builder.table([Builder.memory(da: 0xFFFF_FFFF, length: 0x1000, name: "nobody's"), Builder.vdev()])))
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == .noMemory)
        #expect(rig.host.findings.kept.map(\.finding).contains(.noMemoryRegion(name: "nobody's", length: 0x1000)))
    }

    @Test(arguments: [
        ("header-less resource table", [UInt8](repeating: 0, count: 15)),
        ("unsupported fw ver: 2", Builder.table([], version: 2)),
        ("non zero reserved bytes", [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
        ("resource table incomplete", [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ]) func `A broken table section is none, and the boot goes on`(_ complaint: String, _ table: [UInt8]) throws {
        let rig = Rig(image: Builder(table: table))
        try rig.host.start()
        #expect(
            Array(rig.bootLog.dropFirst(2)) == [
                "remoteproc remoteproc0: \(complaint)", "remoteproc remoteproc0: no resource table found for this firmware",
                // Looked for again where it should have been loaded.
                "remoteproc remoteproc0: \(complaint)",
                "remoteproc remoteproc0: remote processor m4 is now up",
            ])
        #expect(rig.host.resourceTableText == "No resource table found\n")
    }

    @Test func `Entries that share their bytes do not multiply them: there are no more vrings than the table has room for`() throws {
        // 2000 offsets lead to one vdev of 255 vrings, whose bytes are the table's end.
        let entries = 2000, start = 16 + 4 * entries
        var words: [UInt32] = [1, UInt32(entries), 0, 0] + [UInt32](repeating: UInt32(start), count: entries)
        words += [3, 7, 0, 1, 0, 0, 255 << 8] + [UInt32](repeating: 0, count: 5 * 255)
        let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
        let table = try #require(ResourceTable(bytes))
        #expect(table.entries.count == entries)
        let vrings = table.entries.map { entry in if case .vdev(let vdev) = entry.content { vdev.vrings.count } else { 0 } }
        #expect(vrings.first == 255)
        #expect(vrings.reduce(0, +) <= bytes.count / 20 + 255)
        #expect(table.entries.last?.content == .truncated)
        #expect(ResourceTable(bytes, most: 3)?.entries.count == 3)
    }

    @Test func `The host writes back what it decided, where and when the kernel does`() throws {
        let table = Builder.table([
            Builder.memory(da: 0xFFFF_FFFF, length: 16, name: "mcuram2"), Builder.vdev(features: 0xFFFF_FFFF), Builder.trace(da: 0x1002_0000, length: 64),
        ])
        let rig = Rig(image: Builder(table: table))
        try rig.host.start()
        let live = try #require(ResourceTable(rig.platform.remoteRead(Builder.defaultTableAddress, count: table.count)))
        guard case .carveout(let carveout) = live.entries[0].content, case .vdev(let vdev) = live.entries[1].content else {
            Issue.record("entries have other types")
            return
        }
        #expect(carveout.deviceAddress == 0x1000_0000 && carveout.physicalAddress == 0x1000_0000 && carveout.length == 0x4_0000)
        #expect(vdev.vrings.map(\.deviceAddress) == [0x1004_0000, 0x1004_1000])
        #expect(vdev.vrings.map(\.notifyID) == [0, 1])
        #expect(vdev.vrings.map(\.physicalAddress) == [0, 0])
        // Name service, indirect, event index: what both know.
        #expect(vdev.guestFeatures == 0x3000_0001)
        #expect(vdev.status == 7)
        try rig.host.stop()
        let after = try #require(ResourceTable(rig.platform.remoteRead(Builder.defaultTableAddress, count: table.count)))
        guard case .vdev(let stopped) = after.entries[1].content else { Issue.record("\(after.entries[1].content)"); return }
        // The firmware's copy keeps the addresses: the host forgets them in its own.
        #expect(stopped.status == 1 && stopped.vrings.map(\.deviceAddress) == [0x1004_0000, 0x1004_1000])
    }

    @Test func `A ring address inside the region is replaced by the region's start`() throws {
        let table = Builder.table([Builder.vdev(rings: [(0x1004_0000, 16, 16), (0x1004_1000, 16, 16)])])
        let rig = Rig(image: Builder(table: table))
        try rig.host.start()
        #expect(rig.host.virtioDevices.first?.resource?.vrings.first?.deviceAddress == 0x1004_0000)
    }

    @Test func `Carveouts and rings without a region come from the pool, page by page`() throws {
        let table = Builder.table([Builder.memory(da: 0xFFFF_FFFF, length: 0x1001, name: "heap"), Builder.vdev()])
        let rig = Rig(image: Builder(table: table), ddr: 0x10_0000) { configuration in
            configuration.memoryRegions.removeAll { $0.name.hasPrefix("vdev") }
            configuration.dynamicPool = PhysicalRange(start: PhysicalAddress(0xC000_0000), size: 0x10_0000)
        }
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.host.channels.count == 1)
        #expect(
            rig.host.carveouts.suffix(3).map { "\($0.name) \($0.deviceAddress)" }
                == ["heap 0xc0000000", "vdev0vring0 0xc0002000", "vdev0vring1 0xc0003000"])
        try rig.host.stop()
        try rig.host.start()
        #expect(rig.host.carveouts.last?.deviceAddress == DeviceAddress(0xC000_3000))
    }

    @Test func `debugfs shows the table and the carveouts with the kernel's labels`() throws {
        let rig = Rig()
        try rig.host.start()
        #expect(
            rig.host.resourceTableText == """
                Entry 0 is of type vdev
                  ID 7
                  Notify ID 0
                  Device features 0x1
                  Guest features 0x1
                  Config length 0x0
                  Status 0x7
                  Number of vrings 2
                  Reserved (should be zero) [0][0]

                  Vring 0
                    Device Address 0x10040000
                    Alignment 16
                    Number of buffers 16
                    Notify ID 0
                    Physical Address 0x0

                  Vring 1
                    Device Address 0x10041000
                    Alignment 16
                    Number of buffers 16
                    Notify ID 1
                    Physical Address 0x0

                Entry 1 is of type trace
                  Device Address 0x10020000
                  Length 0x800 Bytes
                  Reserved (should be zero) [0]
                  Name cm4_log


                """)
        #expect(
            rig.host.carveoutText.hasPrefix(
                "Carveout memory entry:\n\tName: retram\n\tVirtual address: 00000000\n\tDMA address: 0x38000000\n\tDevice address: 0x0\n\tLength: 0x10000 Bytes\n\n"))
        rig.platform.remoteWrite(PhysicalAddress(0x1002_0000), Array("hello\0rest".utf8))
        #expect(rig.host.trace(0) == "hello")
        #expect(rig.host.trace(1) == nil)
    }
}

/// Nothing of a failed or ended boot is left.
func expectClean(_ rig: Rig, _ location: SourceLocation = #_sourceLocation) {
    #expect(rig.host.state == .offline, sourceLocation: location)
    #expect(rig.host.power == 0, sourceLocation: location)
    #expect(rig.host.carveouts.isEmpty, sourceLocation: location)
    #expect(rig.host.virtioDevices.isEmpty, sourceLocation: location)
    #expect(rig.host.resourceTable == nil, sourceLocation: location)
    #expect(rig.host.traceCount == 0, sourceLocation: location)
    #expect(rig.host.held == HeldResources(), sourceLocation: location)
}
