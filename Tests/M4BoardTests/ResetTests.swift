// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import TestSupport
import Testing

/// Hold boot, and the resets that firmware and the other processor can ask for.
@Suite struct ResetTests {
    typealias T = Thumb

    @Test func aNewBoardHoldsTheCore() throws {
        let bench = try Bench(T.nop)
        #expect(bench.board.isHeld)
        #expect(bench.board.run(until: 1000) == .deadline)
        #expect(bench.board.cycles == 1000 && bench.board.core.retired == 0)
        #expect(bench.board.run(until: .max) == .held)
    }

    @Test func takingHoldBootBackKeepsARunningCoreRunningUntilItsReset() throws {
        let bench = try Bench(T.log(1))
        bench.run(cycles: 5_000)
        bench.board.setHoldBoot(released: false)
        #expect(bench.board.isRunning)
        bench.board.resetMCU()
        #expect(bench.board.isHeld)
        bench.board.setHoldBoot(released: true)
        bench.run(cycles: 5_000)
        #expect(try bench.log == [1, 1])
    }

    @Test func aResetStartsFirmwareAnewWithTheCoreAsAfterPowerOn() throws {
        let bench = try Bench(
            T.log(.primask), T.log(.control), T.log(.basepri), T.cpsidI, T.movs(0, 0x40), T.msr(.basepri, 0), T.poke(PPB.vtor, 0x1000_0000),
            T.movs(0, 3), T.msr(.control, 0))
        bench.run(cycles: 5_000)
        bench.board.resetMCU()
        bench.run(cycles: 5_000)
        #expect(try bench.log == [0, 0, 0, 0, 0, 0])
    }

    /// The register write is the last thing firmware does, without waiting for anything else to stop the run.
    @Test(arguments: [(0x5000_0404 as UInt32, 2 as UInt32, nil as String?), (PPB.aircr, 0x05FA_0004, "system-reset"), (PPB.aircr, 0x05FA_0001, "vector-reset")])
    func firmwareCanResetItself(register: UInt32, value: UInt32, reason: String?) throws {
        let bench = try Bench(T.log(7), T.load32(0, register), T.load32(1, value), T.str(1, 0), T.isb)
        try bench.word(0x5000_0000, 0)  // RCC_TZCR: else RCC ignores what is not secure
        let stop = bench.run(cycles: 200)
        if let reason { #expect(stop.name == reason) }
        bench.run(cycles: 200)
        #expect(try bench.log.count >= 2)
        #expect(try bench.log.allSatisfy { $0 == 7 })
    }

    @Test func theResetKeyIsNeeded() throws {
        let bench = try Bench(T.poke(PPB.aircr, 0x1234_0004))
        #expect(bench.run(cycles: 5_000) == .deadline)
    }

    @Test func aHostRequestEndsARunAndLosesNothing() throws {
        let bench = try Bench(T.movs(0, 1), T.b(-2))
        bench.run(cycles: 100)
        bench.board.core.requestStop()
        #expect(bench.run(cycles: 5_000) == .hostRequest)
        #expect(bench.run(cycles: 5_000) == .deadline)
    }
}
