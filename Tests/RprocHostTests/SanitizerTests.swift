// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

/// A host with its sanitizer on, whose firmware is silent but for what the test does in its place.
private final class Hand: WriteRecord {
    static let vring0: UInt32 = 0x1004_0000, vring1: UInt32 = 0x1004_1000, buffers: UInt32 = 0x1004_2000
    /// Of 16 descriptors, aligned to 16.
    static let available: UInt32 = 0x100, used: UInt32 = 0x130
    let rig: Rig
    private var index: [UInt32: UInt16] = [:]
    /// What is recorded of a word, and of no other.
    var recorded: (address: UInt32, pc: UInt32) = (0, 0)

    init(services: [MockRemote.Service] = [], features: UInt32 = 1, configure: (inout HostConfiguration) -> Void = { _ in }) throws {
        let table = FirmwareImageBuilder.table([FirmwareImageBuilder.vdev(features: features)])
        rig = Rig(image: FirmwareImageBuilder(table: table), services: services, configure: configure)
        rig.host.sanitize()
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
    }

    func lastWriter(of address: PhysicalAddress) -> UInt32? { address.value & ~3 == recorded.address ? recorded.pc : nil }

    var names: [String] { rig.host.findings.kept.map(\.finding.name) }
    /// The sanitizer's alone.
    var rules: [String] { rig.host.findings.kept.map(\.finding).filter { $0.evidence != nil }.map(\.name) }
    func write(_ address: UInt32, _ value: some FixedWidthInteger) {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(value)
        rig.platform.remoteWrite(PhysicalAddress(address), bytes)
    }
    /// Publishes a used element.
    func use(_ ring: UInt32, _ id: UInt32, _ length: UInt32) {
        let at = index[ring, default: 0]
        write(ring + Self.used + 4 + 8 * UInt32(at % 16), id)
        write(ring + Self.used + 8 + 8 * UInt32(at % 16), length)
        index[ring] = at &+ 1
        write(ring + Self.used + 2, at &+ 1)
    }
    func setUsed(_ ring: UInt32, _ value: UInt16) {
        index[ring] = value
        write(ring + Self.used + 2, value)
    }
    /// Channel 0 or 1.
    func kick(_ channel: UInt32 = 0) {
        rig.platform.remoteWriteIPCC(0x18, 1 << (16 + channel))
        pass(.milliseconds(1))
    }
    func pass(_ span: VirtualTime) {
        rig.platform.run(for: span)
        rig.host.sanitizer?.look()
    }
    func message(
        _ id: UInt32, source: UInt32 = 0x400, destination: UInt32 = 0x500, reserved: UInt32 = 0, flags: UInt16 = 0, payload: [UInt8] = [1, 2, 3, 4],
        used: UInt32? = nil
    ) {
        var bytes: [UInt8] = []
        for word in [source, destination, reserved] { bytes.appendLittleEndian(word) }
        bytes.appendLittleEndian(UInt16(payload.count))
        bytes.appendLittleEndian(flags)
        bytes += payload
        rig.platform.remoteWrite(PhysicalAddress(Self.buffers + id * 512), bytes)
        use(Self.vring0, id, used ?? UInt32(bytes.count))
    }
    func announce(_ id: UInt32, name: [UInt8] = Array("rpmsg-raw".utf8), address: UInt32 = 0x400, flags: UInt32 = 0, size: Int = 40) {
        var bytes = name + [UInt8](repeating: 0, count: 32 - name.count)
        bytes.appendLittleEndian(address)
        bytes.appendLittleEndian(flags)
        message(id, source: 0x400, destination: 53, payload: Array(bytes.prefix(size)))
        kick()
    }
}

/// Gives one buffer of vring1 back a millisecond into the wait, rings for nothing, and has the sanitizer look.
private final class Giver: InMemoryRemote {
    private let hand: Hand
    private var runs = 0
    init(_ hand: Hand) { self.hand = hand }
    func reset(on platform: InMemoryPlatform) {}
    func run(on platform: InMemoryPlatform) -> VirtualTime {
        runs += 1
        if runs == 2 { hand.use(Hand.vring1, 0, 0) }
        hand.rig.host.sanitizer?.look()
        return runs < 40 ? platform.now + .milliseconds(1) : .never
    }
}

