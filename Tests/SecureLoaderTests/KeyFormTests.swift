// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

import SecureLoader

/// What is said of keys that are not read, and what a key file may have around its key.
@Suite struct KeyFormTests {
    private static let form = "-param_enc named_curve -conv_form uncompressed -out NEW"

    private static func der(_ pem: String) -> [UInt8] {
        let text = pem.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
        return Data(base64Encoded: text).map(Array.init) ?? []
    }

    /// What is thrown, in words.
    private static func complaint(_ read: () throws -> Void) -> String {
        do {
            try read()
            return "it is read"
        } catch { return "\(error)" }
    }

    @Test(arguments: [
        (RefusedKeys.p256WithoutPoint, "EC PRIVATE KEY", "is an EC key without its public point"), (RefusedKeys.p256WithoutPointPKCS8, "PRIVATE KEY", "is an EC key without its public point"),
        (RefusedKeys.p256Compressed, "EC PRIVATE KEY", "is an EC key with a compressed public point"), (RefusedKeys.p256CompressedPKCS8, "PRIVATE KEY", "is an EC key with a compressed public point"),
        (RefusedKeys.p256Hybrid, "EC PRIVATE KEY", "is an EC key with a public point in hybrid form"),
        (RefusedKeys.p256Explicit, "EC PRIVATE KEY", "has its curve's parameters spelled out instead of the curve's name"),
    ])
    func aP256KeyInAnotherFormIsToldWithTheLineThatConverts(pem: String, label: String, found: String) {
        let words = "the key (\(label)) \(found), which is not read here; `openssl ec -in KEY \(Self.form)` writes one that is"
        #expect(Self.complaint { _ = try SigningKey(pem: pem) } == words)
        #expect(Self.complaint { _ = try TrustedKey(pem: pem) } == words)
        let inDER = "the key (DER) \(found), which is not read here; `openssl ec -inform DER -in KEY \(Self.form)` writes one that is"
        #expect(Self.complaint { _ = try SigningKey(file: Self.der(pem)) } == inDER)
        #expect(Self.complaint { _ = try TrustedKey(file: Self.der(pem)) } == inDER)
    }

