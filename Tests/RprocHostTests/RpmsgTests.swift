// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

@Suite struct RpmsgTests {
    private func booted(_ services: [MockRemote.Service], _ configure: (inout HostConfiguration) -> Void = { _ in }) throws -> Rig {
        let rig = Rig(services: services, configure: configure)
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        return rig
    }

    @Test func `The client sample greets a hundred times and says goodbye`() throws {
        let rig = try booted([.init("rpmsg-client-sample", address: 0x400)])
        rig.platform.run(for: .seconds(1))
        let prefix = "rpmsg_client_sample virtio0.rpmsg-client-sample.-1.1024: "
        let lines = rig.log.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        #expect(lines.count == 102)
        #expect(lines.first == "new channel: 0x400 -> 0x400!")
        #expect(lines[1] == "incoming msg 1 (src: 0x400)")
        #expect(lines[100] == "incoming msg 100 (src: 0x400)")
        #expect(lines.last == "goodbye!")
        #expect(rig.remote.received.count == 100)
        #expect(rig.remote.received.allSatisfy { $0.payload == Array("hello world!".utf8) })
    }

    @Test func `Two channels of one name get two ports and two addresses`() throws {
        let rig = try booted([.init("rpmsg-tty", address: 0x400), .init("rpmsg-tty", address: 0x401)])
        #expect(rig.host.channels.map(\.deviceName) == ["virtio0.rpmsg-tty.-1.1024", "virtio0.rpmsg-tty.-1.1025"])
        #expect(rig.host.channels.map(\.source) == [0x400, 0x401])
        var got: [String] = []
        rig.host.tty.received = { port, bytes in got.append(port.name + " " + String(decoding: bytes, as: UTF8.self)) }
        try rig.host.tty.port(1)?.writeAll("b")
        try rig.host.tty.port(0)?.writeAll("a")
        rig.platform.run(for: .milliseconds(1))
        #expect(got == ["ttyRPMSG1 b", "ttyRPMSG0 a"])
    }

    @Test func `A tty that a program holds open over a crash keeps its number until the last close`() throws {
        let rig = try booted([.init("rpmsg-tty", address: 0x400), .init("rpmsg-tty", address: 0x401)])
        var held: Set<Int> = [0]
        rig.host.tty.isHeld = { held.contains($0) }
        func names() throws -> [String] {
            rig.host.reportCrash(.watchdog)
            rig.platform.run(for: .milliseconds(50))
            return rig.host.channels.compactMap { channel in rig.host.tty.ports.compactMap { $0 }.first { $0.channel === channel }?.name }
        }
        #expect(try names() == ["ttyRPMSG1", "ttyRPMSG2"])
        held = [1]
        #expect(try names() == ["ttyRPMSG0", "ttyRPMSG2"])
        held = []
        #expect(try names() == ["ttyRPMSG0", "ttyRPMSG1"])
    }

    @Test func `A name that no driver has is a channel without an endpoint, and a finding`() throws {
        let rig = try booted([.init("rpmsg-tty-channel", address: 0x400)])
        let channel = try #require(rig.host.channel(named: "rpmsg-tty-channel"))
        #expect(channel.driver == nil && channel.source == Rpmsg.anyAddress)
        #expect(rig.errno { () throws(Errno) in try channel.send("x") } == .noDevice)
        #expect(rig.host.findings.kept.map(\.finding) == [.noDriver(channel: "rpmsg-tty-channel", address: 0x400)])
        #expect(rig.log.last == "virtio_rpmsg_bus virtio0: creating channel rpmsg-tty-channel addr 0x400")
        #expect(rig.host.diagnosis().contains { $0.contains("no driver matches") })

        // A driver that is registered later binds to it.
        var heard: [String] = []
        rig.host.register(
            driver: ClosureRpmsgDriver(
                "rpmsg-tty-channel", probe: { _ in heard.append("probed") },
                receive: { _, bytes, source in heard.append("\(source) \(String(decoding: bytes, as: UTF8.self))") },
                remove: { _ in heard.append("removed") }))
        try channel.send("x")
        rig.platform.run(for: .milliseconds(1))
        try rig.host.stop()
        #expect(heard == ["probed", "1024 x", "removed"])
        #expect(rig.errno { () throws(Errno) in try channel.send("x") } == .noDevice)
    }

