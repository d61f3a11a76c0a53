// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The message buffers: whose turn each is, and whether the firmware keeps to it.
///
/// The firmware may write a buffer of vring0 from when it is posted until it gives it back, and no buffer of vring1 ever
/// (virtio 1.2 §2.7.5: what a descriptor without WRITE describes is the driver's). Not seen: a message of vring0 that runs into the
/// next buffer while that is the firmware's, too; and the
/// reserved word of a received header, which OpenAMP uses for itself.
final class PoolCheck {
    enum Turn: Equatable, Sendable { case firmware, published, reading, host }
    unowned let sanitizer: any CheckOwner
    let base: PhysicalAddress
    private let bus: any NonSecureBus
    private let count: Int
    private var turns: [Turn]
    private let expected: UnsafeMutableRawPointer, seen: UnsafeMutableRawPointer
    private static let size = Rpmsg.bufferSize

    /// - Parameters:
    ///   - half: buffers of vring0, which the firmware has; as many follow for vring1.
    ///   - saved: what another one knew; nil to look at memory.
    init(_ sanitizer: any CheckOwner, base: PhysicalAddress, half: Int, bus: any NonSecureBus, _ saved: State? = nil) {
        self.sanitizer = sanitizer; self.base = base; self.bus = bus
        count = 2 * half
        turns = [Turn](repeating: .firmware, count: half) + [Turn](repeating: .host, count: half)
        expected = .allocate(byteCount: max(1, count * Self.size), alignment: 8)
        seen = .allocate(byteCount: Self.size, alignment: 8)
        expected.initializeMemory(as: UInt8.self, repeating: 0, count: max(1, count * Self.size))
        seen.initializeMemory(as: UInt8.self, repeating: 0, count: Self.size)
        if let saved { state = saved } else { for buffer in half..<count { remember(buffer) } }
    }

    struct State: Equatable, Sendable {
        var turns: [Turn]
        /// Of all buffers, one behind the other.
        var expected: [UInt8]
    }
    /// It belongs to pools of the same size. Reads nothing of the board's memory.
    var state: State {
        get { State(turns: turns, expected: Array(UnsafeRawBufferPointer(start: expected, count: count * Self.size))) }
        set {
            guard newValue.turns.count == count, newValue.expected.count == count * Self.size else { return }
            turns = newValue.turns
            newValue.expected.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: expected, count: count * Self.size).copyMemory(from: $0) }
        }
    }

    deinit {
        expected.deallocate()
        seen.deallocate()
    }

    private func index(_ address: PhysicalAddress) -> Int? {
        guard address >= base else { return nil }
        let index = Int(address.value &- base.value) / Self.size
        return index < count ? index : nil
    }

    private func remember(_ buffer: Int) {
        _ = try? bus.read(
            base.advanced(UInt32(buffer * Self.size)), into: UnsafeMutableRawBufferPointer(start: expected + buffer * Self.size, count: Self.size))
    }

    private func forgetWrites(_ buffer: Int) { sanitizer.forgetWrites(base.advanced(UInt32(buffer * Self.size)), count: Self.size) }

    /// The first byte of a buffer that the firmware is on record for, where what Linux writes is not known before.
    private func firstWritten(_ buffer: Int, _ turn: Turn) -> Int? {
        stride(from: 0, to: Self.size, by: 4).first {
            !(turn == .reading && $0 == 8) && sanitizer.hasWritten(base.advanced(UInt32(buffer * Self.size + $0)), count: 4)
        }
    }

    /// The host has posted a buffer.
    func posted(_ address: PhysicalAddress, deviceWrites: Bool) {
        guard let buffer = index(address) else { return }
        if !deviceWrites {
            remember(buffer)
            forgetWrites(buffer)
        }
        turns[buffer] = deviceWrites ? .firmware : .reading
    }

    /// The firmware has given a buffer back.
    func returned(_ address: PhysicalAddress) {
        guard let buffer = index(address) else { return }
        if turns[buffer] == .firmware {
            remember(buffer)
            forgetWrites(buffer)
            turns[buffer] = .published
        } else {
            check(buffer)
            forgetWrites(buffer)
            turns[buffer] = .host
        }
    }

    /// The host is about to use what it has got back.
    func taken(_ address: PhysicalAddress) {
        if let buffer = index(address) { check(buffer) }
    }

    /// All that are not the firmware's to write.
    func checkAll() { for buffer in turns.indices { check(buffer) } }

    private func check(_ buffer: Int) {
        let turn = turns[buffer]
        guard turn != .firmware else { return }
        let start = base.advanced(UInt32(buffer * Self.size)), was = expected + buffer * Self.size
        guard (try? bus.read(start, into: UnsafeMutableRawBufferPointer(start: seen, count: Self.size))) != nil,
            !sameBytes(seen, was, Self.size)
        else { return }
        if turn == .reading {
            // OpenAMP keeps the descriptor's number in a received header's reserved word.
            (was + 8).copyMemory(from: seen + 8, byteCount: 4)
            if sameBytes(seen, was, Self.size) { return }
        }
        let now = UnsafeRawBufferPointer(start: seen, count: Self.size), old = UnsafeRawBufferPointer(start: was, count: Self.size)
        var first = zip(now, old).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
        if !sanitizer.booksAreExact {
            guard let written = firstWritten(buffer, turn) else { return was.copyMemory(from: seen, byteCount: Self.size) }
            first = written
        }
        let evidence = sanitizer.evidence("buffer \(buffer)", "byte \(first)", start.advanced(UInt32(first)), now[first...])
        switch turn {
        case .published: sanitizer.report(.bufferWrittenAfterReturn(evidence))
        case .reading: sanitizer.report(.readOnlyBufferWritten(evidence))
        default: sanitizer.report(.hostsBufferWritten(evidence))
        }
        was.copyMemory(from: seen, byteCount: Self.size)
        forgetWrites(buffer)
    }
}
