// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// The sanitizer beside a Linux that is not this package's: it keeps its own books, runs meanwhile, and is only looked at.
///
/// Checks what the firmware does as `RpmsgSanitizer` does, but for what needs Linux's own books (who was announced to whom, and whether Linux waits for
/// buffers). What the firmware may not write to is checked where a `writeRecord` says who wrote: Linux's stores have no witness. Its owner says when the
/// firmware starts and stops and who rings, and calls `look` at `nextLook`.
public final class SharedMemoryWatch: CheckOwner {
    public var patience = RpmsgSanitizer.Patience()
    public weak var writeRecord: (any WriteRecord)?
    public var symbol: ((UInt32) -> String?)?
    /// In the board's time; `.never` while nothing runs.
    public private(set) var nextLook: VirtualTime { get { own.nextLook } set { own.nextLook = newValue } }

    let bus: any NonSecureBus
    let mailbox: Mailbox
    public let mailboxes: MailboxChannels
    private let clock: () -> VirtualTime
    private let sink: (Finding) -> Void
    /// What changes besides what is checked of the device.
    struct OwnState: Equatable, Sendable {
        var nextLook = VirtualTime.never
        var table: PhysicalRange?
        var before = Progress()
        /// Doorbells of Linux's so far, by channel: it rings again only behind an acknowledgement.
        var rung: [UInt64]
    }
    private var own: OwnState
    private var table: PhysicalRange? { get { own.table } set { own.table = newValue } }
    private var before: Progress { get { own.before } set { own.before = newValue } }
    private var rung: [UInt64] { own.rung }
    private var link: LinkCheck?
    private static let interval = VirtualTime.milliseconds(2)

    /// - Parameters:
    ///   - bus: as Linux has it.
    ///   - mailboxes: the channels that Linux has of the mailbox.
    ///   - clock: the board's time.
    public init(bus: any NonSecureBus, mailbox: Mailbox, channels mailboxes: MailboxChannels, clock: @escaping () -> VirtualTime, found: @escaping (Finding) -> Void) {
        (self.bus, self.mailbox, self.mailboxes, self.clock, sink) = (bus, mailbox, mailboxes, clock, found)
        own = OwnState(rung: [UInt64](repeating: 0, count: mailbox.channelCount))
    }

    /// All that changes: how far it has looked, and its books. It belongs to watches of the same mailbox; memory is the machine's, patience and names are
    /// the owner's.
    public struct State: Equatable, Sendable {
        var own: OwnState
        fileprivate var link: LinkCheck.State?
    }
    /// Saves it, or restores it without a look at memory.
    public var state: State {
        get { State(own: own, link: link?.state) }
        set {
            own = newValue.own
            link = newValue.link.map { LinkCheck(self, $0) }
        }
    }

    var now: VirtualTime { clock() }
    var booksAreExact: Bool { false }
    func report(_ finding: Finding) { sink(finding) }
    func forgetWrites(_ address: PhysicalAddress, count: Int) { writeRecord?.forgetWriters(address, count: count) }

    // MARK: The firmware's life

    /// The firmware starts, or runs already. `table` is its resource table in memory; nil for one that has none.
    public func started(table: PhysicalRange?) {
        (self.table, link, before) = (table, nil, Progress())
        nextLook = table == nil ? .never : now + Self.interval
    }

    /// The M4 is reset.
    public func stopped() {
        if link == nil && !before.hasVdev && table != nil { before = progress }
        endLink()
        (table, nextLook) = (nil, .never)
    }

    private func endLink() {
        guard let link else { return }
        link.look(rung)
        link.last()
        before = progress
        // Linux has taken it back already.
        before.status |= Virtio.statusDriverOK
        self.link = nil
    }

    // MARK: Doorbells

    /// The firmware rings channels, bit 0 for the first, this very moment.
    public func raised(_ channels: UInt32) {
        begin()
        link?.raised(channels)
    }
    /// Soon behind `raised`: what the firmware has done since, before Linux has posted those buffers again.
    public func settle() { link?.settle() }
    /// Linux has acknowledged a doorbell of the firmware's, by channel.
    public func acknowledged(_ channel: Int) { link?.acknowledged(channel) }
    /// Linux rings.
    public func kicked(_ channel: Int) {
        if rung.indices.contains(channel) { own.rung[channel] &+= 1 }
        begin()
        link?.follow()
    }

