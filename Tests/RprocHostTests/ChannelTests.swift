import MachineBase
import RprocHost
import Testing

/// Channels and endpoints at the edges: what `rpmsg_core`, `virtio_rpmsg_bus` and the driver core make of unusual ones.
@Suite struct ChannelTests {
    private func booted(_ services: [MockRemote.Service]) throws -> Rig {
        let rig = Rig(services: services)
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        return rig
    }

    private func errno<T>(_ body: () throws(Errno) -> T) -> Errno? {
        do throws(Errno) { _ = try body(); return nil } catch { return error }
    }

    /// The device is reset before its children go, but its rings still work: `virtio_rpmsg_announce_destroy` goes out.
    @Test func `The end of a channel that the host announced is told to the firmware when the core stops`() throws {
        let rig = try booted([.init("rpmsg-tty", address: 0x400)])
        let control = try #require(rig.host.rpmsgControl())
        try control.createChannel("rpmsg-raw", source: 0x30, destination: 0x400)
        rig.platform.run(for: .milliseconds(1))
        let sent = rig.host.messageCounts.sent
        try rig.host.stop()
        #expect(rig.host.messageCounts.sent == sent + 1)
    }

    @Test func `Announced with the address ANY, the end of a service takes its first channel`() throws {
        let rig = try booted([.init("rpmsg-raw", address: 0x400), .init("rpmsg-raw", address: 0x401)])
        #expect(rig.host.channels.map(\.destination) == [0x400, 0x401])
        rig.remote.announce(.init("rpmsg-raw", address: Rpmsg.anyAddress), destroys: true)
        rig.platform.wakeRemote()
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.host.channels.map(\.destination) == [0x401])
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

    @Test func `A slash in a service's name is an exclamation mark in its device's`() throws {
        let rig = try booted([.init("a/b/c", address: 0x400)])
        #expect(rig.host.channels.map(\.name) == ["a/b/c"])
        #expect(rig.host.channels.map(\.deviceName) == ["virtio0.a!b!c.-1.1024"])
    }

    @Test func `A program that asks for a channel twice, or lets go of one that is not, is told in the log`() throws {
        let rig = try booted([.init("rpmsg-tty", address: 0x400)])
        let control = try #require(rig.host.rpmsgControl())
        #expect(errno { () throws(Errno) in try control.createChannel("rpmsg-tty", source: Rpmsg.anyAddress, destination: 0x400) } == .noDeviceOrAddress)
        #expect(rig.log.last == "rpmsg rpmsg_ctrl0: failed to create rpmsg-tty channel")
        #expect(errno { () throws(Errno) in try control.releaseChannel("nobody") } == .invalid)
        #expect(rig.log.last == "rpmsg rpmsg_ctrl0: failed to release nobody channel (-22)")
    }

    /// Devices that nobody reads: the kernel's memory would go; here a bound holds for all of them together.
    @Test func `What waits in raw devices is bounded over all of them`() throws {
        let rig = try booted((0..<40).map { .init("rpmsg-raw", address: 0x400 + $0, reaction: .ignore) })
        let bytes = [UInt8](repeating: 0xA5, count: Rpmsg.maximumPayload)
        rig.remote.keepsReceived = false
        for _ in 0..<RpmsgCharacterDevice.queueLimit / 8 {
            for device in 0..<40 as Range<UInt32> {
                for _ in 0..<8 { rig.remote.send(bytes, from: 0x400 + device, to: 0x400 + device, on: rig.platform) }
            }
            rig.platform.run(for: .milliseconds(1))
        }
        let nodes = (0..<40).compactMap { rig.host.raw.node($0) }
        let waiting = nodes.reduce(0) { $0 + $1.available } * Rpmsg.maximumPayload, lost = nodes.reduce(0) { $0 + $1.dropped }
        #expect(nodes.count == 40 && waiting > 60 << 20 && waiting < 66 << 20, "\(waiting) bytes wait, \(lost) messages are lost")
        // Read, they leave room for others.
        let first = try #require(nodes.first)
        try first.open()
        let had = first.available
        for _ in 0..<had { #expect(try first.read().count == Rpmsg.maximumPayload) }
        rig.remote.send(bytes, from: 0x401, to: 0x401, on: rig.platform)
        let before = nodes[1].available
        rig.platform.run(for: .milliseconds(1))
        #expect(nodes[1].available == before + 1 || before == RpmsgCharacterDevice.queueLimit)
    }
}
