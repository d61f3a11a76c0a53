// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A `/dev/ttyRPMSGn`.
public final class RpmsgTTY {
    public let index: Int
    public var name: String { "ttyRPMSG\(index)" }
    public let channel: RpmsgChannel
    private var truncationLimit = RateLimit()
    init(index: Int, channel: RpmsgChannel) { self.index = index; self.channel = channel }

    struct State: Equatable, Sendable {
        var index: Int
        var truncationLimit: RateLimit
    }
    var state: State { State(index: index, truncationLimit: truncationLimit) }
    convenience init(_ state: State, channel: RpmsgChannel) {
        self.init(index: state.index, channel: channel)
        restore(state)
    }
    func restore(_ state: State) { truncationLimit = state.truncationLimit }

    /// Whether a `write` would find a buffer.
    public var canWrite: Bool { channel.bus?.canSend ?? false }

    /// The tty layer took only `count` bytes of a message: the driver says so, and the rest is lost (`rpmsg_tty_cb`).
    public func truncated(to count: Int) {
        guard let kernel = channel.bus?.kernel else { return }
        let (allowed, suppressed) = truncationLimit.allow(at: kernel.platform.now)
        if suppressed > 0 { kernel.log.emit(.warning, "", "rpmsg_tty_cb: \(suppressed) callbacks suppressed") }
        if allowed { kernel.log.emit(.error, channel.logName, "Trunc buffer: available space is \(count)") }
    }

    /// One `write`: the first 496 bytes at most, as one message, without waiting (`rpmsg_tty_write`).
    /// - Returns: bytes taken.
    /// - Throws: `noMemory` when no buffer is free, `noDevice` after hang-up.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        let count = min(bytes.count, Rpmsg.maximumPayload)
        guard count > 0 else { return 0 }
        try channel.trySend(UnsafeRawBufferPointer(rebasing: bytes[0..<count]))
        return count
    }

    /// Writes all of it in pieces of 496 bytes, as a program does that tries again while no buffer is free.
    /// - Throws: `timedOut` when the firmware gives none back in `timeout` of virtual time.
    public func writeAll(_ bytes: UnsafeRawBufferPointer, timeout: VirtualTime = .seconds(15)) throws(Errno) {
        var done = 0
        while done < bytes.count {
            do throws(Errno) { done += try write(UnsafeRawBufferPointer(rebasing: bytes[done...])) } catch {
                guard error == .noMemory, let bus = channel.bus else { throw error }
                guard bus.waitUntilSendable(until: bus.kernel.platform.now + timeout) else { throw .timedOut }
            }
        }
    }

    public func writeAll(_ text: String, timeout: VirtualTime = .seconds(15)) throws(Errno) {
        try Array(text.utf8).withBytes { (bytes) throws(Errno) in try writeAll(bytes, timeout: timeout) }
    }
}

/// The kernel's `rpmsg_tty`: a serial port for each channel `rpmsg-tty`, up to 32.
public final class RpmsgTTYDriver: RpmsgDriver {
    public static let portLimit = 32
    public let driverName = "rpmsg_tty"
    public let channelNames: [ForeignName]
    /// Open ports by number; a gap is nil.
    public private(set) var ports: [RpmsgTTY?] = []
    /// Bytes from the firmware, one call a message.
    public var received: ((RpmsgTTY, UnsafeRawBufferPointer) -> Void)?
    /// Whether a program has the hung-up tty of a number open still: no new port gets the number before the last close, where the kernel frees it
    /// (`rpmsg_tty_destruct_port`). Asked for numbers without a port.
    public var isHeld: ((Int) -> Bool)?
    /// A port appeared or (with nil) hung up; its number.
    public var changed: ((Int, RpmsgTTY?) -> Void)?

    init(alsoNamed names: [ForeignName] = []) { channelNames = ["rpmsg-tty"] + names }

    /// Behind the channels, which have the ports; `count` numbers are known. Nobody is told.
    func restore(_ channels: [RpmsgChannel], count: Int) {
        ports = [RpmsgTTY?](repeating: nil, count: count)
        for case let port? in channels.map(\.port) where ports.indices.contains(port.index) { ports[port.index] = port }
    }

    public func port(_ index: Int) -> RpmsgTTY? { index >= 0 && index < ports.count ? ports[index] : nil }

    public func probe(_ channel: RpmsgChannel) throws(Errno) {
        let index = ports.indices.first { ports[$0] == nil && isHeld?($0) != true } ?? ports.count
        guard index < Self.portLimit else {
            channel.bus?.kernel.log.emit(.error, channel.logName, "error -ENOSPC: Failed to alloc tty port")
            throw .noSpace
        }
        if index == ports.count { ports.append(nil) }
        let port = RpmsgTTY(index: index, channel: channel)
        ports[index] = port
        channel.port = port
        if let log = channel.bus?.kernel.log {
            log.emit(.debug, channel.logName, "New channel: 0x\(hex(channel.source)) -> 0x\(hex(channel.destination)): \(port.name)")
        }
        changed?(index, port)
    }

    public func received(_ payload: UnsafeRawBufferPointer, from source: UInt32, on channel: RpmsgChannel) {
        guard !payload.isEmpty else { return }
        if let port = channel.port { received?(port, payload) }
    }

    public func remove(_ channel: RpmsgChannel) {
        guard let port = channel.port, self.port(port.index) === port else { return }
        let index = port.index
        channel.port = nil
        channel.bus?.kernel.log.emit(.debug, channel.logName, "Removing rpmsg tty device \(index)")
        ports[index] = nil
        changed?(index, nil)
    }
}
