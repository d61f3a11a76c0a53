// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The name service at address 53, and the channels it makes (`rpmsg_ns.c`, `rpmsg_core.c`).
extension RpmsgBus {
    /// `rpmsg_ns_cb`
    func announcementReceived(_ payload: UnsafeRawBufferPointer, from source: UInt32) {
        kernel.log.dump("NS announcement: ", payload)
        guard payload.count == Rpmsg.announcementSize else {
            kernel.log.emit(.error, deviceName, "malformed ns msg (\(payload.count))")
            return
        }
        // The name ends at its first NUL, and at byte 31 whatever is there.
        let name = ForeignName(bytes: payload[0..<Rpmsg.nameSize - 1].prefix { $0 != 0 })
        let address = UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: 32, as: UInt32.self))
        let destroys = UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: 36, as: UInt32.self)) & 1 != 0
        kernel.log.emit(
            .info, deviceName, "\(destroys ? "destroy" : "creat")ing channel \(printable(name)) addr 0x\(hex(address))")
        if destroys {
            guard let channel = findChannel(name, source: Rpmsg.anyAddress, destination: address) else {
                kernel.log.emit(.error, deviceName, "rpmsg_destroy_channel failed: \(Errno.invalid.negative)")
                return
            }
            own.withdrawn = OwnState.Withdrawn(name: channel.name, address: channel.destination)
            removeChannel(channel)
        } else if createChannel(name: name, source: Rpmsg.anyAddress, destination: address) == nil {
            kernel.log.emit(.error, deviceName, "rpmsg_create_channel failed")
        }
    }

    /// `rpmsg_find_device`: the first channel of that name; an address of ANY, which firmware may announce, too, matches every one.
    func findChannel(_ name: ForeignName, source: UInt32, destination: UInt32) -> RpmsgChannel? {
        channels.first {
            (source == Rpmsg.anyAddress || source == $0.source) && (destination == Rpmsg.anyAddress || destination == $0.destination)
                && name == $0.name
        }
    }

    /// `rpmsg_create_channel`: a device, and a driver for it if one has the name.
    /// - Returns: nil when such a channel exists.
    func createChannel(name: ForeignName, source: UInt32, destination: UInt32) -> RpmsgChannel? {
        if findChannel(name, source: source, destination: destination) != nil {
            kernel.log.emit(.error, deviceName, "channel \(printable(name)):\(hex(source)):\(hex(destination)) already exist")
            return nil
        }
        guard channels.count < Rpmsg.maximumChannels else {
            if !own.refusedChannel { kernel.findings.report(.tooManyChannels(limit: Rpmsg.maximumChannels)) }
            own.refusedChannel = true
            return nil
        }
        let channel = RpmsgChannel(name: name, source: source, destination: destination, bus: self)
        channels.append(channel)
        if let driver = host.driver(for: name) {
            bind(channel, to: driver)
        } else {
            kernel.findings.report(.noDriver(channel: name, address: destination))
        }
        return channel
    }

    /// `rpmsg_dev_probe`: the endpoint comes first, the driver may send at once.
    func bind(_ channel: RpmsgChannel, to driver: any RpmsgDriver) {
        // Log lines name the driver from here on: the driver core sets it before the probe.
        channel.driver = driver
        do throws(Errno) { try probe(channel, driver) } catch {
            if let endpoint = channel.endpoint { destroyEndpoint(endpoint) }
            channel.endpoint = nil
            // Drivers refuse a device with these two, and the driver core says so only to those who debug.
            let rejects = error == .noDevice || error == .noDeviceOrAddress
            if kernel.configuration.kernel.namesDriverInProbeFailure {
                kernel.log.emit(
                    rejects ? .debug : .error, channel.logName,
                    "probe with driver \(driver.driverName) \(rejects ? "rejects match" : "failed with error") \(error.negative)")
            } else {
                kernel.log.emit(
                    rejects ? .debug : .warning, driver.driverName,
                    "probe of \(printable(channel.deviceName)) \(rejects ? "rejects match" : "failed with error") \(error.negative)")
            }
            channel.driver = nil
        }
    }

    private func probe(_ channel: RpmsgChannel, _ driver: any RpmsgDriver) throws(Errno) {
        do throws(Errno) {
            let endpoint = try createEndpoint(address: channel.source, for: channel.logName, receive: channel.receive)
            channel.endpoint = endpoint
            channel.source = endpoint.address
        } catch {
            kernel.log.emit(.error, channel.logName, "failed to create endpoint")
            throw .noMemory
        }
        do throws(Errno) { try driver.probe(channel) } catch {
            kernel.log.emit(.error, channel.logName, "rpmsg_dev_probe: failed: \(error.negative)")
            throw error
        }
        do throws(Errno) { try announce(channel, destroys: false) } catch {
            kernel.log.emit(.error, channel.logName, "failed to announce creation")
            driver.remove(channel)
            throw error
        }
    }

    func removeChannel(_ channel: RpmsgChannel) {
        channels.removeAll { $0 === channel }
        // Refused, it is gone all the same.
        do throws(Errno) { try announce(channel, destroys: true) } catch {}
        if let driver = channel.driver { driver.remove(channel) }
        if let endpoint = channel.endpoint { destroyEndpoint(endpoint) }
        channel.endpoint = nil
        channel.driver = nil
        channel.bus = nil
    }
}

extension RemoteProcessor {
    /// Adds a driver (`register_rpmsg_driver`); channels that wait for one of its names are bound at once. Earlier drivers
    /// go first where two have the same name.
    public func register(driver: any RpmsgDriver) {
        kernel.calls &+= 1
        defer { kernel.calls &-= 1 }
        rpmsgHost.add(driver)
        for device in virtioDevices {
            guard let bus = device.rpmsg else { continue }
            for channel in bus.channels where channel.driver == nil && driver.channelNames.contains(channel.name) {
                bus.bind(channel, to: driver)
            }
        }
    }

    /// Every channel there is, in the order of announcement.
    public var channels: [RpmsgChannel] { virtioDevices.flatMap { $0.rpmsg?.channels ?? [] } }

    /// The channel that the firmware destroyed last; nil when it destroyed none.
    public var withdrawnChannel: (name: ForeignName, address: UInt32)? { virtioDevices.lazy.compactMap { $0.rpmsg?.withdrawn }.first }

    /// The first channel of that name.
    public func channel(named name: ForeignName) -> RpmsgChannel? {
        for device in virtioDevices {
            if let channel = device.rpmsg?.channels.first(where: { $0.name == name }) { return channel }
        }
        return nil
    }

    /// Lets time pass until the `count`th channel of that name is there.
    /// - Throws: `timedOut`, or `interrupted` when the machine will not go on.
    public func waitForChannel(_ name: ForeignName, count: Int = 1, timeout: VirtualTime) throws(Errno) -> RpmsgChannel {
        func find() -> RpmsgChannel? {
            let matches = channels.filter { $0.name == name }
            return count >= 1 && matches.count >= count ? matches[count - 1] : nil
        }
        let outcome = kernel.during { kernel.platform.wait(until: kernel.now + timeout) { find() != nil } }
        if let channel = find() { return channel }
        throw outcome == .interrupted ? .interrupted : .timedOut
    }

    /// Messages each way since the host was made: from and to the firmware.
    public var messageCounts: (received: UInt64, sent: UInt64) { virtio.messageCounts }
}
