// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost

/// Firmware made of Swift: waits for DRIVER_OK, announces its services, answers messages, acknowledges the shutdown mailbox.
///
/// Works on the same shared memory and mailbox as real firmware does with OpenAMP, from the other side of the rings.
public final class MockRemote: InMemoryRemote {
    /// A service and what it does with a message.
    public struct Service {
        public enum Reaction {
            /// Sends the same bytes back.
            case echo
            case ignore
            /// Sends what the closure returns, nothing for nil.
            case answer(([UInt8]) -> [UInt8]?)
        }
        public var name: String
        public var address: UInt32
        public var reaction: Reaction
        public init(_ name: String, address: UInt32, reaction: Reaction = .echo) {
            self.name = name; self.address = address; self.reaction = reaction
        }
    }

    public var services: [Service]
    /// Physical address of its resource table.
    public var tableAddress: PhysicalAddress
    public var acknowledgesShutdown = true
    /// Off: messages pile up in vring 1 and no doorbell is acknowledged.
    public var consumes = true
    /// OpenAMP's remotes ask for no "buffer returned" doorbells.
    public var wantsReturnDoorbells = false
    /// Between two looks at the status byte.
    public var pollInterval = VirtualTime.microseconds(10)
    public var keepsReceived = true
    public var acknowledgesDetach = true

    /// What changes as it runs; the above is the test's to say.
    public struct State {
        var statusHistory: [UInt8] = []
        var received: [(service: UInt32, source: UInt32, payload: [UInt8])] = []
        var doorbells: [Int] = [0, 0, 0, 0, 0, 0]
        var isShutDown = false
        var input: DeviceRing?
        var output: DeviceRing?
        var pending: [(source: UInt32, destination: UInt32, payload: [UInt8])] = []
    }
    /// Saves it, or restores it, with the platform's.
    public var state = State()
    /// Times the status byte was seen to change, with its value.
    public private(set) var statusHistory: [UInt8] { get { state.statusHistory } set { state.statusHistory = newValue } }
    /// Messages that came, with the sender's address.
    public var received: [(service: UInt32, source: UInt32, payload: [UInt8])] { state.received }
    public var doorbells: [Int] { state.doorbells }
    public private(set) var isShutDown: Bool { get { state.isShutDown } set { state.isShutDown = newValue } }
    private var input: DeviceRing? { get { state.input } set { state.input = newValue } }
    private var output: DeviceRing? { get { state.output } set { state.output = newValue } }
    private var pending: [(source: UInt32, destination: UInt32, payload: [UInt8])] { get { state.pending } set { state.pending = newValue } }

    public init(services: [Service], tableAddress: PhysicalAddress = FirmwareImageBuilder.defaultTableAddress) {
        self.services = services
        self.tableAddress = tableAddress
    }

    public func reset(on platform: InMemoryPlatform) {
        input = nil
        output = nil
        pending = []
        statusHistory = []
        isShutDown = false
        // Flags outlive a reset of the core: what was asked of the firmware before is not for this one.
        let mailbox = platform.chip.mailbox
        platform.remoteWriteIPCC(mailbox.offsets.c2SCR, mailbox.channelMask)
        platform.remoteWriteIPCC(mailbox.offsets.c2CR, 1)
        platform.remoteWriteIPCC(mailbox.offsets.c2MR, ~mailbox.channelMask)
    }

    public func run(on platform: InMemoryPlatform) -> VirtualTime {
        if isShutDown { return .never }
        takeDoorbells(platform)
        guard output != nil else {
            guard let vdev = vdev(platform) else { return platform.now + pollInterval }
            if statusHistory.last != vdev.status { state.statusHistory.append(vdev.status) }
            guard vdev.status & 4 != 0, openRings(platform, vdev) else { return platform.now + pollInterval }
            for service in services { announce(service) }
            flush(platform)
            return platform.now + pollInterval
        }
        if consumes { consume(platform) }
        flush(platform)
        // Nobody rings when a buffer comes back: what is left is tried again.
        return pending.isEmpty ? .never : platform.now + pollInterval
    }

    /// Sends from a service's address, as soon as it next runs.
    public func send(_ payload: [UInt8], from source: UInt32, to destination: UInt32, on platform: InMemoryPlatform) {
        state.pending.append((source, destination, payload))
        platform.wakeRemote()
    }

    /// Queues an announcement, sent when the remote next runs.
    public func announce(_ service: Service, destroys: Bool = false) {
        var name = Array(service.name.utf8.prefix(32))
        name += [UInt8](repeating: 0, count: 32 - name.count)
        name.appendLittleEndian(service.address)
        name.appendLittleEndian(UInt32(destroys ? 1 : 0))
        state.pending.append((service.address, Rpmsg.nameServiceAddress, name))
    }

