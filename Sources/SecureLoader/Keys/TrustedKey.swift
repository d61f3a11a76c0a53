// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat

/// A public key whose signatures are believed: on the board, the one that OP-TEE was built with. RSA, or EC on the curve P-256.
public struct TrustedKey: Sendable {
    static let labels = ["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"]

    private let key: PublicKeyHandle
    private let isRSA: Bool
    /// In bytes.
    public let signatureLength: Int
    /// The SHA-256 of the key's SubjectPublicKeyInfo, in hex: the same for the private key's public part.
    public let fingerprint: String
    /// Such as `RSA-2048 key 1f2e3d4c5b6a7988`, the number being the first 8 bytes of the fingerprint.
    public let summary: String

    init(_ key: PublicKeyHandle, label: String) throws(KeyError) {
        try KeySize.check(key, label)
        self.key = key
        fingerprint = hexText(SHA256.hash(data: key.der))
        let kind: String
        if case .rsa(let bits) = key.kind {
            (isRSA, signatureLength, kind) = (true, (bits + 7) / 8, "RSA-\(bits)")
        } else {
            (isRSA, signatureLength, kind) = (false, 64, "EC P-256")
        }
        summary = "\(kind) key \(fingerprint.prefix(16))"
    }

    /// Reads the first key of a PEM text: SubjectPublicKeyInfo, PKCS#1, or an X.509 certificate, of which nothing else counts. A private key is taken for
    /// its public part, as OP-TEE's build takes it.
    public init(pem text: String, passphrase: String? = nil) throws(KeyError) {
        let blocks = try PEMBlock.blocks(in: text)
        for block in blocks {
            switch block.label {
            case let label where Self.labels.contains(label):
                guard let der = block.der else { throw .malformed(label: block.label) }
                do throws(KeyError) { self = try Self.read(der, block.label) } catch { throw KeyForm.explained(error, der, block.label) }
                return
            case let label where SigningKey.labels.contains(label):
                self = try SigningKey(pem: text, passphrase: passphrase).trusted
                return
            default: continue
            }
        }
        if let label = PEMBlock.unfinished(in: text) { throw .unfinished(label: label) }
        throw .noKey(labels: blocks.map(\.label))
    }

    /// Reads a key file: PEM, or DER of the same kinds; of private keys only those that are not encrypted.
    public init(file bytes: [UInt8], passphrase: String? = nil) throws(KeyError) {
        if PEMBlock.isText(bytes) {
            self = try TrustedKey(pem: PEMBlock.text(bytes), passphrase: passphrase)
            return
        }
        guard bytes.count <= PEMBlock.mostBlock else { throw .tooLarge(what: "the key file", bytes: bytes.count, allowed: PEMBlock.mostBlock) }
        for label in ["PUBLIC KEY", "CERTIFICATE", "RSA PUBLIC KEY"] {
            do throws(KeyError) {
                self = try Self.read(bytes, label)
                return
            } catch {
                if case .malformed = error { continue }
                throw KeyForm.explained(error, bytes, "DER")
            }
        }
        self = try SigningKey(der: bytes).trusted
    }

    private static func read(_ der: [UInt8], _ label: String) throws(KeyError) -> TrustedKey {
        try CryptoLibrary.load()
        // A certificate's serial number and signature are numbers, too, and no larger.
        try KeySize.check(der)
        let info = label == "RSA PUBLIC KEY" ? DER.publicKeyInfo(pkcs1: der) : der
        switch PublicKeyHandle.read(info, isCertificate: label == "CERTIFICATE") {
        case .success(let key): return try TrustedKey(key, label: label)
        case .failure(let failure): throw SigningKey.error(failure.code, label)
        }
    }

    public var signatureType: SignatureType { isRSA ? .rsaPKCS1v15SHA256 : .ecdsaP256SHA256 }

    /// SubjectPublicKeyInfo.
    public var pem: String { PEMBlock.text("PUBLIC KEY", key.der) }

    /// Whether `signature` is this key's, over bytes whose SHA-256 is `digest`.
    func verifies(_ signature: [UInt8], over digest: SHA256.Digest) -> Bool { key.verifies(signature, over: digest) }
}

/// Lower-case hex, two digits a byte.
func hexText(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