@Suite struct SanitizerTests {
    // MARK: The driver's part of a ring

    @Test func `A descriptor that the firmware changes is found, with what Linux had written and who changed it`() throws {
        let hand = try Hand()
        hand.rig.host.sanitizer?.writeRecord = hand
        hand.rig.host.sanitizer?.symbol = { $0 == 0x1000_0123 ? "overrun+0x4" : nil }
        hand.recorded = (Hand.vring0 + 3 * 16 + 8, 0x1000_0123)
        hand.write(Hand.vring0 + 3 * 16 + 8, UInt32(1024))
        hand.kick()
        let found = try #require(hand.rig.host.findings.kept.map(\.finding).first { $0.name == "descriptor-rewritten" })
        #expect(found.evidence?.field == "descriptor[3]")
        #expect(found.evidence?.address.value == Hand.vring0 + 48)
        #expect(found.evidence?.writer == Writer(pc: 0x1000_0123, symbol: "overrun+0x4"))
        #expect(found.description.contains("written by 0x10000123 (overrun+0x4)"))
    }

    @Test(arguments: [
        (0x100, "avail.flags"), (0x102, "avail.idx"), (0x104 + 2 * 5, "avail.ring[5]"), (0x124, "avail.used_event"),
    ] as [(UInt32, String)])
    func `Each field of the available ring is Linux's`(_ offset: UInt32, _ field: String) throws {
        let hand = try Hand()
        hand.write(Hand.vring1 + offset, UInt16(0x1234))
        hand.kick(1)
        let found = hand.rig.host.findings.kept.map(\.finding).filter { $0.name == "available-ring-rewritten" }
        #expect(found.map(\.evidence?.field) == [field])
        #expect(found.first?.evidence?.bytes == [0x34, 0x12])
        hand.pass(.milliseconds(5))
        #expect(hand.rules.filter { $0 == "available-ring-rewritten" }.count == 1, "a change is found once")
    }

    // MARK: The used ring

    @Test func `A used index that goes back, or further than there are buffers, is found`() throws {
        let back = try Hand()
        back.message(0)
        back.kick()
        back.setUsed(Hand.vring0, 0)
        back.kick()
        #expect(back.rules.contains("used-index-went-back"))
        let beyond = try Hand()
        beyond.setUsed(Hand.vring0, 17)
        beyond.kick()
        #expect(beyond.rules.contains("used-index-beyond-available"))
    }

    @Test func `Used ids out of range, given back twice, and never given are told apart`() throws {
        func rules(_ id: UInt32, _ ring: UInt32, _ channel: UInt32) throws -> [String] {
            let hand = try Hand()
            hand.message(2)
            hand.kick()
            // Recycled at once, so it is out again; vring1 has nothing.
            hand.use(ring, id, 16)
            hand.kick(channel)
            return hand.rules
        }
        #expect(try rules(16, Hand.vring0, 0).first == "used-id-out-of-range")
        #expect(try rules(4, Hand.vring1, 1) == ["buffer-never-given"])
        let hand = try Hand(services: [.init("rpmsg-tty", address: 0x400, reaction: .ignore)])
        try hand.rig.host.tty.port(0)?.writeAll("x")
        hand.pass(.milliseconds(1))
        #expect(hand.rules.isEmpty)
        hand.setUsed(Hand.vring1, 1)
        hand.use(Hand.vring1, 0, 0)
        hand.kick(1)
        #expect(hand.rules == ["buffer-returned-twice"])
    }

    @Test func `A used length beyond the buffer or short of the message is found`() throws {
        let long = try Hand()
        long.message(0, used: 513)
        long.kick()
        #expect(long.rules == ["used-length-beyond-buffer"])
        let short = try Hand()
        short.message(0, used: 19)
        short.kick()
        #expect(short.rules == ["used-length-short"])
        // The whole buffer as its length is OpenAMP's habit.
        let whole = try Hand()
        whole.message(0, used: 512)
        whole.kick()
        #expect(whole.rules.isEmpty)
    }

