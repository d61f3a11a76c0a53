// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A `/dev/rpmsgN`: an endpoint that a program opens, reads message by message and writes message by message.
///
/// Calls never wait: each is what a program gets with O_NONBLOCK. Source: Linux `rpmsg_char.c`.
public final class RpmsgCharacterDevice {
    /// The `N`.
    public let index: Int
    /// `rpmsg0`
    public var name: String { "rpmsg\(index)" }
    /// The name of the channel or of the created endpoint.
    public let endpointName: ForeignName
    /// The firmware's address, where what is written goes.
    public let destination: UInt32
    /// The channel `rpmsg-raw` whose endpoint it is; nil for one that CREATE_EPT made.
    public let channel: RpmsgChannel?
    /// The address that CREATE_EPT asked for; ANY for the lowest free one.
    let requestedSource: UInt32
    private(set) var bus: RpmsgBus?
    private(set) var endpoint: RpmsgEndpoint?

    /// As many messages wait for a reader. The kernel has no such bound: there, firmware can fill the memory.
    public static let queueLimit = 4096
    /// What changes besides bus and endpoint.
    struct OwnState: Equatable, Sendable {
        var queue = MessageQueue()
        var dropped: UInt64 = 0
        /// Of them those since the last message that found room.
        var droppedInARow: UInt64 = 0
        var isOpen = false
    }
    private(set) var own = OwnState()
    /// Messages that came while `queueLimit` others waited, and are lost; a finding at the first, and one at the end of such a time.
    public private(set) var dropped: UInt64 { get { own.dropped } set { own.dropped = newValue } }
    private var droppedInARow: UInt64 { get { own.droppedInARow } set { own.droppedInARow = newValue } }
    public private(set) var isOpen: Bool { get { own.isOpen } set { own.isOpen = newValue } }
    /// Runs when a message has come or the device has gone: what wakes a poll.
    public var changed: (() -> Void)?
    /// Runs at the close of a device that is gone.
    var closedAtLast: (() -> Void)?

    init(index: Int, channel: RpmsgChannel, bus: RpmsgBus) {
        (self.index, self.channel, self.bus) = (index, channel, bus)
        (endpointName, destination, requestedSource) = (channel.name, channel.destination, channel.source)
    }

    init(index: Int, name: ForeignName, source: UInt32, destination: UInt32, channel: RpmsgChannel? = nil, bus: RpmsgBus?) {
        (self.index, self.bus, self.channel) = (index, bus, channel)
        (endpointName, self.destination, requestedSource) = (name, destination, source)
    }

    /// The local address: nil for a created endpoint while nobody has it open.
    public var source: UInt32? { channel?.endpoint?.address ?? endpoint?.address }
    /// The channel, or the bus, went away: what a poll shows as POLLERR.
    public var isGone: Bool { bus == nil }
    /// Messages that wait to be read.
    public var available: Int { own.queue.count }
    /// Name of a created endpoint's parent in the log: the kernel's device of rpmsg_ctrl.
    private var sender: String { channel?.logName ?? "rpmsg_ctrl \(bus?.device.name ?? "").rpmsg_ctrl.0.0" }
    /// Whether a write would find a buffer.
    public var canWrite: Bool { bus?.canSend ?? false }

    /// `open`: a created endpoint gets its address now.
    /// - Throws: `busy` when it is open, `netReset` when it is gone, `invalid` when its address is taken.
    public func open() throws(Errno) {
        guard let bus else { throw .netReset }
        guard !isOpen else { throw .busy }
        if channel == nil {
            do throws(Errno) {
                endpoint = try bus.createEndpoint(address: requestedSource, for: sender) { [unowned self] payload, _ in received(payload) }
            } catch {
                bus.kernel.log.emit(.error, "rpmsg \(name)", "failed to open \(printable(endpointName))")
                throw .invalid
            }
        }
        isOpen = true
    }

    /// `close`: what was not read is lost. The number of a device that is gone is free from here on.
    public func close() {
        guard isOpen else { return }
        isOpen = false
        if let endpoint { bus?.destroyEndpoint(endpoint) }
        endpoint = nil
        forgetMessages()
        closedAtLast?()
        closedAtLast = nil
    }

