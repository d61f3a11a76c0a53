// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

extension RpmsgChannel {
    /// Which channel it is, what has bound to it, and what that has made of it.
    struct State: Equatable, Sendable {
        var name: ForeignName
        var destination: UInt32
        var deviceName: ForeignName
        var isAnnounced: Bool
        var source: UInt32
        var driver: RpmsgHost.DriverPlace?
        /// The endpoint's address.
        var endpoint: UInt32?
        var port: RpmsgTTY.State?
        var node: RpmsgCharacterDevice.State?
    }

    func state(_ host: RpmsgHost) -> State {
        State(
            name: name, destination: destination, deviceName: deviceName, isAnnounced: isAnnounced, source: source, driver: driver.flatMap(host.place),
            endpoint: endpoint?.address, port: port?.state, node: node?.state)
    }

    /// Whether the state is this channel's: the same service at the same address, by whatever life of the firmware.
    func isSame(_ state: State) -> Bool {
        name == state.name && destination == state.destination && deviceName == state.deviceName && isAnnounced == state.isAnnounced
    }

    /// Becomes the channel of that state. Its endpoint is its bus's to enter.
    func restore(_ state: State, bus: RpmsgBus, among objects: inout RpmsgObjects) {
        (self.bus, source) = (bus, state.source)
        driver = state.driver.flatMap(bus.host.driver)
        if endpoint?.address != state.endpoint { endpoint = state.endpoint.map { RpmsgEndpoint(address: $0, receive: receive) } }
        if let port, let saved = state.port, port.index == saved.index { port.restore(saved) } else { port = state.port.map { RpmsgTTY($0, channel: self) } }
        node = state.node.map { objects.device($0, channel: self, bus: bus) }
    }

    /// It is not in the state that its host has now.
    func forget() {
        (bus, endpoint, driver) = (nil, nil, nil)
        (port, node) = (nil, nil)
    }
}
