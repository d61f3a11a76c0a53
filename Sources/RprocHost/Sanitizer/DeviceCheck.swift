// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// Everything that is checked of one rpmsg device while its driver is bound.
final class DeviceCheck {
    unowned let sanitizer: RpmsgSanitizer
    unowned let device: RemoteVirtioDevice
    private unowned let bus: RpmsgBus
    private let input: RingCheck, output: RingCheck
    private let pool: PoolCheck
    private var table: TableCheck?
    private var channels: ChannelFlagCheck
    /// The register of the firmware's doorbells.
    private let firmwareFlags: PhysicalAddress
    var messages = MessageCheck()

    struct State: Equatable, Sendable {
        var pool: PoolCheck.State
        /// nil when the table is not in the firmware's memory.
        var table: TableCheck.State?
        var channels: ChannelFlagCheck.State
        var messages: MessageCheck
    }
    /// The rings' books are their queues'.
    var state: State { State(pool: pool.state, table: table?.state, channels: channels.state, messages: messages) }

    /// - Parameter saved: what another one knew of the same device; nil for one that has just started.
    init(_ sanitizer: RpmsgSanitizer, _ device: RemoteVirtioDevice, _ bus: RpmsgBus, input: RingCheck, output: RingCheck, _ saved: State? = nil) {
        self.sanitizer = sanitizer; self.device = device; self.bus = bus; self.input = input; self.output = output
        pool = PoolCheck(sanitizer, base: bus.bufferBase, half: Int(bus.bufferCount / 2), bus: sanitizer.kernel.bus, saved?.pool)
        let configuration = sanitizer.kernel.configuration
        firmwareFlags = configuration.chip.mailbox.address(configuration.chip.mailbox.offsets.c2ToC1SR)
        channels = ChannelFlagCheck(configuration.chip.mailbox, configuration.mailboxes)
        for ring in [input, output] { ring.pool = pool }
        if let saved {
            table = saved.table.map { TableCheck(sanitizer, sanitizer.kernel.bus, $0) }
            channels.state = saved.channels
            messages = saved.messages
        } else {
            table = TableCheck(sanitizer, device)
            for (ring, queue) in [(input, bus.input), (output, bus.output)] { ring.books.pointee.isEventIndexed = queue.usesEventIndex }
        }
    }

    /// The firmware is ringing for one of the rings, or both.
    func raised() {
        input.check()
        output.check()
        // The handler comes later, and the firmware may have given more back by then: that is what the next doorbell is for.
        guard let flags = try? sanitizer.kernel.bus.read32(firmwareFlags) else { return }
        let mailboxes = sanitizer.kernel.configuration.mailboxes
        if let channel = mailboxes.vq0, flags & 1 << UInt32(truncatingIfNeeded: channel) != 0 { input.raised() }
        if let channel = mailboxes.vq1, flags & 1 << UInt32(truncatingIfNeeded: channel) != 0 { output.raised() }
    }

    /// The host handles the firmware's doorbell.
    func doorbell(_ channel: Int) {
        let ring = channel == 0 ? input : output
        ring.check()
        ring.rung()
    }

    /// The host rings.
    func kicked(_ notifyID: UInt32) {
        (notifyID == 0 ? input : output).check()
        table?.check()
    }

    /// `bytes`: header and payload as far as the used length reaches.
    func received(descriptor: UInt16, buffer: PhysicalAddress, length: UInt32, bytes: UnsafeRawBufferPointer) {
        messages.judge(sanitizer, buffer: buffer, length: length, bytes: bytes) { bus.isHostMade($0) }
    }

    /// Everything, and what time has run out for.
    func look() {
        input.check()
        output.check()
        table?.check()
        pool.checkAll()
        let now = sanitizer.now
        input.judgeTime(now, isAwaited: true)
        // Linux takes its own buffers back when it needs them. OpenAMP rings for them once a batch, rpmsg-lite never: that hurts
        // a sender that sleeps, and nobody else.
        output.judgeTime(now, isAwaited: bus.sleepers > 0)
        channels.judge(sanitizer, now, sanitizer.kernel.bus) { sanitizer.mailbox.completed($0) }
    }

    /// Behind the last `look`, when the device stops.
    func last() {
        for ring in [input, output] { ring.judgeBuffers(sanitizer.now, patience: sanitizer.patience.bufferAtStop) }
    }

    var isWaiting: Bool { input.isWaiting || output.isWaiting || channels.isWaiting }
}

/// Doorbells of Linux's that the firmware does not acknowledge, on the channels that the device tree gives Linux.
struct ChannelFlagCheck {
    private let mapped: [Int]
    /// The mailbox' name, and its register of Linux's doorbells.
    private let block: String, status: PhysicalAddress
    struct State: Equatable, Sendable {
        // By channel.
        var since: [VirtualTime]
        var completed: [UInt64]
        var isReported: [Bool]
    }
    var state: State

    init(_ mailbox: Mailbox, _ channels: MailboxChannels) {
        let count = mailbox.channelCount
        mapped = channels.named.compactMap(\.channel).filter { (0..<count).contains($0) }
        (block, status) = (mailbox.block, mailbox.address(mailbox.offsets.c1ToC2SR))
        state = State(
            since: [VirtualTime](repeating: .never, count: count), completed: [UInt64](repeating: 0, count: count), isReported: [Bool](repeating: false, count: count))
    }

    /// - Parameter completed: how many of a channel's doorbells have been acknowledged.
    mutating func judge(_ sanitizer: any CheckOwner, _ now: VirtualTime, _ bus: any NonSecureBus, completed count: (Int) -> UInt64) {
        guard let flags = try? bus.read32(status) else { return }
        for channel in mapped {
            let done = count(channel)
            guard flags & 1 << UInt32(channel) != 0, state.since[channel] != .never, done == state.completed[channel] else {
                state.since[channel] = flags & 1 << UInt32(channel) != 0 ? now : .never
                state.completed[channel] = done
                state.isReported[channel] = false
                continue
            }
            guard !state.isReported[channel], now - state.since[channel] >= sanitizer.patience.acknowledge else { continue }
            state.isReported[channel] = true
            let bytes = withUnsafeBytes(of: flags.littleEndian) { Array($0) }
            let evidence = Evidence(place: block, field: "C1TOC2SR", address: status, bytes: bytes, writer: nil)
            sanitizer.report(.channelNotCleared(evidence, channel: channel + 1, waited: now - state.since[channel]))
        }
    }

    var isWaiting: Bool { zip(state.since, state.isReported).contains { $0.0 != .never && !$0.1 } }
}
