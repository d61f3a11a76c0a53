// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import MachineBase
import Testing

import SecureLoader

/// LOAD_FW up to and with the signature: header, TLV area, key.
@Suite struct ContainerTests {
    private func refusal(_ edit: (inout SignedFixture) -> Void) throws -> TEEFailure? {
        var fixture = try SignedFixture()
        edit(&fixture)
        return try Board().refusal(of: fixture.bytes)
    }

    private func expect(
        _ failure: TEEFailure?, _ result: TEEResult, _ check: TEEFailure.Check, location: SourceLocation = #_sourceLocation
    ) {
        #expect(
            failure?.result == result && failure?.check == check, "\(failure?.description ?? "loads")", sourceLocation: location)
    }

    // MARK: Lengths

    @Test func anEmptyBufferIsBadParameters() throws {
        expect(try Board().refusal(of: []), .badParameters, .emptyImage)
    }

    @Test(arguments: [1, 4, 19])
    func aBufferWithoutAWholeHeaderIsBadParameters(_ count: Int) throws {
        expect(try Board().refusal(of: Array(SignedFixture().bytes.prefix(count))), .badParameters, .chunkLengths)
    }

    @Test func everyTruncationIsRefused() throws {
        let image = try SignedFixture().bytes
        for count in stride(from: 0, to: image.count, by: 7) {
            let failure = try Board().refusal(of: Array(image.prefix(count)))
            #expect(failure?.result == .badParameters, "\(count) bytes")
        }
    }

    @Test func bytesBehindTheImageAreRefused() throws {
        let image = try SignedFixture().bytes
        expect(try Board().refusal(of: image + [0]), .badParameters, .totalSize)
        expect(try Board().refusal(of: image + Array(repeating: 0, count: 8)), .badParameters, .totalSize)
    }

    @Test func aBufferThatIsNotAlignedIsBadParameters() throws {
        let board = try Board()
        let image = ImageBuffer(try SignedFixture().bytes, address: 0x1002)
        #expect(throws: TEEFailure.self) { try board.session.loadFirmware(image) }
        #expect(board.session.state == .off)
        let aligned = ImageBuffer(image.bytes, address: 0x1004)
        try board.session.loadFirmware(aligned)
    }

    @Test(arguments: [0xFFFF_FFF9, 0xFFFF_FFFF, 0xFFFF_FFF8, 0x8000_0000] as [UInt32])
    func aLengthThatWrapsWhereTheCCodeRoundsItIsRefused(_ length: UInt32) throws {
        let image = try SignedFixture().bytes
        expect(try Board(.unverified).refusal(of: image.storing(length, at: 8)), .badParameters, .chunkLengths)
        expect(try Board(.unverified).refusal(of: image.storing(length, at: 12)), .badParameters, .chunkLengths)
        expect(try Board(.unverified).refusal(of: image.storing(length, at: 16)), .badParameters, .totalSize)
    }

    @Test func zeroLengthsOfTLVAreaAndSignatureAreBadParameters() throws {
        let image = try SignedFixture().bytes
        expect(try Board().refusal(of: image.storing(0 as UInt32, at: 8)), .badParameters, .chunkLengths)
        expect(try Board().refusal(of: image.storing(0 as UInt32, at: 12)), .badParameters, .chunkLengths)
    }

    @Test func theCopyMustFitTheHeap() throws {
        let image = try SignedFixture().bytes
        expect(try Board(heapSize: 500).refusal(of: image), .outOfMemory, .heap)
        #expect(try Board(heapSize: 100_000).refusal(of: image) == nil)
    }

    @Test func theDefaultHeapHoldsTwentyEightProgramHeadersAndNotOneMore() throws {
        func image(_ segments: Int) throws -> [UInt8] {
            let elf = ELFFixture(
                segments: (0..<segments).map { .load(0x1000_0000 + UInt32($0) * 0x40, ELFFixture.pattern(8, seed: UInt8($0))) })
            return try SignedFixture([elf.bytes]).bytes
        }
        #expect(try Board().refusal(of: image(28)) == nil)
        expect(try Board().refusal(of: image(29)), .outOfMemory, .heap)
    }

    // MARK: Header

    @Test func magicVersionAndSizeAreCheckedInThisOrderAndBeforeTheSignature() throws {
        let image = try SignedFixture().bytes
        let all = image.storing(0 as UInt32, at: 0).storing(2 as UInt32, at: 4).storing(UInt32(8), at: 16)
        let magic = try Board().refusal(of: all)
        expect(magic, .badParameters, .magic)
        #expect(magic?.offset == 0 && magic?.reason.contains("0x3543a468") == true)
        let version = try Board().refusal(of: all.storing(SignedImageHeader.magic, at: 0))
        expect(version, .badParameters, .version)
        #expect(version?.offset == 4)
        expect(
            try Board().refusal(of: all.storing(SignedImageHeader.magic, at: 0).storing(1 as UInt32, at: 4)),
            .badParameters, .totalSize)
    }

    @Test func anUnsignedELFIsNoSignedImage() throws {
        let failure = try Board().refusal(of: ELFFixture.firmware().bytes)
        #expect(failure?.result == .badParameters)
    }

    // MARK: SIGNTYPE and the TLV search

    @Test func aMissingOrMisSizedSignatureTypeIsBadParameters() throws {
        expect(try refusal { $0.remove(0x01) }, .badParameters, .signatureType)
        expect(try refusal { $0.set(0x01, []) }, .badParameters, .signatureType)
        expect(try refusal { $0.set(0x01, [1, 0]) }, .badParameters, .signatureType)
    }

    @Test(arguments: [0, 3, 255] as [UInt8])
    func anUnknownSignatureTypeIsNotSupported(_ type: UInt8) throws {
        expect(try refusal { $0.set(0x01, [type]) }, .notSupported, .signatureAlgorithm)
    }

    @Test func theFirstRecordOfATypeCounts() throws {
        #expect(try refusal { $0.records.append((0x01, [9])) } == nil)
        expect(try refusal { $0.records.insert((0x01, [9]), at: 0) }, .notSupported, .signatureAlgorithm)
    }

    @Test func anEmptyFirstRecordHidesTheOneBehindIt() throws {
        expect(try refusal { $0.records.insert((0x03, []), at: 0) }, .noData, .imageCount)
    }

    @Test func typesCompareInFull() throws {
        #expect(try refusal { $0.records.insert((0x1_0001, [9]), at: 0) } == nil)
        #expect(try refusal { $0.records.insert((0x0101, [9]), at: 0) } == nil)
    }

    @Test func aRecordThatDoesNotEndInsideTheAreaEndsTheSearch() throws {
        var image = try SignedFixture().bytes
        // The first record, SIGNTYPE, now claims more than the area has.
        image.storeLittleEndian(0x1_0000 as UInt32, at: 24)
        expect(try Board(.unverified).refusal(of: image), .badParameters, .signatureType)
        image.storeLittleEndian(0xFFFF_FFFF as UInt32, at: 24)
        expect(try Board(.unverified).refusal(of: image), .badParameters, .signatureType)
    }

    @Test func bytesBehindTheLastRecordAreAllowed() throws {
        #expect(try refusal { $0.trailer = [1, 0, 0] } == nil)
        #expect(try refusal { $0.trailer = Array(repeating: 0xFF, count: 24) } == nil)
    }

    @Test func theHashTypeIsNeverRead() throws {
        #expect(try refusal { $0.remove(0x02) } == nil)
        #expect(try refusal { $0.set(0x02, [77, 78]) } == nil)
    }

    @Test func anUnpaddedAreaIsSearchedToItsLengthOnly() throws {
        // The area's last record is two bytes long; its length leaves the padding out.
        var fixture = try SignedFixture()
        fixture.records.append((0x1_0000, [1, 2]))
        fixture.editHeader = { $0.tlvLength -= 6 }
        #expect(try Board().refusal(of: fixture.bytes) == nil)
        // One byte less, and that record, now NUM_IMG's stand-in, is not found.
        fixture.remove(0x03)
        fixture.records[fixture.records.count - 1] = (0x03, [1])
        fixture.editHeader = { $0.tlvLength -= 7 }
        #expect(try Board().refusal(of: fixture.bytes) == nil)
        fixture.editHeader = { $0.tlvLength -= 8 }
        expect(try Board().refusal(of: fixture.bytes), .badParameters, .totalSize)
    }

    // MARK: Signature

    @Test func everyBitOfHeaderAndTLVAreaIsUnderTheSignature() throws {
        let image = try SignedFixture().bytes
        let end = try #require(SignedImageHeader(image)).signatureOffset
        for offset in 0..<end {
            let failure = try Board().refusal(of: image.flipping(offset))
            #expect(failure != nil, "offset \(offset)")
        }
    }

    @Test func aChangedSignatureIsInvalid() throws {
        let image = try SignedFixture().bytes
        let header = try #require(SignedImageHeader(image))
        let failure = try Board().refusal(of: image.flipping(header.signatureOffset + 100))
        expect(failure, .signatureInvalid, .signature)
        #expect(failure?.offset == header.signatureOffset)
        #expect(failure?.reason.contains("RSA-2048 key") == true)
    }

    @Test func anImageOfAnotherKeyIsInvalid() throws {
        let image = try ImageSigner(key: TestKeys.otherRSA).sign([ELFFixture.firmware().bytes])
        expect(try Board().refusal(of: image), .signatureInvalid, .signature)
        #expect(try Board(.trusted([TestKeys.rsa.trusted, TestKeys.otherRSA.trusted])).refusal(of: image) == nil)
        expect(try Board(.trusted([])).refusal(of: image), .signatureInvalid, .signature)
    }

    @Test func nothingOfAnImageWithABadSignatureReachesMemory() throws {
        let board = try Board()
        let image = try ImageSigner(key: TestKeys.otherRSA).sign([ELFFixture.firmware().bytes])
        #expect(board.refusal(of: image) != nil)
        #expect(try board.memory(0x1000_0000, 0x400).allSatisfy { $0 == 0 })
    }

    @Test func theSTM32MP1TakesNoECDSAEvenWithTheKey() throws {
        let image = try ImageSigner(key: TestKeys.ecdsa).sign([ELFFixture.firmware().bytes])
        let keys = SignaturePolicy.trusted([TestKeys.ecdsa.trusted])
        expect(try Board(keys).refusal(of: image), .notSupported, .signatureAlgorithm)
        expect(try Board(.unverified).refusal(of: image), .notSupported, .signatureAlgorithm)
        #expect(try Board(keys, support: .rsaAndECDSA).refusal(of: image) == nil)
        expect(
            try Board(.trusted([TestKeys.rsa.trusted]), support: .rsaAndECDSA).refusal(of: image), .signatureInvalid, .signature)
    }

    @Test func anECDSASignatureOfAnotherLengthIsBadParameters() throws {
        var fixture = try SignedFixture()
        fixture.set(0x01, [2])
        let board = try Board(.trusted([TestKeys.ecdsa.trusted]), support: .rsaAndECDSA)
        expect(board.refusal(of: try fixture.bytes), .badParameters, .signature)
    }

    @Test func anUnverifiedLoadLeavesOutTheSignatureAndNothingElse() throws {
        let board = try Board(.unverified)
        let image = try SignedFixture().bytes
        let header = try #require(SignedImageHeader(image))
        #expect(board.refusal(of: image.flipping(header.signatureOffset)) == nil)
        let tampered = image.flipping(header.imagesOffset + ELFFixture.firmware().layout.segmentOffsets[1])
        expect(try Board(.unverified).refusal(of: tampered), .security, .segmentHash)
    }

    @Test func keyInformationIsUnderTheSignatureAndOtherwiseUnread() throws {
        let image = try ImageSigner(key: TestKeys.rsa, keyInfo: [1, 2, 3]).sign([ELFFixture.firmware().bytes])
        #expect(try Board().refusal(of: image) == nil)
    }
}
