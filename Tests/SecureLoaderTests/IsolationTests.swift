// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import MachineBase
import Testing

import SecureLoader

/// What the non-secure side can still reach once firmware is loaded.
@Suite struct IsolationTests {
    private func reaches(_ board: Board, _ address: UInt32, _ count: UInt32 = 4) -> Bool {
        (try? board.platform.nonSecureRead(PhysicalRange(start: PhysicalAddress(address), size: count))) != nil
            && (try? board.platform.nonSecureWrite([0], at: PhysicalAddress(address))) != nil
    }

    private func loaded(_ elf: ELFFixture = .firmware(), _ isolation: Isolation = .segments) throws -> Board {
        let board = try Board(isolation: isolation)
        try board.session.loadFirmware(SignedFixture([elf.bytes]).bytes)
        return board
    }

    @Test func segmentsAreTakenFromTheNonSecureSideUnderEachOfTheirAddresses() throws {
        let board = try loaded()
        #expect(!reaches(board, 0x3800_0000) && !reaches(board, 0x1000_0000) && !reaches(board, 0x3000_0000))
        // To the last byte of the cleared part, and no further.
        #expect(!reaches(board, 0x1000_03FF, 1) && reaches(board, 0x1000_0400))
        #expect(!reaches(board, 0x1000_03FE, 8))
    }

