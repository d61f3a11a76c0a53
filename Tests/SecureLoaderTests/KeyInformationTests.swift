// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import SecureLoader
import Testing

/// PKEYINFO: passed on with the signature, and able to choose among several trusted keys.
@Suite struct KeyInformationTests {
    private static let other = Result { try SigningKey.generate(.rsa(bits: 2048)) }

    private func refusal(_ information: [UInt8]?, trusting keys: [TrustedKey]) throws -> TEEFailure? {
        let image = try ImageSigner(key: TestKeys.rsa, keyInfo: information).sign([ELFFixture.firmware().bytes])
        return try Board(.trusted(keys)).refusal(of: image)
    }

    private func digits(_ key: TrustedKey, _ count: Int) -> [UInt8] { Array(key.fingerprint.prefix(count).utf8) }

    @Test func withoutKeyInformationAnyTrustedKeyWillDo() throws {
        let other = try Self.other.get().trusted
        #expect(try refusal(nil, trusting: [other, TestKeys.rsa.trusted]) == nil)
        #expect(try refusal(Array("release".utf8), trusting: [other, TestKeys.rsa.trusted]) == nil, "it names no key")
    }

    @Test func theKeyThatItNamesIsTheOnlyOneThatCounts() throws {
        let own = TestKeys.rsa.trusted, other = try Self.other.get().trusted
        for count in [16, 40, 64] {
            #expect(try refusal(digits(own, count), trusting: [other, own]) == nil)
            let failure = try refusal(digits(other, count), trusting: [own, other])
            #expect(failure?.result == .signatureInvalid)
            #expect(failure?.reason.contains(other.summary) == true && failure?.reason.contains(own.summary) == false)
        }
        #expect(try refusal([0x0A] + digits(own, 16).map { $0 & 0xDF | ($0 < 0x3A ? 0x20 : 0) } + [0x20, 0x0A], trusting: [other, own]) == nil)
    }

    @Test func theFingerprintMayBeItsThirtyTwoBytes() throws {
        let own = TestKeys.rsa.trusted, other = try Self.other.get().trusted
        func bytes(_ key: TrustedKey) -> [UInt8] {
            let digits = key.fingerprint.compactMap(\.hexDigitValue)
            return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        }
        #expect(try refusal(bytes(own), trusting: [other, own]) == nil)
        #expect(try refusal(bytes(other), trusting: [other, own])?.result == .signatureInvalid)
    }

    @Test func lessThanSixteenDigitsOrAnUnknownKeyChooseNothing() throws {
        let own = TestKeys.rsa.trusted, other = try Self.other.get().trusted
        #expect(try refusal(digits(other, 15), trusting: [other, own]) == nil)
        #expect(try refusal(Array(String(repeating: "0", count: 16).utf8), trusting: [other, own]) == nil)
    }

    @Test func oneTrustedKeyIsNotChosenAmongAsOnTheBoard() throws {
        #expect(try refusal(digits(try Self.other.get().trusted, 64), trusting: [TestKeys.rsa.trusted]) == nil)
    }

    @Test func theReportNamesTheSameKeyAsTheVerdict() throws {
        let own = TestKeys.rsa.trusted, other = try Self.other.get().trusted
        let image = try ImageSigner(key: TestKeys.rsa, keyInfo: digits(other, 16)).sign([ELFFixture.firmware().bytes])
        let report = ImageReport(image, signatures: .trusted([own, other]))
        #expect(report.signature?.verification == .invalid && report.refusal?.result == .signatureInvalid)
    }
}
