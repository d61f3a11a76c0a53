// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A device of `/sys/bus/rpmsg/devices`: a channel, or one of the two that the kernel makes itself for each virtio device.
public struct RpmsgBusEntry: Equatable, Sendable {
    /// The folder's name: `virtio0.rpmsg-tty.-1.1024`. Of a channel all of it but the numbers is the firmware's word.
    public var deviceName: ForeignName
    public var name: ForeignName
    public var source: UInt32
    public var destination: UInt32
    public var isAnnounced: Bool
}

extension RemoteProcessor {
    /// What is on the rpmsg bus, in the order in which it came: `rpmsg_ctrl`, the name service if it was agreed on, the channels.
    ///
    /// Of two whose names differ in `/` and `!` alone, which sysfs takes for the same, the first is there.
    /// Source: Linux `rpmsg_virtio_add_ctrl_dev`, `rpmsg_ns_register_device`, `rpmsg_register_device_override`.
    public var busEntries: [RpmsgBusEntry] {
        var entries: [RpmsgBusEntry] = []
        for device in virtioDevices {
            guard let bus = device.rpmsg, bus.isAlive else { continue }
            func add(_ name: String, _ address: UInt32) {
                entries.append(
                    RpmsgBusEntry(
                        deviceName: ForeignName("\(device.name).\(name).\(address).\(address)"), name: ForeignName(name), source: address, destination: address, isAnnounced: false))
            }
            add(configuration.kernel.controlDeviceName, 0)
            if bus.hasNameService { add("rpmsg_ns", Rpmsg.nameServiceAddress) }
            entries += bus.channels.map {
                RpmsgBusEntry(deviceName: $0.deviceName, name: $0.name, source: $0.source, destination: $0.destination, isAnnounced: $0.isAnnounced)
            }
        }
        var names: Set<ForeignName> = []
        return entries.filter { names.insert($0.deviceName).inserted }
    }
}
