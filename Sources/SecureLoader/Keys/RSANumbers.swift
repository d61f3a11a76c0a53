import SwiftASN1

/// The numbers that an RSA key consists of, and its DER forms. Source: RFC 8017 A.1, RFC 5280 §4.1, RFC 5958 §2.
///
/// Numbers are big-endian, without zeros in front.
struct RSANumbers: Equatable, Sendable {
    /// Of PKCS#1: modulus and public exponent, and of a private key the private exponent, both primes, both exponents and the
    /// coefficient too.
    private let integers: [[UInt8]]

    var modulus: [UInt8] { integers[0] }
    var publicExponent: [UInt8] { integers[1] }
    /// nil of a public key.
    var privateExponent: [UInt8]? { integers.count > 2 ? integers[2] : nil }
    /// Both primes and what belongs to them; nil of a public key.
    var secret: Secret? {
        guard integers.count == 8 else { return nil }
        return Secret(
            p: Natural(integers[3]), q: Natural(integers[4]), dp: Natural(integers[5]), dq: Natural(integers[6]), qInverse: Natural(integers[7]))
    }
    struct Secret {
        let p, q: Natural
        /// d modulo p - 1 and q - 1.
        let dp, dq: Natural
        /// 1 / q, modulo p.
        let qInverse: Natural
    }
    /// The size of the modulus.
    var bits: Int { modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0) }

    /// Reads a public or private key, PKCS#1, SubjectPublicKeyInfo or PKCS#8. nil for anything else, and for a modulus or a public
    /// exponent that no key has: even, or 1.
    init?(der: [UInt8]) {
        guard let integers = Self.integers(der[...], isWrapped: false) else { return nil }
        switch integers.count {
        case 2: self.integers = integers
        // The first is the version; 1 is that of keys of more than two primes.
        case 9 where integers[0].isEmpty: self.integers = Array(integers.dropFirst())
        default: return nil
        }
        for number in self.integers.prefix(2) {
            guard let last = number.last, last & 1 == 1, number != [1] else { return nil }
        }
    }

    /// The key without what is private.
    var publicPart: RSANumbers { RSANumbers(integers: Array(integers.prefix(2))) }

    private init(integers: [[UInt8]]) { self.integers = integers }

    private static func integers(_ der: ArraySlice<UInt8>, isWrapped: Bool) -> [[UInt8]]? {
        guard let node = try? DER.parse(der), let fields = fields(of: node) else { return nil }
        guard let algorithm = fields.first(where: { $0.identifier == .sequence }) else {
            let numbers = fields.compactMap(integer)
            return numbers.count == fields.count ? numbers : nil
        }
        guard !isWrapped, let name = Self.fields(of: algorithm)?.first, (try? ASN1ObjectIdentifier(derEncoded: name)) == .rsaEncryption
        else { return nil }
        for case .primitive(let content) in fields.map(\.content) {
            // A version comes before the string, and attributes behind it.
            if let numbers = integers(content, isWrapped: true) ?? integers(content.dropFirst(), isWrapped: true) { return numbers }
        }
        return nil
    }

    private static func fields(of node: ASN1Node) -> [ASN1Node]? {
        guard node.identifier == .sequence, case .constructed(let fields) = node.content else { return nil }
        return Array(fields)
    }

    /// nil when it is none, or is negative.
    private static func integer(_ node: ASN1Node) -> [UInt8]? {
        guard node.identifier == .integer, case .primitive(let bytes) = node.content, let first = bytes.first, first < 0x80 else {
            return nil
        }
        return Array(bytes.drop { $0 == 0 })
    }

    // MARK: Writing

    /// SubjectPublicKeyInfo of a public key, PKCS#8 of a private one.
    var der: [UInt8] {
        var serializer = DER.Serializer()
        serializer.appendConstructedNode(identifier: .sequence) { key in
            if privateExponent != nil { key.appendInteger([]) }
            key.appendConstructedNode(identifier: .sequence) { algorithm in
                algorithm.appendPrimitiveNode(identifier: .objectIdentifier) { $0 += Self.rsaEncryption }
                algorithm.appendPrimitiveNode(identifier: .null) { _ in }
            }
            if privateExponent != nil {
                key.appendPrimitiveNode(identifier: .octetString) { $0 += pkcs1 }
            } else {
                // No bit of the last byte is unused.
                key.appendPrimitiveNode(identifier: .bitString) { $0 += [0] + pkcs1 }
            }
        }
        return serializer.serializedBytes
    }

    /// As ``der``, with a line for the beginning and one for the end.
    var pem: String {
        PEMDocument(type: privateExponent == nil ? "PUBLIC KEY" : "PRIVATE KEY", derBytes: der).pemString + "\n"
    }

    private var pkcs1: [UInt8] {
        var serializer = DER.Serializer()
        serializer.appendConstructedNode(identifier: .sequence) { numbers in
            if privateExponent != nil { numbers.appendInteger([]) }
            for integer in integers { numbers.appendInteger(integer) }
        }
        return serializer.serializedBytes
    }

    /// 1.2.840.113549.1.1.1, encoded.
    private static let rsaEncryption: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01]
}

extension DER.Serializer {
    /// - Parameter magnitude: big-endian, without zeros in front; empty for 0.
    fileprivate mutating func appendInteger(_ magnitude: [UInt8]) {
        appendPrimitiveNode(identifier: .integer) { bytes in
            // The first bit is the sign.
            if magnitude.first.map({ $0 >= 0x80 }) ?? true { bytes.append(0) }
            bytes += magnitude
        }
    }
}

extension ASN1ObjectIdentifier {
    fileprivate static let rsaEncryption: Self = [1, 2, 840, 113549, 1, 1, 1]
}
