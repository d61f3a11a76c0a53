// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import Testing

import SecureLoader

@Suite struct FirmwareLoadTests {
    @Test func loadsEverySegmentByPhysicalAddressAndClearsTheRestOfIt() throws {
        let board = try Board()
        try board.platform.fill(PhysicalRange(start: PhysicalAddress(0x1000_0000), size: 0x1000), with: 0xAA)
        try board.session.loadFirmware(SignedFixture().bytes)
        #expect(try board.memory(0x3800_0000, 0x40) == ELFFixture.pattern(0x40, seed: 1))
        #expect(try board.memory(0x1000_0000, 0x123) == ELFFixture.pattern(0x123, seed: 2))
        #expect(try board.memory(0x1000_0123, 0x400 - 0x123).allSatisfy { $0 == 0 })
        #expect(try board.memory(0x1000_0400, 1) == [0xAA])
        #expect(board.session.state == .loaded)
    }
}
