// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CGnuTLS

/// What a key is whose DER GnuTLS does not read: curves and points of elliptic curves, PKCS#12. Source: SEC 1 C.4, RFC 5480, RFC 5915, RFC 7292.
enum KeyForm {
    /// What is to be said of it; nil of what has none of these forms.
    ///
    /// - Parameter der: a private key by PKCS#8 or SEC 1, a SubjectPublicKeyInfo, or a certificate.
    static func complaint(about der: [UInt8], label: String) -> KeyError? {
        guard let top = DER.node(der[...]), top.tag == DER.sequence else { return nil }
        let parts = top.children
        if parts.count >= 2, parts[0].isInteger(3), let content = parts[1].children.first, content.identifier?.hasPrefix("1.2.840.113549.1.7.") == true {
            return .unsupportedForm(label: label, found: "is in a PKCS#12 file", converts: "openssl pkcs12 -nocerts -in KEY -out NEW")
        }
        guard let key = EllipticCurveKey(parts) else { return nil }
        let line = openssl(key, label)
        switch key.curve {
        case .named(let identifier) where identifier != KeyNames.p256:
            return .unsupportedKind(label: label, found: "EC on the curve \(KeyNames.curve(identifier))")
        case .explicit:
            return .unsupportedForm(label: label, found: "has its curve's parameters spelled out instead of the curve's name", converts: line)
        case .named, .none: break
        }
        switch key.point {
        case .none: return .unsupportedForm(label: label, found: "is an EC key without its public point", converts: line)
        case 2, 3: return .unsupportedForm(label: label, found: "is an EC key with a compressed public point", converts: line)
        case 6, 7: return .unsupportedForm(label: label, found: "is an EC key with a public point in hybrid form", converts: line)
        case .some: return nil
        }
    }

    /// The error that says more than GnuTLS' own does.
    static func explained(_ error: KeyError, _ der: [UInt8], _ label: String) -> KeyError {
        switch error {
        // What begins like a key with a pass phrase, and was given none.
        case .malformed, .passphraseRejected: complaint(about: der, label: label) ?? error
        case .unsupportedKind(_, let found) where found == CryptoLibrary.text(m4_error_curve): complaint(about: der, label: label) ?? error
        default: error
        }
    }

    private static func openssl(_ key: EllipticCurveKey, _ label: String) -> String {
        let form = "-param_enc named_curve -conv_form uncompressed -out NEW"
        if label == "CERTIFICATE" { return "openssl x509 -pubkey -noout -in KEY | openssl ec -pubin -pubout \(form)" }
        return "openssl ec \(key.isPublic ? "-pubin -pubout " : "")\(label == "DER" ? "-inform DER " : "")-in KEY \(form)"
    }
}

/// The curve and the form of the public point of an EC key.
private struct EllipticCurveKey {
    enum Curve { case named(String), explicit }
    var curve: Curve?
    /// The first byte of the point: 4, or 2 and 3 compressed, 6 and 7 hybrid.
    var point: UInt8?
    var isPublic = false

    /// - Parameter parts: of the outermost SEQUENCE.
    init?(_ parts: [DER.Node]) {
        if let sec1 = Self.sec1(parts) {
            self = sec1
        } else if parts.count >= 3, parts[0].tag == DER.integer, let parameters = Self.parameters(parts[1]), let inner = DER.node(parts[2].content) {
            // PKCS#8: the curve is beside the key, and may be in it again.
            guard let key = Self.sec1(inner.children) else { return nil }
            self = key
            curve = Self.curve(parameters) ?? key.curve
        } else if let info = Self.publicKeyInfo(parts) ?? (parts.first?.children ?? []).lazy.compactMap({ Self.publicKeyInfo($0.children) }).first {
            self = info
        } else {
            return nil
        }
    }

    private init(curve: Curve?, point: UInt8?, isPublic: Bool) { (self.curve, self.point, self.isPublic) = (curve, point, isPublic) }

    /// ECPrivateKey: version, number, [0] curve, [1] point.
    private static func sec1(_ parts: [DER.Node]) -> EllipticCurveKey? {
        guard parts.count >= 2, parts[0].isInteger(1), parts[1].tag == DER.octets else { return nil }
        let rest = parts.dropFirst(2)
        let curve = rest.first { $0.tag == 0xA0 }?.children.first.flatMap(Self.curve)
        let point = rest.first { $0.tag == 0xA1 }?.children.first?.content.dropFirst().first
        return EllipticCurveKey(curve: curve, point: point, isPublic: false)
    }

    private static func publicKeyInfo(_ parts: [DER.Node]) -> EllipticCurveKey? {
        guard parts.count == 2, parts[1].tag == DER.bits, let parameters = parameters(parts[0]) else { return nil }
        return EllipticCurveKey(curve: curve(parameters), point: parts[1].content.dropFirst().first, isPublic: true)
    }

    /// Of an AlgorithmIdentifier for keys on elliptic curves.
    private static func parameters(_ algorithm: DER.Node) -> DER.Node? {
        let parts = algorithm.children
        return parts.count == 2 && parts[0].identifier == "1.2.840.10045.2.1" ? parts[1] : nil
    }

    private static func curve(_ parameters: DER.Node) -> Curve? {
        parameters.tag == DER.sequence ? .explicit : parameters.identifier.map { .named($0) }
    }
}
