import Crypto
import CryptoExtras
import ImageFormat

/// A public key whose signatures are believed: on the board, the one that OP-TEE was built with.
public enum TrustedKey: Sendable {
    case rsa(_RSA.Signing.PublicKey)
    case uncommonRSA(UncommonRSAKey)
    case ecdsaP256(P256.Signing.PublicKey)

    /// Reads the first key of a PEM text: SubjectPublicKeyInfo or PKCS#1. A private key is taken for its public part, as
    /// OP-TEE's build takes it.
    public init(pem text: String, passphrase: String? = nil) throws(KeyError) {
        let blocks = try PEMBlock.blocks(in: text)
        for block in blocks {
            switch block.label {
            case "PUBLIC KEY", "RSA PUBLIC KEY":
                self = try Self.read(block)
                return
            case "RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
                self = try SigningKey(pem: text, passphrase: passphrase).trusted
                return
            default: continue
            }
        }
        throw .noKey(labels: blocks.map(\.label))
    }

    private static func read(_ block: PEMBlock) throws(KeyError) -> TrustedKey {
        if let key = try? P256.Signing.PublicKey(pemRepresentation: block.text) { return .ecdsaP256(key) }
        guard let der = block.der else { throw .malformed(label: block.label) }
        guard let numbers = RSANumbers(der: der) else { throw .unsupportedKind(label: block.label) }
        guard numbers.privateExponent == nil else { throw .malformed(label: block.label) }
        try numbers.checkSize()
        guard UncommonRSAKey.librarySizes.contains(numbers.bits) else { return .uncommonRSA(try UncommonRSAKey(numbers, label: block.label)) }
        guard let key = try? _RSA.Signing.PublicKey(unsafePEMRepresentation: block.text) else { throw .malformed(label: block.label) }
        return .rsa(key)
    }

    public var signatureType: SignatureType {
        switch self {
        case .rsa, .uncommonRSA: .rsaPKCS1v15SHA256
        case .ecdsaP256: .ecdsaP256SHA256
        }
    }

    /// In bytes.
    public var signatureLength: Int {
        switch self {
        case .rsa(let key): (key.keySizeInBits + 7) / 8
        case .uncommonRSA(let key): key.length
        case .ecdsaP256: 64
        }
    }

    /// SubjectPublicKeyInfo.
    public var pem: String {
        switch self {
        case .rsa(let key): key.pemRepresentation + "\n"
        case .uncommonRSA(let key): key.numbers.pem
        case .ecdsaP256(let key): key.pemRepresentation + "\n"
        }
    }

    /// The SHA-256 of the key's SubjectPublicKeyInfo, in hex: the same for the private key's public part.
    public var fingerprint: String {
        switch self {
        case .rsa(let key): hexText(SHA256.hash(data: key.derRepresentation))
        case .uncommonRSA(let key): hexText(SHA256.hash(data: key.numbers.der))
        case .ecdsaP256(let key): hexText(SHA256.hash(data: key.derRepresentation))
        }
    }

    /// Such as `RSA-2048 key 1f2e3d4c5b6a7988`, the number being the first 8 bytes of the fingerprint.
    public var summary: String {
        let kind =
            switch self {
            case .rsa(let key): "RSA-\(key.keySizeInBits)"
            case .uncommonRSA(let key): "RSA-\(key.numbers.bits)"
            case .ecdsaP256: "EC P-256"
            }
        return "\(kind) key \(fingerprint.prefix(16))"
    }

    /// Whether `signature` is this key's, over bytes whose SHA-256 is `digest`.
    func verifies(_ signature: [UInt8], over digest: SHA256Digest) -> Bool {
        switch self {
        case .rsa(let key):
            return key.isValidSignature(.init(rawRepresentation: signature), for: digest, padding: .insecurePKCS1v1_5)
        case .uncommonRSA(let key):
            return key.verifies(signature, over: digest)
        case .ecdsaP256(let key):
            guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: digest)
        }
    }
}

/// Lower-case hex, two digits a byte.
func hexText(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
