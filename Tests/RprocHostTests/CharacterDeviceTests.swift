import MachineBase
import RprocHost
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
        for _ in 0..<RpmsgCharacterDevice.queueLimit + 10 {
            rig.remote.send([7], from: 0x400, to: 0x400, on: rig.platform)
            rig.platform.run(for: .microseconds(100))
        }
        #expect(node.available == RpmsgCharacterDevice.queueLimit && node.dropped == 10)
        try node.open()
        #expect(try node.read() == [7])
        node.close()
        #expect(node.available == 0)
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
        // rpmsg_ctrl, which made rpmsg1, is the older child of the device.
        #expect(woken == ["rpmsg1", "rpmsg0"])
        #expect(raw.isGone && made.isGone && rig.host.raw.nodes.allSatisfy { $0 == nil })
        #expect(errno { () throws(Errno) in try raw.read() } == .brokenPipe)
        #expect(errno { () throws(Errno) in try made.write([1]) } == .brokenPipe)
        #expect(errno { () throws(Errno) in try control.createEndpoint("late", destination: 0x400) } == .noDevice)
        #expect(rig.host.rpmsgControl() == nil)
    }
}
