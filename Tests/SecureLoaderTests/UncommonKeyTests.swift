// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import ImageFormat
import Testing

import SecureLoader

/// Keys of sizes and in ciphers that are not common, and the signing script takes.
@Suite struct UncommonKeyTests {
    private static let lines: Data.Base64EncodingOptions = [.lineLength64Characters, .endLineWithLineFeed]
    private static let digest = SHA256.hash(data: Data(UncommonKeys.message.utf8))

    @Test func signsAsOpenSSLDoesBelowTheLibrarysSizes() throws {
        let small = try SigningKey(pem: TestKeys.rsa512), odd = try SigningKey(pem: UncommonKeys.rsa1023)
        #expect(small.signatureLength == 64 && odd.signatureLength == 128)
        #expect(try Data(small.signature(for: Self.digest)).base64EncodedString() == UncommonKeys.signatureOf512)
        #expect(try Data(odd.signature(for: Self.digest)).base64EncodedString() == UncommonKeys.signatureOf1023)
        #expect(odd.trusted.summary.hasPrefix("RSA-1023 key "))
    }

    @Test func signsAsOpenSSLDoesAboveTheLibrarysSizes() throws {
        let key = try SigningKey(pem: UncommonKeys.rsa8200Encrypted, passphrase: "sesame")
        let signature = try key.signature(for: Self.digest)
        #expect(signature.count == 1025 && key.signatureLength == 1025)
        #expect(SHA256.hash(data: signature).map { String(format: "%02x", $0) }.joined() == UncommonKeys.signatureOf8200)
    }

    @Test(arguments: [TestKeys.rsa512, UncommonKeys.rsa512Public])
    func theTATakesAnImageThatASmallKeyHasSignedAndNoOther(_ trusted: String) throws {
        let key = try TrustedKey(pem: trusted)
        let image = try ImageSigner(key: SigningKey(pem: TestKeys.rsa512)).sign([ELFFixture.firmware().bytes])
        let judge = ImageJudge(signatures: .trusted([key]))
        #expect(judge.verdict(on: image).result == .success)
        let signature = try #require(SignedImageHeader(image)).signatureOffset
        for byte in [0, 31, 63] {
            var damaged = image
            damaged[signature + byte] ^= 1
            #expect(judge.verdict(on: damaged).result == .signatureInvalid)
        }
        var header = image
        header[24] ^= 0x80
        #expect(judge.verdict(on: header).result != .success)
        #expect(ImageJudge(signatures: .trusted([TestKeys.rsa.trusted])).verdict(on: image).result == .signatureInvalid)
    }

    @Test func aSignatureThatIsNotBelowTheModulusIsInvalid() throws {
        let image = try ImageSigner(key: SigningKey(pem: TestKeys.rsa512)).sign([ELFFixture.firmware().bytes])
        var damaged = image
        let signature = try #require(SignedImageHeader(image)).signatureOffset
        damaged.replaceSubrange(signature..<signature + 64, with: repeatElement(0xFF, count: 64))
        let judge = ImageJudge(signatures: .trusted([try TrustedKey(pem: UncommonKeys.rsa512Public)]))
        #expect(judge.verdict(on: damaged).result == .signatureInvalid)
    }

    @Test(arguments: [UncommonKeys.rsa512Encrypted, UncommonKeys.rsa512EncryptedDES])
    func smallKeysAreOpenedToo(_ pem: String) throws {
        let key = try SigningKey(pem: pem, passphrase: "sesame")
        #expect(try Data(key.signature(for: Self.digest)).base64EncodedString() == UncommonKeys.signatureOf512)
        #expect(throws: KeyError.self) { try SigningKey(pem: pem, passphrase: "open") }
    }

    @Test func aKeyIsWrittenAsOpenSSLWritesIt() throws {
        let key = try SigningKey(pem: TestKeys.rsa512)
        #expect(key.trusted.pem == UncommonKeys.rsa512Public + "\n")
        let pem = try #require(key.pem)
        let again = try SigningKey(pem: pem)
        #expect(pem.hasPrefix("-----BEGIN PRIVATE KEY-----\n") && again.pem == pem)
        #expect(again.trusted.fingerprint == key.trusted.fingerprint)
        // The fingerprint is that of the DER, as for any key.
        let base64 = UncommonKeys.rsa512Public.split(separator: "\n").dropFirst().dropLast().joined()
        let der = try #require(Data(base64Encoded: base64))
        #expect(key.trusted.fingerprint == SHA256.hash(data: der).map { String(format: "%02x", $0) }.joined())
    }

    @Test func aKeyWithoutRoomForADigestIsRefusedWithItsSize() throws {
        // TestKeys.rsa512 with 56 bytes of modulus; nothing else is looked at before.
        let numbers: [[UInt8]] = [[0x02, 0x38, 0x71] + [UInt8](repeating: 0x5B, count: 55), [0x02, 0x03, 0x01, 0x00, 0x01]]
        let der = [0x30, UInt8(numbers.joined().count)] + numbers.joined()
        let pem = "-----BEGIN RSA PUBLIC KEY-----\n\(Data(der).base64EncodedString(options: Self.lines))\n-----END RSA PUBLIC KEY-----\n"
        #expect(throws: KeyError.unsupportedSize(bits: 447, allowed: "489 to 16384")) { try TrustedKey(pem: pem) }
    }

    @Test func numbersThatDoNotBelongTogetherDoNotSign() throws {
        let lines = TestKeys.rsa512.split(separator: "\n")
        var der = try #require(Data(base64Encoded: lines.dropFirst().dropLast().joined()))
        // In the private exponent, behind version, modulus and public exponent.
        der[100] ^= 0x10
        let pem = "-----BEGIN RSA PRIVATE KEY-----\n\(der.base64EncodedString(options: Self.lines))\n-----END RSA PRIVATE KEY-----\n"
        #expect(throws: KeyError.inconsistent(label: "RSA PRIVATE KEY")) { try SigningKey(pem: pem) }
    }

    @Test func aKeyDerivedWithAnotherHashIsOpened() throws {
        let key = try SigningKey(pem: UncommonKeys.rsaHMACSHA512, passphrase: "sesame")
        #expect(key.trusted.fingerprint == TestKeys.rsa.trusted.fingerprint)
        #expect(throws: KeyError.passphraseRejected(label: "ENCRYPTED PRIVATE KEY")) {
            try SigningKey(pem: UncommonKeys.rsaHMACSHA512, passphrase: "open")
        }
    }

    @Test(arguments: [UncommonKeys.ecEncryptedPKCS8DES, TestKeys.ecEncryptedTraditionalDES])
    func tripleDESOpensWithItsPassPhraseOnly(_ pem: String) throws {
        #expect(try SigningKey(pem: pem, passphrase: "sesame").trusted.fingerprint == TestKeys.ecdsa.trusted.fingerprint)
        #expect(throws: KeyError.self) { try SigningKey(pem: pem, passphrase: "open") }
    }

    @Test func aCipherThatIsNotReadIsNamed() {
        let pem = UncommonKeys.rsaCamellia.replacingOccurrences(of: "CAMELLIA-128-CBC", with: "SEED-CBC")
        #expect(throws: KeyError.unsupportedEncryption(label: "RSA PRIVATE KEY", found: "SEED-CBC")) { try SigningKey(pem: pem, passphrase: "sesame") }
    }

    @Test func camelliaOpens() throws {
        #expect(try SigningKey(pem: UncommonKeys.rsaCamellia, passphrase: "sesame").trusted.summary.hasPrefix("RSA-"))
    }
}
