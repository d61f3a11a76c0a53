// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

import SecureLoader

@Suite struct KeyTests {
    @Test(arguments: [TestKeys.rsaPKCS1, TestKeys.rsaPKCS8])
    func readsAnRSAPrivateKeyInBothForms(_ pem: String) throws {
        let key = try SigningKey(pem: pem)
        #expect(key.signatureType == .rsaPKCS1v15SHA256 && key.signatureLength == 256)
        #expect(key.trusted.fingerprint == TestKeys.rsa.trusted.fingerprint)
    }

    @Test(arguments: [TestKeys.ecSEC1, TestKeys.ecPKCS8])
    func readsAP256PrivateKeyInBothForms(_ pem: String) throws {
        let key = try SigningKey(pem: pem)
        #expect(key.signatureType == .ecdsaP256SHA256 && key.signatureLength == 64)
        #expect(key.trusted.fingerprint == TestKeys.ecdsa.trusted.fingerprint)
    }

    @Test func readsAKeyBehindItsCurveParameters() throws {
        let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        #expect(try SigningKey(pem: parameters + TestKeys.ecSEC1).signatureType == .ecdsaP256SHA256)
    }

    @Test(arguments: [TestKeys.rsaEncryptedPKCS8, TestKeys.rsaEncryptedTraditional, TestKeys.ecEncryptedPKCS8])
    func opensAnEncryptedKeyWithItsPassPhraseOnly(_ pem: String) throws {
        let key = try SigningKey(pem: pem, passphrase: "sesame")
        #expect([TestKeys.rsa, TestKeys.ecdsa].map(\.trusted.fingerprint).contains(key.trusted.fingerprint))
        let label = pem == TestKeys.rsaEncryptedTraditional ? "RSA PRIVATE KEY" : "ENCRYPTED PRIVATE KEY"
        #expect(throws: KeyError.passphraseMissing(label: label)) { try SigningKey(pem: pem) }
        #expect(throws: KeyError.passphraseRejected(label: label)) { try SigningKey(pem: pem, passphrase: "open") }
    }

    @Test(arguments: [TestKeys.ecEncryptedTraditional128, TestKeys.ecEncryptedTraditional192, TestKeys.ecEncryptedTraditional256])
    func opensAnEncryptedTraditionalECKeyWithItsPassPhraseOnly(_ pem: String) throws {
        #expect(try SigningKey(pem: pem, passphrase: "sesame").trusted.fingerprint == TestKeys.ecdsa.trusted.fingerprint)
        #expect(throws: KeyError.passphraseMissing(label: "EC PRIVATE KEY")) { try SigningKey(pem: pem) }
        #expect(throws: KeyError.passphraseRejected(label: "EC PRIVATE KEY")) { try SigningKey(pem: pem, passphrase: "open") }
        let cut = pem.replacingOccurrences(of: "CBC,", with: "CBC,0")
        #expect(throws: KeyError.malformed(label: "EC PRIVATE KEY")) { try SigningKey(pem: cut, passphrase: "sesame") }
    }

    @Test(arguments: [TestKeys.rsaPublic, TestKeys.rsaPublicPKCS1, TestKeys.rsaPKCS1, TestKeys.rsaCertificate])
    func trustsThePublicPartInAnyForm(_ pem: String) throws {
        #expect(try TrustedKey(pem: pem).fingerprint == TestKeys.rsa.trusted.fingerprint)
    }