    @Test func `A buffer that was overtaken and stays away is found after a second, or at stop`() throws {
        let hand = try Hand()
        hand.message(1)
        hand.kick()
        #expect(hand.rules.isEmpty)
        hand.pass(.milliseconds(900))
        #expect(hand.rules.isEmpty)
        hand.pass(.milliseconds(200))
        #expect(hand.rules == ["buffer-not-returned"])
        #expect(hand.rig.host.findings.kept.last?.finding.evidence?.field == "descriptor[0]")

        let stopped = try Hand()
        stopped.message(1)
        stopped.kick()
        stopped.pass(.milliseconds(30))
        try stopped.rig.host.stop()
        #expect(stopped.rules == ["buffer-not-returned"])
    }

    // MARK: Doorbells

    @Test func `A message without a doorbell is found after ten milliseconds`() throws {
        let hand = try Hand()
        hand.message(0)
        hand.pass(.milliseconds(1))
        hand.pass(.milliseconds(9))
        #expect(hand.rules.isEmpty)
        hand.pass(.milliseconds(2))
        #expect(hand.rules == ["missing-kick"])
        hand.pass(.milliseconds(50))
        #expect(hand.rules == ["missing-kick"], "once")
    }

    @Test func `Buffers of Linux's may come back without a doorbell while nobody waits for them`() throws {
        let hand = try Hand(services: [.init("rpmsg-tty", address: 0x400)])
        hand.rig.remote.consumes = false
        try hand.rig.host.tty.port(0)?.writeAll("x")
        hand.use(Hand.vring1, 0, 0)
        for _ in 0..<5 { hand.pass(.milliseconds(10)) }
        #expect(hand.rules.isEmpty)
    }

    @Test func `A doorbell with nothing new is found, one for each of two messages is not`() throws {
        let hand = try Hand()
        hand.message(0)
        hand.message(1)
        hand.kick()
        hand.kick()
        #expect(hand.rules.isEmpty)
        hand.kick()
        #expect(hand.rules == ["spurious-kick"])
    }

    @Test func `A message that is given back while the doorbell before it is handled may have one of its own`() throws {
        let hand = try Hand(configure: { $0.timing.interruptLatency = .microseconds(50) })
        hand.message(0)
        for id in 1..<4 as Range<UInt32> {
            hand.rig.platform.remoteWriteIPCC(0x18, 1 << 16)
            hand.message(id)
            hand.pass(.milliseconds(1))
        }
        hand.kick()
        #expect(hand.rules.isEmpty)
        hand.kick()
        #expect(hand.rules == ["spurious-kick"])
    }

    @Test func `A sender of Linux's that sleeps for a buffer waits for vring1's doorbell, and its want is found`() throws {
        let hand = try Hand(services: [.init("rpmsg-tty", address: 0x400)])
        hand.rig.remote.consumes = false
        let channel = try #require(hand.rig.host.channel(named: "rpmsg-tty"))
        for _ in 0..<16 { try channel.send("x") }
        #expect(hand.rules.isEmpty)
        let giver = Giver(hand)
        hand.rig.platform.remote = giver
        hand.rig.platform.wakeRemote()
        // Nobody rings, so the sender sleeps its fifteen seconds beside a buffer that is there.
        let before = hand.rig.platform.now
        try channel.send("y")
        #expect(hand.rig.platform.now - before >= .seconds(15))
        let found = try #require(hand.rig.host.findings.kept.map(\.finding).first { $0.name == "missing-kick" })
        #expect(found.evidence?.place == "vring1")
    }

    @Test func `A doorbell that is lost on purpose is not laid at the firmware's door`() throws {
        let hand = try Hand(configure: { $0.kickFaults = [KickFault(.drop, .toLinux, ring: 0)] })
        hand.message(0)
        hand.kick()
        for _ in 0..<5 { hand.pass(.milliseconds(10)) }
        #expect(hand.rig.host.messageCounts.received == 0)
        #expect(hand.rules.isEmpty)
    }

