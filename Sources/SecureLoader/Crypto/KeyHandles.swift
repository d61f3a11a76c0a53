// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CGnuTLS

/// A public key of GnuTLS'. Nothing changes it, so that threads may share it.
final class PublicKeyHandle: @unchecked Sendable {
    enum Kind: Equatable { case rsa(bits: Int), p256, other(name: String) }

    private let key: OpaquePointer
    let kind: Kind
    /// Of an RSA key, 0 where it is even; 0 of others.
    let exponentBits: Int
    /// SubjectPublicKeyInfo.
    let der: [UInt8]

    /// nil where GnuTLS cannot write it, which it can for all that it reads.
    init?(adopting key: OpaquePointer) {
        var bits: UInt32 = 0, name: UnsafePointer<CChar>?
        kind =
            switch m4_public_key_kind(key, &bits, &name) {
            case M4_KEY_RSA: .rsa(bits: Int(bits))
            case M4_KEY_P256: .p256
            default: .other(name: name.map { String(cString: $0) } ?? "unknown")
            }
        exponentBits = Int(m4_public_key_exponent_bits(key))
        guard case .success(let der) = CryptoLibrary.bytes({ m4_public_key_der(key, $0, $1) }) else {
            m4_public_key_free(key)
            return nil
        }
        self.key = key
        self.der = der
    }

    deinit { m4_public_key_free(key) }

    /// SubjectPublicKeyInfo, or a certificate.
    static func read(_ der: [UInt8], isCertificate: Bool) -> Result<PublicKeyHandle, CryptoLibrary.Failure> {
        var key: OpaquePointer?
        let error = m4_public_key_read(&key, der, der.count, isCertificate)
        guard error == 0, let key, let handle = PublicKeyHandle(adopting: key) else { return .failure(.init(code: error)) }
        return .success(handle)
    }

    func verifies(_ signature: [UInt8], over digest: SHA256.Digest) -> Bool {
        guard digest.bytes.count == SHA256.Digest.byteCount else { return false }
        return m4_public_key_verifies(key, digest.bytes, signature, signature.count)
    }
}

/// A private key of GnuTLS', or one that a token keeps.
final class PrivateKeyHandle: @unchecked Sendable {
    private let key: OpaquePointer
    private init(_ key: OpaquePointer) { self.key = key }
    deinit { m4_private_key_free(key) }

    static func made(_ make: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) -> Result<PrivateKeyHandle, CryptoLibrary.Failure> {
        var key: OpaquePointer?
        let error = make(&key)
        guard error == 0, let key else { return .failure(.init(code: error)) }
        return .success(PrivateKeyHandle(key))
    }

    /// The public key that belongs to it.
    var publicKey: Result<PublicKeyHandle, CryptoLibrary.Failure> {
        var other: OpaquePointer?
        let error = m4_private_key_public(key, &other)
        guard error == 0, let other, let handle = PublicKeyHandle(adopting: other) else { return .failure(.init(code: error)) }
        return .success(handle)
    }

    /// PKCS#8, not encrypted; nil of a token's.
    var pem: String? {
        guard case .success(let bytes) = CryptoLibrary.bytes({ m4_private_key_pem(key, $0, $1) }) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    var isInToken: Bool { m4_private_key_is_in_token(key) }

    /// Whether its numbers are those of one key, as far as GnuTLS looks.
    var isConsistent: Bool { m4_private_key_check(key) == 0 }

    func signature(over digest: SHA256.Digest) -> Result<[UInt8], CryptoLibrary.Failure> {
        guard digest.bytes.count == SHA256.Digest.byteCount else { return .failure(.init(code: 0)) }
        return CryptoLibrary.bytes { m4_private_key_sign(key, digest.bytes, $0, $1) }
    }
}
