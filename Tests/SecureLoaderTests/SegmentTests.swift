// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import MachineBase
import Testing

import SecureLoader

/// Segments: bounds, the look-up in the hash table, addresses, hashes.
@Suite struct SegmentTests {
    private func expect(
        _ failure: TEEFailure?, _ result: TEEResult, _ check: TEEFailure.Check, location: SourceLocation = #_sourceLocation
    ) {
        #expect(
            failure?.result == result && failure?.check == check, "\(failure?.description ?? "loads")", sourceLocation: location)
    }

    private func refusal(
        afterSigning edit: (inout [UInt8], ELFFixture.Layout) -> Void, of elf: ELFFixture = .firmware()
    ) throws -> TEEFailure? {
        var fixture = try SignedFixture([elf.bytes])
        edit(&fixture.images[0], elf.layout)
        return try Board().refusal(of: fixture.bytes)
    }

    private func refusal(signing elf: ELFFixture) throws -> TEEFailure? {
        try Board().refusal(of: SignedFixture([elf.bytes]).bytes)
    }

    @Test(arguments: [0xFFFF_FFFC, 0x8000_0000, 0x10000] as [UInt32])
    func programHeadersFarOutsideTheImageAreBadFormat(_ offset: UInt32) throws {
        expect(try refusal(afterSigning: { elf, _ in elf.storeLittleEndian(offset, at: 28) }), .badFormat, .programHeaders)
    }

    @Test func misalignedProgramHeadersAreBadFormat() throws {
        expect(try refusal(afterSigning: { elf, _ in elf.storeLittleEndian(54 as UInt32, at: 28) }), .badFormat, .programHeaders)
    }

    @Test func moreProgramHeadersThanTheImageHasRoomForAreBadFormat() throws {
        // What lies behind the three reads as headers that are no PT_LOAD, up to the image's end.
        expect(
            try refusal(afterSigning: { elf, _ in elf.storeLittleEndian(0xFFFF as UInt16, at: 44) }), .badFormat, .programHeaders)
    }

    @Test func segmentBytesOutsideTheImageAreBadFormatBeforeTheLookUp() throws {
        for (offset, size) in [(0xFFFF_FFFF, 0x40), (0x10, 0xFFFF_FFFF), (0x1_0000, 0)] as [(UInt32, UInt32)] {
            let failure = try refusal(afterSigning: { elf, layout in
                elf.storeLittleEndian(offset, at: layout.programHeader(0) + 4)
                elf.storeLittleEndian(size, at: layout.programHeader(0) + 16)
            })
            expect(failure, .badFormat, .segmentBounds)
        }
    }

    @Test func aChangedByteOfASegmentIsSecurityAndTheSegmentIsCleared() throws {
        var fixture = try SignedFixture()
        let layout = ELFFixture.firmware().layout
        fixture.images[0][layout.segmentOffsets[1] + 5] ^= 1
        let board = try Board()
        let failure = board.refusal(of: try fixture.bytes)
        expect(failure, .security, .segmentHash)
        #expect(try failure?.offset == SignedImageHeader(fixture.bytes).map { $0.imagesOffset + layout.segmentOffsets[1] })
        #expect(try board.memory(0x1000_0000, 0x123).allSatisfy { $0 == 0 })
        // What was loaded before it stays.
        #expect(try board.memory(0x3800_0000, 0x40) == ELFFixture.pattern(0x40, seed: 1))
    }

    @Test func bytesOutsideSegmentsAreUnderNoHash() throws {
        #expect(try refusal(afterSigning: { elf, layout in elf[layout.segmentOffsets[1] + 0x123] = 0xAB }) == nil)
    }

    @Test func theHashTableIsSearchedByPhysicalAddress() throws {
        let failure = try refusal(afterSigning: { elf, layout in
            elf.storeLittleEndian(0x1000_0040 as UInt32, at: layout.programHeader(1) + 12)
        })
        expect(failure, .noData, .hashRecordMissing)
        #expect(failure?.reason.contains("0x10000040") == true)
    }

    @Test func offsetVirtualAddressFlagsAndAlignmentAreNotCompared() throws {
        #expect(
            try refusal(afterSigning: { elf, layout in
                elf.storeLittleEndian(0x1234_0000 as UInt32, at: layout.programHeader(1) + 8)
                elf.storeLittleEndian(7 as UInt32, at: layout.programHeader(1) + 24)
                elf.storeLittleEndian(0 as UInt32, at: layout.programHeader(1) + 28)
            }) == nil)
    }

    @Test func sizesThatTheRecordDoesNotHaveAreBadParameters() throws {
        for field in [16, 20] {
            expect(
                try refusal(afterSigning: { elf, layout in
                    elf.storeLittleEndian(0x44 as UInt32, at: layout.programHeader(0) + field)
                }), .badParameters, .hashRecordSizes)
        }
    }

    @Test func aStackHeaderBeforeASegmentAtZeroBreaksAGoodImageAndTheReasonIsGiven() throws {
        var elf = ELFFixture.firmware()
        elf.segments.insert(.init(type: 0x6474_E551, address: 0, bytes: []), at: 0)
        let failure = try refusal(signing: elf)
        expect(failure, .badParameters, .hashRecordType)
        #expect(failure?.reason.contains("PT_GNU_STACK") == true && failure?.reason.contains("comes later") == true)
        elf.segments.append(elf.segments.removeFirst())
        #expect(try refusal(signing: elf) == nil)
    }

    @Test func anExceptionIndexAtASegmentsAddressBreaksAGoodImage() throws {
        var elf = ELFFixture.firmware()
        elf.segments.insert(.init(type: 0x7000_0001, address: 0x1000_0000, bytes: [1, 2, 3, 4, 5, 6, 7, 8]), at: 0)
        let failure = try refusal(signing: elf)
        expect(failure, .badParameters, .hashRecordType)
        #expect(failure?.reason.contains("PT_ARM_EXIDX") == true)
    }

    @Test func aSegmentAtAnAddressThatIsNotTheCoprocessorsIsAccessDenied() throws {
        for address in [0x0001_0000, 0x1004_6000, 0x2000_0000, 0xC000_0000, 0xFFFF_FFF0, 0x1003_FFF0] as [UInt32] {
            expect(
                try refusal(signing: ELFFixture(segments: [.load(address, ELFFixture.pattern(64, seed: 3))])), .accessDenied,
                .segmentAddress)
        }
    }

    @Test(arguments: [0, 0x1000_0000, 0x3000_0000, 0x1004_0000, 0x1004_8000] as [UInt32])
    func aSegmentInAnyRegionOfTheDeviceTreeLoads(_ address: UInt32) throws {
        #expect(try refusal(signing: ELFFixture(segments: [.load(address, ELFFixture.pattern(64, seed: 3))])) == nil)
    }

    @Test func theAliasOfMCUSRAMIsTheSameMemory() throws {
        let board = try Board()
        try board.session.loadFirmware(
            SignedFixture([ELFFixture(segments: [.load(0x3000_0100, ELFFixture.pattern(64, seed: 3))]).bytes]).bytes)
        #expect(try board.memory(0x1000_0100, 64) == ELFFixture.pattern(64, seed: 3))
    }

    @Test func theClearedPartIsRangeCheckedOnItsOwn() throws {
        func elf(_ address: UInt32) -> ELFFixture {
            ELFFixture(segments: [.load(address, ELFFixture.pattern(64, seed: 3), memorySize: 128)])
        }
        // The bytes end with the buffers' region, and behind it there is none.
        expect(try refusal(signing: elf(0x1004_5FC0)), .accessDenied, .segmentClear)
        // The bytes end with MCUSRAM's, and what is cleared lies in the next region.
        #expect(try refusal(signing: elf(0x1003_FFC0)) == nil)
    }

    @Test func aMemorySizeBelowTheFileSizeIsTaken() throws {
        let board = try Board()
        try board.session.loadFirmware(
            SignedFixture([ELFFixture(segments: [.load(0x1000_0000, ELFFixture.pattern(64, seed: 3), memorySize: 8)]).bytes]).bytes)
        #expect(try board.memory(0x1000_0000, 64) == ELFFixture.pattern(64, seed: 3))
    }

    @Test func anEmptySegmentIsTakenAtAnyAddressAndItsHashIsNotLookedAt() throws {
        let elf = ELFFixture(segments: [.load(0xDEAD_0000, []), .load(0x1000_0000, [], memorySize: 16)])
        var fixture = try SignedFixture([elf.bytes])
        fixture.set(0x10, fixture.value(0x10).flipping(32 + 3).flipping(64 + 32 + 3))
        let board = try Board()
        try board.platform.fill(PhysicalRange(start: PhysicalAddress(0x1000_0000), size: 32), with: 0xAA)
        #expect(board.refusal(of: try fixture.bytes) == nil)
        #expect(try board.memory(0x1000_0000, 16).allSatisfy { $0 == 0 })
        #expect(try board.memory(0x1000_0010, 1) == [0xAA])
    }

    @Test func anEmptySegmentWithoutARecordIsStillMissed() throws {
        var fixture = try SignedFixture([ELFFixture(segments: [.load(0xDEAD_0000, [])]).bytes])
        fixture.set(0x10, fixture.value(0x10).storing(1 as UInt32, at: 12))
        expect(try Board().refusal(of: fixture.bytes), .noData, .hashRecordMissing)
    }

    @Test func unauthenticatedHeadersCanLeaveSegmentsOut() throws {
        let board = try Board()
        var fixture = try SignedFixture()
        fixture.images[0].storeLittleEndian(4 as UInt32, at: ELFFixture.firmware().layout.programHeader(1))
        #expect(board.refusal(of: try fixture.bytes) == nil)
        #expect(try board.memory(0x1000_0000, 0x123).allSatisfy { $0 == 0 })
        fixture = try SignedFixture()
        fixture.images[0].storeLittleEndian(1 as UInt16, at: 44)
        #expect(try Board().refusal(of: fixture.bytes) == nil)
    }

    @Test func anImageThatLoadsTheSameAgainAndAgainIsEnded() throws {
        let elf = ELFFixture(segments: [.load(0x1000_0000, [UInt8](repeating: 0, count: 0x4_0000))]).bytes
        func image(_ count: Int) throws -> [UInt8] {
            var fixture = try SignedFixture([elf])
            // The same program header so many times, behind the file: one hash record goes for all.
            fixture.images[0].storeLittleEndian(UInt32(elf.count), at: 28)
            fixture.images[0].storeLittleEndian(UInt16(count), at: 44)
            fixture.images[0] += (0..<count).flatMap { _ in elf[52..<84] }
            fixture.set(0x05, ResourceTableFixture.words(UInt32((fixture.images[0].count + 7) & ~7)))
            return try fixture.bytes
        }
        #expect(try Board().refusal(of: image(200)) == nil)
        expect(try Board().refusal(of: image(2000)), .cancel, .work)
    }
}
