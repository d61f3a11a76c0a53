// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import VirtualMP1

/// Messages through the firmware's echo services and back, every byte of which is checked.
///
/// A message's length and content follow from its service and number alone, so nothing is kept of what was sent.
final class MessageLoad {
    /// One echo service: where to send, and how far it has come.
    private struct Stream {
        var channel: RpmsgChannel
        var sent: UInt64 = 0
        var received: UInt64 = 0
    }

    private let system: MP1System
    private let lengths: ClosedRange<Int>
    private var streams: [Stream] = []
    private let payload = UnsafeMutableRawBufferPointer.allocate(byteCount: Rpmsg.maximumPayload, alignment: 8)
    private let expected = UnsafeMutableRawBufferPointer.allocate(byteCount: Rpmsg.maximumPayload, alignment: 8)
    private var sent: UInt64 = 0
    /// Echoes that came, over all services.
    private(set) var received: UInt64 = 0
    /// The first echo that was not what had been sent.
    private(set) var mismatch: String?

    init(system: MP1System, channels: [RpmsgChannel], lengths: ClosedRange<Int>) {
        self.system = system
        self.lengths = lengths
        streams = channels.map { Stream(channel: $0) }
        system.linux.tty.received = { [unowned self] port, bytes in echoed(bytes, on: port.channel) }
        system.linux.raw.received = { [unowned self] device, bytes, _ in
            if let channel = self.system.linux.raw.device(device) { echoed(bytes, on: channel) }
        }
    }

    deinit {
        payload.deallocate()
        expected.deallocate()
    }

    /// Goes on until `total` messages were sent and have come back, at most `window` of a service under way at once, in turn over the services.
    ///
    /// - Returns: nil when every echo came as it had been sent; else what went wrong.
    func run(_ total: UInt64, window: UInt64) -> String? {
        while received < total, mismatch == nil {
            // Sending takes virtual time too, in which echoes come.
            let before = received
            var isStuck = true
            for index in streams.indices where sent < total && streams[index].sent - streams[index].received < window {
                guard send(index) else { continue }
                sent += 1
                isStuck = false
            }
            if sent < total && !isStuck && window > 1 { continue }
            if received > before { continue }
            system.run(for: .seconds(1)) { received > before }
            if received == before, let reason = system.stopReason { return "the M4 stopped: \(reason.name)" }
            if received == before { return "no echo in a second: \(system.linux.diagnosis().joined(separator: "; "))" }
        }
        return mismatch
    }

    private func send(_ index: Int) -> Bool {
        let message = fill(payload, index, streams[index].sent)
        do throws(Errno) { try streams[index].channel.trySend(message) } catch {
            if error != .noMemory { mismatch = "send on \(streams[index].channel.deviceName): \(error)" }
            return false
        }
        streams[index].sent += 1
        return true
    }

    private func echoed(_ bytes: UnsafeRawBufferPointer, on channel: RpmsgChannel) {
        guard let index = streams.firstIndex(where: { $0.channel === channel }) else { return }
        let number = streams[index].received
        let wanted = fill(expected, index, number)
        if mismatch == nil, bytes.count != wanted.count || !bytes.elementsEqual(wanted) {
            mismatch = "\(channel.deviceName): echo \(number) has \(bytes.count) bytes that are not the \(wanted.count) that were sent"
        }
        streams[index].received += 1
        received += 1
    }

    /// Message `number` of service `index`.
    private func fill(_ buffer: UnsafeMutableRawBufferPointer, _ index: Int, _ number: UInt64) -> UnsafeRawBufferPointer {
        var random = SplitMix64(state: number &+ UInt64(index) << 48)
        let count = lengths.lowerBound + Int(random.next() % UInt64(lengths.count))
        var offset = 0
        while offset + 8 <= count {
            // No zero bytes: firmware that prints what it gets would run on.
            buffer.storeBytes(of: random.next() | 0x0101_0101_0101_0101, toByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        let last = random.next() | 0x0101_0101_0101_0101
        for byte in offset..<max(offset, count) { buffer[byte] = UInt8(truncatingIfNeeded: last >> UInt64(8 * (byte - offset))) }
        return UnsafeRawBufferPointer(rebasing: buffer[..<count])
    }
}
