// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase
import Testing

import SecureLoader

/// LOAD_FW behind the signature: the ELF files, the hash table, the segments.
@Suite struct ImageLoadingTests {
    private func expect(
        _ failure: TEEFailure?, _ result: TEEResult, _ check: TEEFailure.Check, location: SourceLocation = #_sourceLocation
    ) {
        #expect(
            failure?.result == result && failure?.check == check, "\(failure?.description ?? "loads")", sourceLocation: location)
    }

    /// Signs the firmware as it is, then changes the ELF file: only segments are under the signature.
    private func refusal(afterSigning edit: (inout [UInt8]) -> Void, of elf: ELFFixture = .firmware()) throws -> TEEFailure? {
        var fixture = try SignedFixture([elf.bytes])
        edit(&fixture.images[0])
        return try Board().refusal(of: fixture.bytes)
    }

    private func refusal(_ edit: (inout SignedFixture) -> Void) throws -> TEEFailure? {
        var fixture = try SignedFixture()
        edit(&fixture)
        return try Board().refusal(of: fixture.bytes)
    }

    // MARK: The first ELF header

    @Test(arguments: [(0, 0), (4, 2), (6, 0), (6, 2), (42, 31), (42, 33), (46, 41), (44, 0)])
    func anELFHeaderThatIsNotTheTAsKindIsBadFormat(_ offset: Int, _ value: UInt8) throws {
        let failure = try refusal(afterSigning: { $0[offset] = value })
        expect(failure, .badFormat, .elfHeader)
        let image = try #require(failure?.offset)
        #expect(image >= 20)
    }

    @Test(arguments: [(5, 2), (18, 62), (16, 1), (20, 9), (24, 0xFF), (40, 0)])
    func encodingMachineTypeVersionAndEntryAreNotLookedAt(_ offset: Int, _ value: UInt8) throws {
        #expect(try refusal(afterSigning: { $0[offset] = value }) == nil)
    }

    @Test func aSectionTableOutsideTheImagesIsBadFormatBeforeAnythingLoads() throws {
        for value in [UInt32(ELFFixture.firmware().bytes.count), 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFD7] {
            expect(try refusal(afterSigning: { $0.storeLittleEndian(value, at: 32) }), .badFormat, .elfHeader)
        }
    }

    @Test func aSectionTableJustBelow4GiBWrapsPastTheFirstCheckAsInTheCCode() throws {
        for value: UInt32 in [0xFFFF_FFD8, 0xFFFF_FFFC, 0xFFFF_FFFF] {
            expect(try refusal(afterSigning: { $0.storeLittleEndian(value, at: 32) }), .badParameters, .sectionHeaders)
        }
    }

    @Test func imagesTooShortForAnELFHeaderAreBadFormat() throws {
        var fixture = try SignedFixture()
        fixture.images = [Array(repeating: 0, count: 48)]
        expect(try Board().refusal(of: fixture.bytes), .badFormat, .elfHeader)
    }

    @Test func aStrippedSectionTableFailsAfterTheSegmentsWereLoaded() throws {
        var fixture = try SignedFixture()
        fixture.images[0].storeLittleEndian(0 as UInt32, at: 32)
        fixture.images[0].storeLittleEndian(0 as UInt32, at: 48)
        let board = try Board()
        expect(board.refusal(of: try fixture.bytes), .badFormat, .sectionHeaders)
        #expect(try board.memory(0x1000_0000, 0x123) == ELFFixture.pattern(0x123, seed: 2))
        #expect(board.session.state == .off)
    }

    // MARK: TLVs about images

    @Test func theHashTableMustBeThereAndHoldWholeRecords() throws {
        expect(try refusal { $0.remove(0x10) }, .noData, .hashTable)
        expect(try refusal { $0.set(0x10, []) }, .noData, .hashTable)
        expect(try refusal { $0.set(0x10, $0.value(0x10) + [0]) }, .badParameters, .hashTable)
    }

    @Test func theNumberOfImagesIsOneByteAndNotZero() throws {
        expect(try refusal { $0.remove(0x03) }, .noData, .imageCount)
        expect(try refusal { $0.set(0x03, [1, 0]) }, .badFormat, .imageCount)
        expect(try refusal { $0.set(0x03, [0]) }, .noData, .imageCount)
    }

    @Test func imageTypesGoWithTheNumberOfImages() throws {
        expect(try refusal { $0.remove(0x04) }, .noData, .imageTypes)
        expect(try refusal { $0.set(0x04, [1, 1]) }, .badParameters, .imageTypes)
        expect(try refusal { $0.set(0x04, [2]) }, .badFormat, .imageTypes)
    }

    @Test func imageSizesGoWithTheNumberOfImages() throws {
        expect(try refusal { $0.remove(0x05) }, .noData, .imageSizes)
        expect(try refusal { $0.set(0x05, [0, 1]) }, .badParameters, .imageSizes)
        for size in [0, 0x8000_0000, 0xFFFF_FFFF] as [UInt32] {
            expect(try refusal { $0.set(0x05, [UInt8]().storingAppended(size)) }, .badParameters, .imageSizes)
        }
    }

    @Test func theHashTableIsMissedBeforeTheNumberOfImagesAndThatBeforeTypes() throws {
        expect(
            try refusal {
                $0.remove(0x10); $0.remove(0x03); $0.remove(0x04)
            }, .noData, .hashTable)
        expect(
            try refusal {
                $0.remove(0x03); $0.remove(0x04); $0.remove(0x05)
            }, .noData, .imageCount)
        expect(
            try refusal {
                $0.remove(0x04); $0.remove(0x05)
            }, .noData, .imageTypes)
    }

    @Test func anImageSizeWithoutItsPaddingIsTaken() throws {
        var fixture = try SignedFixture()
        fixture.images[0] += [0, 0, 0]
        fixture.set(0x05, [UInt8]().storingAppended(UInt32(fixture.images[0].count)))
        #expect(try Board().refusal(of: fixture.bytes) == nil)
    }

    @Test func anImageSizePastTheFileIsRefusedWhereTheSegmentsEnd() throws {
        var fixture = try SignedFixture()
        fixture.set(0x05, [UInt8]().storingAppended(0x7FFF_FFFF as UInt32))
        // Everything that is read lies in the file, so this loads as it does on the board.
        #expect(try Board().refusal(of: fixture.bytes) == nil)
        // A segment that does not is refused against the length of all images.
        var table = fixture.value(0x10)
        table.storeLittleEndian(0x1_0000 as UInt32, at: 16)
        table.storeLittleEndian(0x1_0000 as UInt32, at: 20)
        fixture.set(0x10, table)
        fixture.images[0].storeLittleEndian(0x1_0000 as UInt32, at: 52 + 16)
        fixture.images[0].storeLittleEndian(0x1_0000 as UInt32, at: 52 + 20)
        expect(try Board().refusal(of: fixture.bytes), .badParameters, .segmentBounds)
    }

    @Test func moreImagesThanTheFileHasAreRefusedAndNotReadBeyondIt() throws {
        var fixture = try SignedFixture()
        let size = UInt32((fixture.images[0].count + 7) & ~7)
        fixture.set(0x03, [2])
        fixture.set(0x04, [1, 1])
        fixture.set(0x05, [UInt8]().storingAppended(size).storingAppended(size))
        expect(try Board().refusal(of: fixture.bytes), .badFormat, .elfHeader)
    }

    // MARK: Several images

    @Test func severalImagesLoadInOrderWithOneResourceTable() throws {
        let second = ELFFixture(segments: [.load(0x1002_0000, ELFFixture.pattern(0x33, seed: 9))])
        let board = try Board()
        try board.session.loadFirmware(SignedFixture([ELFFixture.firmware().bytes, second.bytes]).bytes)
        #expect(try board.memory(0x1002_0000, 0x33) == ELFFixture.pattern(0x33, seed: 9))
        #expect(try board.session.resourceTable()?.start == PhysicalAddress(0x1000_1000))
    }

    @Test func twoResourceTablesAreBadFormat() throws {
        var second = ELFFixture.firmware()
        second.segments = second.segments.map { .load($0.address + 0x1_0000, $0.bytes) }
        second.segments[0].address = 0x1002_0000
        second.resourceTable?.address += 0x1_0000
        expect(
            try Board().refusal(of: SignedFixture([ELFFixture.firmware().bytes, second.bytes]).bytes),
            .badFormat, .resourceTableRepeated)
    }

    @Test func aLaterImagesHeaderIsNotLookedAt() throws {
        let second = ELFFixture(segments: [.load(0x1002_0000, ELFFixture.pattern(0x33, seed: 9))])
        var fixture = try SignedFixture([ELFFixture.firmware().bytes, second.bytes])
        fixture.images[1].replaceSubrange(0..<16, with: Array(repeating: 0xEE, count: 16))
        fixture.images[1].storeLittleEndian(0 as UInt16, at: 42)
        #expect(try Board().refusal(of: fixture.bytes) == nil)
    }

    @Test func aLaterImageThatIsNotAlignedIsBadFormat() throws {
        let second = ELFFixture(segments: [.load(0x1002_0000, ELFFixture.pattern(0x33, seed: 9))])
        let first = ELFFixture.firmware().bytes
        var fixture = try SignedFixture([first, second.bytes])
        fixture.images = [SignedFixture.padded(first) + [0, 0] + second.bytes]
        fixture.set(
            0x05,
            [UInt8]().storingAppended(UInt32(SignedFixture.padded(first).count + 2)).storingAppended(UInt32(second.bytes.count)))
        expect(try Board().refusal(of: fixture.bytes), .badFormat, .programHeaders)
    }
}

extension [UInt8] {
    func storingAppended(_ value: UInt32) -> [UInt8] {
        var copy = self
        copy.appendLittleEndian(value)
        return copy
    }
}