    @Test(arguments: [KickFault.Selection.all, .number(2), .every(2)])
    func `A doorbell of Linux's that is lost on purpose is no finding, neither while its message lies there nor when it is taken`(
        _ selection: KickFault.Selection
    ) throws {
        let hand = try Hand(
            services: [.init("rpmsg-tty", address: 0x400)], configure: { $0.kickFaults = [KickFault(.drop, .toFirmware, ring: 1, selection)] })
        for i in 0..<5 {
            try hand.rig.host.tty.port(0)?.writeAll("message \(i)")
            for _ in 0..<12 { hand.pass(.milliseconds(100)) }
        }
        #expect(hand.rig.host.kickFaultCount > 0)
        // The last of five rings in all but the first case, and takes along what lay there.
        #expect(hand.rig.remote.received.count == (selection == .all ? 0 : 5))
        #expect(hand.names.isEmpty)
        try hand.rig.host.stop()
        #expect(hand.names.isEmpty)
    }

    @Test func `Unanswered doorbells are found on the channels that the device tree has`() throws {
        let hand = try Hand(configure: { $0.mailboxes.vq1 = 5 })
        hand.announce(0)
        let channel = try #require(hand.rig.host.raw.device(0))
        // Nobody acknowledges: the mock takes what comes on other channels than ST's.
        hand.rig.platform.remote = nil
        try channel.send([1])
        for _ in 0..<13 { hand.pass(.milliseconds(100)) }
        #expect(hand.rules.contains("channel-not-cleared"))
        #expect(hand.rig.host.findings.kept.contains { $0.finding.description.contains("IPCC channel 6") })
    }

    @Test func `Recovery begins the books anew, and what is wrong after it is found`() throws {
        let hand = try Hand(services: [.init("rpmsg-tty", address: 0x400)])
        for _ in 0..<3 {
            hand.rig.host.reportCrash(.fatalError)
            hand.rig.platform.run(for: .milliseconds(5))
            try hand.rig.host.tty.port(0)?.writeAll("again")
            hand.pass(.milliseconds(30))
        }
        #expect(hand.rig.host.crashCount == 3 && hand.rules.isEmpty)
        hand.write(Hand.vring0 + 3 * 16 + 8, UInt32(1024))
        hand.kick()
        #expect(hand.rules.first == "descriptor-rewritten")
    }

    @Test func `Attaching, detaching and attaching again is no finding, and what is wrong then is one`() throws {
        let rig = Rig(bootLoader: true)
        rig.host.sanitize()
        rig.platform.run(for: .milliseconds(5))
        for _ in 0..<3 {
            try rig.host.start()
            rig.platform.run(for: .milliseconds(1))
            try rig.host.tty.port(0)?.writeAll("ping")
            rig.platform.run(for: .milliseconds(30))
            rig.host.sanitizer?.look()
            try rig.host.sysfsWrite(.state, "detach")
        }
        #expect(rig.host.findings.kept.filter { $0.finding.evidence != nil }.isEmpty)
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        rig.platform.remoteWrite(PhysicalAddress(Hand.vring0 + 8), [0, 4, 0, 0])
        rig.host.sanitizer?.look()
        #expect(rig.host.findings.kept.contains { $0.finding.name == "descriptor-rewritten" })
    }

    @Test func `A doorbell of Linux's that stays unanswered is found after a second`() throws {
        let hand = try Hand(services: [.init("rpmsg-tty", address: 0x400)])
        hand.rig.remote.consumes = false
        try hand.rig.host.tty.port(0)?.writeAll("x")
        for _ in 0..<9 { hand.pass(.milliseconds(100)) }
        #expect(hand.rules.isEmpty)
        for _ in 0..<3 { hand.pass(.milliseconds(100)) }
        #expect(hand.rules == ["channel-not-cleared"])
        #expect(hand.rig.host.findings.kept.last?.finding.description.contains("IPCC channel 2") == true)
    }

    // MARK: Buffers and table