    /// `read` of at most `count` bytes: one message; what does not fit of it is lost.
    /// - Throws: `again` when none has come, `brokenPipe` when the device is gone.
    public func read(count: Int = Rpmsg.maximumPayload) throws(Errno) -> [UInt8] {
        guard let bus else { throw .brokenPipe }
        guard let size = own.queue.nextSize else { throw .again }
        bus.host.raw.queuedBytes &-= size
        return own.queue.takeFirst { Array($0.prefix(max(0, count))) } ?? []
    }

    /// `read` into a buffer: one message; what does not fit of it is lost.
    /// - Returns: the bytes that were copied.
    /// - Throws: as `read(count:)`.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        guard let bus else { throw .brokenPipe }
        guard let size = own.queue.nextSize else { throw .again }
        bus.host.raw.queuedBytes &-= size
        return own.queue.takeFirst { message in
            let count = min(message.count, buffer.count)
            UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]).copyMemory(from: UnsafeRawBufferPointer(rebasing: message[..<count]))
            return count
        } ?? 0
    }

    /// `write`: all of it as one message.
    /// - Throws: `messageSize` over 496 bytes, `again` when no buffer is free, `brokenPipe` when the device is gone or not
    ///   open, `io` when the ring is broken.
    public func write(_ payload: UnsafeRawBufferPointer) throws(Errno) {
        guard let bus, let source else { throw .brokenPipe }
        do throws(Errno) {
            try bus.send(
                from: source, to: destination, payload: payload, waits: false,
                sender: self.sender)
        } catch { throw error == .noMemory ? .again : error == .noDevice ? .brokenPipe : error }
    }

    public func write(_ payload: [UInt8]) throws(Errno) { try payload.withBytes { (bytes) throws(Errno) in try write(bytes) } }

    /// What a `write` of `count` bytes gets where they do not all come into the kernel: the size alone decides.
    public func refuse(count: Int) throws(Errno) {
        guard let bus, source != nil else { throw .brokenPipe }
        if count > Rpmsg.maximumPayload { throw bus.tooBig(count, sender) }
    }

    /// DESTROY_EPT on it.
    /// - Throws: `invalid` for a channel's own device, `netReset` when it is gone.
    public func destroy() throws(Errno) {
        guard channel == nil else { throw .invalid }
        guard let bus else { throw .netReset }
        bus.kernel.during { bus.host.raw.forget(self) }
    }

    func received(_ payload: UnsafeRawBufferPointer) {
        if let raw = bus?.host.raw, own.queue.count < Self.queueLimit, raw.queuedBytes <= RpmsgRawDriver.queuedLimit {
            own.queue.append(payload)
            raw.queuedBytes &+= payload.count
            reportLosses()
        } else {
            dropped &+= 1
            // Without anybody who could open the device nothing is lost that somebody wants: messages are seen as they come.
            guard isOpen || bus?.host.raw.changed != nil else {
                changed?()
                return
            }
            droppedInARow &+= 1
            if droppedInARow == 1 { bus?.kernel.findings.report(.messagesLost(device: name, waiting: own.queue.count, count: 0)) }
        }
        changed?()
    }

    /// There is room again, or nobody to wait for.
    private func reportLosses() {
        guard droppedInARow > 0 else { return }
        bus?.kernel.findings.report(.messagesLost(device: name, waiting: own.queue.count, count: droppedInARow))
        droppedInARow = 0
    }

    /// Becomes the device of a state; `bus` is nil where it is gone. Its endpoint is its bus's to enter.
    func restore(_ state: State, bus: RpmsgBus?) {
        (self.bus, own, closedAtLast) = (bus, state.own, nil)
        if endpoint?.address != state.endpoint {
            endpoint = state.endpoint.map { address in RpmsgEndpoint(address: address) { [unowned self] payload, _ in received(payload) } }
        }
    }

    /// The device node goes; who has it open keeps a dead descriptor.
    func remove() {
        if let endpoint { bus?.destroyEndpoint(endpoint) }
        endpoint = nil
        forgetMessages()
        bus = nil
        changed?()
    }

    private func forgetMessages() {
        reportLosses()
        bus?.host.raw.queuedBytes &-= own.queue.byteCount
        own.queue = MessageQueue()
    }
}
