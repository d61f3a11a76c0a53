// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CGnuTLS
import ImageFormat

/// A private key that signs images: RSA, or EC on the curve P-256, in a file or in a PKCS#11 token.
public struct SigningKey: Sendable {
    static let labels = ["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]

    private let key: PrivateKeyHandle
    /// The key that verifies what this one signs.
    public let trusted: TrustedKey

    init(_ key: PrivateKeyHandle, label: String) throws(KeyError) {
        switch key.publicKey {
        case .success(let other): trusted = try TrustedKey(other, label: label)
        case .failure(let failure) where key.isInToken && failure.code != m4_error_curve:
            throw .token("its public part is not read (\(CryptoLibrary.text(failure.code))); RSA keys and EC keys on P-256 sign images")
        case .failure(let failure): throw Self.error(failure.code, label)
        }
        self.key = key
        // What GnuTLS reads need not be one key; of a token's it is the token's to know.
        guard key.isInToken || key.isConsistent && canSign else { throw .inconsistent(label: label) }
    }

    /// Reads the first private key of a PEM text: PKCS#1, SEC 1 or PKCS#8, each also encrypted.
    ///
    /// - Parameter passphrase: opens an encrypted key; not used for others.
    public init(pem text: String, passphrase: String? = nil) throws(KeyError) {
        let blocks = try PEMBlock.blocks(in: text)
        if let block = blocks.first(where: { Self.labels.contains($0.label) }) {
            self = try Self.read(block, passphrase)
            return
        }
        if let label = PEMBlock.unfinished(in: text) { throw .unfinished(label: label) }
        // A certificate may stand before its key, and here it stands alone.
        if let block = blocks.first(where: { TrustedKey.labels.contains($0.label) }) { throw .notPrivate(label: block.label) }
        throw .noKey(labels: blocks.map(\.label))
    }

    /// Reads a key file: PEM, or DER of what is not encrypted.
    public init(file bytes: [UInt8], passphrase: String? = nil) throws(KeyError) {
        guard PEMBlock.isText(bytes) else {
            self = try SigningKey(der: bytes)
            return
        }
        self = try SigningKey(pem: PEMBlock.text(bytes), passphrase: passphrase)
    }

    init(der: [UInt8]) throws(KeyError) {
        let label = "DER"
        guard der.count <= PEMBlock.mostBlock else { throw .tooLarge(what: "the key file", bytes: der.count, allowed: PEMBlock.mostBlock) }
        try CryptoLibrary.load()
        var rounds: UInt32 = 0
        var name = [CChar](repeating: 0, count: 128)
        guard m4_pkcs8_rounds(der, der.count, false, &rounds, &name) != 0 else { throw .unsupportedEncryption(label: label, found: "encrypted, and not PEM") }
        do throws(KeyError) {
            try Self.checkSizeAndPrimes(der, label)
            self = try Self.made(label) { m4_private_key_read($0, der, der.count, false, M4_KEY_PLAIN, nil) }
        } catch { throw KeyForm.explained(error, der, label) }
    }

    /// A key that a PKCS#11 token keeps, and that is used there.
    ///
    /// - Parameter pin: tried once, as a token locks itself after some.
    public init(_ address: TokenAddress, pin: String?) throws(KeyError) {
        try CryptoLibrary.load()
        switch PrivateKeyHandle.made({ m4_private_key_at($0, address.url, pin) }) {
        case .success(let key): self = try SigningKey(key, label: "token")
        case .failure(let failure): throw address.error(failure.code, hasPIN: pin != nil)
        }
    }

    /// The number that the SIGNTYPE record has for this key.
    public var signatureType: SignatureType { trusted.signatureType }

    /// In bytes: the modulus of an RSA key, r and s of an EC one.
    public var signatureLength: Int { trusted.signatureLength }

    /// PKCS#8, unencrypted; nil of a token's key, which stays there.
    public var pem: String? { key.pem }

    /// The signature over bytes whose SHA-256 is `digest`; the same each time, but by an EC key of a token's.
    public func signature(for digest: SHA256.Digest) throws(KeyError) -> [UInt8] {
        switch key.signature(over: digest) {
        case .success(let signature):
            guard trusted.verifies(signature, over: digest) else { throw .signingFailed(signatureType, reason: "the signature does not verify") }
            return signature
        case .failure(let failure):
            let mayNot = key.isInToken && failure.code == m4_error_token_key ? "; is the key marked for signing in its token (CKA_SIGN)?" : ""
            throw .signingFailed(signatureType, reason: CryptoLibrary.text(failure.code) + mayNot)
        }
    }

    private var canSign: Bool {
        let digest = SHA256.hash(data: [] as [UInt8])
        guard case .success(let signature) = key.signature(over: digest) else { return false }
        return trusted.verifies(signature, over: digest)
    }

    static func made(_ label: String, _ make: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws(KeyError) -> SigningKey {
        switch PrivateKeyHandle.made(make) {
        case .success(let key): return try SigningKey(key, label: label)
        case .failure(let failure): throw error(failure.code, label)
        }
    }
}
