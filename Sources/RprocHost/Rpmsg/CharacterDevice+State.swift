// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

extension RpmsgCharacterDevice {
    /// Which device it is, and what waits in it. Who has it open is outside.
    struct State: Equatable, Sendable {
        var index: Int
        var endpointName: ForeignName
        var destination: UInt32
        var requestedSource: UInt32
        var isChannels: Bool
        /// Of a device that is gone and was a channel's: what else there is to that channel.
        var lost: LostChannel?
        /// The address of an endpoint of its own.
        var endpoint: UInt32?
        var own: OwnState
    }
    struct LostChannel: Equatable, Sendable {
        var deviceName: ForeignName
        var isAnnounced: Bool
    }

    var state: State {
        State(
            index: index, endpointName: endpointName, destination: destination, requestedSource: requestedSource, isChannels: channel != nil,
            lost: bus == nil ? channel.map { LostChannel(deviceName: $0.deviceName, isAnnounced: $0.isAnnounced) } : nil, endpoint: endpoint?.address, own: own)
    }

    /// Whether the state is this device's: the same number for the same endpoint.
    func isSame(_ state: State) -> Bool {
        index == state.index && endpointName == state.endpointName && destination == state.destination && requestedSource == state.requestedSource
            && (channel != nil) == state.isChannels
    }

    convenience init(_ state: State, channel: RpmsgChannel?, bus: RpmsgBus?) {
        let lost = state.lost.map { lost in
            RpmsgChannel(
                RpmsgChannel.State(
                    name: state.endpointName, destination: state.destination, deviceName: lost.deviceName, isAnnounced: lost.isAnnounced,
                    source: state.requestedSource), bus: nil)
        }
        self.init(index: state.index, name: state.endpointName, source: state.requestedSource, destination: state.destination, channel: channel ?? lost, bus: bus)
        restore(state, bus: bus)
    }
}
