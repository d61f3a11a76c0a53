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
        guard let number = Self.number(identifier) else { throw .platformIdentifier(text: identifier) }
        guard let narrow = UInt32(exactly: number) else { throw .platformRange(identifier: number) }
        guard value.hasPrefix("0x") else {
            try self.init(identifier: narrow, value: Array(value.utf8))
            return
        }
        guard let word = Self.digits(value.dropFirst(2), radix: 16).flatMap(UInt32.init(exactly:)) else {
            throw .platformValue(text: value)
        }
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(word)
        try self.init(identifier: narrow, value: bytes)
    }

    private static func number(_ text: String) -> UInt64? {
        let lower = text.lowercased()
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where lower.hasPrefix(prefix) {
            return digits(lower.dropFirst(2), radix: radix)
        }
        // A decimal number with a leading zero is no number to the script, unless it is nothing but zeros.
        if lower.hasPrefix("0"), lower.contains(where: { $0 != "0" && $0 != "_" }) { return nil }
        return digits(lower[...], radix: 10)
    }

    /// Digits with single underscores between them, as Python has them.
    private static func digits(_ text: Substring, radix: Int) -> UInt64? {
        let groups = text.split(separator: "_", omittingEmptySubsequences: false)
        guard groups.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) } }) else { return nil }
        return UInt64(groups.joined(), radix: radix)
    }
}