    @Test func `A message that changes after its return is found, if Linux has not read it`() throws {
        let hand = try Hand()
        hand.message(0)
        hand.rig.platform.remoteWriteIPCC(0x18, 1 << 16)
        hand.write(Hand.buffers + 18, UInt8(0xEE))
        hand.pass(.milliseconds(1))
        #expect(hand.rules == ["buffer-written-after-return"])
        #expect(hand.rig.host.findings.kept.first?.finding.evidence?.address.value == Hand.buffers + 18)
        // By then it is posted anew.
        hand.write(Hand.buffers + 18, UInt8(0xDD))
        hand.pass(.milliseconds(1))
        #expect(hand.rules.count == 1)
    }

    @Test func `A message of Linux's and a buffer of Linux's are not the firmware's to write`() throws {
        let hand = try Hand(services: [.init("rpmsg-tty", address: 0x400, reaction: .ignore)])
        hand.rig.remote.consumes = false
        try hand.rig.host.tty.port(0)?.writeAll("hello")
        let message = Hand.buffers + 16 * 512
        // OpenAMP's habit: the descriptor's number in the reserved word.
        hand.write(message + 8, UInt32(7))
        hand.pass(.milliseconds(1))
        #expect(hand.rules.isEmpty)
        hand.write(message + 20, UInt8(0))
        hand.pass(.milliseconds(1))
        #expect(hand.rules == ["read-only-buffer-written"])
        hand.write(Hand.buffers + 31 * 512, UInt8(1))
        hand.pass(.milliseconds(1))
        #expect(hand.rules == ["read-only-buffer-written", "hosts-buffer-written"])
    }

    @Test(arguments: [(20, "vdev.status"), (12, "vdev.gfeatures"), (24, "vring[0].da"), (24 + 20 + 12, "vring[1].notifyid")] as [(UInt32, String)])
    func `The vdev entry is Linux's while its driver is bound`(_ offset: UInt32, _ field: String) throws {
        let hand = try Hand()
        let table = ResourceTable(hand.rig.platform.remoteRead(FirmwareImageBuilder.defaultTableAddress, count: 1024))
        let entry = try #require(table?.entries.first)
        hand.write(FirmwareImageBuilder.defaultTableAddress.value + UInt32(entry.payloadOffset) + offset, UInt8(0xAA))
        hand.pass(.milliseconds(1))
        #expect(hand.rules == ["table-rewritten"])
        #expect(hand.rig.host.findings.kept.last?.finding.evidence?.field == field)
    }

    // MARK: Messages

    /// Firmware binds an endpoint of its own to a channel that the host announced, as open-amp's `ns_bind_cb` does.
    @Test func `Who answers a channel of the host's need not be announced, who writes to another must`() throws {
        let hand = try Hand(services: [.init("rpmsg-tty", address: 0x400)]), rig = hand.rig
        let control = try #require(rig.host.rpmsgControl())
        try control.createChannel("rpmsg-raw", source: 0x30, destination: 0x555)
        let made = try control.createEndpoint("mine", source: 0x31, destination: 0x556)
        try made.open()
        rig.remote.send([1], from: 0x555, to: 0x30, on: rig.platform)
        rig.remote.send([2], from: 0x556, to: 0x31, on: rig.platform)
        rig.platform.run(for: .milliseconds(1))
        #expect(made.available == 1 && hand.names.isEmpty, "\(hand.names)")
        rig.remote.send([3], from: 0x557, to: 0x400, on: rig.platform)
        rig.platform.run(for: .milliseconds(1))
        #expect(hand.rules == ["source-not-announced"])
    }

    @Test func `Headers with reserved or flag bits, impossible sources, and senders that nobody announced are found`() throws {
        func rules(_ body: (Hand) -> Void) throws -> [String] {
            let hand = try Hand()
            hand.announce(0)
            hand.rig.platform.run(for: .milliseconds(1))
            #expect(hand.rules.isEmpty)
            body(hand)
            hand.kick()
            return hand.rules
        }
        #expect(try rules { $0.message(1) }.isEmpty)
        #expect(try rules { $0.message(1, reserved: 1) } == ["header-reserved"])
        #expect(try rules { $0.message(1, flags: 1) } == ["header-flags"])
        #expect(try rules { $0.message(1, source: 0) } == ["source-address"])
        #expect(try rules { $0.message(1, source: .max) } == ["source-address"])
        #expect(try rules { $0.message(1, source: 0x401) } == ["source-not-announced"])
    }

