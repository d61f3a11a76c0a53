// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

/// A Linux that is not the watch's own (here the model without its sanitizer), firmware that is the test's, and the watch, which sees their memory alone.
private final class Bystander: WriteRecord {
    static let vring0: UInt32 = 0x1004_0000, vring1: UInt32 = 0x1004_1000, buffers: UInt32 = 0x1004_2000
    /// Of 16 descriptors, aligned to 16.
    static let available: UInt32 = 0x100, used: UInt32 = 0x130
    let rig: Rig
    let watch: SharedMemoryWatch
    let table: PhysicalRange
    private final class Found { var findings: [Finding] = [] }
    private let found: Found
    private var writers: [UInt32: UInt32] = [:]

    /// How many buffers of a ring the firmware has taken.
    private var taken: [UInt32: UInt16] = [:]

    init() throws {
        let bytes = FirmwareImageBuilder.table([FirmwareImageBuilder.vdev()])
        let image = FirmwareImageBuilder(table: bytes), found = Found()
        let rig = Rig(image: image, services: [])
        rig.remote.consumes = false
        (self.rig, self.found) = (rig, found)
        table = PhysicalRange(start: image.tableAddress, size: UInt32(bytes.count))
        watch = SharedMemoryWatch(bus: rig.platform.bus, mailbox: rig.host.configuration.chip.mailbox, channels: MailboxChannels(), clock: { rig.platform.now }) { found.findings.append($0) }
        watch.writeRecord = self
        try start()
    }

    func start() throws {
        try rig.host.start()
        watch.started(table: table)
        // Linux says that buffers are there.
        watch.kicked(0)
        announce(name: Array("rpmsg-tty".utf8), address: 0x400)
        kick(latency: .milliseconds(1))
    }
    func stop() throws {
        watch.look()
        try rig.host.stop()
        watch.stopped()
        (writers, taken) = ([:], [:])
    }

    /// Linux, its machine, and the watch beside.
    struct State {
        fileprivate var platform: InMemoryPlatform.State, remote: MockRemote.State, host: RemoteProcessor.WholeState, watch: SharedMemoryWatch.State
        fileprivate var writers: [UInt32: UInt32], taken: [UInt32: UInt16]
        var watchState: SharedMemoryWatch.State { watch }
    }
    func save() throws -> State {
        State(platform: rig.platform.state, remote: rig.remote.state, host: try rig.host.wholeState, watch: watch.state, writers: writers, taken: taken)
    }
    func restore(_ state: State) throws {
        try rig.host.restore(state.host)
        (rig.platform.state, rig.remote.state, watch.state) = (state.platform, state.remote, state.watch)
        (writers, taken, found.findings) = (state.writers, state.taken, [])
    }

    var rules: [String] { found.findings.map(\.name) }
    var findings: [Finding] { found.findings }

    // MARK: What the firmware does