    public func look() {
        begin()
        link?.look(rung)
        nextLook = table == nil ? .never : now + Self.interval
    }

    // MARK: What there is to see

    /// The live resource table, its first entries; nil for none.
    public var resourceTable: ResourceTable? {
        table.flatMap { try? bus.readBytes($0.start, count: Int($0.size)) }.flatMap { ResourceTable($0, most: Self.mostEntries) }
    }
    private static let mostEntries: UInt32 = 64
    /// The first rpmsg device of the table, as it is now, and where its entry is behind the type.
    var vdev: (resource: VdevResource, start: PhysicalAddress)? {
        guard let table else { return nil }
        for entry in resourceTable?.entries ?? [] {
            if case .vdev(let vdev) = entry.content, vdev.id == VdevResource.rpmsg {
                return (vdev, table.start.advanced(UInt32(truncatingIfNeeded: entry.payloadOffset)))
            }
        }
        return nil
    }
    /// How far rpmsg has come on the present start.
    public struct Progress: Equatable, Sendable {
        public var hasTable = false, hasVdev = false
        /// The vdev's status byte; 4 is DRIVER_OK.
        public var status: UInt8 = 0
        /// Buffers that Linux has posted, and those that the firmware has sent back with messages in them.
        public var posted: UInt16 = 0, received: UInt16 = 0
        /// Messages that Linux has sent, and those that the firmware has taken.
        public var sent: UInt16 = 0, taken: UInt16 = 0
        /// Announced and not withdrawn, by name.
        public var channels: [ForeignName] = []
    }
    public var progress: Progress {
        var result = Progress()
        result.hasTable = resourceTable != nil
        guard let vdev else { return result }
        (result.hasVdev, result.status) = (true, vdev.resource.status)
        guard let link else { return result }
        (result.posted, result.received) = (link.input.followed, link.input.used)
        (result.sent, result.taken) = (link.output.followed, link.output.used)
        result.channels = link.messages.names
        return result
    }

    /// The same, or how far it had come when Linux stopped it.
    public var lastProgress: Progress { link == nil && (before.hasVdev || table == nil) ? before : progress }

    /// Begins with a device whose driver has come up; ends with it.
    private func begin() {
        guard table != nil, let vdev else { return }
        let isUp = vdev.resource.status & Virtio.statusDriverOK != 0
        if !isUp { endLink() } else if link == nil { link = LinkCheck(self, vdev.resource, at: vdev.start) }
    }
}

/// One rpmsg device of another Linux, while its driver is bound.
private final class LinkCheck {
    private unowned let watch: SharedMemoryWatch
    let input: RingCheck, output: RingCheck
    private let pool: PoolCheck
    private var table: TableCheck?
    private var flags: ChannelFlagCheck
    var messages = MessageCheck()

    struct State: Equatable, Sendable {
        struct Ring: Equatable, Sendable {
            var name: String
            var layout: VringLayout
            var base: PhysicalAddress
            var books: RingCheck.State

            init(_ ring: RingCheck) { (name, layout, base, books) = (ring.name, ring.layout, ring.base, ring.state) }

            func check(_ watch: SharedMemoryWatch) -> RingCheck {
                let ring = RingCheck(watch, name: name, layout: layout, base: base, bus: watch.bus)
                ring.state = books
                return ring
            }
        }
        var input, output: Ring
        var poolBase: PhysicalAddress
        var pool: PoolCheck.State
        var table: TableCheck.State?
        var flags: ChannelFlagCheck.State
        var messages: MessageCheck
    }
    var state: State {
        State(
            input: State.Ring(input), output: State.Ring(output), poolBase: pool.base, pool: pool.state, table: table?.state, flags: flags.state,
            messages: messages)
    }

    /// As it was; looks at nothing.
    init(_ watch: SharedMemoryWatch, _ state: State) {
        (self.watch, input, output) = (watch, state.input.check(watch), state.output.check(watch))
        pool = PoolCheck(watch, base: state.poolBase, half: state.pool.turns.count / 2, bus: watch.bus, state.pool)
        table = state.table.map { TableCheck(watch, watch.bus, $0) }
        flags = ChannelFlagCheck(watch.mailbox, watch.mailboxes)
        flags.state = state.flags
        messages = state.messages
        connect()
    }

