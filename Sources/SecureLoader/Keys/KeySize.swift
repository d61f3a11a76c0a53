// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The RSA keys that are taken.
enum KeySize {
    /// In bits: room for an encoded SHA-256, and the largest that OpenSSL works with.
    static let rsa = 489...16_384
    /// OP-TEE keeps the public exponent in a word of 32 bits.
    static let mostExponentBits = 32

    static func error(bits: Int) -> KeyError { .unsupportedSize(bits: bits, allowed: "\(rsa.lowerBound) to \(rsa.upperBound)") }

    /// Before a library computes with it.
    static func check(_ der: [UInt8]) throws(KeyError) {
        let longest = DER.integers(der, inStrings: true).map(DER.bits).max() ?? 0
        guard longest <= rsa.upperBound else { throw error(bits: longest) }
    }

    static func check(_ key: PublicKeyHandle, _ label: String) throws(KeyError) {
        switch key.kind {
        case .p256: break
        case .other(let name): throw .unsupportedKind(label: label, found: name)
        case .rsa(let bits):
            guard rsa.contains(bits) else { throw error(bits: bits) }
            // 1 or even: anybody could sign, or nobody.
            guard key.exponentBits > 1 else { throw .inconsistent(label: label) }
            guard key.exponentBits <= mostExponentBits else { throw .publicExponent(bits: key.exponentBits, allowed: mostExponentBits) }
        }
    }
}
