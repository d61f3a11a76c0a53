import M4Board
import MachineBase
import Testing

/// Hold boot, and the resets that firmware and the other processor can ask for.
@Suite struct ResetTests {
    typealias T = Thumb

    @Test func aNewBoardHoldsTheCore() throws {
        let firmware = try Firmware(T.nop)
        #expect(firmware.board.isHeld)
        #expect(firmware.board.run(until: 1000) == .deadline)
        #expect(firmware.board.cycles == 1000 && firmware.board.core.retired == 0)
        #expect(firmware.board.run(until: .max) == .held)
    }

    @Test func takingHoldBootBackKeepsARunningCoreRunningUntilItsReset() throws {
        let firmware = try Firmware(T.log(1))
        firmware.run()
        firmware.board.setHoldBoot(released: false)
        #expect(firmware.board.isRunning)
        firmware.board.resetMCU()
        #expect(firmware.board.isHeld)
        firmware.board.setHoldBoot(released: true)
        firmware.run()
        #expect(try firmware.log == [1, 1])
    }

    @Test func aResetStartsFirmwareAnewWithTheCoreAsAfterPowerOn() throws {
        let firmware = try Firmware(
            T.log(.primask), T.log(.control), T.log(.basepri), T.cpsidI, T.movs(0, 0x40), T.msr(.basepri, 0), T.poke(PPB.vtor, 0x1000_0000),
            T.movs(0, 3), T.msr(.control, 0))
        firmware.run()
        firmware.board.resetMCU()
        firmware.run()
        #expect(try firmware.log == [0, 0, 0, 0, 0, 0])
    }

    /// The register write is the last thing firmware does, without waiting for anything else to stop the run.
    @Test(arguments: [(0x5000_0404 as UInt32, 2 as UInt32, nil as String?), (PPB.aircr, 0x05FA_0004, "system-reset"), (PPB.aircr, 0x05FA_0001, "vector-reset")])
    func firmwareCanResetItself(register: UInt32, value: UInt32, reason: String?) throws {
        let firmware = try Firmware(T.log(7), T.load(0, register), T.load(1, value), T.str(1, 0), T.isb)
        try firmware.write(0x5000_0000, 0)  // RCC_TZCR: else RCC ignores what is not secure
        let stop = firmware.run(200)
        if let reason { #expect(stop.name == reason) }
        firmware.run(200)
        #expect(try firmware.log.count >= 2)
        #expect(try firmware.log.allSatisfy { $0 == 7 })
    }

    @Test func theResetKeyIsNeeded() throws {
        let firmware = try Firmware(T.poke(PPB.aircr, 0x1234_0004))
        #expect(firmware.run() == .deadline)
    }

    @Test func aHostRequestEndsARunAndLosesNothing() throws {
        let firmware = try Firmware(T.movs(0, 1), T.b(-2))
        firmware.run(100)
        firmware.board.core.requestStop()
        #expect(firmware.run() == .hostRequest)
        #expect(firmware.run() == .deadline)
    }
}
