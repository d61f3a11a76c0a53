import Crypto
import CryptoExtras

/// The kinds of key that can be made here.
public enum KeyKind: Hashable, Sendable {
    /// 2048, 3072 or 4096 bits.
    case rsa(bits: Int)
    case ecdsaP256
}

extension SigningKey {
    /// Makes a new key from the system's random numbers.
    public static func generate(_ kind: KeyKind) throws(KeyError) -> SigningKey {
        switch kind {
        case .ecdsaP256: return .ecdsaP256(P256.Signing.PrivateKey())
        case .rsa(let bits):
            guard [2048, 3072, 4096].contains(bits) else { throw .unsupportedSize(bits: bits, allowed: "2048, 3072, 4096") }
            guard let key = try? _RSA.Signing.PrivateKey(keySize: .init(bitCount: bits)) else { throw .generationFailed }
            return .rsa(key)
        }
    }
}
