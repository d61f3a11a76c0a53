// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import VirtualMP1

/// Hears what the firmware sends on a channel whose driver keeps the bytes to itself, as `rpmsg_client_sample` does.
final class ChannelListener: RpmsgObserver {
    private unowned let system: MP1System
    private let name: ForeignName
    private let data: ([UInt8]) -> Void

    /// `data` gets each message of the channel `name`.
    init(system: MP1System, name: ForeignName, data: @escaping ([UInt8]) -> Void) {
        self.system = system
        self.name = name
        self.data = data
    }

    func observe(_ message: borrowing RpmsgMessage) {
        guard message.direction == .fromFirmware, message.outcome == .delivered else { return }
        let source = message.source
        guard let channel = system.linux.channels.first(where: { $0.destination == source && $0.name == name }),
            message.destination == channel.endpoint?.address
        else { return }
        data(Array(message.payload))
    }
}