    @Test func `Announcements have forty bytes, a terminated name, a usable address, and come once`() throws {
        func rules(_ body: (Hand) -> Void) throws -> [String] {
            let hand = try Hand()
            hand.announce(0)
            body(hand)
            return hand.rules
        }
        #expect(try rules { $0.announce(1, address: 0x401) }.isEmpty)
        #expect(try rules { $0.announce(1, address: 0x401, size: 36) } == ["announcement-size"])
        #expect(try rules { $0.announce(1, name: [UInt8](repeating: 0x61, count: 32), address: 0x401) } == ["announcement-name"])
        #expect(try rules { $0.announce(1, name: [], address: 0x401) } == ["announcement-name"])
        #expect(try rules { $0.announce(1, address: 0x401, flags: 2) } == ["announcement-flags"])
        #expect(try rules { $0.announce(1, address: .max) } == ["announcement-address"])
        // OpenAMP's first endpoint, until 2020.04.
        #expect(
            try rules {
                $0.announce(1, address: 0)
                $0.message(2, source: 0)
                $0.kick()
            }.isEmpty)
        #expect(try rules { $0.announce(1, address: 53) } == ["announcement-address"])
        #expect(try rules { $0.announce(1) } == ["announced-twice"])
        // Withdrawn and announced anew.
        #expect(
            try rules {
                $0.announce(1, flags: 1)
                $0.announce(2)
            }.isEmpty)
    }

    // MARK: Silence

    @Test(arguments: [UInt32(1), 0x2000_0001]) func `Ten thousand messages by the rules are no finding, and a restart is none`(_ features: UInt32) throws {
        let hand = try Hand(services: [.init("rpmsg-tty", address: 0x400), .init("rpmsg-raw", address: 0x401)], features: features)
        hand.rig.remote.keepsReceived = false
        for round in 0..<2 {
            for i in 0..<5_000 { try hand.rig.host.tty.port(0)?.writeAll("message \(round) \(i)") }
            hand.pass(.seconds(2))
            try hand.rig.host.stop()
            try hand.rig.host.start()
            hand.rig.platform.run(for: .milliseconds(1))
        }
        #expect(hand.rig.host.messageCounts.received >= 10_000)
        #expect(hand.names.isEmpty)
    }

    @Test func `Looks grow seldom while nothing happens, stop, and begin anew with a message`() throws {
        let hand = try Hand(services: [.init("rpmsg-tty", address: 0x400)])
        let sanitizer = try #require(hand.rig.host.sanitizer)
        var looks = 0
        while sanitizer.nextLook != .never, looks < 100 {
            let due = sanitizer.nextLook
            hand.rig.platform.run(for: due > hand.rig.platform.now ? due - hand.rig.platform.now : .zero)
            sanitizer.look()
            looks += 1
        }
        #expect((10...14).contains(looks))
        try hand.rig.host.tty.port(0)?.writeAll("x")
        #expect(sanitizer.nextLook != .never)
    }

    @Test func `The sanitizer changes nothing that the host does`() throws {
        func life(_ sanitizes: Bool) throws -> [String] {
            let rig = Rig(services: [.init("rpmsg-tty", address: 0x400), .init("rpmsg-client-sample", address: 0x401)])
            if sanitizes { rig.host.sanitize() }
            rig.platform.recordsWrites = true
            try rig.host.start()
            rig.platform.run(for: .milliseconds(5))
            try rig.host.tty.port(0)?.writeAll("hello")
            rig.platform.run(for: .milliseconds(5))
            try rig.host.stop()
            return rig.log + ["\(rig.platform.now)"] + rig.platform.registerWrites.map { "\($0)" }
        }
        #expect(try life(true) == life(false))
    }
}