    @Test func aCompressedPublicKeyIsToldWithTheLineThatConverts() {
        let found = "is an EC key with a compressed public point, which is not read here; `openssl"
        #expect(Self.complaint { _ = try TrustedKey(pem: RefusedKeys.p256CompressedPublic) } == "the key (PUBLIC KEY) \(found) ec -pubin -pubout -in KEY \(Self.form)` writes one that is")
        #expect(
            Self.complaint { _ = try TrustedKey(file: Self.der(RefusedKeys.p256CompressedPublic)) }
                == "the key (DER) \(found) ec -pubin -pubout -inform DER -in KEY \(Self.form)` writes one that is")
        #expect(
            Self.complaint { _ = try TrustedKey(pem: RefusedKeys.p256CompressedCertificate) }
                == "the key (CERTIFICATE) \(found) x509 -pubkey -noout -in KEY | openssl ec -pubin -pubout \(Self.form)` writes one that is")
    }

    @Test(arguments: [
        (RefusedKeys.secp256k1, "EC PRIVATE KEY", "secp256k1"), (RefusedKeys.secp256k1PKCS8, "PRIVATE KEY", "secp256k1"), (RefusedKeys.brainpoolP256r1, "EC PRIVATE KEY", "brainpoolP256r1"),
        (RefusedKeys.brainpoolP256t1PKCS8, "PRIVATE KEY", "brainpoolP256t1"), (RefusedKeys.sect233k1, "EC PRIVATE KEY", "sect233k1"), (RefusedKeys.sm2, "PRIVATE KEY", "SM2"),
    ])
    func aKeyOnAnotherCurveNamesIt(pem: String, label: String, curve: String) {
        let words = "is neither RSA nor EC on the curve P-256: EC on the curve \(curve)"
        #expect(Self.complaint { _ = try SigningKey(pem: pem) } == "the key (\(label)) \(words)")
        #expect(Self.complaint { _ = try TrustedKey(pem: pem) } == "the key (\(label)) \(words)")
        #expect(Self.complaint { _ = try SigningKey(file: Self.der(pem)) } == "the key (DER) \(words)")
        #expect(Self.complaint { _ = try TrustedKey(file: Self.der(pem)) } == "the key (DER) \(words)")
    }

    @Test func aPublicKeyOnAnotherCurveNamesIt() {
        for read in [{ _ = try TrustedKey(pem: RefusedKeys.secp256k1Public) }, { _ = try TrustedKey(file: Self.der(RefusedKeys.secp256k1Public)) }] as [() throws -> Void] {
            #expect(Self.complaint(read).hasSuffix("is neither RSA nor EC on the curve P-256: EC on the curve secp256k1"))
        }
    }

    @Test(arguments: [
        (RefusedKeys.scrypt, "scrypt", false), (RefusedKeys.camellia, "Camellia-128-CBC", false), (RefusedKeys.rc2, "RC2-CBC", true), (RefusedKeys.seed, "SEED-CBC", true),
        (RefusedKeys.pkcs12RC2, "PKCS#12's RC2-128", true), (RefusedKeys.hmacMD5, "HMAC-MD5", false), (RefusedKeys.hmacSHA512224, "HMAC-SHA-512/224", false),
        (RefusedKeys.hmacSHA512256, "HMAC-SHA-512/256", false),
    ])
    func anEncryptionThatIsNotReadIsNamedWithTheLineThatConverts(pem: String, found: String, legacy: Bool) {
        let words = "the key (ENCRYPTED PRIVATE KEY) is encrypted in a way that is not read here (\(found)); "
            + "`openssl pkcs8 -topk8 -v2 aes-256-cbc\(legacy ? " -provider legacy -provider default" : "") -in KEY -out NEW` writes one that is"
        #expect(Self.complaint { _ = try SigningKey(pem: pem, passphrase: "sesame") } == words)
        // Whatever the pass phrase, and before one is asked for.
        #expect(Self.complaint { _ = try SigningKey(pem: pem) } == words)
        #expect(Self.complaint { _ = try TrustedKey(pem: pem, passphrase: "open") } == words)
    }

    @Test func aKeyInsideOfAnEncryptedOneIsNotBlamedOnThePassPhraseAlone() {
        let words = Self.complaint { _ = try SigningKey(pem: RefusedKeys.compressedEncrypted, passphrase: "sesame") }
        #expect(words.hasPrefix("the pass phrase does not open the key (ENCRYPTED PRIVATE KEY), or what it opens is no key that is read here"), "\(words)")
    }

    @Test func aPKCS12FileAndAnOpenSSHKeyAreTold() {
        let file = Self.der(RefusedKeys.pkcs12)
        let words = "the key (DER) is in a PKCS#12 file, which is not read here; `openssl pkcs12 -nocerts -in KEY -out NEW` writes one that is"
        #expect(!file.isEmpty && Self.complaint { _ = try SigningKey(file: file, passphrase: "sesame") } == words)
        #expect(Self.complaint { _ = try TrustedKey(file: file) } == words)
        let ssh = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
        #expect(Self.complaint { _ = try SigningKey(pem: ssh) }.hasSuffix("OPENSSH PRIVATE KEY; `ssh-keygen -p -m PEM -f KEY` makes one of OpenSSH's"))
    }

    @Test func whatIsAroundAKeyDoesNotMatter() throws {
        let key = try SigningKey(pem: TestKeys.rsaPKCS8), lines = TestKeys.rsaPKCS8
        let utf16 = Array(lines.utf16)
        let files: [(String, [UInt8])] = [
            ("a byte order mark", [0xEF, 0xBB, 0xBF] + Array(lines.utf8)), ("UTF-16, little", [0xFF, 0xFE] + utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }),
            ("UTF-16, big", [0xFE, 0xFF] + utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }),
            ("text in front", Array("Bag Attributes\n    localKeyID: 01\n-----\n\(lines)\nand behind\n".utf8)), ("CR LF", Array(lines.replacing("\n", with: "\r\n").utf8)),
            ("white space at the ends of lines", Array(lines.replacing("\n", with: " \t\n").utf8)), ("no newline at the end", Array(lines.utf8.reversed().drop { $0 == 0x0A }.reversed())),
        ]
        for (name, file) in files {
            #expect((try? SigningKey(file: file))?.trusted.fingerprint == key.trusted.fingerprint, "\(name)")
            #expect((try? TrustedKey(file: file))?.fingerprint == key.trusted.fingerprint, "\(name)")
        }
        for file in [[0xFF, 0xFE], [0xFE, 0xFF, 0x00], [0xFF, 0xFE, 0x00, 0xD8, 0x41], [0xEF, 0xBB, 0xBF], []] as [[UInt8]] {
            #expect(throws: KeyError.noKey(labels: [])) { try SigningKey(file: file) }
        }
    }

    @Test func anAddressInATokenHasNoPIN() throws {
        let address = try TokenAddress("pkcs11:token=a%20b;object=c&d;type=private?module-name=x&pin-source=file:%2Ftmp%2Fpin")
        #expect(address.url == "pkcs11:token=a%20b;object=c&d;type=private?module-name=x" && address.pinFile == "/tmp/pin")
        #expect(try TokenAddress("pkcs11:token=a;pinfile=/tmp/x;object=b").url == "pkcs11:token=a;object=b")
        for text in ["pkcs11:token=a?pin-value=1234", "pkcs11:token=a;pin-value=1234", "pkcs11:pin-value=1234", "pkcs11:token=a?x=y;Pin-Value=1234"] {
            let words = Self.complaint { _ = try TokenAddress(text) }
            #expect(words.contains("pin-value") && !words.contains("1234"), "\(words)")
        }
    }
}
