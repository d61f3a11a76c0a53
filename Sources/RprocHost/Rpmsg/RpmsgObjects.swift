// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The channels and devices that a host has before a restore, and programs may hold: what is in the state, too, stays the object that it is.
struct RpmsgObjects {
    private var channels: [RpmsgChannel] = []
    private var devices: [RpmsgCharacterDevice]

    init(_ buses: [RpmsgBus?], _ raw: RpmsgRawDriver) {
        devices = raw.nodes.compactMap { $0 } + raw.left
        for bus in buses { if let bus { channels += bus.channels } }
        // What somebody has open may have been a channel's that is gone.
        channels += raw.left.compactMap(\.channel)
    }

    /// The channel of that state: one with the same device's number, or without a device as that; of several the one with the same tty; else a new one. A
    /// device keeps its channel for life, so a channel does not go on with another.
    mutating func channel(_ state: RpmsgChannel.State, bus: RpmsgBus) -> RpmsgChannel {
        let same = channels.indices.filter { index in
            channels[index].isSame(state) && devices.first { $0.channel === channels[index] }?.index == state.node?.index
        }
        let index = same.first { channels[$0].port?.index == state.port?.index } ?? same.first
        let channel = index.map { channels.remove(at: $0) } ?? RpmsgChannel(state, bus: bus)
        channel.restore(state, bus: bus, among: &self)
        return channel
    }

    /// The device of that state, of that channel or of none.
    mutating func device(_ state: RpmsgCharacterDevice.State, channel: RpmsgChannel?, bus: RpmsgBus?) -> RpmsgCharacterDevice {
        let index = devices.firstIndex { $0.isSame(state) && (bus == nil || $0.channel === channel) }
        guard let index else { return RpmsgCharacterDevice(state, channel: channel, bus: bus) }
        let device = devices.remove(at: index)
        device.restore(state, bus: bus)
        return device
    }

    /// The others are in no state: whoever holds one finds it gone.
    func forgetRest() {
        for channel in channels { channel.forget() }
        for device in devices { device.restore(device.goneState, bus: nil) }
    }
}

extension RpmsgCharacterDevice {
    /// Closed, and without messages.
    fileprivate var goneState: State {
        var state = state
        (state.endpoint, state.own) = (nil, OwnState())
        return state
    }
}
