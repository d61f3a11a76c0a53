/// What is looked at before anything is computed with a key: how much work its numbers ask for, and whether they are a key at all.
extension RSANumbers {
    /// In bits: room for an encoded SHA-256, and the largest that OpenSSL works with.
    static let sizes = 489...16_384
    /// OP-TEE keeps the public exponent in a word of 32 bits.
    static let mostExponentBits = 32

    /// Bounds the work: a power takes as long as the modulus' square and the exponent are large.
    func checkSize() throws(KeyError) {
        guard Self.sizes.contains(bits) else {
            throw .unsupportedSize(bits: bits, allowed: "\(Self.sizes.lowerBound) to \(Self.sizes.upperBound)")
        }
        let exponent = Natural(publicExponent).bits
        guard exponent <= Self.mostExponentBits else { throw .publicExponent(bits: exponent, allowed: Self.mostExponentBits) }
    }

    /// Whether a private key's numbers are those of one key: a few products and remainders, done in a moment. Source: RFC 8017 §3.2.
    func checkConsistency(_ label: String) throws(KeyError) {
        guard let secret, let exponent = privateExponent.map({ Natural($0) }) else { return }
        let e = Natural(publicExponent), n = Natural(modulus)
        // No prime is as long as the modulus, so that the products below are no longer than twice that.
        for (name, number) in [("p", secret.p), ("q", secret.q), ("d", exponent), ("dp", secret.dp), ("dq", secret.dq), ("qinv", secret.qInverse)] {
            guard number.bits <= bits else { throw .inconsistent(label: label, what: "\(name) has \(number.bits) bits, the modulus \(bits)") }
        }
        guard secret.p * secret.q == n else {
            throw .inconsistent(
                label: label, what: "p of \(secret.p.bits) bits times q of \(secret.q.bits) is not the modulus of \(bits)")
        }
        for (prime, number, power, name) in [(secret.p, "p", secret.dp, "dp"), (secret.q, "q", secret.dq, "dq")] {
            guard let order = prime - .one, exponent.remainder(by: order) == power else {
                throw .inconsistent(label: label, what: "\(name) is not d modulo \(number) - 1")
            }
            guard (e * power).remainder(by: order) == .one else {
                throw .inconsistent(label: label, what: "e times \(name) is not 1 modulo \(number) - 1")
            }
        }
        guard (secret.q * secret.qInverse).remainder(by: secret.p) == .one else {
            throw .inconsistent(label: label, what: "q times qinv is not 1 modulo p")
        }
    }
}
