// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

import SecureLoader

/// Keys that ask for more work than any key needs, or whose numbers are none: refused before the work begins.
@Suite struct KeyLimitTests {
    // MARK: DER, as little of it as keys need

    private static func node(_ tag: UInt8, _ body: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        var rest = body.count
        while rest > 0 { (length, rest) = ([UInt8(rest & 0xFF)] + length, rest >> 8) }
        return [tag] + (body.count < 128 ? [UInt8(body.count)] : [0x80 | UInt8(length.count)] + length) + body
    }
    /// - Parameter bytes: big-endian.
    private static func integer(_ bytes: [UInt8]) -> [UInt8] { node(2, (bytes.first.map { $0 >= 0x80 } ?? true ? [0] : []) + bytes) }
    private static func sequence(_ parts: [UInt8]...) -> [UInt8] { node(0x30, Array(parts.joined())) }
    private static func pem(_ label: String, _ der: [UInt8]) -> String {
        let text = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN \(label)-----\n\(text)\n-----END \(label)-----\n"
    }
    /// An odd number of so many bits.
    private static func number(bits: Int) -> [UInt8] {
        [UInt8(1 << ((bits - 1) % 8))] + [UInt8](repeating: 0x5B, count: (bits - 1) / 8)
    }

    /// An encrypted key that wants so many rounds: of PBKDF2, or of PKCS#12's.
    private static func encrypted(rounds: [UInt8], pkcs12: Bool) -> String {
        let salt = node(4, [1, 2, 3, 4, 5, 6, 7, 8])
        let scheme: [UInt8]
        if pkcs12 {
            scheme = sequence(node(6, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01, 0x03]), sequence(salt, node(2, rounds)))
        } else {
            let derivation = sequence(node(6, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0C]), sequence(salt, node(2, rounds)))
            let cipher = sequence(node(6, [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2A]), node(4, [UInt8](repeating: 0, count: 16)))
            scheme = sequence(node(6, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0D]), sequence(derivation, cipher))
        }
        return pem("ENCRYPTED PRIVATE KEY", sequence(scheme, node(4, [UInt8](repeating: 7, count: 64))))
    }

    @Test(arguments: [false, true])
    func roundsOfKeyDerivationAreRefusedBeforeOneIsDone(pkcs12: Bool) {
        let cases: [(bytes: [UInt8], says: String)] = [
            ([0x02, 0xFA, 0xF0, 0x80], "50000000"), ([0x1E, 0x84, 0x81], "2000001"), ([0], "0"),
            ([0, 0xFF, 0xFF, 0xFF, 0xFF], "4294967295"), ([0] + [UInt8](repeating: 0xFF, count: 8), "18446744073709551615"), ([1] + [UInt8](repeating: 0, count: 8), "2^64 and more"),
        ]
        for (bytes, says) in cases {
            #expect(throws: KeyError.tooManyRounds(label: "ENCRYPTED PRIVATE KEY", rounds: says, allowed: 2_000_000)) {
                try SigningKey(pem: Self.encrypted(rounds: bytes, pkcs12: pkcs12), passphrase: "sesame")
            }
        }
        // As many as are done, or fewer: hashed, and wrong.
        #expect(throws: KeyError.passphraseRejected(label: "ENCRYPTED PRIVATE KEY")) {
            try SigningKey(pem: Self.encrypted(rounds: [0x08, 0x00], pkcs12: pkcs12), passphrase: "sesame")
        }
    }

    @Test func anOutsizedKeyIsRefusedByItsSizeAlone() {
        for bits in [16_385, 65_536, 200_000] {
            let n = Self.number(bits: bits)
            let key = Self.sequence(Self.integer([]), Self.integer(n), Self.integer([1, 0, 1]), Self.integer(n), Self.integer([3]), Self.integer([3]), Self.integer([1]), Self.integer([1]), Self.integer([1]))
            let error = KeyError.unsupportedSize(bits: bits, allowed: "489 to 16384")
            if bits < 100_000 {
                #expect(throws: error) { try SigningKey(pem: Self.pem("RSA PRIVATE KEY", key)) }
            } else {
                #expect(throws: KeyError.self) { try SigningKey(pem: Self.pem("RSA PRIVATE KEY", key)) }
            }
            #expect(throws: error) { try TrustedKey(pem: Self.pem("RSA PUBLIC KEY", Self.sequence(Self.integer(n), Self.integer([1, 0, 1])))) }
        }
    }

    @Test func aModulusThatIsNotTheProductOfItsPrimesIsRefused() {
        for bits in [600, 1024, 2048, 16_384] {
            let n = Self.number(bits: bits)
            let key = Self.sequence(Self.integer([]), Self.integer(n), Self.integer([1, 0, 1]), Self.integer(n), Self.integer([3]), Self.integer([3]), Self.integer([1]), Self.integer([1]), Self.integer([1]))
            #expect(throws: KeyError.inconsistent(label: "RSA PRIVATE KEY")) {
                try SigningKey(pem: Self.pem("RSA PRIVATE KEY", key))
            }
        }
    }

    @Test func aPublicExponentOfMoreThanAWordIsRefused() {
        for bits in [33, 64, 2048] {
            let key = Self.sequence(Self.integer(Self.number(bits: 2048)), Self.integer(Self.number(bits: bits)))
            #expect(throws: KeyError.publicExponent(bits: bits, allowed: 32)) { try TrustedKey(pem: Self.pem("RSA PUBLIC KEY", key)) }
        }
    }

    /// What is not refused is of no consequence: the others give the same signature.
    @Test func eachOfAKeysNumbersMustBelongToTheOthersOrDoesNotCount() throws {
        let digest = SHA256.hash(data: [1, 2, 3] as [UInt8]), wanted = try SigningKey(pem: TestKeys.rsaPKCS1).signature(for: digest)
        let lines = TestKeys.rsaPKCS1.split(separator: "\n")
        let der = [UInt8](try #require(Data(base64Encoded: lines.dropFirst().dropLast().joined())))
        // The integers, each with the offset of its last byte.
        var ends: [Int] = [], place = 4
        while place < der.count {
            let long = der[place + 1] == 0x82
            place += long ? 4 + Int(der[place + 2]) << 8 + Int(der[place + 3]) : der[place + 1] == 0x81 ? 3 + Int(der[place + 2]) : 2 + Int(der[place + 1])
            ends.append(place - 1)
        }
        #expect(ends.count == 9 && ends.last == der.count - 1)
        for (number, end) in ends.enumerated().dropFirst() {
            var damaged = der
            // Odd numbers stay odd.
            damaged[end] ^= 2
            do throws(KeyError) {
                #expect(try SigningKey(pem: Self.pem("RSA PRIVATE KEY", damaged)).signature(for: digest) == wanted && number > 2, "number \(number)")
            } catch { #expect(error == .inconsistent(label: "RSA PRIVATE KEY"), "number \(number)") }
        }
    }

    @Test func aNumberThatIsZeroAndAnExponentThatIsNoneAreRefused() throws {
        let lines = TestKeys.rsaPKCS1.split(separator: "\n")
        let der = [UInt8](try #require(Data(base64Encoded: lines.dropFirst().dropLast().joined())))
        // Content and length of each integer.
        var numbers: [Range<Int>] = [], place = 4
        while place < der.count {
            let start = der[place + 1] == 0x82 ? place + 4 : der[place + 1] == 0x81 ? place + 3 : place + 2
            let count = der[place + 1] == 0x82 ? Int(der[place + 2]) << 8 + Int(der[place + 3]) : der[place + 1] == 0x81 ? Int(der[place + 2]) : Int(der[place + 1])
            numbers.append(start..<start + count)
            place = start + count
        }
        // Modulus, exponents and primes: of the rest GnuTLS makes its own. A private exponent of p - 1 is as zero as zero.
        for number in 1...5 {
            var damaged = der
            damaged.replaceSubrange(numbers[number], with: repeatElement(0, count: numbers[number].count))
            #expect(throws: KeyError.self, "number \(number)") { try SigningKey(pem: Self.pem("RSA PRIVATE KEY", damaged)) }
        }
        var order = Array(der[numbers[4]])
        order[order.count - 1] -= 1
        var asZero = der
        asZero.replaceSubrange(numbers[3], with: [UInt8](repeating: 0, count: numbers[3].count - order.count) + order)
        #expect(throws: KeyError.inconsistent(label: "RSA PRIVATE KEY")) { try SigningKey(pem: Self.pem("RSA PRIVATE KEY", asZero)) }
        for exponent in [[1], [4], [1, 0, 0]] as [[UInt8]] {
            let key = Self.sequence(Self.integer(Array(der[numbers[1]].drop { $0 == 0 })), Self.integer(exponent))
            #expect(throws: KeyError.self, "\(exponent)") { try TrustedKey(pem: Self.pem("RSA PUBLIC KEY", key)) }
        }
    }

    @Test func whatIsNotReadIsNamed() throws {
        let numbers = [[1]] + (0..<11).map { [UInt8($0) * 2 + 3] }
        let key = Self.node(0x30, numbers.prefix(9).flatMap(Self.integer) + Self.sequence(Self.sequence(Self.integer(numbers[9]), Self.integer(numbers[10]), Self.integer(numbers[11]))))
        #expect(throws: KeyError.unsupportedKind(label: "RSA PRIVATE KEY", found: "an RSA key of more than two primes")) { try SigningKey(pem: Self.pem("RSA PRIVATE KEY", key)) }
        let lines = TestKeys.rsaEncryptedPKCS8.split(separator: "\n")
        let encrypted = [UInt8](try #require(Data(base64Encoded: lines.dropFirst().dropLast().joined())))
        for read in [{ _ = try SigningKey(file: $0, passphrase: "sesame") }, { _ = try TrustedKey(file: $0) }] as [([UInt8]) throws -> Void] {
            #expect(throws: KeyError.unsupportedEncryption(label: "DER", found: "encrypted, and not PEM")) { try read(encrypted) }
        }
    }

    @Test func halfABlockOfCiphertextIsRefused() {
        for cipher in ["DES-CBC,0011223344556677", "DES-EDE3-CBC,0011223344556677", "AES-128-CBC,00112233445566770011223344556677", "CAMELLIA-128-CBC,00112233445566770011223344556677"] {
            for count in [1, 7, 20, 33, 100] {
                let text = Data([UInt8](repeating: 7, count: count)).base64EncodedString()
                let pem = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: \(cipher)\n\n\(text)\n-----END RSA PRIVATE KEY-----\n"
                #expect(throws: KeyError.malformed(label: "RSA PRIVATE KEY")) { try SigningKey(pem: pem, passphrase: "x") }
            }
        }
    }

    @Test func whatIsLargerThanAnyKeyIsNotRead() {
        #expect(throws: KeyError.tooLarge(what: "the key file", bytes: 2_000_000, allowed: 1 << 20)) {
            try TrustedKey(pem: String(repeating: "A", count: 2_000_000))
        }
        #expect(throws: KeyError.self) { try TrustedKey(pem: Self.pem("PUBLIC KEY", [UInt8](repeating: 0x30, count: 100_000))) }
        // Thousands of blocks without a key are named by the first few.
        let many = String(repeating: Self.pem("X509 CRL", [1, 2, 3]), count: 5000)
        do throws(KeyError) {
            _ = try TrustedKey(pem: many)
            Issue.record("a key among revocations")
        } catch { #expect(error.description.utf8.count < 300 && error.description.contains("4992 more")) }
    }
}
