// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

/// `rpmsg_char` and `rpmsg_ctrl`: devices that a program opens, and the endpoints and channels that it makes.
@Suite struct CharacterDeviceTests {
    private func booted(_ services: [MockRemote.Service]) throws -> Rig {
        let rig = Rig(services: services)
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        return rig
    }

    private func errno<T>(_ body: () throws(Errno) -> T) -> Errno? {
        do throws(Errno) { _ = try body(); return nil } catch { return error }
    }

    @Test func `A raw channel's device is opened once, and gives message after message`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400)])
        let node = try #require(rig.host.raw.node(0))
        #expect(node.name == "rpmsg0" && node.source == 0x400 && node.destination == 0x400)
        try node.open()
        #expect(errno { () throws(Errno) in try node.open() } == .busy)
        #expect(errno { () throws(Errno) in try node.read() } == .again)
        try node.write(Array("one".utf8))
        try node.write(Array("and two".utf8))
        rig.platform.run(for: .milliseconds(1))
        #expect(node.available == 2)
        #expect(try node.read() == Array("one".utf8))
        // What does not fit of a message is lost with it.
        #expect(try node.read(count: 3) == Array("and".utf8))
        #expect(errno { () throws(Errno) in try node.read() } == .again)
        #expect(errno { () throws(Errno) in try node.write([UInt8](repeating: 1, count: 497)) } == .messageSize)
        #expect(rig.log.last == "rpmsg_chrdev virtio0.rpmsg-raw.-1.1024: message is too big (497)")
        #expect(errno { () throws(Errno) in try node.destroy() } == .invalid)
    }

    @Test func `Messages wait for a reader, are forgotten by a close, and are bounded`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400, reaction: .ignore)])
        let node = try #require(rig.host.raw.node(0))
        // Somebody who lets programs open it.
        rig.host.raw.changed = { _, _ in }
        for _ in 0..<RpmsgCharacterDevice.queueLimit + 10 {
            rig.remote.send([7], from: 0x400, to: 0x400, on: rig.platform)
            rig.platform.run(for: .microseconds(100))
        }
        #expect(node.available == RpmsgCharacterDevice.queueLimit && node.dropped == 10)
        func losses() -> [Finding] { rig.host.findings.kept.map(\.finding).filter { $0.name == "messages-lost" } }
        #expect(losses() == [.messagesLost(device: "rpmsg0", waiting: 4096, count: 0)])
        try node.open()
        #expect(try node.read() == [7])
        rig.remote.send([8], from: 0x400, to: 0x400, on: rig.platform)
        rig.platform.run(for: .microseconds(100))
        #expect(losses().last == .messagesLost(device: "rpmsg0", waiting: 4096, count: 10))
        #expect(losses().last?.description == "messages-lost: 10 messages for rpmsg0 lost, as nobody had read what came before")
        node.close()
        #expect(node.available == 0 && losses().count == 2)
    }

    @Test func `The bus has rpmsg_ctrl and the name service beside the channels, with names that are no paths`() throws {
        func entries(_ kernel: KernelProfile, features: UInt32 = 1) throws -> [RpmsgBusEntry] {
            let names = ["../../etc/x", "a/\u{301}", "a!\u{301}", "rpmsg-tty"]
            let vdev = FirmwareImageBuilder.vdev(features: features)
            let services = names.map { MockRemote.Service($0, address: 0x400) }
            let rig = Rig(image: FirmwareImageBuilder(table: FirmwareImageBuilder.table([vdev])), services: services) { $0.kernel = kernel }
            try rig.host.start()
            rig.platform.run(for: .milliseconds(2))
            return rig.host.busEntries
        }
        // A slash becomes an exclamation mark; the kernel refuses the second of two that are then the same.
        let all = try entries(.newest)
        #expect(
            all.map(\.deviceName) == [
                "virtio0.rpmsg_ctrl.0.0", "virtio0.rpmsg_ns.53.53", "virtio0...!..!etc!x.-1.1024", "virtio0.a!\u{301}.-1.1024", "virtio0.rpmsg-tty.-1.1024",
            ])
        #expect(all.allSatisfy { !$0.deviceName.bytes.contains(0x2F) })
        #expect(all[1].name == "rpmsg_ns" && all[1].source == 53 && all[1].destination == 53 && !all[1].isAnnounced)
        #expect(try entries(.v5_15)[0].deviceName == "virtio0.rpmsg_chrdev.0.0")
        #expect(try entries(.newest, features: 0).map(\.name) == ["rpmsg_ctrl"])
    }

    @Test func `A full ring refuses at once, and takes more when the firmware has read`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400)])
        let node = try #require(rig.host.raw.node(0))
        try node.open()
        rig.remote.consumes = false
        var written = 0
        while node.canWrite && written < 100 {
            try node.write([1])
            written += 1
        }
        #expect(written == 16)
        #expect(errno { () throws(Errno) in try node.write([2]) } == .again)
        rig.remote.consumes = true
        rig.platform.wakeRemote()
        rig.platform.run(for: .milliseconds(1))
        #expect(node.canWrite)
        try node.write([2])
    }

    @Test func `An endpoint is made when its device is opened, talks from its own address, and goes when it is closed`() throws {
        let rig = try booted([.init("rpmsg-tty", address: 0x400)])
        let control = try #require(rig.host.rpmsgControl())
        let node = try control.createEndpoint("mine", destination: 0x400)
        #expect(node.name == "rpmsg0" && node.source == nil)
        #expect(errno { () throws(Errno) in try node.write([1]) } == .brokenPipe)
        try node.open()
        // 0x400 is the tty's.
        #expect(node.source == 0x401)
        try node.write(Array("hello".utf8))
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.remote.received.last?.source == 0x401)
        #expect(try node.read() == Array("hello".utf8))
        node.close()
        #expect(node.source == nil)
        let fixed = try control.createEndpoint("fixed", source: 0x400, destination: 0x400)
        #expect(fixed.name == "rpmsg1")
        // Taken by the tty.
        #expect(errno { () throws(Errno) in try fixed.open() } == .invalid)
        #expect(rig.log.last == "rpmsg rpmsg1: failed to open fixed")
        try node.destroy()
        #expect(rig.host.raw.node(0) == nil)
        #expect(errno { () throws(Errno) in try node.open() } == .netReset)
        #expect(try control.createEndpoint("next", destination: 0x400).name == "rpmsg0")
    }

    @Test func `A channel that the host makes with an address of its own is announced to the firmware, and taken back`() throws {
        let rig = try booted([.init("rpmsg-tty", address: 0x400)])
        let control = try #require(rig.host.rpmsgControl())
        let heard = rig.remote.received.count
        try control.createChannel("rpmsg-raw", source: 0x30, destination: 0x400)
        rig.platform.run(for: .milliseconds(1))
        let announcement = Array("rpmsg-raw".utf8) + [UInt8](repeating: 0, count: 23) + [0x30, 0, 0, 0]
        #expect(rig.remote.received.dropFirst(heard).map(\.payload) == [announcement + [0, 0, 0, 0]])
        #expect(rig.remote.received.last?.service == Rpmsg.nameServiceAddress)
        #expect(rig.host.raw.node(0)?.source == 0x30)
        #expect(errno { () throws(Errno) in try control.createChannel("rpmsg-raw", source: 0x30, destination: 0x400) } == .noDeviceOrAddress)

        try control.releaseChannel("rpmsg-raw", source: 0x30, destination: 0x400)
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.remote.received.last?.payload == announcement + [1, 0, 0, 0])
        #expect(rig.host.raw.node(0) == nil)
        #expect(errno { () throws(Errno) in try control.releaseChannel("rpmsg-raw", source: 0x30, destination: 0x400) } == .invalid)

        // Without one it is the host's alone.
        let before = rig.remote.received.count
        try control.createChannel("rpmsg-raw", source: Rpmsg.anyAddress, destination: 0x400)
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.remote.received.count == before && rig.host.raw.node(0)?.source == 0x401)
    }

    @Test func `The end of a channel that the host had announced is told to the firmware at a stop, behind the reset of its device`() throws {
        let rig = try booted([.init("rpmsg-tty", address: 0x400)])
        let control = try #require(rig.host.rpmsgControl())
        try control.createChannel("rpmsg-raw", source: 0x30, destination: 0x400)
        rig.platform.run(for: .milliseconds(1))
        let sent = rig.host.messageCounts.sent
        let watch = Watch()
        rig.host.observer = watch
        try rig.host.stop()
        #expect(rig.host.messageCounts.sent == sent + 1)
        let announcement = Array("rpmsg-raw".utf8) + [UInt8](repeating: 0, count: 23) + [0x30, 0, 0, 0]
        #expect(watch.sent.map(\.payload) == [announcement + [1, 0, 0, 0]])
        #expect(watch.sent.map(\.destination) == [Rpmsg.nameServiceAddress])
    }

    private final class Watch: RpmsgObserver {
        var sent: [(destination: UInt32, payload: [UInt8])] = []
        func observe(_ message: borrowing RpmsgMessage) { sent.append((message.destination, Array(message.payload))) }
    }

    @Test func `What rpmsg_ctrl refuses it says in the log, by the name that the kernel's device has`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400)])
        let control = try #require(rig.host.rpmsgControl())
        // An address of ANY is every address.
        #expect(errno { () throws(Errno) in try control.createChannel("rpmsg-raw", source: Rpmsg.anyAddress, destination: Rpmsg.anyAddress) } == .noDeviceOrAddress)
        #expect(rig.log.suffix(2) == ["virtio_rpmsg_bus virtio0: channel rpmsg-raw:ffffffff:ffffffff already exist", "rpmsg rpmsg_ctrl0: failed to create rpmsg-raw channel"])
        // A name is compared even when it is empty.
        #expect(errno { () throws(Errno) in try control.releaseChannel("", destination: 0x400) } == .invalid)
        #expect(rig.log.last == "rpmsg rpmsg_ctrl0: failed to release  channel (-22)")
        // The kernel's table of addresses ends at 2^31.
        rig.forgetLog()
        let node = try control.createEndpoint("far", source: 0x8000_0000, destination: 0x400)
        #expect(errno { () throws(Errno) in try node.open() } == .invalid)
        #expect(rig.log == ["rpmsg_ctrl virtio0.rpmsg_ctrl.0.0: idr_alloc failed: -22", "rpmsg rpmsg1: failed to open far"])
        rig.forgetLog()
        let mine = try control.createEndpoint("mine", destination: 0x400)
        try mine.open()
        #expect(errno { () throws(Errno) in try mine.refuse(count: 70000) } == .messageSize)
        #expect(rig.log == ["rpmsg_ctrl virtio0.rpmsg_ctrl.0.0: message is too big (70000)"])
    }

    @Test func `A channel whose address is taken gets no driver, with each of the kernel's lines`() throws {
        let rig = try booted([.init("rpmsg-tty", address: 0x400)])
        rig.forgetLog()
        // The tty's own.
        try #require(rig.host.rpmsgControl()).createChannel("rpmsg-raw", source: 0x400, destination: 0x401)
        let device = "rpmsg_chrdev virtio0.rpmsg-raw.1024.1025: "
        #expect(
            rig.records.map { "\($0.level) \($0.line)" } == [
                "error \(device)idr_alloc failed: -28", "error \(device)failed to create endpoint",
                "error \(device)probe with driver rpmsg_chrdev failed with error -12",
            ])
        #expect(rig.host.channel(named: "rpmsg-raw")?.driver == nil)
    }

    @Test func `Messages that wait are read in order and whole, whatever their sizes, into the reader's own memory`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400, reaction: .ignore)])
        let node = try #require(rig.host.raw.node(0))
        try node.open()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 496, alignment: 1)
        defer { buffer.deallocate() }
        func message(_ number: Int) -> [UInt8] { (0..<(number * 37 % 497)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ number) } }
        var read = 0, sent = 0
        for round in 0..<60 {
            for _ in 0..<10 {
                rig.remote.send(message(sent), from: 0x400, to: 0x400, on: rig.platform)
                sent += 1
                rig.platform.run(for: .microseconds(200))
            }
            for _ in 0..<(round < 30 ? 5 : 15) {
                let count = try node.read(into: buffer)
                #expect(Array(buffer[..<count]) == message(read))
                read += 1
            }
        }
        #expect(read == sent && node.available == 0 && node.dropped == 0)
        #expect(errno { () throws(Errno) in try node.read(into: buffer) } == .again)
    }

    @Test func `The number of a device that goes while it is open is free at its close`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400)])
        let control = try #require(rig.host.rpmsgControl())
        let raw = try #require(rig.host.raw.node(0)), made = try control.createEndpoint("mine", destination: 0x400)
        try raw.open()
        try made.open()
        try made.destroy()
        #expect(try control.createEndpoint("next", destination: 0x400).name == "rpmsg2")
        made.close()
        #expect(try control.createEndpoint("after", destination: 0x400).name == "rpmsg1")
        // Over a stop, too: rpmsg0 is still held.
        try rig.host.stop()
        try rig.host.start()
        _ = try rig.host.waitForChannel("rpmsg-raw", timeout: .seconds(1))
        #expect(rig.host.raw.nodes.compactMap { $0?.name } == ["rpmsg1"])
        raw.close()
        #expect(try rig.host.rpmsgControl()?.createEndpoint("last", destination: 0x400).name == "rpmsg0")
    }

    @Test func `A stop takes every device away from who has it open`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400)])
        let control = try #require(rig.host.rpmsgControl())
        let raw = try #require(rig.host.raw.node(0)), made = try control.createEndpoint("mine", destination: 0x400)
        try raw.open()
        try made.open()
        var woken: [String] = []
        raw.changed = { woken.append("rpmsg0") }
        made.changed = { woken.append("rpmsg1") }
        try rig.host.stop()
        #expect(woken == ["rpmsg1", "rpmsg0"])
        #expect(raw.isGone && made.isGone && rig.host.raw.nodes.allSatisfy { $0 == nil })
        #expect(errno { () throws(Errno) in try raw.read() } == .brokenPipe)
        #expect(errno { () throws(Errno) in try made.write([1]) } == .brokenPipe)
        #expect(errno { () throws(Errno) in try control.createEndpoint("late", destination: 0x400) } == .noDevice)
        #expect(rig.host.rpmsgControl() == nil)
    }

    @Test func `No endpoint has an address that the kernel's idr lacks`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400)])
        let control = try #require(rig.host.rpmsgControl())
        let high = try control.createEndpoint("high", source: 0x8000_0000, destination: 0x400)
        #expect(errno { () throws(Errno) in try high.open() } == .invalid)
        #expect(rig.log.contains { $0.hasSuffix("idr_alloc failed: -22") })
        let highest = try control.createEndpoint("highest", source: 0x7FFF_FFFF, destination: 0x400)
        try highest.open()
        #expect(highest.source == 0x7FFF_FFFF)
    }
}
