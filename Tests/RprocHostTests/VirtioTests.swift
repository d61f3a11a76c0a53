// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

/// What firmware can see of how Linux drives the rings: flags, features, doorbells and when they come.
@Suite struct VirtioTests {
    private static let setClear = PhysicalAddress(0x4C00_1008)
    /// vring 1's available ring: 16 descriptors into it.
    private static let outputFlags = PhysicalAddress(0x1004_1100)

    private func booted(
        features: UInt32 = 1, services: [MockRemote.Service] = [.init("rpmsg-raw", address: 0x400)],
        _ configure: (inout HostConfiguration) -> Void = { _ in }
    ) throws -> Rig {
        let table = FirmwareImageBuilder.table([FirmwareImageBuilder.vdev(features: features)])
        let rig = Rig(image: FirmwareImageBuilder(table: table), services: services, configure: configure)
        rig.platform.recordsWrites = true
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        return rig
    }

    /// Doorbells that Linux has rung for vring `id`.
    private func doorbells(_ rig: Rig, _ id: Int) -> Int {
        rig.platform.registerWrites.filter { $0.address == Self.setClear && $0.value == 1 << UInt32(16 + id) }.count
    }

    private func flags(_ rig: Rig) -> UInt16 { rig.platform.remoteRead(Self.outputFlags, count: 2).littleEndian(at: 0) ?? .max }

    @Test(arguments: [(0xFFFF_FFFF, 0x3000_0001), (0x1000_0000, 0x1000_0000), (0x2000_0001, 0x2000_0001), (2, 0)] as [(UInt32, UInt32)])
    func `Of the features offered Linux takes name service, indirect descriptors and event indices`(_ offered: UInt32, _ taken: UInt32) throws {
        let rig = try booted(features: offered)
        #expect(rig.host.virtioDevices.first?.resource?.guestFeatures == taken)
    }

