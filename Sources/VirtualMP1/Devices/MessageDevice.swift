// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost

/// A `/dev/rpmsgN` as a program has it open: whole messages, in both directions. `close` gives it back.
///
/// ```swift
/// let device = try mp1.openEndpoint("mine", destination: 0x400)
/// try device.send(Array("hello".utf8))
/// let answer = try device.receive()
/// ```
public struct MessageDevice {
    public let device: RpmsgCharacterDevice
    let system: MP1System

    /// A device that is open already, as one is that a restored state has open.
    public init(_ device: RpmsgCharacterDevice, of system: MP1System) { (self.device, self.system) = (device, system) }

    /// Sends one message of at most 496 bytes, waiting for a buffer.
    /// - Throws: `linux` with EMSGSIZE, or EPIPE when the device is gone; `timeout`, `stopped`.
    public func send(_ message: [UInt8], within span: VirtualTime = .seconds(15)) throws(SystemError) {
        _ = system.run(for: span) { device.canWrite || device.isGone }
        do throws(Errno) { try device.write(message) } catch {
            if error == .again { throw system.failure("buffer for a message on \(device.name)", span) }
            throw .linux(doing: "write to \(device.name)", error)
        }
    }

    /// Waits for a message and takes it.
    /// - Throws: `linux` with EPIPE when the device is gone; `timeout`, `stopped`.
    public func receive(within span: VirtualTime = .milliseconds(500)) throws(SystemError) -> [UInt8] {
        _ = system.run(for: span) { device.available > 0 || device.isGone }
        do throws(Errno) { return try device.read() } catch {
            if error == .again { throw system.failure("message on \(device.name)", span) }
            throw .linux(doing: "read from \(device.name)", error)
        }
    }

    public func close() { device.close() }
}

extension MP1System {
    /// Waits until there is a `/dev/rpmsg<index>`, which the firmware's `index`th `rpmsg-raw` is, and opens it.
    /// - Throws: `linux` with EBUSY when it is open already; `timeout`, `stopped`.
    public func openRaw(_ index: Int, within span: VirtualTime = .milliseconds(500)) throws(SystemError) -> MessageDevice {
        _ = run(for: span) { linux.raw.node(index) != nil }
        guard let node = linux.raw.node(index) else { throw failure("/dev/rpmsg\(index)", span) }
        return try open(node)
    }

    /// Makes an endpoint as with `/dev/rpmsg_ctrl0`, and opens its device.
    ///
    /// - Parameters:
    ///   - source: its address; the lowest free one from 0x400 unless told.
    ///   - destination: the firmware's address.
    /// - Throws: `linux` with EINVAL when the address is taken, ENODEV without a virtio device.
    public func openEndpoint(_ name: ForeignName, source: UInt32 = Rpmsg.anyAddress, destination: UInt32) throws(SystemError) -> MessageDevice {
        let node: RpmsgCharacterDevice
        do throws(Errno) {
            guard let control = linux.rpmsgControl() else { throw .noDevice }
            node = try control.createEndpoint(name, source: source, destination: destination)
        } catch { throw .linux(doing: "create endpoint \(name)", error) }
        return try open(node)
    }

    private func open(_ node: RpmsgCharacterDevice) throws(SystemError) -> MessageDevice {
        do throws(Errno) { try node.open() } catch { throw .linux(doing: "open \(node.name)", error) }
        return MessageDevice(node, of: self)
    }
}
