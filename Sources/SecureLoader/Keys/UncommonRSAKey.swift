import Crypto

/// An RSA key of a size that the cryptography library does not take: below 1024 bits, or above 8192.
///
/// OP-TEE takes any that its build has room for, and the signing script any that OpenSSL does. Verifies and, with a private key, signs: RSASSA-PKCS1-v1_5
/// with SHA-256, by plain modular powers, whose time tells of a secret exponent: such keys are for tests. Source: RFC 8017 §8.2.
public struct UncommonRSAKey: Sendable {
    /// Those that the library takes.
    static let librarySizes = 1024...8192

    let numbers: RSANumbers
    private let modulus: MontgomeryModulus

    /// - Parameter numbers: of a public or private key, checked.
    init(_ numbers: RSANumbers, label: String) throws(KeyError) {
        guard let modulus = MontgomeryModulus(numbers.modulus) else { throw .malformed(label: label) }
        self.numbers = numbers
        self.modulus = modulus
    }

    private init(_ numbers: RSANumbers, _ modulus: MontgomeryModulus) { self.numbers = numbers; self.modulus = modulus }

    /// The key without what is private.
    var publicPart: UncommonRSAKey { UncommonRSAKey(numbers.publicPart, modulus) }

    /// Of a signature.
    var length: Int { numbers.modulus.count }

    func verifies(_ signature: [UInt8], over digest: SHA256Digest) -> Bool {
        signature.count == length && modulus.power(signature, numbers.publicExponent) == encoded(digest)
    }

    /// nil of a public key, and of one whose numbers do not belong together.
    func signature(for digest: SHA256Digest) -> [UInt8]? {
        guard let signature = power(encoded(digest)) else { return nil }
        return verifies(signature, over: digest) ? signature : nil
    }

    /// The private power, modulo each prime: four times as fast as modulo their product. Source: RFC 8017 §5.1.2.
    private func power(_ message: [UInt8]) -> [UInt8]? {
        func power(_ prime: Natural, _ exponent: Natural) -> Natural? {
            let size = (prime.bits + 7) / 8
            guard let base = Natural(message).remainder(by: prime), let modulus = MontgomeryModulus(prime.bytes(size)) else { return nil }
            return modulus.power(base.bytes(size), exponent.bytes((exponent.bits + 7) / 8)).map { Natural($0) }
        }
        guard let secret = numbers.secret, let first = power(secret.p, secret.dp), let second = power(secret.q, secret.dq),
            let reduced = second.remainder(by: secret.p), let difference = (first + secret.p) - reduced,
            let factor = (difference * secret.qInverse).remainder(by: secret.p)
        else { return nil }
        return (second + factor * secret.q).bytes(length)
    }

    /// EMSA-PKCS1-v1_5. Source: RFC 8017 §9.2.
    private func encoded(_ digest: SHA256Digest) -> [UInt8] {
        let end = [0x00] + Self.digestInfo + Array(digest)
        return [0x00, 0x01] + [UInt8](repeating: 0xFF, count: max(8, length - 2 - end.count)) + end
    }

    /// The DER of a DigestInfo up to the digest: SHA-256, 32 bytes.
    private static let digestInfo: [UInt8] = [
        0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
    ]
}
