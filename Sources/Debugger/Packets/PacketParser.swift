// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The remote serial protocol's framing, byte by byte: what a client sends becomes packets, whatever pieces it comes in.
///
/// Reading is total and bounded: a packet keeps at most `limit` bytes, and no input makes it loop or trap. Bytes between packets that mean nothing are dropped.
/// Source: GDB manual, appendix E.1, "Overview".
public struct PacketParser: Sendable {
    public enum Element: Equatable, Sendable {
        /// A packet's bytes, without escapes and run lengths; its checksum was right.
        case packet([UInt8])
        /// A packet whose checksum was wrong, or that had no checksum of two digits.
        case damaged
        /// A packet of more than `limit` bytes, whole.
        case tooLong
        /// 0x03 outside of a packet: the client wants the target to stop.
        case interrupt
        /// `+`
        case acknowledged
        /// `-`
        case refused
    }

    /// Bytes that a packet may have.
    public let limit: Int

    private enum State: Equatable { case outside, inside, escaped, repeated, firstDigit, secondDigit(UInt8) }
    private var state = State.outside
    private var bytes: [UInt8] = []
    private var sum: UInt8 = 0
    private var isTooLong = false

    /// - Parameter limit: bytes of the longest packet that is kept.
    public init(limit: Int) { self.limit = max(1, limit) }

    /// Whether a packet has begun and not ended.
    public var isInPacket: Bool { state != .outside }

    /// Takes one byte.
    /// - Returns: what it completes; nil for most.
    public mutating func take(_ byte: UInt8) -> Element? {
        switch state {
        case .outside: return outside(byte)
        case .inside: return inside(byte)
        case .escaped:
            sum &+= byte
            keep(byte ^ 0x20)
            state = .inside
        case .repeated:
            sum &+= byte
            state = .inside
            // The count is a printable character, 29 more than it says; nothing repeats nothing.
            guard byte >= 0x20, byte <= 0x7E, let last = bytes.last else { break }
            for _ in 0..<Int(byte - 29) { keep(last) }
        case .firstDigit:
            guard let digit = Hex.digit(byte) else { return end(.damaged) }
            state = .secondDigit(digit)
        case .secondDigit(let high):
            guard let low = Hex.digit(byte), high << 4 | low == sum else { return end(.damaged) }
            return end(isTooLong ? .tooLong : .packet(bytes))
        }
        return nil
    }

    private mutating func outside(_ byte: UInt8) -> Element? {
        switch byte {
        case UInt8(ascii: "$"): begin()
        case UInt8(ascii: "+"): return .acknowledged
        case UInt8(ascii: "-"): return .refused
        case 0x03: return .interrupt
        default: break
        }
        return nil
    }

    private mutating func inside(_ byte: UInt8) -> Element? {
        switch byte {
        // No packet has one in it: its end was lost, and another begins.
        case UInt8(ascii: "$"): begin()
        case UInt8(ascii: "#"): state = .firstDigit
        case UInt8(ascii: "}"):
            sum &+= byte
            state = .escaped
        case UInt8(ascii: "*"):
            sum &+= byte
            state = .repeated
        default:
            sum &+= byte
            keep(byte)
        }
        return nil
    }

    private mutating func begin() {
        bytes.removeAll(keepingCapacity: true)
        (sum, isTooLong, state) = (0, false, .inside)
    }

    private mutating func keep(_ byte: UInt8) {
        guard bytes.count < limit else {
            isTooLong = true
            return
        }
        bytes.append(byte)
    }

    private mutating func end(_ element: Element) -> Element {
        state = .outside
        return element
    }
}
