// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import Testing

import SecureLoader

@Suite struct ResourceTableTests {
    private func expect(
        _ failure: TEEFailure?, _ result: TEEResult, _ check: TEEFailure.Check, location: SourceLocation = #_sourceLocation
    ) {
        #expect(
            failure?.result == result && failure?.check == check, "\(failure?.description ?? "loads")", sourceLocation: location)
    }

    private func refusal(afterSigning edit: (inout [UInt8], ELFFixture.Layout) -> Void) throws -> TEEFailure? {
        let elf = ELFFixture.firmware()
        var fixture = try SignedFixture([elf.bytes])
        edit(&fixture.images[0], elf.layout)
        return try Board().refusal(of: fixture.bytes)
    }

    /// Loads firmware whose table is signed as it is.
    private func refusal(table: [UInt8]) throws -> TEEFailure? {
        try Board().refusal(of: SignedFixture([ELFFixture.firmware(table: table).bytes]).bytes)
    }

    @Test func theAnswerIsTheSectionsPhysicalAddressAndSize() throws {
        let board = try Board()
        try board.session.loadFirmware(SignedFixture().bytes)
        #expect(
            try board.session.resourceTable()
                == PhysicalRange(start: PhysicalAddress(0x1000_1000), size: UInt32(ResourceTableFixture.rpmsg.count)))
    }

    @Test func aTableInRETRAMIsAnsweredByItsPhysicalAddress() throws {
        let table = ResourceTableFixture.rpmsg
        let elf = ELFFixture(segments: [.load(0x100, table)], resourceTable: (0x100, table))
        let board = try Board()
        try board.session.loadFirmware(SignedFixture([elf.bytes]).bytes)
        #expect(try board.session.resourceTable()?.start == PhysicalAddress(0x3800_0100))
    }

    @Test func noTableAndAnEmptyTableAreFine() throws {
        let board = try Board()
        try board.session.loadFirmware(SignedFixture([ELFFixture(segments: [.load(0, [1, 2, 3, 4])]).bytes]).bytes)
        #expect(try board.session.resourceTable() == nil)
        #expect(
            try refusal(afterSigning: { elf, layout in
                elf.storeLittleEndian(0 as UInt32, at: layout.sectionHeader(2) + 20)
            }) == nil)
    }

    @Test func theFirstSectionOfTheNameCountsEvenWhenItIsEmpty() throws {
        let board = try Board()
        var fixture = try SignedFixture()
        // The null section gets the table's name and no size: there is no table.
        fixture.images[0].storeLittleEndian(11 as UInt32, at: ELFFixture.firmware().layout.sectionHeader(0))
        try board.session.loadFirmware(fixture.bytes)
        #expect(try board.session.resourceTable() == nil)
    }

    @Test func aTableWithTooManyEntriesForItsSectionIsBadFormat() throws {
        let words = ResourceTableFixture.words
        expect(try refusal(table: words(1, 1, 0, 0)), .badFormat, .resourceTableContent)
        expect(try refusal(table: words(1, 0xFFFF_FFFF, 0, 0)), .badFormat, .resourceTableContent)
        expect(try refusal(table: words(1, 0x4000_0000, 0, 0)), .badFormat, .resourceTableContent)
        #expect(try refusal(table: words(1, 0, 0, 0)) == nil)
        // Where an entry is, is not looked at.
        #expect(try refusal(table: words(1, 1, 0, 0, 0xFFFF_FFFF)) == nil)
    }

    private var words: (UInt32...) -> [UInt8] { ResourceTableFixture.words }

    @Test func versionAndReservedWordsAreChecked() throws {
        expect(try refusal(table: words(2, 0, 0, 0)), .badFormat, .resourceTableContent)
        expect(try refusal(table: words(1, 0, 1, 0)), .badFormat, .resourceTableContent)
        expect(try refusal(table: words(1, 0, 0, 1)), .badFormat, .resourceTableContent)
    }

    @Test func aTableShorterThanItsHeaderIsBadFormat() throws {
        expect(try refusal(table: words(1, 0, 0)), .badFormat, .resourceTableBounds)
    }

    @Test func aSectionOutsideTheImageIsBadFormat() throws {
        for (field, value) in [(16, 0xFFFF_FFF0), (20, 0xFFFF_FFF0), (16, 0x1_0000)] as [(Int, UInt32)] {
            let failure = try refusal(afterSigning: { elf, layout in
                elf.storeLittleEndian(value, at: layout.sectionHeader(2) + field)
            })
            expect(failure, .badFormat, .resourceTableBounds)
        }
    }

    @Test func aMisalignedTableIsCorruptObjectBeforeItsContentIsRead() throws {
        expect(
            try refusal(afterSigning: { elf, layout in
                elf.storeLittleEndian(UInt32(layout.resourceTableOffset + 1), at: layout.sectionHeader(2) + 16)
                elf.storeLittleEndian(20 as UInt32, at: layout.sectionHeader(2) + 20)
            }), .corruptObject, .resourceTableAlignment)
    }

    @Test(arguments: [0x2000_0000, 0x1003_FFF0, 0x0000_FFF8] as [UInt32])
    func anAddressThatDoesNotTranslateIsAccessDenied(_ address: UInt32) throws {
        expect(
            try refusal(afterSigning: { elf, layout in
                elf.storeLittleEndian(address, at: layout.sectionHeader(2) + 12)
            }), .accessDenied, .resourceTableAddress)
    }

    @Test func theAddressIsTakenFromTheUnsignedSectionHeader() throws {
        let board = try Board()
        var fixture = try SignedFixture()
        fixture.images[0].storeLittleEndian(0x1002_0000 as UInt32, at: ELFFixture.firmware().layout.sectionHeader(2) + 12)
        try board.session.loadFirmware(fixture.bytes)
        #expect(try board.session.resourceTable()?.start == PhysicalAddress(0x1002_0000))
    }

    // MARK: Section names

    @Test func aNameIndexPastTheSectionsIsBadFormat() throws {
        for index in [3, 0xFFFF] as [UInt16] {
            expect(try refusal(afterSigning: { elf, _ in elf.storeLittleEndian(index, at: 50) }), .badFormat, .sectionHeaders)
        }
    }

    @Test func sectionHeadersOutsideOrMisalignedAreBadFormat() throws {
        expect(
            try refusal(afterSigning: { elf, _ in elf.storeLittleEndian(0xFFFF as UInt16, at: 48) }), .badFormat, .sectionHeaders)
        expect(
            try refusal(afterSigning: { elf, layout in
                elf.storeLittleEndian(UInt32(layout.sectionHeadersOffset - 2), at: 32)
            }), .badFormat, .sectionHeaders)
    }

    @Test func namesOutsideTheImageAreBadFormat() throws {
        expect(
            try refusal(afterSigning: { elf, layout in
                elf.storeLittleEndian(0xFFFF_FFFF as UInt32, at: layout.sectionHeader(1) + 16)
            }), .badFormat, .sectionNames)
        expect(
            try refusal(afterSigning: { elf, layout in
                elf.storeLittleEndian(0xFFFF_FFFF as UInt32, at: layout.sectionHeader(1) + 20)
            }), .badFormat, .sectionNames)
    }

    @Test func aNamePastTheTableIsBadFormatWhenItComesBeforeTheResourceTable() throws {
        expect(
            try refusal(afterSigning: { elf, layout in
                elf.storeLittleEndian(0x1000 as UInt32, at: layout.sectionHeader(1))
            }), .badFormat, .sectionNames)
        // Behind it the search is over: here the null section bears the name, and the table is empty.
        #expect(
            try refusal(afterSigning: { elf, layout in
                elf.storeLittleEndian(11 as UInt32, at: layout.sectionHeader(0))
                elf.storeLittleEndian(0x1000 as UInt32, at: layout.sectionHeader(1))
            }) == nil)
    }

    @Test func aNameCutShortByTheTablesEndMatches() throws {
        let board = try Board()
        var fixture = try SignedFixture()
        let layout = ELFFixture.firmware().layout
        // ".res", and nothing behind it.
        fixture.images[0].storeLittleEndian(15 as UInt32, at: layout.sectionHeader(1) + 20)
        try board.session.loadFirmware(fixture.bytes)
        #expect(try board.session.resourceTable() != nil)
    }

    @Test func aLongerNameDoesNotMatch() throws {
        let board = try Board()
        var fixture = try SignedFixture()
        let layout = ELFFixture.firmware().layout
        fixture.images[0][layout.namesOffset + 11 + 15] = UInt8(ascii: "s")
        try board.session.loadFirmware(fixture.bytes)
        #expect(try board.session.resourceTable() == nil)
    }

    @Test func aRefusedTableLeavesWhatWasLoaded() throws {
        let board = try Board()
        #expect(board.refusal(of: try SignedFixture([ELFFixture.firmware(table: words(2, 0, 0, 0)).bytes]).bytes) != nil)
        #expect(try board.memory(0x1000_1000, 4) == [2, 0, 0, 0])
        #expect(throws: TEEFailure.self) { try board.session.resourceTable() }
    }
}