    @Test func theRefusalIsABusErrorThatNamesTheOwner() throws {
        let board = try loaded()
        #expect(
            throws: BusError(
                address: PhysicalAddress(0x3800_0000), count: 4, isWrite: false, cause: .protected(owner: "the Cortex-M4"))
        ) {
            try board.platform.nonSecureRead(PhysicalRange(start: PhysicalAddress(0x3800_0000), size: 4))
        }
    }

    @Test func theResourceTableStaysReachableInTheMiddleOfASegment() throws {
        let table = ResourceTableFixture.rpmsg
        var code = ELFFixture.pattern(0x200, seed: 4)
        code.replaceSubrange(0x100..<(0x100 + table.count), with: table)
        let board = try loaded(ELFFixture(segments: [.load(0x1000_0000, code)], resourceTable: (0x1000_0100, table)))
        let end = UInt32(0x1000_0100 + table.count)
        #expect(reaches(board, 0x1000_0100, UInt32(table.count)) && reaches(board, 0x3000_0100, UInt32(table.count)))
        #expect(!reaches(board, 0x1000_00FF, 1) && !reaches(board, end, 1))
    }

    @Test func theTableIsFoundBehindTheAliasOfItsSegment() throws {
        let table = ResourceTableFixture.rpmsg
        let board = try loaded(
            ELFFixture(segments: [.load(0x3000_0000, ELFFixture.pattern(64, seed: 1) + table)], resourceTable: (0x1000_0040, table))
        )
        #expect(reaches(board, 0x1000_0040, UInt32(table.count)) && !reaches(board, 0x1000_003F, 1))
    }

    @Test func traceBuffersAndCarveoutsOfTheTableStayReachable() throws {
        let table = ResourceTableFixture.table([
            ResourceTableFixture.vdev, ResourceTableFixture.trace(0x1000_0200, 0x80),
            ResourceTableFixture.carveout(0x1000_0300, 0x40),
            ResourceTableFixture.trace(0xC000_0000, 0x80),
        ])
        let board = try loaded(.firmware(table: table))
        #expect(reaches(board, 0x1000_0200, 0x80) && reaches(board, 0x1000_0300, 0x40))
        #expect(!reaches(board, 0x1000_01FF, 1) && !reaches(board, 0x1000_0280, 1) && !reaches(board, 0x1000_0340, 1))
    }

    @Test func aSegmentInSharedMemoryIsNotTaken() throws {
        let table = ResourceTableFixture.rpmsg
        let board = try loaded(
            ELFFixture(segments: [.load(0, [1, 2, 3, 4]), .load(0x1004_8000, table)], resourceTable: (0x1004_8000, table)))
        #expect(reaches(board, 0x1004_8000, 0x100) && !reaches(board, 0x3800_0000))
    }

    @Test func banksTakesWholeRegionsAndNoneTakesNothing() throws {
        let board = try loaded(.firmware(), .banks)
        #expect(!reaches(board, 0x1003_FFFC) && !reaches(board, 0x3800_FFFC))
        // The firewall has no holes: a resource table in a protected bank is lost to Linux, one in shared memory is not.
        #expect(!reaches(board, 0x1000_1000, UInt32(ResourceTableFixture.rpmsg.count)) && reaches(board, 0x1004_0000))
        let table = ResourceTableFixture.rpmsg
        let apart = try loaded(
            ELFFixture(segments: [.load(0, [1, 2, 3, 4]), .load(0x1004_8000, table)], resourceTable: (0x1004_8000, table)), .banks)
        #expect(reaches(apart, 0x1004_8000, UInt32(table.count)) && !reaches(apart, 0x3800_FFFC) && reaches(apart, 0x1000_0000))
        #expect(reaches(try loaded(.firmware(), .none), 0x1000_0000))
    }

    @Test func firmwareStaysProtectedAfterStopAndIsGoneAfterRelease() throws {
        let board = try loaded()
        try board.session.start()
        try board.session.stop()
        #expect(!reaches(board, 0x1000_0000))
        try board.session.release()
        #expect(reaches(board, 0x1000_0000))
        #expect(try board.memory(0x1000_0000, 0x400).allSatisfy { $0 == 0 })
    }

    @Test func whatAnEarlierFirmwareLeftStaysProtectedUnderTheNextOne() throws {
        let board = try loaded()
        try board.session.start()
        try board.session.stop()
        let other = ELFFixture(segments: [.load(0x1002_0000, ELFFixture.pattern(64, seed: 3))])
        try board.session.loadFirmware(SignedFixture([other.bytes]).bytes)
        #expect(!reaches(board, 0x1002_0000))
        #expect(!reaches(board, 0x1000_0000), "the first firmware's code is still there")
        try board.session.release()
        #expect(reaches(board, 0x1000_0000) && reaches(board, 0x1002_0000))
    }

    @Test(arguments: [Isolation.segments, .banks])
    func aSegmentIsOutOfReachFromTheMomentItIsThere(_ isolation: Isolation) throws {
        let board = try Board(isolation: isolation)
        var attempts = 0, refusals = 0
        board.ta.onCheck = { check in
            guard check.check == .segmentHash else { return }
            attempts += 1
            do { try board.platform.nonSecureWrite([0xEE, 0xEE, 0xEE, 0xEE], at: PhysicalAddress(0x3800_0000)) } catch { refusals += 1 }
        }
        try board.session.loadFirmware(SignedFixture().bytes)
        #expect(attempts > 1 && refusals == attempts)
        #expect(try board.memory(0x3800_0000, 4) != [0xEE, 0xEE, 0xEE, 0xEE])
    }

    @Test func aBadSignatureIsRefusedWithoutTouchingTheCoprocessorsMemory() throws {
        let board = try Board()
        for (address, size) in [(0x3800_0000, 0x1_0000), (0x1000_0000, 0x6_0000)] as [(UInt32, UInt32)] {
            try board.platform.fill(PhysicalRange(start: PhysicalAddress(address), size: size), with: 0xA5)
        }
        let image = try SignedFixture().bytes
        let header = try #require(SignedImageHeader(image))
        #expect(board.refusal(of: image.flipping(header.signatureOffset))?.result == .signatureInvalid)
        #expect(try board.memory(0x3800_0000, 0x1_0000).allSatisfy { $0 == 0xA5 })
        #expect(try board.memory(0x1000_0000, 0x6_0000).allSatisfy { $0 == 0xA5 })
    }

    @Test func whatAFailedLoadLeftIsOutOfReachUntilTheRelease() throws {
        let board = try Board()
        var fixture = try SignedFixture()
        fixture.images[0][ELFFixture.firmware().layout.segmentOffsets[2]] ^= 1
        #expect(board.refusal(of: try fixture.bytes) != nil)
        #expect(try board.memory(0x3800_0000, 4).contains { $0 != 0 } && !reaches(board, 0x3800_0000))
        try board.session.release()
        #expect(reaches(board, 0x3800_0000))
    }

    @Test func aLoadThatFailsBeforeItsFirstSegmentProtectsNothing() throws {
        let board = try Board()
        #expect(board.refusal(of: [1, 2, 3]) != nil)
        #expect(reaches(board, 0x3800_0000) && reaches(board, 0x1000_0000))
    }
}
