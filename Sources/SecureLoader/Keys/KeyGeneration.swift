// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CGnuTLS

/// The kinds of key that can be made here.
public enum KeyKind: Hashable, Sendable {
    /// 2048, 3072 or 4096 bits.
    case rsa(bits: Int)
    case ecdsaP256
}

extension SigningKey {
    /// Makes a new key from the system's random numbers.
    public static func generate(_ kind: KeyKind) throws(KeyError) -> SigningKey {
        try CryptoLibrary.load()
        var size: UInt32 = 0
        if case .rsa(let bits) = kind {
            guard [2048, 3072, 4096].contains(bits) else { throw .unsupportedSize(bits: bits, allowed: "2048, 3072, 4096") }
            size = UInt32(bits)
        }
        switch PrivateKeyHandle.made({ m4_private_key_make($0, size) }) {
        case .success(let key): return try SigningKey(key, label: "PRIVATE KEY")
        case .failure(let failure): throw .generationFailed(reason: CryptoLibrary.text(failure.code))
        }
    }
}
