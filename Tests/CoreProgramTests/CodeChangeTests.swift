import M4Board
import MachineBase
import Testing

/// Code that changes is run as it is now, whoever changed it and at whichever address.
@Suite struct CodeChangeTests {
    typealias T = Thumb

    /// Calls a routine that answers 1 in R0, has it changed to answer 2, and calls it again.
    private func answers(code: UInt32, written: UInt32) throws -> [UInt32] {
        let call = T.load(4, code | 1) + T.blx(4) + T.mov(2, 0) + T.log(register: 2)
        let firmware = try Firmware(
            call, call, T.load(0, written), T.load(1, 0x2002), T.strh(1, 0), [0xF3BF, 0x8F4F], T.isb, call)
        try firmware.write(code, T.movs(0, 1) + T.bxLR)
        firmware.run()
        return try firmware.log
    }

    @Test(arguments: [
        (0x1000_4000 as UInt32, 0x1000_4000 as UInt32), (0x1000_4000, 0x3000_4000), (0x3000_4000, 0x1000_4000), (0x3000_4000, 0x3000_4000),
        (0x0000_6000, 0x0000_6000),
    ])
    func aStoreChangesCodeAtEveryAddressOfItsMemory(code: UInt32, written: UInt32) throws {
        #expect(try answers(code: code, written: written) == [1, 1, 2])
    }

    @Test func aStoreToTheSamePageAsItsOwnCodeIsSeen() throws {
        let target = Firmware.entry + 0x40
        let code = T.movs(3, 1) + T.load(0, target) + T.load(1, 0x3302) + T.strh(1, 0) + T.isb
        let firmware = try Firmware(code + Array(repeating: T.nop[0], count: 0x20 - code.count), T.adds(3, 1))
        firmware.run()
        #expect(firmware.board.core.registers.r[3] == 3)
    }

    @Test func theOtherProcessorsWriteIsSeenBetweenRuns() throws {
        let firmware = try Firmware(T.movs(5, 1), T.b(-2))
        firmware.run(100)
        #expect(firmware.board.core.registers.r[5] == 1)
        try firmware.write(Firmware.entry, T.movs(5, 2))
        firmware.run(100)
        #expect(firmware.board.core.registers.r[5] == 2)
        try firmware.board.fill(PhysicalAddress(0x3800_0000 + Firmware.entry), count: 2, with: 0x00)  // movs r0, r0
        firmware.run(100)
        #expect(firmware.board.core.registers.r[5] == 2)
        #expect(firmware.board.cycles == firmware.board.core.retired)
    }

    @Test func changedCodeIsCountedAsItIsNow() throws {
        // Two narrow instructions become one wide one: `nop; nop` and `nop.w`.
        let firmware = try Firmware(T.nop, T.nop, T.b(-4))
        firmware.run(300)
        try firmware.write(Firmware.entry, [0xF3AF, 0x8000])
        let start = firmware.board.cycles
        firmware.run(200)
        #expect(firmware.board.cycles - start == 200)
        #expect(firmware.board.core.registers.pc == Firmware.entry)
    }
}
