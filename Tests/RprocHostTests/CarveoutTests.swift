// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

private typealias Builder = FirmwareImageBuilder

/// Entries of the resource table that ask for memory, and what becomes of the entries that do not.
@Suite struct CarveoutTests {
    private static let any: UInt32 = 0xFFFF_FFFF
    private static let pool = PhysicalRange(start: PhysicalAddress(0xC000_0000), size: 0x10_0000)

    private func carveout(_ rig: Rig, _ index: Int = 0) throws -> MemoryResource {
        let table = try #require(rig.host.resourceTable)
        guard case .carveout(let resource) = table.entries[index].content else { throw Errno.invalid }
        return resource
    }

    @Test(arguments: [
        // Asked for, and what the entry says afterwards: the region's own place and length, whatever part was asked for.
        ("mcuram2", 0x1000_1000 as UInt32, 0x100 as UInt32, 0x1000_0000 as UInt32, 0x1000_0000 as UInt32, 0x4_0000 as UInt32),
        ("retram", 0, 0x1_0000, 0x3800_0000, 0, 0x1_0000),
        ("mcuram", 0xFFFF_FFFF, 16, 0x3000_0000, 0x3000_0000, 0x4_0000),
        ("vdev0vring1", 0x1004_1000, 0x1000, 0x1004_1000, 0x1004_1000, 0x1000),
        // A pool of buffers is not mapped: no physical address.
        ("vdev0buffer", 0x1004_2000, 0x4000, 0, 0x1004_2000, 0x4000),
    ]) func `A carveout with a region's name is bound to it, and learns where it is`(
        _ name: String, _ da: UInt32, _ length: UInt32, _ pa: UInt32, _ boundDA: UInt32, _ boundLength: UInt32
    ) throws {
        let rig = Rig(image: Builder(table: Builder.table([Builder.memory(da: da, length: length, name: name)])))
        try rig.host.start()
        let resource = try carveout(rig)
        #expect(resource.physicalAddress == pa && resource.deviceAddress == boundDA && resource.length == boundLength)
        #expect(rig.host.carveouts.count == 6)
    }

    @Test func `A name that is no region's is memory from the pool: anywhere, or elsewhere than asked with a warning`() throws {
        let table = Builder.table([
            Builder.memory(da: Self.any, length: 0x1801, name: "heap"), Builder.memory(da: 0x1003_8000, length: 64, name: "fixed"),
        ])
        let rig = Rig(image: Builder(table: table), ddr: 0x10_0000) { $0.dynamicPool = Self.pool }
        try rig.host.start()
        #expect(rig.log.contains("remoteproc remoteproc0: Allocated carveout doesn't fit device address request"))
        let heap = try carveout(rig), fixed = try carveout(rig, 1)
        #expect(heap.deviceAddress == 0xC000_0000 && heap.physicalAddress == 0xC000_0000 && heap.length == 0x1801)
        // It keeps the device address that it asked for, at memory that is elsewhere.
        #expect(fixed.deviceAddress == 0x1003_8000 && fixed.physicalAddress == 0xC000_2000)
        #expect(rig.host.held.poolPieces == 2)
        try rig.host.stop()
        expectClean(rig)
    }

