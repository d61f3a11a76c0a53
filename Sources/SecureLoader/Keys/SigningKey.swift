import Crypto
import CryptoExtras
import ImageFormat
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
        let blocks = try PEMBlock.blocks(in: text)
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
        guard let der = block.der else { throw .malformed(label: block.label) }
        return try readRSA(der, block.label)
    }

    /// Of what is inside an encrypted block, either kind of key.
    private static func readEncrypted(_ block: PEMBlock, _ passphrase: String) throws(KeyError) -> SigningKey {
        let der: [UInt8]
        switch block.label {
        case "ENCRYPTED PRIVATE KEY":
            guard let encrypted = try EncryptedPrivateKey(pem: block) else { return try readByLibrary(block, passphrase) }
            der = try encrypted.decrypted(passphrase)
        default: der = try TraditionalEncryption(block).decrypted(passphrase)
        }
        if let key = try? P256.Signing.PrivateKey(derRepresentation: der) { return .ecdsaP256(key) }
        // A wrong pass phrase in some 250 leaves something that looks padded.
        guard (try? DER.parse(der)) != nil else { throw .passphraseRejected(label: block.label) }
        return try readRSA(der, block.label)
    }

    /// PKCS#12's schemes, which the library knows; how often it hashes was looked at.
    private static func readByLibrary(_ block: PEMBlock, _ passphrase: String) throws(KeyError) -> SigningKey {
        let opened = try? _RSA.Signing.PrivateKey(encryptedPEMRepresentation: block.text) { give in give(Array(passphrase.utf8)) }
        guard let opened else { throw .passphraseRejected(label: block.label) }
        return try readRSA(Array(opened.derRepresentation), block.label)
    }

    /// PKCS#1 or PKCS#8. What the key's numbers ask for is bounded before anything is done with them.
    private static func readRSA(_ der: [UInt8], _ label: String) throws(KeyError) -> SigningKey {
        guard let numbers = RSANumbers(der: der) else { throw label == "RSA PRIVATE KEY" ? .malformed(label: label) : .unsupportedKind(label: label) }
        guard numbers.privateExponent != nil else { throw .malformed(label: label) }
        try numbers.checkSize()
        try numbers.checkConsistency(label)
        guard UncommonRSAKey.librarySizes.contains(numbers.bits) else { return .uncommonRSA(try UncommonRSAKey(numbers, label: label)) }
        guard let key = try? _RSA.Signing.PrivateKey(unsafeDERRepresentation: der) else { throw .malformed(label: label) }
        return .rsa(key)
    }
}
