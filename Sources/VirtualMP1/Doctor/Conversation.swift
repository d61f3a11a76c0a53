// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost

/// What Linux says on each channel, and what comes back.
final class Conversation: RpmsgObserver {
    private struct Line {
        let channel: RpmsgChannel
        /// `ttyRPMSG0`
        var device: String?
        /// vring1's available index behind the greeting; nil without one.
        var position: UInt16?
        var heard = 0
    }
    private unowned let system: MP1System
    private var lines: [Line] = []
    /// What was said, when, and where.
    struct Greeting { var time: VirtualTime, text: [UInt8], place: String }
    private(set) var greetings: [Greeting] = []
    /// Whether the driver itself speaks first.
    private static let selfSpeaking = "rpmsg_client_sample"

    init(_ system: MP1System) { self.system = system }

    func observe(_ message: borrowing RpmsgMessage) {
        guard message.direction == .fromFirmware, message.outcome == .delivered, message.payload.count > 0 else { return }
        let destination = message.destination
        guard destination != Rpmsg.nameServiceAddress,
            let channel = system.linux.channels.first(where: { $0.endpoint?.address == destination })
        else { return }
        line(channel) { line in
            // What came before anybody spoke answers nothing; the driver that speaks first has spoken at its probe.
            if line.position != nil || channel.driver?.driverName == Self.selfSpeaking { line.heard += 1 }
        }
    }

    private func line(_ channel: RpmsgChannel, _ change: (inout Line) -> Void) {
        let index = lines.firstIndex { $0.channel === channel } ?? lines.count
        if index == lines.count { lines.append(Line(channel: channel, device: device(channel))) }
        change(&lines[index])
    }

    private func device(_ channel: RpmsgChannel) -> String? {
        system.linux.tty.ports.lazy.compactMap { $0 }.first { $0.channel === channel }?.name
            ?? system.linux.raw.nodes.lazy.compactMap { $0 }.first { $0.channel === channel }?.name
    }

    /// Channels that nobody has spoken to yet and somebody can.
    var unspoken: [RpmsgChannel] {
        system.linux.channels.filter { channel in
            channel.driver != nil && channel.endpoint != nil && !lines.contains { $0.channel === channel && $0.position != nil }
        }
    }

    /// Says hello with the device's own name, so that an answer is known again.
    func greet(_ channel: RpmsgChannel) {
        let ring = toFirmware
        if channel.driver?.driverName == Self.selfSpeaking {
            line(channel) { $0.position = ring?.availableIndex ?? 0 }
            return
        }
        let name = device(channel)
        let text = Array("hello ".utf8) + (name.map { Array($0.utf8) } ?? channel.name.bytes) + [0x0A]
        greetings.append(Greeting(time: system.now, text: text, place: name ?? channel.name.description))
        do throws(Errno) { try channel.trySend(text) } catch {
            line(channel) { $0.position = (ring?.availableIndex ?? 0) &+ 1 }
            return
        }
        if let port = system.linux.tty.ports.lazy.compactMap({ $0 }).first(where: { $0.channel === channel }) {
            system.events.publish(.ttySent(system.now, tty: port.index, text))
        }
        let position = toFirmware?.availableIndex
        line(channel) { $0.position = position }
    }

    /// vring1. Of the first device: the mailboxes serve no other.
    private var toFirmware: VirtQueue.Snapshot? { system.linux.virtioDevices.first?.rings.dropFirst().first }

    func hasHeard(_ channel: RpmsgChannel) -> Bool { lines.contains { $0.channel === channel && $0.heard > 0 } }

    /// All channels as they are now.
    var report: [DoctorReport.Channel] {
        system.linux.channels.map { channel in
            DoctorReport.Channel(
                name: channel.name, address: channel.destination, driver: channel.driver?.driverName, reply: reply(channel),
                device: device(channel))
        }
    }

    private func reply(_ channel: RpmsgChannel) -> DoctorReport.Channel.Reply {
        guard let line = lines.first(where: { $0.channel === channel }), let position = line.position else { return .notSpokenTo }
        if line.heard > 0 { return .answers }
        guard let ring = toFirmware else { return .notTaken }
        // Indices wrap.
        return Int16(bitPattern: ring.usedIndex &- position) >= 0 ? .taken : .notTaken
    }
}