    @Test func `A pool that is too small refuses, and gives back what it gave`() throws {
        let table = Builder.table([
            Builder.memory(da: Self.any, length: 0x8000, name: "first"), Builder.memory(da: Self.any, length: 0xFFFF_F000, name: "second"),
        ])
        let rig = Rig(image: Builder(table: table), ddr: 0x10_0000) { $0.dynamicPool = Self.pool }
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == .noMemory)
        #expect(
            rig.log.suffix(4) == [
                "stm32-rproc 10000000.m4: failed to allocate dma memory: len 0xfffff000",
                "remoteproc remoteproc0: Unable to allocate carveout second: -12",
                "remoteproc remoteproc0: Failed to allocate associated carveouts: -12", "remoteproc remoteproc0: Boot failed: -12",
            ])
        expectClean(rig)
    }

    @Test func `Trace buffers are files in table order, and one that lies nowhere says so`() throws {
        let table = Builder.table([
            Builder.trace(da: 0x1002_0000, length: 16, name: "one"), Builder.trace(da: 0xC000_0000, length: 16, name: "two"),
            Builder.trace(da: 0, length: 4, name: "three"), Builder.trace(da: 0x1004_2000, length: 4, name: "in a pool"),
        ])
        let rig = Rig(image: Builder(table: table))
        try rig.host.start()
        rig.platform.remoteWrite(PhysicalAddress(0x1002_0000), Array("no end in sight!..".utf8))
        #expect(rig.host.traceCount == 4)
        #expect(rig.host.trace(0) == "no end in sight!")
        #expect(rig.host.trace(1) == "Trace  not available\n")
        // RETRAM begins with the image's vectors, 0x11 each.
        #expect(rig.host.traceBytes(2) == [0x11, 0x11, 0x11, 0x11])
        #expect(rig.host.trace(3) == "Trace  not available\n")
    }

    @Test func `A vendor entry is offered to the driver, which may take it, leave it, or end the boot`() throws {
        for (verdict, errno, line) in [
            (VendorResourceVerdict.handled, Errno?.none, "remote processor m4 is now up"),
            (.ignored, nil, "unsupported vendor resource 200"), (.ignored, nil, "remote processor m4 is now up"), (.failed(.busy), .busy, "Failed to process resources: -16"),
        ] {
            let rig = Rig(image: Builder(table: Builder.table([[200, 0, 0, 0, 1, 2, 3, 4]])))
            var offered: [UInt8] = []
            rig.host.vendorResourceHandler = { type, payload in
                #expect(type == 200)
                offered = Array(payload)
                return verdict
            }
            #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == errno)
            #expect(offered == [1, 2, 3, 4])
            #expect(rig.log.contains("remoteproc remoteproc0: \(line)"))
        }
    }

    @Test(arguments: [(127 as UInt32, "unsupported resource 127"), (513, "unsupported resource 513"), (128, "unsupported vendor resource 128"), (512, "unsupported vendor resource 512"), (0xFFFF_FFFF, "unsupported resource -1")])
    func `Vendor types are 128 to 512`(_ type: UInt32, _ line: String) throws {
        var entry: [UInt8] = []
        entry.appendLittleEndian(type)
        let rig = Rig(image: Builder(table: Builder.table([entry])))
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == nil)
        #expect(rig.log.contains("remoteproc remoteproc0: \(line)"))
    }

    // A vendor's as the last entry leaves the older kernels' loop with what means "ignored".
    @Test func `With older kernels a vendor entry that nobody wants ends the boot, unless a known one comes behind it`() throws {
        let vendor: [UInt8] = [200, 0, 0, 0]
        let trace: [UInt8] = [2, 0, 0, 0] + [UInt8](repeating: 0, count: 44)
        for (last, errno) in [(trace, Errno?.none), ([5, 0, 0, 0], .resourceIgnored)] {
            for kernel in [KernelProfile.newest, .v6_12, .v6_1, .v5_15] {
                let rig = Rig(image: Builder(table: Builder.table([vendor, last]))) { $0.kernel = kernel }
                #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == (kernel.ignoredResourceEndsBoot ? errno : nil))
                #expect(rig.log.contains("remoteproc remoteproc0: Failed to process resources: 1") == (kernel.ignoredResourceEndsBoot && errno != nil))
            }
        }
    }

    @Test func `A second vdev takes the next numbers, and its kicks have no mailbox`() throws {
        let table = Builder.table([Builder.vdev(), Builder.vdev()])
        let rig = Rig(image: Builder(table: table), ddr: 0x10_0000) { $0.dynamicPool = Self.pool }
        try rig.host.start()
        #expect(rig.host.virtioDevices.map { $0.resource?.vrings.map(\.notifyID) } == [[0, 1], [2, 3]])
        #expect(rig.host.findings.kept.contains { $0.finding == .kickWithoutMailbox(notifyID: 2) })
        try rig.host.stop()
        expectClean(rig)
    }

    @Test(arguments: BootSequence.allCases) func `Recovery keeps the first boot's table, and says when the image has another`(_ sequence: BootSequence) throws {
        let rig = Rig(sequence)
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        var other = Builder(table: Builder.table([Builder.vdev()]))
        other.segments[1].bytes = [7, 7, 7, 7]
        rig.image = other.image
        rig.host.reportCrash(.fatalError)
        rig.platform.run(for: .milliseconds(5))
        // The new code, under the old table: 52 bytes of it lie over whatever the new image has there.
        #expect(rig.platform.remoteRead(PhysicalAddress(0x1000_0000), count: 4) == [7, 7, 7, 7])
        #expect(rig.host.resourceTable?.entries.count == 2)
        #expect(rig.host.findings.kept.map(\.finding) == [.staleCachedTable(cachedSize: 140, imageSize: 88)])
        // A stop and a start are the cure.
        try rig.host.stop()
        try rig.host.start()
        #expect(rig.host.resourceTable?.entries.count == 1)
    }
}

@Suite struct CoredumpModeTests {
    private func crashed(_ mode: CoredumpMode, reads: Bool) throws -> (rig: Rig, dumps: [Int], took: VirtualTime) {
        let rig = Rig { $0.coredump = mode }
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        var dumps: [Int] = []
        if reads {
            rig.host.coredumpTaken = {
                dumps.append($0.count)
                return .read
            }
        }
        let before = rig.platform.now
        rig.host.reportCrash(.watchdog)
        _ = rig.platform.wait(until: before + .seconds(1000)) { rig.host.state == .running && rig.host.crashCount == 1 }
        return (rig, dumps, rig.platform.now - before)
    }

    @Test func `disabled takes none, enabled copies and goes on, inline waits for its reader or five minutes`() throws {
        #expect(try crashed(.disabled, reads: true).dumps.isEmpty)
        let enabled = try crashed(.enabled, reads: true)
        #expect(enabled.dumps.count == 1 && enabled.took < .milliseconds(5))
        #expect(!enabled.rig.log.contains { $0.contains("Ramdump") })
        #expect(try crashed(.enabled, reads: false).took < .milliseconds(5))
        let read = try crashed(.inline, reads: true)
        #expect(read.took < .milliseconds(5))
        #expect(read.rig.log.contains("remoteproc remoteproc0: Ramdump done, \(read.dumps.first ?? 0) bytes read"))
        let unread = try crashed(.inline, reads: false)
        #expect(unread.took >= .seconds(300) && unread.rig.host.state == .running)
    }

    @Test func `A recovery waits for the boot it interrupts, with old kernels too`() throws {
        let rig = Rig { $0.kernel = .v5_15 }
        rig.remote.services = []
        var reported = false
        rig.host.log.sink = { [unowned host = rig.host] record in
            if !reported, record.message.contains("rpmsg host is online") { reported = true; host.reportCrash(.watchdog) }
        }
        try rig.host.start()
        #expect(rig.host.state == .running)
        rig.platform.run(for: .milliseconds(5))
        #expect(rig.host.crashCount == 1 && rig.host.state == .running && rig.platform.starts == 2)
    }
}