    func lastWriter(of address: PhysicalAddress) -> UInt32? { writers[address.value & ~3] }
    func forgetWriters(_ address: PhysicalAddress, count: Int) {
        for word in writers.keys where word >= address.value & ~3 && word < address.value &+ UInt32(count) { writers[word] = nil }
    }
    func write(_ address: UInt32, _ value: some FixedWidthInteger, by pc: UInt32? = 0x1000_0123) {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(value)
        rig.platform.remoteWrite(PhysicalAddress(address), bytes)
        writers[address & ~3] = pc
    }
    private func read(_ address: UInt32, count: Int) -> UInt32 {
        rig.platform.remoteRead(PhysicalAddress(address), count: count).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    /// The next buffer that Linux has posted, whether or not there is one.
    func take(_ ring: UInt32) -> UInt32 {
        let at = taken[ring, default: 0]
        taken[ring] = at &+ 1
        return read(ring + Self.available + 4 + 2 * UInt32(at % 16), count: 2)
    }
    func address(_ ring: UInt32, _ id: UInt32) -> UInt32 { read(ring + 16 * id, count: 4) }
    /// Publishes a used element.
    func use(_ ring: UInt32, _ id: UInt32, _ length: UInt32) {
        let at = UInt16(truncatingIfNeeded: read(ring + Self.used + 2, count: 2))
        write(ring + Self.used + 4 + 8 * UInt32(at % 16), id)
        write(ring + Self.used + 8 + 8 * UInt32(at % 16), length)
        write(ring + Self.used + 2, at &+ 1)
    }
    func message(source: UInt32 = 0x400, destination: UInt32 = 0x401, reserved: UInt32 = 0, flags: UInt16 = 0, payload: [UInt8] = [1, 2, 3, 4], used: UInt32? = nil) {
        var bytes: [UInt8] = []
        for word in [source, destination, reserved] { bytes.appendLittleEndian(word) }
        bytes.appendLittleEndian(UInt16(payload.count))
        bytes.appendLittleEndian(flags)
        bytes += payload
        let id = take(Self.vring0)
        rig.platform.remoteWrite(PhysicalAddress(address(Self.vring0, id)), bytes)
        use(Self.vring0, id, used ?? UInt32(bytes.count))
    }
    func announce(name: [UInt8] = Array("rpmsg-raw".utf8), address: UInt32 = 0x402, flags: UInt32 = 0, size: Int = 40) {
        var bytes = name + [UInt8](repeating: 0, count: 32 - name.count)
        bytes.appendLittleEndian(address)
        bytes.appendLittleEndian(flags)
        message(source: address == .max ? 0x402 : address, destination: 53, payload: Array(bytes.prefix(size)))
    }
    /// The firmware rings channel 0 or 1; Linux takes the interrupt `latency` later, acknowledges and works.
    func kick(_ channel: UInt32 = 0, latency: VirtualTime = .microseconds(20)) {
        watch.raised(1 << channel)
        watch.settle()
        watch.acknowledged(Int(channel))
        rig.platform.remoteWriteIPCC(0x18, 1 << (16 + channel))
        pass(latency)
    }
    /// Linux sends, and rings.
    func send(_ text: String) throws {
        try #require(rig.host.tty.port(0)).writeAll(text)
        watch.kicked(1)
    }
    func pass(_ span: VirtualTime) {
        let end = rig.platform.now + span
        while rig.platform.now < end {
            let next = min(end, max(watch.nextLook, rig.platform.now + .microseconds(1)))
            rig.platform.run(for: next - rig.platform.now)
            if rig.platform.now >= watch.nextLook { watch.look() }
        }
    }
}

/// The sanitizer beside a Linux whose books it cannot read: what it finds, and what it leaves in peace.
@Suite struct SharedMemoryWatchTests {
    private typealias Ring = Bystander

    @Test func `A start, an announcement, messages both ways and a stop are no finding, and the progress counts them`() throws {
        let linux = try Bystander()
        for round in 0..<3 {
            #expect(linux.watch.progress.channels.map(\.description) == ["rpmsg-tty"])
            #expect(linux.watch.progress.status == 7 && linux.watch.progress.posted >= 16 && linux.watch.progress.received >= 1)
            for number in 0..<40 {
                try linux.send("message \(number)")
                linux.use(Ring.vring1, linux.take(Ring.vring1), 0)
                linux.kick(1)
                linux.message()
                linux.kick()
                linux.pass(.milliseconds(3))
            }
            #expect(linux.watch.progress.sent == 40 && linux.watch.progress.taken == 40, "round \(round)")
            try linux.stop()
            #expect(linux.watch.nextLook == .never)
            #expect(linux.watch.lastProgress.sent == 40 && linux.watch.lastProgress.channels.count == 1, "what was is kept")
            try linux.start()
        }
        #expect(linux.rules == [])
    }

