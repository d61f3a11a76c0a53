import Crypto
import CryptoExtras
import SwiftASN1

/// A PKCS#8 key encrypted with PBES2: PBKDF2 over HMAC-SHA, then AES or triple DES, CBC. Source: RFC 5958 §3, RFC 8018 §6.2.
///
/// It is what `openssl pkcs8 -topk8` and `openssl genpkey -aes256` write.
struct EncryptedPrivateKey {
    private static let label = "ENCRYPTED PRIVATE KEY"
    /// What a file may make us count to, about a second; OpenSSL writes 2048, and 1,300,000 is the most that is recommended anywhere.
    private static let mostIterations: UInt64 = 2_000_000

    private var salt: [UInt8], iterations: Int, hash: KDF.Insecure.PBKDF2.HashFunction
    private var usesDES: Bool, keyLength: Int, initialisationVector: [UInt8], ciphertext: [UInt8]

    /// nil for a scheme of PKCS#12's, which is another's to open: of it the rounds alone are read, and are few enough.
    init?(pem: PEMBlock) throws(KeyError) {
        do {
            let root = try DER.parse(try PEMDocument(pemString: pem.text).derBytes)
            let key: EncryptedPrivateKey? = try DER.sequence(root, identifier: .sequence) { fields in
                let parts: (Derivation, Cipher)? = try Self.next(&fields) { algorithm in
                    let scheme = try ASN1ObjectIdentifier(derEncoded: &algorithm)
                    if scheme.oidComponents.starts(with: ASN1ObjectIdentifier.pkcs12.oidComponents) {
                        return try Self.next(&algorithm) { fields in
                            _ = try ASN1OctetString(derEncoded: &fields)
                            _ = try Self.iterations(&fields)
                            return nil
                        }
                    }
                    guard scheme == .pbes2 else { throw KeyError.unsupportedEncryption(label: Self.label) }
                    return try Self.next(&algorithm) { scheme in
                        (try Self.keyDerivation(&scheme), try Self.cipher(&scheme))
                    }
                }
                let data = try ASN1OctetString(derEncoded: &fields)
                return parts.map { EncryptedPrivateKey(derivation: $0.0, cipher: $0.1, ciphertext: Array(data.bytes)) }
            }
            guard let key else { return nil }
            self = key
        } catch let error as KeyError {
            throw error
        } catch { throw .malformed(label: Self.label) }
    }

    private typealias Derivation = (salt: [UInt8], iterations: Int, hash: KDF.Insecure.PBKDF2.HashFunction)
    private typealias Cipher = (usesDES: Bool, keyLength: Int, vector: [UInt8])

    private init(derivation: Derivation, cipher: Cipher, ciphertext: [UInt8]) {
        (salt, iterations, hash) = derivation
        (usesDES, keyLength, initialisationVector) = cipher
        self.ciphertext = ciphertext
    }

    /// Reads the next node, which must be a sequence.
    private static func next<Value>(
        _ nodes: inout ASN1NodeCollection.Iterator, _ read: (inout ASN1NodeCollection.Iterator) throws -> Value
    ) throws -> Value {
        guard let node = nodes.next() else { throw KeyError.malformed(label: label) }
        return try DER.sequence(node, identifier: .sequence, read)
    }

    /// Refused here, before anything is hashed, when they are too many.
    private static func iterations(_ fields: inout ASN1NodeCollection.Iterator) throws -> Int {
        let bytes = try ArraySlice<UInt8>(derEncoded: &fields)
        guard bytes.count <= 8 else { throw KeyError.tooManyRounds(label: label, rounds: "2^\(bytes.count * 8 - 8) and more", allowed: Int(mostIterations)) }
        let rounds = bytes.reduce(0) { $0 << 8 | UInt64($1) }
        guard (1...mostIterations).contains(rounds) else {
            throw KeyError.tooManyRounds(label: label, rounds: "\(rounds)", allowed: Int(mostIterations))
        }
        return Int(rounds)
    }

