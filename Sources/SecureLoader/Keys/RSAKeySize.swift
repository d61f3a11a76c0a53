import SwiftASN1

/// The size of an RSA key that the cryptography library does not take, so that the refusal can name it.
enum RSAKeySize {
    /// The bits of the modulus; nil when the block holds no RSA key. Source: RFC 8017 A.1, RFC 5958 §2, RFC 5280 §4.1.
    static func bits(of block: PEMBlock) -> Int? {
        guard let document = try? PEMDocument(pemString: block.text), let node = try? DER.parse(document.derBytes) else { return nil }
        return modulus(node, depth: 0)
    }

    /// PKCS#1 begins with a version and the modulus, or with the modulus; the other forms wrap it in a string.
    private static func modulus(_ node: ASN1Node, depth: Int) -> Int? {
        guard depth < 3, node.identifier == .sequence, case .constructed(let fields) = node.content else { return nil }
        for field in fields {
            guard case .primitive(let bytes) = field.content else { continue }
            switch field.identifier {
            case .integer where bytes.count > 8:
                let magnitude = bytes.drop { $0 == 0 }
                guard let first = magnitude.first else { return nil }
                return magnitude.count * 8 - first.leadingZeroBitCount
            case .octetString:
                if let inner = try? DER.parse(bytes) { return modulus(inner, depth: depth + 1) }
            case .bitString:
                if let inner = try? DER.parse(bytes.dropFirst()) { return modulus(inner, depth: depth + 1) }
            default: continue
            }
        }
        return nil
    }
}
