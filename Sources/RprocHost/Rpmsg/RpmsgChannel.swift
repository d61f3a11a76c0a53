// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A channel: the kernel's device for one service that the firmware has announced (`struct rpmsg_device`).
public final class RpmsgChannel {
    /// As the firmware announced it.
    public let name: ForeignName
    /// The host's address: ANY (0xFFFFFFFF) until a driver binds.
    public internal(set) var source: UInt32
    /// The firmware's address.
    public let destination: UInt32
    /// `virtio0.rpmsg-tty.-1.1024`
    public let deviceName: ForeignName
    /// The driver that has bound; nil when none matches. Without one there is no endpoint: nothing sent here arrives.
    public internal(set) var driver: (any RpmsgDriver)?
    public internal(set) var endpoint: RpmsgEndpoint?
    /// Whether the firmware's name service is told of it: a channel that the host made with an address of its own.
    public let isAnnounced: Bool
    /// The driver's data of it (`dev_set_drvdata`).
    var port: RpmsgTTY?
    var node: RpmsgCharacterDevice?
    /// Nil once the channel is gone.
    public internal(set) var bus: RpmsgBus?

    init(name: ForeignName, source: UInt32, destination: UInt32, bus: RpmsgBus) {
        self.name = name; self.source = source; self.destination = destination; self.bus = bus
        isAnnounced = source != Rpmsg.anyAddress
        // sysfs has no slashes in names: the kernel puts an exclamation mark there.
        let fileName = name.bytes.map { $0 == 0x2F ? 0x21 : $0 }
        deviceName = ForeignName(
            bytes: Array("\(bus.device.name).".utf8) + fileName + Array(".\(Int32(bitPattern: source)).\(Int32(bitPattern: destination))".utf8))
    }

    /// As a state has it: `bus` is nil for one that is gone.
    init(_ state: State, bus: RpmsgBus?) {
        (name, source, destination, deviceName, isAnnounced) = (state.name, state.source, state.destination, state.deviceName, state.isAnnounced)
        self.bus = bus
    }

    /// What its endpoint does with messages.
    var receive: RpmsgEndpoint.Receive {
        { [unowned self] payload, source in driver?.received(payload, from: source, on: self) }
    }

    /// Prefix of the driver's log lines.
    public var logName: String { "\(driver?.driverName ?? "rpmsg") \(printable(deviceName))" }

    /// Sends to the firmware's end (`rpmsg_send`), sleeping up to 15 s for a buffer. At most 496 bytes.
    /// - Throws: see `RpmsgBus.send`; `noDevice` when the channel is gone or has no driver.
    public func send(_ payload: UnsafeRawBufferPointer) throws(Errno) { try send(payload, to: destination, waits: true) }
    public func send(_ payload: [UInt8]) throws(Errno) { try send(payload, waits: true) }
    public func send(_ text: String) throws(Errno) { try send(Array(text.utf8), waits: true) }

    /// Like `send`, but `noMemory` at once when no buffer is free (`rpmsg_trysend`).
    public func trySend(_ payload: UnsafeRawBufferPointer) throws(Errno) { try send(payload, to: destination, waits: false) }
    public func trySend(_ payload: [UInt8]) throws(Errno) { try send(payload, waits: false) }

    /// To another address of the firmware (`rpmsg_sendto`).
    public func send(_ payload: UnsafeRawBufferPointer, to destination: UInt32, waits: Bool = true) throws(Errno) {
        guard let bus, let endpoint else { throw .noDevice }
        try bus.send(from: endpoint.address, to: destination, payload: payload, waits: waits, sender: logName)
    }

    private func send(_ payload: [UInt8], waits: Bool) throws(Errno) {
        try payload.withBytes { (bytes) throws(Errno) in try send(bytes, to: destination, waits: waits) }
    }
}

/// A kernel driver for channels of certain names.
public protocol RpmsgDriver: AnyObject {
    /// The module's name, as log lines have it.
    var driverName: String { get }
    /// Channel names it binds to, compared exactly.
    var channelNames: [ForeignName] { get }
    /// A channel of such a name was announced; its endpoint exists already. Throwing leaves the channel without a driver.
    func probe(_ channel: RpmsgChannel) throws(Errno)
    /// A message. `payload` is gone when the call returns. Runs under the remoteproc lock: a send that has to wait for a
    /// buffer in here is not woken and times out.
    func received(_ payload: UnsafeRawBufferPointer, from source: UInt32, on channel: RpmsgChannel)
    /// The channel goes away.
    func remove(_ channel: RpmsgChannel)
}

/// A driver made of closures.
public final class ClosureRpmsgDriver: RpmsgDriver {
    public let driverName: String
    public let channelNames: [ForeignName]
    private let onProbe: (RpmsgChannel) -> Void
    private let onReceive: (RpmsgChannel, UnsafeRawBufferPointer, UInt32) -> Void
    private let onRemove: (RpmsgChannel) -> Void

    /// - Parameters:
    ///   - names: channel names to bind to.
    ///   - probe: a channel came.
    ///   - receive: channel, payload (borrowed), sender's address.
    ///   - remove: a channel goes.
    public init(
        _ names: ForeignName..., probe: @escaping (RpmsgChannel) -> Void = { _ in },
        receive: @escaping (RpmsgChannel, UnsafeRawBufferPointer, UInt32) -> Void, remove: @escaping (RpmsgChannel) -> Void = { _ in }
    ) {
        driverName = "rpmsg_user"
        channelNames = names
        (onProbe, onReceive, onRemove) = (probe, receive, remove)
    }

    public func probe(_ channel: RpmsgChannel) throws(Errno) { onProbe(channel) }
    public func received(_ payload: UnsafeRawBufferPointer, from source: UInt32, on channel: RpmsgChannel) {
        onReceive(channel, payload, source)
    }
    public func remove(_ channel: RpmsgChannel) { onRemove(channel) }
}
