// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Numbers as the kernel reads them from text.
public enum KernelNumber {
    /// `kstrtouint_from_user` with base 0: decimal, 0x hexadecimal, 0 octal; a plus sign and one newline are allowed. It looks at 34 bytes.
    /// - Throws: `invalid` for what is no number, `outOfRange` for one over 32 bits.
    public static func unsigned(_ bytes: [UInt8]) throws(Errno) -> UInt32 {
        var digits = bytes.prefix(34).prefix { $0 != 0 }
        if digits.last == 0x0A { digits.removeLast() }
        if digits.first == 0x2B { digits.removeFirst() }
        var radix = 10
        if digits.first == 0x30, digits.count > 1 {
            radix = 8
            if digits.dropFirst().first == 0x78 || digits.dropFirst().first == 0x58, digits.count > 2 {
                radix = 16
                digits.removeFirst(2)
            }
        }
        guard !digits.isEmpty else { throw .invalid }
        var value: UInt64 = 0
        for byte in digits {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, digit < radix else { throw .invalid }
            let (product, overflow) = value.multipliedReportingOverflow(by: UInt64(radix))
            guard !overflow, product <= UInt64.max - UInt64(digit) else { throw .outOfRange }
            value = product + UInt64(digit)
        }
        guard let number = UInt32(exactly: value) else { throw .outOfRange }
        return number
    }
}
