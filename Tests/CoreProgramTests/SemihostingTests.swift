import M4Board
import Testing

/// Arm semihosting 2.0: BKPT 0xAB.
@Suite struct SemihostingTests {
    typealias T = Thumb
    static let block: UInt32 = 0x1000_2000

    private func call(_ operation: UInt16, _ argument: UInt32) -> T.Code { T.movs(0, operation) + T.load(1, argument) + T.bkpt(0xAB) }

    @Test func exitEndsTheRunWithItsCode() throws {
        let firmware = try Firmware(call(0x20, Self.block))
        try firmware.write(Self.block, 0x20026)
        try firmware.write(Self.block + 4, 42)
        #expect(firmware.run() == .exit(code: 42))
    }

    @Test(arguments: [(0x20026 as UInt32, 0 as Int32), (0x20023, 1)])
    func plainExitTellsSuccessFromError(why: UInt32, code: Int32) throws {
        #expect(try Firmware(call(0x18, why)).run() == .exit(code: code))
    }

    @Test func textGoesToTheDelegate() throws {
        let firmware = try Firmware(call(0x04, Self.block), call(0x03, Self.block))
        try firmware.write(Self.block, 0x0021_6948)
        firmware.run()
        #expect(firmware.output.text == Array("Hi!H".utf8))
    }

    @Test func textOutsideOfMemoryIsNone() throws {
        let firmware = try Firmware(call(0x04, 0x2000_0000), call(0x05, 0x2000_0000), call(0x04, 0x1005_FFFF))
        firmware.run()
        #expect(firmware.output.text == [])
        #expect(firmware.board.core.faultCount == 0)
    }

    @Test func anotherBreakpointIsAHardFault() throws {
        let firmware = try Firmware(T.bkpt(0), policy: .hardFault)
        guard case .fault(let report) = firmware.run() else { Issue.record("no fault"); return }
        #expect(report.status.hfsr == 1 << 31)
        #expect(report.registers.pc == Firmware.entry)
    }
}