    @Test(arguments: [
        ("a descriptor", ["descriptor-rewritten"], "descriptor[3]"), ("the available index", ["available-ring-rewritten"], "avail.idx"),
        ("an available entry", ["available-ring-rewritten"], "avail.ring[5]"), ("the used index, back", ["used-index-went-back"], "used.idx"),
        ("the used index, beyond", ["used-index-beyond-available"], "used.idx"), ("an id", ["used-id-out-of-range"], "used.ring[0]"),
        ("twice", ["buffer-returned-twice"], "used.ring[1]"), ("never", ["buffer-never-given"], "used.ring[0]"),
        ("long", ["used-length-beyond-buffer"], "used.ring[1]"), ("short", ["used-length-short"], "header.len"),
        ("reserved", ["header-reserved"], "header.reserved"), ("flags", ["header-flags"], "header.flags"), ("source", ["source-address"], "header.src"),
        ("announcement's size", ["announcement-size"], nil), ("announcement's name", ["announcement-name"], nil),
        ("announcement's flags", ["announcement-flags"], nil), ("announcement's address", ["announcement-address"], nil),
        ("announced twice", ["announced-twice"], nil), ("doorbells", ["spurious-kick"], "used.idx"), ("the status", ["table-rewritten"], "vdev.status"),
        ("a ring's address", ["table-rewritten"], "vring[1].da"), ("a message to read", ["read-only-buffer-written"], nil),
        ("a buffer of Linux's", ["hosts-buffer-written"], nil),
    ] as [(String, [String], String?)])
    func `What breaks a rule is found once, with its field`(_ act: String, _ rules: [String], _ field: String?) throws {
        let linux = try Bystander()
        try Self.acts[act]?(linux)
        linux.pass(.milliseconds(6))
        #expect(linux.rules == rules)
        if let field { #expect(linux.findings.first?.evidence?.field == field) }
    }

    private static let acts: [String: @Sendable (Bystander) throws -> Void] = [
        "a descriptor": { $0.write(Ring.vring0 + 3 * 16 + 8, UInt32(1024)) },
        "the available index": { $0.write(Ring.vring1 + 0x102, UInt16(0x1234)) },
        "an available entry": { $0.write(Ring.vring0 + 0x104 + 2 * 5, UInt16(11)) },
        "the used index, back": { $0.write(Ring.vring0 + Ring.used + 2, UInt16(0)); $0.watch.raised(1) },
        "the used index, beyond": { $0.write(Ring.vring0 + Ring.used + 2, UInt16(40)); $0.watch.raised(1) },
        "an id": { $0.use(Ring.vring1, 99, 0); $0.kick(1) },
        "twice": { linux in
            try linux.send("x")
            let id = linux.take(Ring.vring1)
            for _ in 0..<2 { linux.use(Ring.vring1, id, 0) }
            linux.kick(1)
        },
        "never": { $0.use(Ring.vring1, 4, 0); $0.kick(1) },
        "long": { $0.message(used: 513); $0.kick() },
        "short": { $0.message(used: 19); $0.kick() },
        "reserved": { $0.message(reserved: 7); $0.kick() },
        "flags": { $0.message(flags: 3); $0.kick() },
        "source": { $0.message(source: 0); $0.kick() },
        "announcement's size": { $0.announce(size: 36); $0.kick() },
        "announcement's name": { $0.announce(name: []); $0.kick() },
        "announcement's flags": { $0.announce(flags: 6); $0.kick() },
        "announcement's address": { $0.announce(address: 0xFFFF_FFFF); $0.kick() },
        "announced twice": { $0.announce(name: Array("rpmsg-tty".utf8), address: 0x400); $0.kick() },
        "doorbells": { $0.kick() },
        "the status": { $0.write($0.table.start.value + 20 + 24, UInt8(0)) },
        "a ring's address": { $0.write($0.table.start.value + 20 + 28 + 20, UInt32(0x1005_0000)) },
        "a message to read": { linux in
            try linux.send("scribble")
            linux.write(linux.address(Ring.vring1, linux.take(Ring.vring1)) + 16, UInt32(0x5858_5858))
        },
        "a buffer of Linux's": { $0.write(Ring.buffers + 31 * 512 + 8, UInt32(0xDEAD)) },
    ]

    @Test func `Saved and restored, it finds the same again, and so does another one`() throws {
        for (name, act) in Self.acts.sorted(by: { $0.key < $1.key }) {
            let linux = try Bystander()
            try linux.send("before")
            linux.message()
            let saved = try linux.save()
            func goOn(_ linux: Bystander) throws -> [Finding] {
                try act(linux)
                linux.pass(.milliseconds(1_200))
                return linux.findings
            }
            let first = try goOn(linux), end = linux.watch.state
            #expect(!first.isEmpty && end != saved.watchState)
            try linux.restore(saved)
            #expect(linux.watch.state == saved.watchState)
            #expect(try goOn(linux) == first, "\(name)")
            #expect(linux.watch.state == end)
            let other = try Bystander()
            try other.stop()
            try other.restore(saved)
            #expect(try goOn(other) == first, "\(name)")
            #expect(other.watch.state == end && other.watch.progress == linux.watch.progress)
        }
    }

    @Test func `A message without a doorbell is found after ten milliseconds, and not behind one of Linux's own visits`() throws {
        let linux = try Bystander()
        linux.message()
        linux.pass(.milliseconds(9))
        #expect(linux.rules == [])
        linux.pass(.milliseconds(7))
        #expect(linux.rules == ["missing-kick"])
        let visited = try Bystander()
        visited.message()
        visited.watch.acknowledged(0)
        visited.pass(.milliseconds(30))
        #expect(visited.rules == [])
    }

    @Test func `A buffer that was overtaken is found after a second, and a doorbell that nobody clears`() throws {
        let linux = try Bystander()
        _ = linux.take(Ring.vring0)
        linux.message()
        linux.kick()
        linux.pass(.milliseconds(900))
        #expect(linux.rules == [])
        linux.pass(.milliseconds(300))
        #expect(linux.rules == ["buffer-not-returned"])
        let deaf = try Bystander()
        deaf.rig.platform.remote = nil
        try deaf.send("hello?")
        deaf.pass(.milliseconds(1200))
        #expect(deaf.rules == ["channel-not-cleared"])
    }

    @Test func `What Linux writes is not held against the firmware: nothing is, that no instruction is on record for`() throws {
        let linux = try Bystander()
        linux.write(Ring.vring0 + 3 * 16 + 8, UInt32(1024), by: nil)
        linux.write(Ring.vring1 + 0x100, UInt16(1), by: nil)
        linux.write(Ring.buffers + 31 * 512 + 8, UInt32(0xDEAD), by: nil)
        linux.pass(.milliseconds(10))
        #expect(linux.rules == [])
    }

    @Test func `Firmware without a table, with garbage for one, or with rings that are nowhere is looked at without harm`() throws {
        let linux = try Bystander()
        linux.watch.started(table: nil)
        #expect(linux.watch.nextLook == .never && !linux.watch.progress.hasTable)
        linux.watch.started(table: PhysicalRange(start: PhysicalAddress(0xFFFF_FFF0), size: 0xFFFF))
        linux.watch.look()
        #expect(!linux.watch.progress.hasTable)
        for seed in 1...200 as ClosedRange<UInt64> {
            var state = seed &* 0x9E37_79B9_7F4A_7C15
            for offset in stride(from: 0, to: linux.table.size & ~3, by: 4) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                if state >> 61 == 0 { linux.write(linux.table.start.value + offset, UInt32(truncatingIfNeeded: state >> 20)) }
            }
            linux.watch.started(table: linux.table)
            linux.watch.look()
            linux.watch.raised(UInt32(truncatingIfNeeded: state))
            linux.watch.kicked(Int(seed) - 100)
            linux.watch.acknowledged(Int(seed) - 100)
            linux.watch.look()
            linux.watch.stopped()
        }
    }
}
