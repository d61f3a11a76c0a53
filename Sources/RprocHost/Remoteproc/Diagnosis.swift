// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

extension RemoteProcessor {
    /// What an exchange waits for, in sentences: for whoever sees no channel or no answer. Reads memory, changes nothing.
    public func diagnosis() -> [String] {
        guard state == .running || state == .attached || state == .crashed else {
            return ["the remote processor is \(state.rawValue)" + (power > 0 ? " although counted as powered: a recovery failed" : "")]
        }
        if state == .crashed { return ["the remote processor has crashed and was not recovered"] }
        guard table.location != .none else { return ["the firmware has no resource table: there is no vdev, so no rpmsg"] }
        guard !virtioDevices.isEmpty else { return ["the resource table has no usable vdev entry"] }
        if table.location == .cached { return ["the resource table is not in the M4's memory: the firmware sees no status and no ring addresses"] }
        return virtioDevices.flatMap { $0.diagnosis() }
    }
}

extension RemoteVirtioDevice {
    func diagnosis() -> [String] {
        guard let bus = rpmsg else { return ["vdev\(index): no driver is bound (device type \(id), status 0x\(hex(resource?.status ?? 0)))"] }
        guard let input = bus.input.snapshot, let output = bus.output.snapshot else { return ["vdev\(index): its rings cannot be read"] }
        var lines: [String] = []
        for ring in [input, output] where ring.isBroken { lines.append("\(ring.name): broken, the kernel uses it no more") }
        if let status = resource?.status, status & Virtio.statusDriverOK == 0 {
            lines.append("vdev\(index): the status byte is 0x\(hex(status)) without DRIVER_OK, which Linux had set: the firmware has overwritten it")
        }
        if input.usedIndex == 0 && bus.messagesReceived == 0 {
            lines.append(
                "vring0: DRIVER_OK is set and \(input.availableIndex) buffers are posted, but the firmware has used none: it has not announced a service")
        } else if input.usedIndex != input.lastUsedIndex {
            lines.append(
                "vring0: \(input.usedIndex &- input.lastUsedIndex) messages lie in the ring without a doorbell on \(channelName(kernel.configuration.mailboxes.vq0))")
        } else if bus.channels.isEmpty {
            lines.append("vring0: \(bus.messagesReceived) messages came, none of them created a channel that still exists")
        }
        for channel in bus.channels where channel.driver == nil {
            lines.append("channel \(printable(channel.name)): no driver matches this name; the firmware never learns the host's address")
        }
        let unread = output.availableIndex &- output.usedIndex
        if unread > 0 { lines.append("vring1: \(unread) messages wait that the firmware has not given back") }
        let kick = kernel.configuration.mailboxes.vq1
        if let kick, doorbells.mailbox.isBusy(kick) { lines.append("\(channelName(kick)): the firmware has not acknowledged the last doorbell") }
        return lines
    }

    /// `IPCC channel 1`, counted as the reference manual does.
    private func channelName(_ channel: Int?) -> String {
        channel.map { "\(kernel.configuration.chip.mailbox.block) channel \($0 + 1)" } ?? "a mailbox, which the device tree does not have"
    }
}