    private func connect() {
        for ring in [input, output] { ring.pool = pool }
        input.onReturned = { [unowned self] _, address, length in judge(address, length) }
    }

    /// nil where the rings are not to be had.
    init?(_ watch: SharedMemoryWatch, _ vdev: VdevResource, at start: PhysicalAddress) {
        func ring(_ index: Int) -> RingCheck? {
            guard index < vdev.vrings.count, let layout = VringLayout(count: vdev.vrings[index].count, alignment: vdev.vrings[index].alignment) else { return nil }
            let address = PhysicalAddress(vdev.vrings[index].deviceAddress)
            guard (try? watch.bus.load(UInt32.self, address.advanced(layout.size & ~3))) != nil else { return nil }
            let ring = RingCheck(watch, name: "vring\(index)", layout: layout, base: address, bus: watch.bus)
            ring.books.pointee.isEventIndexed = vdev.guestFeatures & Virtio.featureEventIndex != 0
            return ring
        }
        guard let input = ring(0), let output = ring(1) else { return nil }
        (self.watch, self.input, self.output) = (watch, input, output)
        // Buffers are one piece, of which the firmware's half comes first. Source: Linux virtio_rpmsg_bus.c, rpmsg_probe.
        let addresses = (0..<UInt32(input.layout.count)).compactMap { try? watch.bus.load(UInt32.self, input.base.advanced(16 * $0)) }.filter { $0 != 0 }
        pool = PoolCheck(watch, base: PhysicalAddress(addresses.min() ?? 0), half: Int(input.layout.count), bus: watch.bus)
        table = TableCheck(watch, watch.bus, start: start, vrings: vdev.vrings.count)
        flags = ChannelFlagCheck(watch.mailbox, watch.mailboxes)
        for ring in [input, output] { watch.forgetWrites(ring.base, count: Int(ring.layout.size)) }
        watch.forgetWrites(start, count: VdevResource.size + VringResource.size * vdev.vrings.count)
        connect()
        follow()
        input.isCovered()
        output.isCovered()
    }

    private func judge(_ buffer: PhysicalAddress, _ length: UInt32) {
        let count = min(Int(length), Rpmsg.bufferSize)
        guard count >= Rpmsg.headerSize, let bytes = try? watch.bus.readBytes(buffer, count: count) else { return }
        bytes.withUnsafeBytes { messages.judge(watch, buffer: buffer, length: length, bytes: $0) { _ in true } }
    }

    /// What Linux has posted first: the firmware may have given it back already.
    func follow() {
        for ring in [input, output] {
            ring.follow()
            ring.check()
        }
    }

    /// Rings whose doorbell from the firmware is up.
    private var ringing: [RingCheck] { (try? watch.bus.read32(watch.mailbox.address(watch.mailbox.offsets.c2ToC1SR))).map(rings) ?? [] }

    private func rings(_ up: UInt32) -> [RingCheck] {
        func isUp(_ channel: Int?) -> Bool { channel.map { up & 1 << UInt32(truncatingIfNeeded: $0) != 0 } ?? false }
        return (isUp(watch.mailboxes.vq0) ? [input] : []) + (isUp(watch.mailboxes.vq1) ? [output] : [])
    }

    /// Linux may take its time; the firmware has done its part.
    func settle() {
        follow()
        pool.checkAll()
    }

    func raised(_ channels: UInt32) {
        follow()
        for ring in rings(channels) {
            ring.raised()
            ring.rung()
        }
    }

    func acknowledged(_ channel: Int) {
        // Linux is about to take what was given back, and to post it again.
        settle()
        if channel == watch.mailboxes.vq0 { input.isCovered() }
        if channel == watch.mailboxes.vq1 { output.isCovered() }
    }

    func look(_ rung: [UInt64]) {
        follow()
        table?.check()
        pool.checkAll()
        for ring in ringing { ring.isCovered() }
        let now = watch.now
        input.judgeTime(now, isAwaited: true)
        output.judgeTime(now, isAwaited: false)
        flags.judge(watch, now, watch.bus) { rung[$0] }
    }

    func last() {
        for ring in [input, output] { ring.judgeBuffers(watch.now, patience: watch.patience.bufferAtStop) }
    }
}