    @Test func `Firmware that asks for silence on vring 0 gets the doorbell of the start and no other`() throws {
        let rig = try booted()
        let channel = try #require(rig.host.channel(named: "rpmsg-raw"))
        for byte: UInt8 in 1...40 { try channel.send([byte]) }
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.remote.received.count == 40 && doorbells(rig, 0) == 1)
    }

    @Test func `Firmware that does not hears of each batch of buffers that comes back`() throws {
        let rig = Rig(services: [.init("rpmsg-raw", address: 0x400)])
        rig.remote.wantsReturnDoorbells = true
        rig.platform.recordsWrites = true
        try rig.host.start()
        let channel = try rig.host.waitForChannel("rpmsg-raw", timeout: .seconds(1))
        for byte: UInt8 in 1...3 {
            try channel.send([byte])
            rig.platform.run(for: .milliseconds(1))
        }
        // At the start, behind the announcement, and behind each echo.
        #expect(doorbells(rig, 0) == 5)
    }

    @Test func `With event indices a burst rings once, without them each message does`() throws {
        func rung(_ features: UInt32) throws -> (doorbells: Int, received: Int) {
            let rig = try booted(features: features) { $0.timing.sendDuration = .zero }
            let channel = try #require(rig.host.channel(named: "rpmsg-raw"))
            for byte: UInt8 in 1...5 { try channel.send([byte]) }
            rig.platform.run(for: .milliseconds(1))
            return (doorbells(rig, 1), rig.remote.received.count)
        }
        #expect(try rung(1) == (5, 5))
        #expect(try rung(1 | 1 << 29) == (1, 5))
    }

    @Test func `Kernels up to 6_19 want to hear of consumed messages only while a sender sleeps, the newest always`() throws {
        func seen(_ kernel: KernelProfile) throws -> (awake: UInt16, asleep: UInt16, after: UInt16) {
            let look = Look()
            let booted = try booted(
                services: [.init("rpmsg-raw", address: 0x400, reaction: .answer { _ in
                    if look.asleep == nil, let rig = look.rig { look.asleep = flags(rig) }
                    return nil
                })]
            ) {
                $0.kernel = kernel
                $0.timing.sendDuration = .zero
            }
            look.rig = booted
            let channel = try #require(booted.host.channel(named: "rpmsg-raw"))
            let awake = flags(booted)
            // The seventeenth has to wait for a buffer.
            for byte: UInt8 in 1...17 { try channel.send([byte]) }
            booted.platform.run(for: .milliseconds(1))
            return (awake, try #require(look.asleep), flags(booted))
        }
        #expect(try seen(.newest) == (0, 0, 0))
        #expect(try seen(.v6_6) == (1, 0, 1))
    }

    @Test func `A second vdev has rings and a bus, but no mailbox: its doorbells are dropped`() throws {
        let table = FirmwareImageBuilder.table([FirmwareImageBuilder.vdev(), FirmwareImageBuilder.vdev()])
        let rig = Rig(image: FirmwareImageBuilder(table: table), ddr: 1 << 20) {
            $0.dynamicPool = PhysicalRange(start: PhysicalAddress(0xC000_0000), size: 1 << 20)
        }
        try rig.host.start()
        #expect(rig.host.virtioDevices.map { $0.number } == [0, 1])
        #expect(rig.host.virtioDevices.last?.resource?.vrings.map(\.notifyID) == [2, 3])
        #expect(rig.host.virtioDevices.last?.resource?.status == 7)
        #expect(rig.host.findings.kept.map(\.finding) == [.kickWithoutMailbox(notifyID: 2)])
        #expect(rig.log.contains("virtio_rpmsg_bus virtio1: rpmsg host is online"))
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.host.channel(named: "rpmsg-tty")?.deviceName == "virtio0.rpmsg-tty.-1.1024")
    }

    @Test(arguments: [(0, [7]), (50, [0, 7])] as [(UInt64, [UInt8])])
    func `DRIVER_OK comes as long after the first instruction as the timing says`(_ milliseconds: UInt64, _ history: [UInt8]) throws {
        let rig = try booted { $0.timing.startToVirtio = .milliseconds(milliseconds) }
        #expect(rig.remote.statusHistory == history)
        #expect(rig.host.channel(named: "rpmsg-raw") != nil)
    }

    @Test func `An echo is late by what Linux takes to answer its interrupt`() throws {
        func arrival(_ latency: VirtualTime) throws -> VirtualTime {
            let rig = try booted { $0.timing.interruptLatency = latency }
            var time = VirtualTime.zero
            rig.host.raw.received = { [unowned rig] _, _, _ in time = rig.platform.now }
            let channel = try rig.host.waitForChannel("rpmsg-raw", timeout: .seconds(1))
            let before = rig.platform.now
            try channel.send([1])
            rig.platform.run(for: .milliseconds(20))
            return time - before
        }
        #expect(try arrival(.milliseconds(2)) == arrival(.microseconds(3)) + .microseconds(1_997))
    }

    @Test func `Dynamic addresses are the lowest free ones from 1024`() throws {
        let rig = try booted()
        let bus = try #require(rig.host.virtioDevices.first?.rpmsg)
        // 1024 is the channel's.
        let made = try (0..<3).map { _ in try bus.createEndpoint { _, _ in } }
        #expect(made.map(\.address) == [1025, 1026, 1027])
        bus.destroyEndpoint(made[1])
        #expect(try bus.createEndpoint { _, _ in }.address == 1026)
        #expect(try bus.createEndpoint { _, _ in }.address == 1028)
    }

    @Test func `A driver that sends from its own callback into a full ring sleeps fifteen seconds, whatever the firmware gives back`() throws {
        let rig = try booted(services: [.init("late", address: 0x400, reaction: .ignore)])
        var outcome: Errno?
        var slept = VirtualTime.zero
        rig.host.register(
            driver: ClosureRpmsgDriver("late") { [unowned rig] channel, _, _ in
                rig.remote.consumes = true
                rig.platform.wakeRemote()
                let before = rig.platform.now
                outcome = rig.errno { () throws(Errno) in try channel.send("answer") }
                slept = rig.platform.now - before
            })
        let channel = try #require(rig.host.channel(named: "late"))
        rig.remote.consumes = false
        for byte: UInt8 in 1...16 { try channel.send([byte]) }
        rig.remote.send([1], from: 0x400, to: channel.source, on: rig.platform)
        rig.platform.run(for: .seconds(20))
        // The wake-up is work that waits for this very callback; at the end of its patience the kernel looks once more.
        #expect(outcome == nil && rig.remote.received.count == 17)
        #expect(slept >= .seconds(15) && slept < .seconds(15) + .milliseconds(1))
    }

    @Test func `A message that is too big ends the batch, and what is behind it waits for the next doorbell`() throws {
        let platform = InMemoryPlatform()
        let image = FirmwareImageBuilder()
        let remote = BatchRemote()
        platform.remote = remote
        var configuration = HostConfiguration(bootSequence: .elf)
        configuration.kernel = .newest
        let bytes = image.image
        var log: [String] = []
        let host = RemoteProcessor(configuration: configuration, platform: platform, firmware: { _ in bytes }, log: { log.append($0.message) })
        platform.host = host
        try host.start()
        platform.run(for: .milliseconds(1))
        let bus = try #require(host.virtioDevices.first?.rpmsg)
        var heard: [UInt8] = []
        _ = try bus.createEndpoint(address: 77) { payload, _ in heard.append(payload.first ?? 0) }

        remote.batch = [(1, 17, 1), (2, 17, 400), (3, 17, 1)]
        platform.wakeRemote()
        platform.run(for: .milliseconds(1))
        #expect(heard == [1] && log.last == "inbound msg too big: (17, 400)")
        remote.batch = [(4, 17, 1)]
        platform.wakeRemote()
        platform.run(for: .milliseconds(1))
        #expect(heard == [1, 3, 4])
        // Sixteen were posted, three came back; the one that was too big is lost.
        #expect(host.virtioDevices.first?.rings.first?.availableIndex == 19)
        #expect(host.virtioDevices.first?.rings.first?.free == 1)
    }
}

/// What the firmware saw when it took the first message.
private final class Look {
    weak var rig: Rig?
    var asleep: UInt16?
}

/// Sends what a test puts into `batch` to address 77, with one doorbell behind it.
private final class BatchRemote: InMemoryRemote {
    /// First byte of the payload, used length, length in the header.
    var batch: [(byte: UInt8, used: UInt32, length: UInt16)] = []
    private var ring: DeviceRing?

    func reset(on platform: InMemoryPlatform) {
        platform.remoteWriteIPCC(0x10, 1)
        platform.remoteWriteIPCC(0x14, 0xFFFF_FFC0)
    }

    func run(on platform: InMemoryPlatform) -> VirtualTime {
        platform.remoteWriteIPCC(0x18, platform.ipcc.hostToRemote & 0xF)
        guard !batch.isEmpty, let layout = VringLayout(count: 16, alignment: 16) else { return .never }
        if ring == nil { ring = DeviceRing(base: PhysicalAddress(0x1004_0000), layout: layout) }
        for message in batch {
            guard let buffer = ring?.pop(platform) else { break }
            var bytes: [UInt8] = []
            for word: UInt32 in [0x400, 77, 0, UInt32(message.length)] { bytes.appendLittleEndian(word) }
            bytes.append(message.byte)
            platform.remoteWrite(buffer.address, bytes)
            ring?.push(platform, head: buffer.head, length: message.used)
        }
        batch = []
        platform.remoteWriteIPCC(0x18, 1 << 16)
        return .never
    }
}
