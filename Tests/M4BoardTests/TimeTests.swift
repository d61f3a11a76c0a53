// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import TestSupport
import Testing

@Suite struct TimeTests {
    /// SYST_RVR, SYST_CVR := 0, SYST_CSR: a tick each `period` cycles with interrupt.
    private func tick(every period: UInt32) -> [UInt16] {
        Thumb.poke(0xE000_E014, period - 1) + Thumb.poke(0xE000_E018, 0) + Thumb.poke(0xE000_E010, 7)
    }

    @Test func aLoopRetiresItsInstructions() throws {
        let bench = try Bench()
        // movs r2, #100; loop: subs r2, #1; bne loop
        try bench.program([0x2264], [0x3A01], [0xD1FD], Bench.exit)
        bench.runToExit()
        let exit = 4  // movw, movw, movt, and the bkpt of a semihosting call, which retires as one that is handled
        #expect(bench.core.retired == UInt64(1 + 200 + exit))
        #expect(bench.board.cycles == bench.core.retired)
    }

    @Test func aDeadlineIsMetWithinABlock() throws {
        let bench = try Bench()
        try bench.program(Thumb.stay)
        #expect(bench.run(cycles: 1000) == .deadline)
        #expect(bench.board.cycles == 1000)
    }

    @Test func sleepingSkipsToTheTickExactly() throws {
        let bench = try Bench()
        try bench.program(Thumb.load(4, 0), tick(every: 10_000), Thumb.wfi, Thumb.wfi, Thumb.wfi, Bench.exit)
        try bench.handler(15, Thumb.adds(4, 1), Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[4] == 3)
        // The counter starts within the block that ends with the first WFI; the third tick is 3 periods on.
        let start: UInt64 = 1 + 3 * 5 - 3 + 1
        let tail: UInt64 = 2 + 3
        #expect(bench.board.cycles >= 30_000 && bench.board.cycles <= 30_000 + start + tail + 4)
        #expect(bench.core.retired < 40)
    }

    @Test func ticksComeOnePeriodApart() throws {
        let bench = try Bench()
        try bench.program(Thumb.load(4, 0), tick(every: 5_000), Thumb.stay)
        try bench.handler(15, Thumb.adds(4, 1), Thumb.bxLR)
        bench.run(cycles: 1_000_000)
        #expect(bench.core.registers.r[4] == 199)
    }

    @Test func aMaskedInterruptWakesButIsNotTaken() throws {
        let bench = try Bench()
        try bench.program(Thumb.load(4, 0), Thumb.cpsidI, tick(every: 1_000), Thumb.wfi, Thumb.mov(5, 4), Bench.exit)
        try bench.handler(15, Thumb.adds(4, 1), Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 0)
        #expect(bench.core.scs.exceptions.isPending(.sysTick))
    }

    @Test func unprivilegedCodeSleepsUnderBasepriToo() throws {
        let bench = try Bench()
        // SysTick at 0x80, BASEPRI 0x40, unprivileged: WFI must not wake.
        try bench.program(
            Thumb.poke(0xE000_ED20, 0x8000_0000), tick(every: 1_000), Thumb.load(0, 0x40), Thumb.msr(.basepri, 0), Thumb.load(0, 1),
            Thumb.msr(.control, 0), Thumb.isb, Thumb.wfi, Bench.exit)
        #expect(bench.run(cycles: 100_000) == .deadline)
        #expect(bench.board.isAsleep)
    }

    @Test func sleepWithNothingDueIsToldWhenNoDeadlineBoundsIt() throws {
        let bench = try Bench()
        try bench.program(Thumb.wfi)
        bench.board.setHoldBoot(released: true)
        #expect(bench.board.run(until: .max) == .asleep)
    }

    @Test func anEventSentBeforehandEndsTheWait() throws {
        let bench = try Bench()
        try bench.program(Thumb.sev, Thumb.wfe, Thumb.load(4, 1), Thumb.wfe, Bench.exit)
        #expect(bench.run(cycles: 10_000) == .deadline)
        #expect(bench.board.isAsleep, "one event, one wait")
        #expect(bench.core.registers.r[4] == 1)
    }

    @Test func sleepOnExitSleepsWhenTheLastHandlerReturns() throws {
        let bench = try Bench()
        try bench.program(Thumb.load(4, 0), Thumb.poke(0xE000_ED10, 2), tick(every: 1_000), Thumb.wfi, Bench.exit)
        try bench.handler(15, Thumb.adds(4, 1), Thumb.bxLR)
        #expect(bench.run(cycles: 100_500) == .deadline)
        #expect(bench.core.registers.r[4] == 100)
        #expect(bench.core.retired < 300)
    }

    @Test func idleTimeIsNotRetired() throws {
        let bench = try Bench()
        try bench.program(Thumb.wfi)
        #expect(bench.run(cycles: 50_000) == .deadline)
        #expect(bench.board.cycles == 50_000)
        #expect(bench.core.retired == 1)
    }

    @Test func holdingBootAndResettingStartAnew() throws {
        let bench = try Bench()
        try bench.program(Thumb.count(Bench.results), Thumb.stay)
        bench.run(cycles: 1_000)
        bench.board.resetMCU()
        bench.run(cycles: 1_000)
        #expect(try bench.result(0) == 2)
        bench.board.setHoldBoot(released: false)
        bench.board.resetMCU()
        #expect(bench.board.isHeld)
        let retired = bench.core.retired
        #expect(bench.board.run(until: bench.board.cycles + 1_000) == .deadline)
        #expect(bench.core.retired == retired)
    }

    @Test func firmwareCanAskForAReset() throws {
        let bench = try Bench()
        try bench.program(Thumb.count(Bench.results), Thumb.poke(0xE000_ED0C, 0x05FA_0004), Thumb.stay)
        #expect(bench.run() == .resetRequest(local: false))
        #expect(bench.run() == .resetRequest(local: false))
        #expect(try bench.result(0) == 2)
    }
}
