import Crypto
import CryptoExtras
import SwiftASN1

/// A private key that signs images: RSA, or EC on the curve P-256.
public enum SigningKey: Sendable {
    case rsa(_RSA.Signing.PrivateKey)
    case uncommonRSA(UncommonRSAKey)
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
        case .uncommonRSA(let key): .uncommonRSA(key.publicPart)
        case .ecdsaP256(let key): .ecdsaP256(key.publicKey)
        }
    }

    /// PKCS#8, unencrypted.
    public var pem: String {
        switch self {
        case .rsa(let key): key.pkcs8PEMRepresentation + "\n"
        case .uncommonRSA(let key): key.numbers.pem
        case .ecdsaP256(let key): key.pemRepresentation + "\n"
        }
    }

    /// The signature over bytes whose SHA-256 is `digest`. RSA is deterministic; ECDSA is not.
    public func signature(for digest: SHA256Digest) throws(KeyError) -> [UInt8] {
        do {
            switch self {
            case .rsa(let key): return Array(try key.signature(for: digest, padding: .insecurePKCS1v1_5).rawRepresentation)
            case .uncommonRSA(let key):
                guard let signature = key.signature(for: digest) else { throw KeyError.signingFailed(signatureType) }
                return signature
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
        if let key = try? _RSA.Signing.PrivateKey(unsafePEMRepresentation: block.text) { return .rsa(key) }
        guard let der = block.der else { throw .malformed(label: block.label) }
        guard RSANumbers(der: der) != nil || block.label == "RSA PRIVATE KEY" else { throw .unsupportedKind(label: block.label) }
        return try uncommon(der, block.label)
    }

    /// Of what is inside an encrypted block, either kind of key.
    private static func readEncrypted(_ block: PEMBlock, _ passphrase: String) throws(KeyError) -> SigningKey {
        let opened = try? _RSA.Signing.PrivateKey(encryptedPEMRepresentation: block.text) { give in give(Array(passphrase.utf8)) }
        if let key = opened { return try key.keySizeInBits < 1024 ? uncommon(Array(key.derRepresentation), block.label) : .rsa(key) }
        let der =
            block.label == "ENCRYPTED PRIVATE KEY"
            ? try EncryptedPrivateKey(pem: block).decrypted(passphrase) : try TraditionalEncryption(block).decrypted(passphrase)
        if let key = try? P256.Signing.PrivateKey(derRepresentation: der) { return .ecdsaP256(key) }
        if let key = try? _RSA.Signing.PrivateKey(unsafeDERRepresentation: der) { return .rsa(key) }
        // A wrong pass phrase in some 250 leaves something that looks padded.
        guard (try? DER.parse(der)) != nil else { throw .passphraseRejected(label: block.label) }
        guard RSANumbers(der: der) != nil else { throw .unsupportedKind(label: block.label) }
        return try uncommon(der, block.label)
    }

    /// An RSA key whose size is why the library does not take it.
    private static func uncommon(_ der: [UInt8], _ label: String) throws(KeyError) -> SigningKey {
        let key = try UncommonRSAKey(der: der, label: label)
        guard key.numbers.privateExponent != nil, !UncommonRSAKey.librarySizes.contains(key.numbers.bits) else { throw .malformed(label: label) }
        return .uncommonRSA(key)
    }
}
