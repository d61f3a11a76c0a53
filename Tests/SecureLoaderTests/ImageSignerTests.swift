// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import MachineBase
import Testing

import SecureLoader

/// The hashes are of what OP-TEE's scripts/sign_rproc_fw.py wrote for these ELF files, with the RSA key of ``TestKeys``.
@Suite struct ImageSignerTests {
    static let plain = ELFFixture.firmware().bytes
    /// Its size is not a multiple of 8.
    static let second = ELFFixture(segments: [.load(0x1002_0000, ELFFixture.pattern(0x33, seed: 9))]).bytes + [1, 2, 3]
    /// With an EXIDX and a GNU_STACK segment.
    static let third: [UInt8] = {
        var fixture = ELFFixture.firmware()
        fixture.segments.append(.init(type: 0x7000_0001, address: 0x1000_0000, bytes: [1, 2, 3, 4, 5]))
        fixture.segments.append(.init(type: 0x6474_E551, address: 0, bytes: []))
        return fixture.bytes
    }()

    private func hash(_ bytes: [UInt8]) -> String { hexText(SHA256.hash(data: bytes)) }

    @Test func theInputsAreTheOnesThatTheScriptSigned() {
        #expect(hash(Self.plain) == "e8611085c976db3ff27de9bebdd8723eb9c35cab5d9e6cc32a8c0171a4d5932f")
        #expect(hash(Self.second) == "2bee458b2d16e180c0dfeb734aa4324630a4d99a8e51beb9e90c2a17137ac98d")
        #expect(hash(Self.third) == "86ee5be8311c735129502086512567971ed6f95b2c241410b019a672f9c227d1")
    }

    @Test func anRSASignedImageIsTheScriptsByteForByte() throws {
        let signer = ImageSigner(key: TestKeys.rsa)
        #expect(hash(try signer.sign([Self.plain])) == "6b997bfccd9a506ebddf6ba4bf693ca45f4f75ba3a78ec7bd9c44d8373e92dfb")
        #expect(hash(try signer.sign([Self.third])) == "06ed7908b7dfff78b1e50847a7e6e231ab1de2d82ab7309707d9fb7990f279fa")
    }

    @Test func severalImagesKeyInformationAndPlatformRecordsAreTheScriptsToo() throws {
        let signer = ImageSigner(
            key: TestKeys.rsa, keyInfo: Array("key info!".utf8),
            platformTLVs: try [
                ("0x10001", "0x1234"), ("65538", "text"), ("0x10001", "0xdeadbeef"), ("0x1ffff", "0X12"), ("0x10005", ""),
            ].map { try PlatformTLV(identifier: $0.0, value: $0.1) })
        let signed = try signer.sign([Self.plain, Self.second, Self.third])
        #expect(hash(signed) == "e09b8465feae37005070a3fe4b821e29cd480b7c322d2cb00ad684c9381a3f46")
    }

