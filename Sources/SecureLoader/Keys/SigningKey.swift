import Crypto
import CryptoExtras

/// A private key that signs images: RSA, or EC on the curve P-256.
public enum SigningKey: Sendable {
    case rsa(_RSA.Signing.PrivateKey)
    case ecdsaP256(P256.Signing.PrivateKey)

    /// Reads the first private key of a PEM text: PKCS#1, SEC 1 or PKCS#8, each also encrypted.
    ///
    /// - Parameter passphrase: opens an encrypted key; not used for others.
    public init(pem text: String, passphrase: String? = nil) throws(KeyError) {
        let blocks = PEMBlock.blocks(in: text)
        for block in blocks {
            switch block.label {
            case "RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
                self = try Self.read(block, passphrase)
                return
            case "PUBLIC KEY", "RSA PUBLIC KEY": throw .notPrivate(label: block.label)
            default: continue
            }
        }
        throw .noKey(labels: blocks.map(\.label))
    }

    /// The number that the SIGNTYPE record has for this key.
    public var signatureType: SignatureType { trusted.signatureType }

    /// In bytes: the modulus of an RSA key, r and s of an EC one.
    public var signatureLength: Int { trusted.signatureLength }

    /// The key that verifies what this one signs.
    public var trusted: TrustedKey {
        switch self {
        case .rsa(let key): .rsa(key.publicKey)
        case .ecdsaP256(let key): .ecdsaP256(key.publicKey)
        }
    }

    /// PKCS#8, unencrypted.
    public var pem: String {
        switch self {
        case .rsa(let key): key.pkcs8PEMRepresentation + "\n"
        case .ecdsaP256(let key): key.pemRepresentation + "\n"
        }
    }

    /// The signature over bytes whose SHA-256 is `digest`. RSA is deterministic; ECDSA is not.
    public func signature(for digest: SHA256Digest) throws(KeyError) -> [UInt8] {
        do {
            switch self {
            case .rsa(let key): return Array(try key.signature(for: digest, padding: .insecurePKCS1v1_5).rawRepresentation)
            case .ecdsaP256(let key): return Array(try key.signature(for: digest).rawRepresentation)
            }
        } catch { throw .signingFailed(signatureType) }
    }
}

extension SigningKey {
    private static func read(_ block: PEMBlock, _ passphrase: String?) throws(KeyError) -> SigningKey {
        if block.label == "ENCRYPTED PRIVATE KEY" || block.hasEncryptionHeader {
            guard let passphrase else { throw .passphraseMissing(label: block.label) }
            return try readEncrypted(block, passphrase)
        }
        if block.label != "RSA PRIVATE KEY", let key = try? P256.Signing.PrivateKey(pemRepresentation: block.text) {
            return .ecdsaP256(key)
        }
        // PEM says PRIVATE KEY for any algorithm: the reader that succeeds tells which it is.
        if block.label == "EC PRIVATE KEY" { throw .unsupportedKind(label: block.label) }
        guard let key = try? _RSA.Signing.PrivateKey(unsafePEMRepresentation: block.text) else {
            if let bits = RSAKeySize.bits(of: block) { throw .unsupportedSize(bits: bits, allowed: "1024 and more") }
            throw block.label == "PRIVATE KEY" ? .unsupportedKind(label: block.label) : .malformed(label: block.label)
        }
        return .rsa(key)
    }

    private static func readEncrypted(_ block: PEMBlock, _ passphrase: String) throws(KeyError) -> SigningKey {
        if block.label == "EC PRIVATE KEY" {
            let der = try TraditionalEncryption(block).decrypted(passphrase)
            guard let key = try? P256.Signing.PrivateKey(derRepresentation: der) else { throw .passphraseRejected(label: block.label) }
            return .ecdsaP256(key)
        }
        let opened = try? _RSA.Signing.PrivateKey(encryptedPEMRepresentation: block.text) { give in give(Array(passphrase.utf8)) }
        if let key = opened {
            guard key.keySizeInBits >= 1024 else {
                throw .unsupportedSize(bits: key.keySizeInBits, allowed: "1024 and more")
            }
            return .rsa(key)
        }
        guard block.label == "ENCRYPTED PRIVATE KEY" else { throw .passphraseRejected(label: block.label) }
        // The library opens encrypted RSA keys only.
        let der = try EncryptedPrivateKey(pem: block).decrypted(passphrase)
        guard let key = try? P256.Signing.PrivateKey(derRepresentation: der) else { throw .passphraseRejected(label: block.label) }
        return .ecdsaP256(key)
    }
}
