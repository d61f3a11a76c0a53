// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Names of what object identifiers in key files stand for, where GnuTLS has none. Source: OpenSSL's names; SEC 2, RFC 5639, RFC 8018, RFC 7914.
enum KeyNames {
    static let p256 = "1.2.840.10045.3.1.7"

    /// Such as `secp256k1`; the identifier itself, of what is not known.
    static func curve(_ identifier: String) -> String {
        if let name = curves[identifier] { return name }
        let brainpool = identifier.hasPrefix("1.3.36.3.3.2.8.1.1.") ? Int(identifier.split(separator: ".").last ?? "") : nil
        guard let brainpool, (1...14).contains(brainpool) else { return identifier }
        return "brainpoolP\([160, 192, 224, 256, 320, 384, 512][(brainpool - 1) / 2])\(brainpool % 2 == 1 ? "r1" : "t1")"
    }

    private static let curves = [
        p256: "P-256", "1.2.840.10045.3.1.1": "P-192", "1.3.132.0.33": "P-224", "1.3.132.0.34": "P-384", "1.3.132.0.35": "P-521",
        "1.3.132.0.10": "secp256k1", "1.3.132.0.9": "secp160k1", "1.3.132.0.31": "secp192k1", "1.3.132.0.32": "secp224k1",
        "1.3.132.0.26": "sect233k1", "1.3.132.0.27": "sect233r1", "1.3.132.0.16": "sect283k1", "1.3.132.0.17": "sect283r1",
        "1.3.132.0.36": "sect409k1", "1.3.132.0.37": "sect409r1", "1.3.132.0.38": "sect571k1", "1.3.132.0.39": "sect571r1", "1.2.156.10197.1.301": "SM2",
    ]

    /// What of an encrypted key's scheme is not read here, by name; nil where all of it is, or none of it is known.
    ///
    /// - Parameter identifiers: of the scheme, its key derivation, hash and cipher.
    static func notRead(_ identifiers: [String]) -> String? {
        let names = identifiers.compactMap { schemes[$0] }
        return names.isEmpty ? nil : names.joined(separator: ", ")
    }

    /// Whether OpenSSL 3 needs its legacy provider for it, by what `notRead` calls it or by the name of a traditional key's cipher.
    static func isLegacy(_ name: String) -> Bool { ["RC2", "RC4", "RC5", "SEED", "Blowfish", "BF-", "CAST", "IDEA", "PBE with"].contains { name.contains($0) } }

    private static let schemes = [
        "1.3.6.1.4.1.11591.4.11": "scrypt", "1.2.840.113549.2.6": "HMAC-MD5", "1.2.840.113549.2.12": "HMAC-SHA-512/224",
        "1.2.840.113549.2.13": "HMAC-SHA-512/256", "2.16.840.1.101.3.4.2.13": "HMAC-SHA3-224", "2.16.840.1.101.3.4.2.14": "HMAC-SHA3-256",
        "2.16.840.1.101.3.4.2.15": "HMAC-SHA3-384", "2.16.840.1.101.3.4.2.16": "HMAC-SHA3-512", "1.2.156.10197.1.401.2": "HMAC-SM3",
        "1.2.392.200011.61.1.1.1.2": "Camellia-128-CBC", "1.2.392.200011.61.1.1.1.3": "Camellia-192-CBC", "1.2.392.200011.61.1.1.1.4": "Camellia-256-CBC",
        "1.2.840.113549.3.2": "RC2-CBC", "1.2.840.113549.3.8": "RC5-CBC", "1.2.410.200004.1.4": "SEED-CBC", "1.2.840.113533.7.66.10": "CAST5-CBC", "1.2.156.10197.1.104.2": "SM4-CBC", "1.3.6.1.4.1.3029.1.2": "Blowfish-CBC",
        "1.2.410.200046.1.1.2": "ARIA-128-CBC", "1.2.410.200046.1.1.7": "ARIA-192-CBC", "1.2.410.200046.1.1.12": "ARIA-256-CBC",
        "2.16.840.1.101.3.4.1.3": "AES-128-OFB", "2.16.840.1.101.3.4.1.4": "AES-128-CFB", "2.16.840.1.101.3.4.1.6": "AES-128-GCM",
        "2.16.840.1.101.3.4.1.23": "AES-192-OFB", "2.16.840.1.101.3.4.1.24": "AES-192-CFB", "2.16.840.1.101.3.4.1.26": "AES-192-GCM",
        "2.16.840.1.101.3.4.1.43": "AES-256-OFB", "2.16.840.1.101.3.4.1.44": "AES-256-CFB", "2.16.840.1.101.3.4.1.46": "AES-256-GCM",
        "1.2.840.113549.1.5.1": "PBE with MD2 and DES", "1.2.840.113549.1.5.4": "PBE with MD2 and RC2", "1.2.840.113549.1.5.6": "PBE with MD5 and RC2",
        "1.2.840.113549.1.5.10": "PBE with SHA-1 and DES", "1.2.840.113549.1.5.11": "PBE with SHA-1 and RC2", "1.2.840.113549.1.12.1.1": "PKCS#12's RC4-128",
        "1.2.840.113549.1.12.1.2": "PKCS#12's RC4-40", "1.2.840.113549.1.12.1.4": "PKCS#12's 2-key triple DES", "1.2.840.113549.1.12.1.5": "PKCS#12's RC2-128",
    ]
}