    @Test func anECDSASignedImageIsTheScriptsUpToTheSignature() throws {
        let signed = try ImageSigner(key: TestKeys.ecdsa).sign([Self.plain])
        let header = try #require(SignedImageHeader(signed))
        #expect(header.signatureLength == 64)
        #expect(
            hash(Array(signed[..<header.signatureOffset])) == "705d62ffcc197ed0ebd173369a0879b1f2c4a4d097ac2484b76585fd320b2f57")
    }

    @Test func theScriptsECDSASignatureIsAccepted() throws {
        var signed = try ImageSigner(key: TestKeys.ecdsa).sign([Self.plain])
        let offset = try #require(SignedImageHeader(signed)).signatureOffset
        let signature =
            "debd5a70f80fac4675dde63bd72133e5f7cc5bdd1af668155b12c02c6909c223cd7cc25bcf4c41bd75c6e83160fc74a11fc1e05dc8174bfd3c3c6eca48355fe0"
        var digits = signature[...]
        for index in 0..<64 {
            signed[offset + index] = try #require(UInt8(digits.prefix(2), radix: 16))
            digits = digits.dropFirst(2)
        }
        #expect(try Board(.trusted([TestKeys.ecdsa.trusted]), support: .rsaAndECDSA).refusal(of: signed) == nil)
        signed[offset + 40] ^= 1
        #expect(
            try Board(.trusted([TestKeys.ecdsa.trusted]), support: .rsaAndECDSA).refusal(of: signed)?.result == .signatureInvalid)
    }

    @Test func whatIsSignedLoads() throws {
        let signer = ImageSigner(key: TestKeys.rsa, keyInfo: [1, 2, 3])
        #expect(try Board().refusal(of: signer.sign([Self.plain, Self.second])) == nil)
    }

    // MARK: Refusals

    @Test func refusesAnythingButAnELF32FileForArm() {
        #expect(refusal([Array("not an ELF".utf8)]) == .notELF(image: 0, .tooShort(count: 10)))
        #expect(refusal([Self.plain.storing(2 as UInt8, at: 4)]) == .notELF(image: 0, .not32Bit(fileClass: 2)))
        #expect(refusal([Self.plain, Self.plain.storing(62 as UInt16, at: 18)]) == .notARM(image: 1, machine: 62))
    }

    @Test func refusesNoImagesAndMoreThanAByteCounts() {
        #expect(refusal([]) == .imageCount(0))
        #expect(refusal(Array(repeating: Self.plain, count: 256)) == .imageCount(256))
    }

    @Test func refusesASegmentTypeThatTheScriptDoesNotKnow() {
        #expect(
            refusal([Self.plain.storing(0x6000_0001 as UInt32, at: 52)]) == .segmentType(image: 0, segment: 0, type: 0x6000_0001))
    }

    @Test func refusesALoadSegmentThatIsNotInTheFile() {
        let broken = Self.plain.storing(0xFFFF_FFF0 as UInt32, at: 52 + 4)
        #expect(
            refusal([broken])
                == .segmentOutsideFile(image: 0, segment: 0, offset: 0xFFFF_FFF0, size: 0x40, fileSize: Self.plain.count))
    }

    @Test func refusesProgramHeadersThatAreNotInTheFile() {
        let count = Self.plain.count
        #expect(
            refusal([Self.plain.storing(UInt32(count - 8), at: 28)])
                == .programHeaders(image: 0, count: 3, found: 0, entrySize: 32))
        #expect(refusal([Self.plain.storing(64 as UInt16, at: 42)])?.description.contains("of 64 bytes") == true)
    }

    @Test(arguments: ["0xffff", "0x20000", "0", "-1", "x", "", "0x", "010", "1__0", "99999999999999999999"])
    func refusesAPlatformNumberOutsideItsRange(_ text: String) {
        #expect(throws: SigningError.self) { try PlatformTLV(identifier: text, value: "") }
    }

    @Test(arguments: [
        ("65536", 0x10000), ("0x1_0000", 0x10000), ("0b1_0000_0000_0000_0001", 0x10001), ("0o200002", 0x10002),
        ("0X1FFFF", 0x1FFFF),
    ])
    func readsAPlatformNumberAsPythonDoes(_ text: String, _ expected: UInt32) throws {
        #expect(try PlatformTLV(identifier: text, value: "").identifier == expected)
    }

    @Test func aPlatformValueIsAWordWithALowerCasePrefixAndElseAText() throws {
        #expect(try PlatformTLV(identifier: "0x10000", value: "0x12").value == [0x12, 0, 0, 0])
        #expect(try PlatformTLV(identifier: "0x10000", value: "0X12").value == Array("0X12".utf8))
        #expect(try PlatformTLV(identifier: "0x10000", value: "é").value == [0xC3, 0xA9])
        #expect(try PlatformTLV(identifier: "0x10000", value: "-5").value == Array("-5".utf8))
        for text in ["0x0x12", "0x+12", "0x 12 ", "0x0x_12", "0x1_2"] {
            #expect(try PlatformTLV(identifier: "0x10000", value: text).value == [0x12, 0, 0, 0], "\(text)")
        }
        #expect(try PlatformTLV(identifier: " +0x_10000\n", value: "0x-0").value == [0, 0, 0, 0])
        for text in ["0x", "0x100000000", "0xzz", "0x-1", "0x_12", "0x1__2", "0x--1"] {
            #expect(throws: SigningError.platformValue(text: text)) { try PlatformTLV(identifier: "0x10000", value: text) }
        }
    }

    private func refusal(_ images: [[UInt8]]) -> SigningError? {
        do throws(SigningError) {
            _ = try ImageSigner(key: TestKeys.ecdsa).sign(images)
            return nil
        } catch { return error }
    }
}
