// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import MachineBase

/// A record of the platform's own, such as a version for anti-rollback. Source: OP-TEE scripts/sign_rproc_fw.py, `--plat-tlv`.
public struct PlatformTLV: Equatable, Sendable {
    /// 0x10000...0x1ffff.
    public let identifier: UInt32
    public var value: [UInt8]

    public init(identifier: UInt32, value: [UInt8]) throws(SigningError) {
        guard TLVType.platformRange.contains(identifier) else { throw .platformRange(identifier: UInt64(identifier)) }
        self.identifier = identifier
        self.value = value
    }

    /// As the script reads its two arguments: a number with the prefix 0x, 0o or 0b, or in decimal; and a value that is a
    /// little-endian 32-bit number when it begins with `0x` (not `0X`), else the text's UTF-8.
    public init(identifier: String, value: String) throws(SigningError) {
        guard let number = PythonInteger(identifier, radix: nil) else { throw .platformIdentifier(text: identifier) }
        guard !number.isNegative, let narrow = UInt32(exactly: number.magnitude) else { throw .platformNumber(text: identifier) }
        guard value.hasPrefix("0x") else {
            try self.init(identifier: narrow, value: Array(value.utf8))
            return
        }
        guard let number = PythonInteger(String(value.dropFirst(2)), radix: 16), !number.isNegative,
            let word = UInt32(exactly: number.magnitude)
        else { throw .platformValue(text: value) }
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(word)
        try self.init(identifier: narrow, value: bytes)
    }
}

/// A number as Python's `int` reads it: white space around, a sign, a prefix, single underscores between digits.
private struct PythonInteger {
    /// Of zero, false.
    let isNegative: Bool
    /// `UInt64.max` for all that is larger.
    let magnitude: UInt64

    /// - Parameter radix: nil to tell by the prefix; a prefix of the given one is passed over.
    init?(_ text: String, radix: Int?) {
        var rest = Substring(text.lowercased())
        let spaces: Set<Character> = [" ", "\t", "\n", "\r", "\u{B}", "\u{C}", "\r\n"]
        while let last = rest.last, spaces.contains(last) { rest.removeLast() }
        while let first = rest.first, spaces.contains(first) { rest.removeFirst() }
        let minus = rest.first == "-"
        if minus || rest.first == "+" { rest.removeFirst() }
        var base = radix ?? 10
        for (prefix, prefixRadix) in [("0x", 16), ("0o", 8), ("0b", 2)] where rest.hasPrefix(prefix) && (radix ?? prefixRadix) == prefixRadix {
            base = prefixRadix
            rest = rest.dropFirst(2)
            if rest.first == "_" { rest.removeFirst() }
            break
        }
        let groups = rest.split(separator: "_", omittingEmptySubsequences: false)
        guard groups.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) } }) else { return nil }
        let digits = groups.joined()
        // Without a prefix and without a radix, a leading zero is an error unless all are zeros.
        if radix == nil, base == 10, digits.hasPrefix("0"), digits.contains(where: { $0 != "0" }) { return nil }
        guard digits.allSatisfy({ $0.hexDigitValue.map { $0 < base } ?? false }) else { return nil }
        let value = UInt64(digits, radix: base) ?? .max
        magnitude = value
        isNegative = minus && value != 0
    }
}