    private func vdev(_ platform: InMemoryPlatform) -> VdevResource? {
        let table = ResourceTable(platform.remoteRead(tableAddress, count: 1024))
        for entry in table?.entries ?? [] { if case .vdev(let vdev) = entry.content { return vdev } }
        return nil
    }

    private func openRings(_ platform: InMemoryPlatform, _ vdev: VdevResource) -> Bool {
        guard vdev.vrings.count == 2, let first = VringLayout(count: vdev.vrings[0].count, alignment: vdev.vrings[0].alignment),
            let second = VringLayout(count: vdev.vrings[1].count, alignment: vdev.vrings[1].alignment)
        else { return false }
        let events = vdev.guestFeatures & Virtio.featureEventIndex != 0
        input = DeviceRing(base: PhysicalAddress(vdev.vrings[0].deviceAddress), layout: first, usesEventIndex: events)
        output = DeviceRing(base: PhysicalAddress(vdev.vrings[1].deviceAddress), layout: second, usesEventIndex: events)
        if !wantsReturnDoorbells { input?.setSilence(platform, true) }
        return true
    }

    private func takeDoorbells(_ platform: InMemoryPlatform) {
        let rung = platform.ipcc.hostToRemote, mailbox = platform.chip.mailbox
        for channel in 0..<mailbox.channelCount where rung & 1 << UInt32(channel) != 0 {
            if doorbells.indices.contains(channel) { state.doorbells[channel] += 1 }
            if channel == mailbox.channels.shutdown {
                guard acknowledgesShutdown else { continue }
                isShutDown = true
            } else if channel == mailbox.channels.detach {
                guard acknowledgesDetach else { continue }
                // The virtio device is gone; what waits is for whoever comes next.
                (input, output, pending) = (nil, nil, [])
            } else if channel == mailbox.channels.vq1 && !consumes {
                continue
            }
            platform.remoteWriteIPCC(mailbox.offsets.c2SCR, 1 << UInt32(channel))
        }
    }

    private func consume(_ platform: InMemoryPlatform) {
        var count = 0
        while count < 65536, let buffer = state.output?.pop(platform) {
            count += 1
            let length = Int(min(buffer.length, 512))
            let bytes = platform.remoteRead(buffer.address, count: length)
            state.output?.push(platform, head: buffer.head, length: 0)
            if let source: UInt32 = bytes.littleEndian(at: 0), let destination: UInt32 = bytes.littleEndian(at: 4),
                let size: UInt16 = bytes.littleEndian(at: 12), 16 + Int(size) <= length
            {
                react(Array(bytes[16..<16 + Int(size)]), from: source, to: destination)
            }
        }
        if count > 0, state.output?.driverWantsSilence(platform) == false { ring(platform, channel: platform.chip.mailbox.channels.vq1) }
    }

    private func react(_ payload: [UInt8], from source: UInt32, to destination: UInt32) {
        if keepsReceived { state.received.append((destination, source, payload)) }
        guard let service = services.first(where: { $0.address == destination }) else { return }
        switch service.reaction {
        case .echo: state.pending.append((destination, source, payload))
        case .ignore: break
        case .answer(let answer): if let bytes = answer(payload) { state.pending.append((destination, source, bytes)) }
        }
    }

    /// Puts what waits into the host's buffers, as far as there are any.
    private func flush(_ platform: InMemoryPlatform) {
        var sent = 0
        while sent < pending.count, let buffer = state.input?.pop(platform) {
            let message = pending[sent]
            sent += 1
            var bytes: [UInt8] = []
            bytes.appendLittleEndian(message.source)
            bytes.appendLittleEndian(message.destination)
            bytes.appendLittleEndian(UInt32(0))
            bytes.appendLittleEndian(UInt16(truncatingIfNeeded: message.payload.count))
            bytes.appendLittleEndian(UInt16(0))
            bytes += message.payload
            platform.remoteWrite(buffer.address, bytes)
            state.input?.push(platform, head: buffer.head, length: UInt32(bytes.count))
        }
        state.pending.removeFirst(sent)
        if sent > 0, state.input?.driverWantsSilence(platform) == false { ring(platform, channel: platform.chip.mailbox.channels.vq0) }
    }

    private func ring(_ platform: InMemoryPlatform, channel: Int) {
        platform.remoteWriteIPCC(platform.chip.mailbox.offsets.c2SCR, 1 << UInt32(channel + 16))
    }
}
