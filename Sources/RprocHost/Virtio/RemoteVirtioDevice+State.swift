// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

extension RemoteVirtioDevice {
    /// Which vdev entry it is of, its rings, and its driver's bus.
    struct State: Equatable, Sendable {
        var index: Int
        var id: UInt32
        var offset: Int
        var configLength: UInt32
        var own: OwnState
        var vrings: [RemoteVring.State]
        var rpmsg: RpmsgBus.State?
    }
    var state: State {
        State(index: index, id: id, offset: offset, configLength: configLength, own: own, vrings: vrings.map(\.state), rpmsg: rpmsg?.state)
    }

    /// Whether the state is this device's: of the same entry of the table.
    func isSame(_ state: State) -> Bool { (index, id, offset, configLength) == (state.index, state.id, state.offset, state.configLength) }
}

extension VirtioTransport {
    /// Devices, and who has which number.
    struct State: Equatable, Sendable {
        var devices: [RemoteVirtioDevice.State]
        var own: OwnState
        /// By notifyid; nil for a freed one.
        var rings: [RingPlace?]
    }
    /// A vring, by its place among the devices' and in its device.
    struct RingPlace: Equatable, Sendable {
        var device, ring: Int
    }
    var state: State {
        State(
            devices: devices.map(\.state), own: own,
            rings: rings.map { ring in
                guard let ring, let device = devices.firstIndex(where: { $0 === ring.device }) else { return nil }
                return devices[device].vrings.firstIndex { $0 === ring }.map { RingPlace(device: device, ring: $0) }
            })
    }

    /// The driver's bus of each device, nil without one.
    var buses: [RpmsgBus?] { devices.map(\.rpmsg) }
}