    @Test func `Announcements that are wrong, double or for nothing`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400)])
        rig.forgetLog()
        rig.remote.send([1, 2, 3], from: 0x400, to: 53, on: rig.platform)
        rig.remote.announce(.init("rpmsg-raw", address: 0x400))
        rig.remote.announce(.init("rpmsg-raw", address: 0x500), destroys: true)
        rig.remote.announce(.init("rpmsg-raw", address: 0x400), destroys: true)
        rig.remote.announce(.init("a name of more than thirty-one characters", address: 1))
        rig.remote.send([], from: 7, to: 0x999, on: rig.platform)
        rig.platform.run(for: .milliseconds(1))
        #expect(
            rig.log.map { $0.replacing("virtio_rpmsg_bus virtio0: ", with: "") } == [
                "malformed ns msg (3)",
                "creating channel rpmsg-raw addr 0x400",
                "channel rpmsg-raw:ffffffff:400 already exist",
                "rpmsg_create_channel failed",
                "destroying channel rpmsg-raw addr 0x500",
                "rpmsg_destroy_channel failed: -22",
                "destroying channel rpmsg-raw addr 0x400",
                "creating channel a name of more than thirty-one  addr 0x1",
                "msg received with no recipient",
            ])
        #expect(rig.host.raw.device(0) == nil)
    }

    @Test func `Firmware that takes a channel back at the address of all gets the first of that name`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400), .init("rpmsg-raw", address: 0x500)])
        rig.forgetLog()
        rig.remote.announce(.init("rpmsg-raw", address: Rpmsg.anyAddress), destroys: true)
        rig.remote.announce(.init("rpmsg-raw", address: Rpmsg.anyAddress))
        rig.remote.send([], from: 7, to: 53, on: rig.platform)
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.host.channels.map(\.destination) == [0x500])
        #expect(
            rig.log.map { $0.replacing("virtio_rpmsg_bus virtio0: ", with: "") } == [
                "destroying channel rpmsg-raw addr 0xffffffff",
                "creating channel rpmsg-raw addr 0xffffffff",
                "channel rpmsg-raw:ffffffff:ffffffff already exist",
                "rpmsg_create_channel failed",
                "malformed ns msg (0)",
            ])
    }

    @Test func `The thirty-third tty is refused with the driver's line, and a name with a slash has none in its device's`() throws {
        let rig = try booted((0..<33).map { .init("rpmsg-tty", address: 0x400 + $0) } + [.init("a/b", address: 7)])
        rig.platform.run(for: .milliseconds(20))
        let device = "rpmsg_tty virtio0.rpmsg-tty.-1.1056: "
        #expect(
            rig.log.filter { $0.hasPrefix(device) } == [
                device + "error -ENOSPC: Failed to alloc tty port", device + "rpmsg_dev_probe: failed: -28",
                device + "probe with driver rpmsg_tty failed with error -28",
            ])
        #expect(rig.host.channel(named: "a/b")?.deviceName == "virtio0.a!b.-1.7")
    }

    @Test func `Messages for nobody are counted ten at a time`() throws {
        let rig = try booted([])
        rig.forgetLog()
        for _ in 0..<25 { rig.remote.send([], from: 7, to: 0x999, on: rig.platform) }
        rig.platform.run(for: .seconds(6))
        rig.remote.send([], from: 7, to: 0x999, on: rig.platform)
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.log.count == 12)
        #expect(rig.log[10] == "rpmsg_recv_single: 15 callbacks suppressed")
        #expect(rig.host.findings.count == 26)
    }

    @Test func `What cannot be sent is refused with the kernel's number and line`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400)])
        let channel = try #require(rig.host.channel(named: "rpmsg-raw"))
        try channel.send([UInt8](repeating: 1, count: 496))
        #expect(rig.errno { () throws(Errno) in try channel.send([UInt8](repeating: 1, count: 497)) } == .messageSize)
        #expect(rig.log.last == "rpmsg_chrdev virtio0.rpmsg-raw.-1.1024: message is too big (497)")
        #expect(
            rig.errno { () throws(Errno) in try channel.send(UnsafeRawBufferPointer(start: nil, count: 0), to: Rpmsg.anyAddress) } == .invalid)
        #expect(rig.log.last == "rpmsg_chrdev virtio0.rpmsg-raw.-1.1024: invalid addr (src 0x400, dst 0xffffffff)")
    }

    @Test(arguments: [KernelProfile.newest, .v6_6]) func `A blocking sender sleeps until the firmware gives a buffer back`(_ kernel: KernelProfile) throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400)]) { $0.kernel = kernel }
        let channel = try #require(rig.host.channel(named: "rpmsg-raw"))
        for i in 0..<200 { try channel.send([UInt8(i)]) }
        rig.platform.run(for: .milliseconds(5))
        #expect(rig.remote.received.map { $0.payload[0] } == (0..<200).map { UInt8($0) })
        #expect(rig.host.messageCounts == (received: 201, sent: 200))
        #expect(rig.platform.now < .seconds(1))
    }

    @Test func `When the firmware takes nothing, a blocking send gives up after fifteen seconds`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400)])
        let channel = try #require(rig.host.channel(named: "rpmsg-raw"))
        rig.remote.consumes = false
        for _ in 0..<16 { try channel.send("x") }
        #expect(rig.errno { () throws(Errno) in try channel.trySend([1]) } == .noMemory)
        let before = rig.platform.now
        #expect(rig.errno { () throws(Errno) in try channel.send("x") } == .restartSystemCall)
        #expect(rig.platform.now - before == .seconds(15))
        #expect(rig.log.last == "rpmsg_chrdev virtio0.rpmsg-raw.-1.1024: timeout waiting for a tx buffer")
        rig.platform.isInterrupted = true
        #expect(rig.errno { () throws(Errno) in try channel.send("x") } == .restartSystemCall)
        #expect(rig.platform.now - before == .seconds(15))
    }

    @Test func `Doorbells that nobody answers pile up to twenty and then are lost, the messages are not`() throws {
        // A ring of 32 so that more messages fit than doorbells.
        let table = FirmwareImageBuilder.table([FirmwareImageBuilder.vdev(rings: [(0xFFFF_FFFF, 16, 32), (0xFFFF_FFFF, 16, 32)])])
        let rig = Rig(image: FirmwareImageBuilder(table: table), services: [.init("rpmsg-raw", address: 0x400)]) {
            $0.memoryRegions[5] = MemoryRegion("vdev0buffer", 0x1004_2000, size: 0x8000)
        }
        try rig.host.start()
        let channel = try rig.host.waitForChannel("rpmsg-raw", timeout: .seconds(1))
        rig.remote.consumes = false
        for i in 0..<25 { try channel.send([UInt8(i)]) }
        #expect(
            rig.log.suffix(8) == [
                "stm32-ipcc 4c001000.mailbox: Try increasing MBOX_TX_QUEUE_LEN", "remoteproc remoteproc0: stm32_rproc_kick: failed (vq1, err:-105)",
                "stm32-ipcc 4c001000.mailbox: Try increasing MBOX_TX_QUEUE_LEN", "remoteproc remoteproc0: stm32_rproc_kick: failed (vq1, err:-105)",
                "stm32-ipcc 4c001000.mailbox: Try increasing MBOX_TX_QUEUE_LEN", "remoteproc remoteproc0: stm32_rproc_kick: failed (vq1, err:-105)",
                "stm32-ipcc 4c001000.mailbox: Try increasing MBOX_TX_QUEUE_LEN", "remoteproc remoteproc0: stm32_rproc_kick: failed (vq1, err:-105)",
            ])
        rig.remote.consumes = true
        try channel.send([25])
        rig.platform.run(for: .milliseconds(100))
        rig.platform.remoteWriteIPCC(0x18, 1 << 1)  // the doorbell that was left
        rig.platform.run(for: .milliseconds(100))
        #expect(rig.remote.received.map { $0.payload[0] } == (0..<26).map { UInt8($0) })
    }

    /// The first passes the ring indices' wrap at 65536.
    @Test(arguments: [(1, 66_000), (0x2000_0001, 4_000), (0x3000_0001, 4_000)] as [(UInt32, UInt32)])
    func `Thousands of messages cross in order with any features`(_ features: UInt32, _ count: UInt32) throws {
        let table = FirmwareImageBuilder.table([FirmwareImageBuilder.vdev(features: features)])
        let rig = Rig(image: FirmwareImageBuilder(table: table), services: [.init("rpmsg-raw", address: 0x400)])
        var next: UInt32 = 0
        rig.host.raw.received = { _, bytes, _ in
            #expect(bytes.loadUnaligned(as: UInt32.self) == next)
            next += 1
        }
        try rig.host.start()
        let channel = try rig.host.waitForChannel("rpmsg-raw", timeout: .seconds(1))
        for i in 0..<count { try withUnsafeBytes(of: i) { try channel.send($0) } }
        rig.platform.run(for: .seconds(1))
        #expect(next == count)
        #expect(rig.host.findings.count == 0)
    }

    @Test func `An observer sees both directions with address, ring slot and time`() throws {
        final class Recorder: RpmsgObserver {
            var lines: [String] = []
            func observe(_ message: borrowing RpmsgMessage) {
                lines.append("\(message.direction) \(message.source)->\(message.destination) #\(message.descriptor) \(message.payload.count) \(message.outcome)")
            }
        }
        let rig = Rig()
        let recorder = Recorder()
        rig.host.observer = recorder
        try rig.host.start()
        try rig.host.waitForChannel("rpmsg-tty", timeout: .seconds(1)).send("hello")
        rig.platform.run(for: .milliseconds(1))
        #expect(
            recorder.lines == [
                "fromFirmware 1024->53 #0 40 delivered", "toFirmware 1024->1024 #0 5 delivered", "fromFirmware 1024->1024 #1 5 delivered",
            ])
    }

    @Test func `Waiting for a channel that never comes ends at the time given`() throws {
        let rig = try booted([])
        #expect(throws: Errno.timedOut) { try rig.host.waitForChannel("nothing", timeout: .milliseconds(10)) }
        #expect(rig.host.diagnosis() == ["vring0: DRIVER_OK is set and 16 buffers are posted, but the firmware has used none: it has not announced a service"])
    }

    @Test func `An endpoint with a fixed address hears what is sent to it`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400)])
        let bus = try #require(rig.host.virtioDevices.first?.rpmsg)
        var heard = 0
        let endpoint = try bus.createEndpoint(address: 77) { _, _ in heard += 1 }
        #expect(rig.errno { () throws(Errno) in _ = try bus.createEndpoint(address: 77) { _, _ in } } == .noSpace)
        rig.remote.send([1], from: 0x400, to: 77, on: rig.platform)
        rig.platform.run(for: .milliseconds(1))
        bus.destroyEndpoint(endpoint)
        rig.remote.send([1], from: 0x400, to: 77, on: rig.platform)
        rig.platform.run(for: .milliseconds(1))
        #expect(heard == 1)
        #expect(rig.log.last == "virtio_rpmsg_bus virtio0: msg received with no recipient")
    }
}

@Suite struct TTYBufferTests {
    @Test(arguments: [(496, 1281 * 992), (480, 1281 * 960), (406, 1281 * 812), (1, 2561 * 512)])
    func `The tty layer keeps what its buffers of 640 KiB hold, twice as many bytes as their size, and no more until some is read`(_ size: Int, _ most: Int) {
        var buffers = TTYBuffers(), kept = 0
        while case let taken = buffers.append(size), taken > 0 { kept += taken }
        // What is left in the last buffer takes part of a message.
        #expect((most..<most + 1024).contains(kept), "\(kept)")
        buffers.remove(100)
        #expect(buffers.append(size) == 0)
        buffers.remove(4096)
        #expect(buffers.append(size) == size)
        // Empty again.
        buffers.remove(kept - 4196 + size)
        var again = 0
        while case let taken = buffers.append(size), taken > 0 { again += taken }
        #expect((most - 1024..<most + 1024).contains(again), "\(again)")
    }
}