    private static func keyDerivation(_ scheme: inout ASN1NodeCollection.Iterator) throws -> Derivation {
        try Self.next(&scheme) { nodes in
            guard try ASN1ObjectIdentifier(derEncoded: &nodes) == .pbkdf2 else {
                throw KeyError.unsupportedEncryption(label: label)
            }
            return try Self.next(&nodes) { fields in
                let salt = Array(try ASN1OctetString(derEncoded: &fields).bytes)
                let iterations = try Self.iterations(&fields)
                var hash = KDF.Insecure.PBKDF2.HashFunction.insecureSHA1
                while let node = fields.next() {
                    // An optional key length, which the cipher gives as well, and the optional hash.
                    guard node.identifier == .sequence else { continue }
                    hash = try DER.sequence(node, identifier: .sequence) { function in
                        let name = try ASN1ObjectIdentifier(derEncoded: &function)
                        while function.next() != nil {}
                        switch name {
                        case .hmacSHA1: return .insecureSHA1
                        case .hmacSHA256: return .sha256
                        case .hmacSHA384: return .sha384
                        case .hmacSHA512: return .sha512
                        default: throw KeyError.unsupportedEncryption(label: label)
                        }
                    }
                }
                return (salt, iterations, hash)
            }
        }
    }

    private static func cipher(_ scheme: inout ASN1NodeCollection.Iterator) throws -> Cipher {
        try Self.next(&scheme) { nodes in
            let name = try ASN1ObjectIdentifier(derEncoded: &nodes)
            let vector = Array(try ASN1OctetString(derEncoded: &nodes).bytes)
            switch name {
            case .aes128CBC: return (false, 16, vector)
            case .aes192CBC: return (false, 24, vector)
            case .aes256CBC: return (false, 32, vector)
            case .tripleDESCBC: return (true, 24, vector)
            default: throw KeyError.unsupportedEncryption(label: label)
            }
        }
    }

    /// The DER of the PKCS#8 key inside.
    func decrypted(_ passphrase: String) throws(KeyError) -> [UInt8] {
        do {
            let key = try KDF.Insecure.PBKDF2.deriveKey(
                from: Array(passphrase.utf8), salt: salt, using: hash, outputByteCount: keyLength,
                unsafeUncheckedRounds: iterations)
            if usesDES {
                guard let plain = TripleDES(key: key.withUnsafeBytes { Array($0) })?.decrypt(ciphertext, vector: initialisationVector) else {
                    throw KeyError.passphraseRejected(label: Self.label)
                }
                return plain
            }
            return Array(try AES._CBC.decrypt(ciphertext, using: key, iv: AES._CBC.IV(ivBytes: initialisationVector)))
        } catch { throw .passphraseRejected(label: Self.label) }
    }
}

extension ASN1ObjectIdentifier {
    fileprivate static let pkcs12: Self = [1, 2, 840, 113549, 1, 12, 1]
    fileprivate static let pbes2: Self = [1, 2, 840, 113549, 1, 5, 13]
    fileprivate static let pbkdf2: Self = [1, 2, 840, 113549, 1, 5, 12]
    fileprivate static let hmacSHA1: Self = [1, 2, 840, 113549, 2, 7]
    fileprivate static let hmacSHA256: Self = [1, 2, 840, 113549, 2, 9]
    fileprivate static let hmacSHA384: Self = [1, 2, 840, 113549, 2, 10]
    fileprivate static let hmacSHA512: Self = [1, 2, 840, 113549, 2, 11]
    fileprivate static let aes128CBC: Self = [2, 16, 840, 1, 101, 3, 4, 1, 2]
    fileprivate static let aes192CBC: Self = [2, 16, 840, 1, 101, 3, 4, 1, 22]
    fileprivate static let tripleDESCBC: Self = [1, 2, 840, 113549, 3, 7]
    fileprivate static let aes256CBC: Self = [2, 16, 840, 1, 101, 3, 4, 1, 42]
}
