// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Hexadecimal digits as the protocol has them: lower case, bytes in memory's order.
enum Hex {
    static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Of a value below 16.
    static func character(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &+ value &- 10 }

    /// Two digits a byte.
    static func text(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count * 2)
        append(bytes, to: &result)
        return result
    }

    static func append(_ bytes: some Collection<UInt8>, to result: inout [UInt8]) {
        for byte in bytes {
            result.append(character(byte >> 4))
            result.append(character(byte & 15))
        }
    }

    /// The bytes of pairs of digits; nil for anything else.
    static func bytes(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 2 == 0 else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(text.count / 2)
        var high: UInt8?
        for character in text {
            guard let value = digit(character) else { return nil }
            if let first = high {
                result.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return result
    }

    /// `count` bytes of `value`, the lowest first.
    static func littleEndian(_ value: UInt64, count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) } }
    static func value(_ bytes: some Collection<UInt8>) -> UInt64 { bytes.prefix(8).enumerated().reduce(0) { $0 | UInt64($1.element) << UInt64($1.offset * 8) } }
    /// A number without leading zeros.
    static func number(_ value: some BinaryInteger) -> String { String(value, radix: 16) }
}
