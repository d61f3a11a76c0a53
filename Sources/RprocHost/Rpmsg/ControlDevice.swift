// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A virtio device's `/dev/rpmsg_ctrlN`, each ioctl a method. Source: Linux `rpmsg_ctrl.c`, `rpmsg_core.c`.
public struct RpmsgControl {
    /// The endpoints that one device may have made at one time; the kernel's number is bounded by its minor numbers.
    public static let endpointLimit = 1024
    private let bus: RpmsgBus
    private var device: String { "rpmsg rpmsg_ctrl\(bus.device.index)" }

    init(bus: RpmsgBus) { self.bus = bus }

    /// CREATE_EPT: a new `/dev/rpmsgN`. Its endpoint is made when it is opened.
    ///
    /// - Parameters:
    ///   - name: cut to 31 bytes.
    ///   - source: local address; `Rpmsg.anyAddress` for the lowest free one from 0x400.
    ///   - destination: the firmware's address.
    /// - Throws: `noMemory` when there are too many, `noDevice` when the bus is gone.
    public func createEndpoint(
        _ name: ForeignName, source: UInt32 = Rpmsg.anyAddress, destination: UInt32
    ) throws(Errno) -> RpmsgCharacterDevice {
        guard bus.isAlive else { throw .noDevice }
        bus.kernel.calls &+= 1
        defer { bus.kernel.calls &-= 1 }
        let raw = bus.host.raw
        guard raw.nodes.count(where: { $0 != nil }) < Self.endpointLimit else { throw .noMemory }
        return raw.add { RpmsgCharacterDevice(index: $0, name: Self.cut(name), source: source, destination: destination, bus: bus) }
    }

    /// CREATE_DEV: a channel as if the firmware had announced it, and a driver for it if one has the name. With a `source` of
    /// its own it is announced to the firmware once a driver has bound.
    /// - Throws: `noDeviceOrAddress` when there is such a channel, `noDevice` when the bus is gone.
    public func createChannel(_ name: ForeignName, source: UInt32, destination: UInt32) throws(Errno) {
        guard bus.isAlive else { throw .noDevice }
        bus.kernel.calls &+= 1
        defer { bus.kernel.calls &-= 1 }
        let name = Self.cut(name)
        guard bus.createChannel(name: name, source: source, destination: destination) == nil else { return }
        bus.kernel.log.emit(.error, device, "failed to create \(printable(name)) channel")
        throw .noDeviceOrAddress
    }

    /// RELEASE_DEV: unbinds and removes the channel; one that was announced is taken back.
    ///
    /// An address of ANY matches every one (`rpmsg_device_match`).
    /// - Throws: `invalid` when there is none, `noDevice` when the bus is gone.
    public func releaseChannel(_ name: ForeignName, source: UInt32 = Rpmsg.anyAddress, destination: UInt32 = Rpmsg.anyAddress) throws(Errno) {
        guard bus.isAlive else { throw .noDevice }
        bus.kernel.calls &+= 1
        defer { bus.kernel.calls &-= 1 }
        let name = Self.cut(name)
        guard let channel = bus.findChannel(name, source: source, destination: destination) else {
            bus.kernel.log.emit(.error, device, "failed to release \(printable(name)) channel (\(Errno.invalid.negative))")
            throw .invalid
        }
        bus.removeChannel(channel)
    }

    private static func cut(_ name: ForeignName) -> ForeignName { ForeignName(bytes: name.bytes.prefix(Rpmsg.nameSize - 1).prefix { $0 != 0 }) }
}

extension RemoteProcessor {
    /// `/dev/rpmsg_ctrl<index>`; nil while the firmware's `index`th virtio device is not there.
    public func rpmsgControl(_ index: Int = 0) -> RpmsgControl? {
        guard index >= 0, index < virtioDevices.count, let bus = virtioDevices[index].rpmsg, bus.isAlive else { return nil }
        return RpmsgControl(bus: bus)
    }
}

extension RpmsgBus {
    /// `virtio_rpmsg_announce_create` and `_destroy`: a channel that the host made, with an address of its own, is told to the
    /// firmware's name service.
    /// - Throws: see `send`; the log has it.
    func announce(_ channel: RpmsgChannel, destroys: Bool) throws(Errno) {
        guard channel.isAnnounced, hasNameService, let endpoint = channel.endpoint else { return }
        var message = Array(channel.name.bytes.prefix(Rpmsg.nameSize - 1))
        message += [UInt8](repeating: 0, count: Rpmsg.nameSize - message.count)
        message.appendLittleEndian(endpoint.address)
        message.appendLittleEndian(UInt32(destroys ? 1 : 0))
        do throws(Errno) {
            try message.withBytes { (bytes) throws(Errno) in
                try send(from: endpoint.address, to: Rpmsg.nameServiceAddress, payload: bytes, waits: true, sender: channel.logName)
            }
        } catch {
            kernel.log.emit(.error, channel.logName, "failed to announce service \(error.negative)")
            throw error
        }
    }
}