    @Test func keysAndCertificatesAreReadInDER() throws {
        func der(_ pem: String) throws -> [UInt8] {
            [UInt8](try #require(Data(base64Encoded: pem.split(separator: "\n").dropFirst().dropLast().joined())))
        }
        for pem in [TestKeys.rsaPublic, TestKeys.rsaPublicPKCS1, TestKeys.rsaPKCS1, TestKeys.rsaCertificate] {
            #expect(try TrustedKey(file: der(pem)).fingerprint == TestKeys.rsa.trusted.fingerprint)
        }
        for pem in [TestKeys.rsaPKCS1, TestKeys.rsaPKCS8] { #expect(try SigningKey(file: der(pem)).trusted.fingerprint == TestKeys.rsa.trusted.fingerprint) }
        #expect(try SigningKey(file: der(TestKeys.ecPKCS8)).trusted.fingerprint == TestKeys.ecdsa.trusted.fingerprint)
        #expect(try SigningKey(file: Array(TestKeys.ecPKCS8.utf8)).trusted.fingerprint == TestKeys.ecdsa.trusted.fingerprint)
        #expect(throws: KeyError.malformed(label: "DER")) { try SigningKey(file: der(TestKeys.rsaPublic)) }
        #expect(throws: KeyError.malformed(label: "DER")) { try TrustedKey(file: [0x30, 0x03, 0x02, 0x01, 0x00]) }
        #expect(throws: KeyError.tooLarge(what: "the key file", bytes: 100_000, allowed: 1 << 16)) { try TrustedKey(file: [UInt8](repeating: 0x30, count: 100_000)) }
        // Each byte of a public key's beginning, wrong: refused, or another key, and no trap.
        let whole = try der(TestKeys.rsaPublic)
        for place in 0..<64 {
            for value in [0, 0x7F, 0x80, 0xFF] as [UInt8] {
                var damaged = whole
                damaged[place] = value
                _ = try? TrustedKey(file: damaged)
                _ = try? TrustedKey(file: Array(damaged.prefix(place)))
            }
        }
    }

    @Test func anECSignatureIsTheSameEachTime() throws {
        let digest = SHA256.hash(data: [1, 2, 3] as [UInt8])
        let one = try TestKeys.ecdsa.signature(for: digest)
        #expect(try one.count == 64 && one == TestKeys.ecdsa.signature(for: digest))
    }

    @Test func trustsAnECPublicKey() throws {
        #expect(try TrustedKey(pem: TestKeys.ecPublic).fingerprint == TestKeys.ecdsa.trusted.fingerprint)
        #expect(try TrustedKey(pem: TestKeys.ecPublic).summary.hasPrefix("EC P-256 key "))
    }

    @Test func aPublicKeyCannotSign() {
        #expect(throws: KeyError.notPrivate(label: "PUBLIC KEY")) { try SigningKey(pem: TestKeys.rsaPublic) }
    }

    @Test func aKeyBehindItsCertificateSigns() throws {
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        #expect(try SigningKey(pem: certificate + TestKeys.rsaPKCS1).trusted.fingerprint == TestKeys.rsa.trusted.fingerprint)
    }

    @Test func aBlockThatDoesNotEndIsToldByName() {
        let cut = TestKeys.rsaPKCS1.split(separator: "\n").dropLast().joined(separator: "\n")
        let error = KeyError.unfinished(label: String(cut.split(separator: "\n")[0].dropFirst(11).dropLast(5)))
        #expect(throws: error) { try SigningKey(pem: cut) }
        #expect(throws: error) { try SigningKey(pem: TestKeys.rsaPublic + "\n" + cut) }
        #expect(throws: error) { try TrustedKey(pem: cut) }
        #expect("\(error)".contains("no line -----END "))
    }

    @Test func anotherCurveIsRefused() {
        #expect(throws: KeyError.unsupportedKind(label: "EC PRIVATE KEY", found: "SECP384R1")) { try SigningKey(pem: TestKeys.ecP384) }
    }

    @Test func textWithoutAKeyIsRefusedWithWhatWasThere() {
        #expect(throws: KeyError.noKey(labels: [])) { try SigningKey(pem: "hello") }
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        #expect(throws: KeyError.malformed(label: "CERTIFICATE")) { try TrustedKey(pem: certificate) }
        #expect(throws: KeyError.noKey(labels: ["CRL"])) { try TrustedKey(pem: certificate.replacingOccurrences(of: "CERTIFICATE", with: "CRL")) }
        #expect(throws: KeyError.malformed(label: "RSA PRIVATE KEY")) {
            try SigningKey(pem: "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n")
        }
    }

    @Test func aBrokenEncryptedKeyIsRefused() {
        let broken = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAUwAwYBKg==\n-----END ENCRYPTED PRIVATE KEY-----\n"
        #expect(throws: KeyError.self) { try SigningKey(pem: broken, passphrase: "x") }
    }

    @Test(arguments: [KeyKind.rsa(bits: 2048), .ecdsaP256])
    func aGeneratedKeyIsWrittenForItsOwnerAloneAndReadsBack(_ kind: KeyKind) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("m4run-keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("key.pem").path, publicPath = folder.appendingPathComponent("public.pem").path
        let key = try SigningKey.generate(kind)
        try KeyFiles.write(key, to: path, publicKeyTo: publicPath)

        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        let read = try SigningKey(pem: String(contentsOfFile: path, encoding: .utf8))
        let trusted = try TrustedKey(pem: String(contentsOfFile: publicPath, encoding: .utf8))
        #expect(read.trusted.fingerprint == key.trusted.fingerprint && trusted.fingerprint == key.trusted.fingerprint)

        #expect(throws: KeyError.file(path: path, reason: "exists, and is not overwritten")) {
            try KeyFiles.write(key, to: path, publicKeyTo: publicPath)
        }
        try KeyFiles.write(key, to: path, publicKeyTo: publicPath, overwriting: true)
        #expect(throws: KeyError.self) { try KeyFiles.write(key, to: folder.path + "/none/key", publicKeyTo: publicPath) }
    }

    @Test func otherRSASizesAreNotGenerated() {
        #expect(throws: KeyError.unsupportedSize(bits: 1024, allowed: "2048, 3072, 4096")) {
            try SigningKey.generate(.rsa(bits: 1024))
        }
    }
}
