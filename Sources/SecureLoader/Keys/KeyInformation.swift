// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// What a PKEYINFO record says about the key that signed an image.
///
/// The record is opaque to OP-TEE's TA, which hands it to the platform; the STM32MP1's PTA, with its one key, does not read it.
/// A platform with several keys may choose by it, and this one does, by fingerprint: the SHA-256 of the key's
/// SubjectPublicKeyInfo, either as its 32 bytes or as 16 to 64 hex digits of its beginning (which every command prints),
/// white space around them aside. Any other value names no key.
struct KeyInformation {
    private static let fewestDigits = 16
    /// Lower-case hex digits that the fingerprint begins with.
    private let prefix: String

    /// nil when the value names no key.
    init?(_ value: [UInt8]) {
        let spaces: Set<UInt8> = [0x09, 0x0A, 0x0D, 0x20]
        let text = value.drop { spaces.contains($0) }
        let digits = text[..<(text.lastIndex { !spaces.contains($0) }.map { $0 + 1 } ?? text.startIndex)]
        let isHex = digits.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x46).contains($0 & 0xDF) }
        if isHex, (Self.fewestDigits...64).contains(digits.count) {
            prefix = String(decoding: digits, as: UTF8.self).lowercased()
        } else if value.count == 32 {
            prefix = hexText(value)
        } else {
            return nil
        }
    }

    func names(_ key: TrustedKey) -> Bool { key.fingerprint.hasPrefix(prefix) }
}

extension [TrustedKey] {
    /// The key that the PKEYINFO value names, alone; all of them when it names none of these, or when there is no choice.
    func named(by keyInfo: [UInt8]) -> [TrustedKey] {
        guard count > 1, let information = KeyInformation(keyInfo) else { return self }
        let named = filter(information.names)
        return named.isEmpty ? self : named
    }
}
