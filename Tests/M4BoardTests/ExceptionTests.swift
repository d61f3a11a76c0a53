// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import CortexM
import M4Board
import SecondChip
import TestSupport
import Testing

@Suite struct ExceptionTests {
    private let icsr: UInt32 = 0xE000_ED04, iser: UInt32 = 0xE000_E100, ispr: UInt32 = 0xE000_E200, ipr: UInt32 = 0xE000_E400

    @Test func aResetTakesStackAndEntryFromTheVectorTable() throws {
        let bench = try Bench()
        #expect(bench.board.isHeld)
        #expect(bench.board.run(until: 100) == .deadline)
        #expect(bench.core.retired == 0)
        try bench.program(Bench.exit)
        bench.runToExit()
        #expect(bench.core.registers.msp == Bench.stack)
        #expect(bench.core.registers.r[14] == 0xFFFF_FFFF)
    }

    @Test func anSVCStacksTheFrameAndReturnsBehindIt() throws {
        let bench = try Bench()
        try bench.program(Thumb.load(0, 1), Thumb.load(3, 4), Thumb.load(12, 13), Thumb.svc(7), Thumb.adds(3, 1), Bench.exit)
        // r4 = sp, r5 = lr, r6 = the stacked pc
        try bench.handler(11, Thumb.mov(4, 13), Thumb.mov(5, 14), Thumb.ldrW(6, 13, 24), Thumb.bxLR)
        bench.runToExit()
        let r = bench.core.registers.r
        #expect(r[4] == Bench.stack - 0x20)
        #expect(r[5] == 0xFFFF_FFF9)
        #expect(r[6] == Bench.code + 14)
        #expect(r[3] == 5 && r[12] == 13 && r[13] == Bench.stack)
        #expect(try bench.word(Bench.stack - 0x20) == 1)
        #expect(try bench.word(Bench.stack - 0x10) == 13)
    }

    @Test func anUnalignedStackIsAlignedAndPutBack() throws {
        let bench = try Bench()
        try bench.program(Thumb.load(0, Bench.stack - 4), Thumb.mov(13, 0), Thumb.svc(0), Bench.exit)
        try bench.handler(11, Thumb.mov(4, 13), Thumb.ldrW(5, 13, 28), Thumb.bxLR)
        bench.runToExit()
        let r = bench.core.registers.r
        #expect(r[4] == (Bench.stack - 4 - 0x20) & ~7)
        #expect(r[5] & 1 << 9 != 0)
        #expect(r[13] == Bench.stack - 4)
    }

    @Test func pendSVIsTakenRightBehindTheBarrier() throws {
        let bench = try Bench()
        try bench.program(
            Thumb.load(4, 0), Thumb.load(0, icsr), Thumb.load(1, 1 << 28), Thumb.strW(1, 0), Thumb.dsb, Thumb.isb,
            Thumb.mov(5, 4), Bench.exit)
        try bench.handler(14, Thumb.adds(4, 1), Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 1)
    }

    @Test func aHigherPriorityPreemptsAndAnEqualOneWaits() throws {
        let bench = try Bench()
        // IRQ 0 and 1 at 0x40, IRQ 2 at 0x20; the handler of IRQ 0 pends both others.
        try bench.program(Thumb.load(7, 0), Thumb.poke(ipr, 0x0020_4040), Thumb.poke(iser, 7), Thumb.poke(ispr, 1), Thumb.isb, Bench.exit)
        try bench.handler(16, Thumb.poke(ispr, 6), Thumb.isb, Thumb.mov(4, 7), Thumb.adds(7, 1), Thumb.bxLR)
        try bench.handler(17, Thumb.mov(5, 7), Thumb.mov(8, 14), Thumb.adds(7, 1), Thumb.bxLR)
        try bench.handler(18, Thumb.mov(6, 7), Thumb.mov(9, 14), Thumb.adds(7, 1), Thumb.bxLR)
        bench.runToExit()
        let r = bench.core.registers.r
        #expect(r[6] == 0, "IRQ 2 ran first, inside IRQ 0")
        #expect(r[9] == 0xFFFF_FFF1)
        #expect(r[4] == 1)
        #expect(r[5] == 2, "IRQ 1 ran after IRQ 0")
        #expect(r[8] == 0xFFFF_FFF9, "chained: it returns to the thread")
    }

    @Test(arguments: [(Thumb.cpsidI, Thumb.cpsieI), (Thumb.cpsidF, Thumb.cpsieF)])
    func aMaskedInterruptWaitsForTheMask(_ mask: [UInt16], _ unmask: [UInt16]) throws {
        let bench = try Bench()
        try bench.program(
            Thumb.load(4, 0), mask, Thumb.poke(iser, 1), Thumb.poke(ispr, 1), Thumb.isb, Thumb.mov(5, 4), unmask, Thumb.isb,
            Thumb.mov(6, 4), Bench.exit)
        try bench.handler(16, Thumb.adds(4, 1), Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 0)
        #expect(bench.core.registers.r[6] == 1)
    }

    @Test func basepriMasksItsOwnPriorityAndBelow() throws {
        let bench = try Bench()
        try bench.program(
            Thumb.load(4, 0), Thumb.load(5, 0), Thumb.poke(ipr, 0x3040), Thumb.load(2, 0x40), Thumb.msr(.basepri, 2), Thumb.poke(iser, 3),
            Thumb.poke(ispr, 3), Thumb.isb, Thumb.mov(6, 4), Thumb.mov(7, 5), Thumb.load(2, 0), Thumb.msr(.basepri, 2), Bench.exit)
        try bench.handler(16, Thumb.adds(4, 1), Thumb.bxLR)
        try bench.handler(17, Thumb.adds(5, 1), Thumb.bxLR)
        bench.runToExit()
        let r = bench.core.registers.r
        #expect(r[6] == 0 && r[7] == 1, "0x40 waits, 0x30 does not")
        #expect(r[4] == 1)
    }

    @Test("BASEPRI has the priority bits of the chip", arguments: [(SoCDescription.stm32mp157, UInt32(0xF0)), (.second, 0xE0)])
    func basepriHasTheBitsOfTheChip(chip: SoCDescription, bits: UInt32) throws {
        let bench = try Bench(chip: chip)
        // 0x10 is no priority where only three bits exist: it masks nothing, so the interrupt of priority 0x20 comes.
        try bench.program(
            Thumb.load(3, 0x1_0000), Thumb.msr(.msp, 3), Thumb.load(2, 0xFF), Thumb.msr(.basepri, 2), Thumb.isb, Thumb.mrs(5, .basepri), Thumb.load(4, 0), Thumb.load(2, 0x10), Thumb.msr(.basepri, 2),
            Thumb.poke(ipr, 0x20), Thumb.poke(iser, 1), Thumb.poke(ispr, 1), Thumb.isb, Bench.exit)
        try bench.handler(16, Thumb.adds(4, 1), Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == bits)
        #expect(bench.core.registers.r[4] == (bits == 0xE0 ? 1 : 0))
    }

    @Test func aThreadOnTheProcessStackUsesIt() throws {
        let bench = try Bench()
        let process = Bench.stack - 0x1000
        try bench.program(
            Thumb.load(0, process), Thumb.msr(.psp, 0), Thumb.load(0, 2), Thumb.msr(.control, 0), Thumb.isb, Thumb.svc(0), Bench.exit)
        try bench.handler(11, Thumb.mov(4, 13), Thumb.mov(5, 14), Thumb.mrs(6, .psp), Thumb.bxLR)
        bench.runToExit()
        let r = bench.core.registers.r
        #expect(r[4] == Bench.stack && r[5] == 0xFFFF_FFFD && r[6] == process - 0x20)
        #expect(r[13] == process)
    }

    @Test func anExtendedFrameKeepsTheFPU() throws {
        let bench = try Bench()
        let cpacr: UInt32 = 0xE000_ED88
        // vmov s0, r2; svc; vmov r3, s0
        try bench.program(
            Thumb.poke(cpacr, 0xF << 20), Thumb.isb, Thumb.load(2, 0x4049_0FDB), [0xEE00, 0x2A10], Thumb.svc(0), [0xEE10, 0x3A10], Bench.exit)
        // The handler uses s0 itself.
        try bench.handler(11, Thumb.mov(4, 13), Thumb.mov(5, 14), Thumb.mrs(6, .control), [0xEE00, 0x6A10], Thumb.bxLR)
        bench.runToExit()
        let r = bench.core.registers.r
        #expect(r[4] == Bench.stack - 0x68 && r[5] == 0xFFFF_FFE9 && r[6] & 4 == 0)
        #expect(r[3] == 0x4049_0FDB)
    }

    @Test func anIllegalReturnIsAUsageFault() throws {
        let bench = try Bench()
        try bench.program(Thumb.poke(0xE000_ED24, 1 << 18), Thumb.svc(0), Bench.exit)
        try bench.handler(11, Thumb.load(0, 0xFFFF_FFF1), [0x4700])  // bx r0: to handler mode, but none is active
        try bench.handler(6, Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 << 18)
        #expect(bench.core.currentException == .usageFault)
    }

    @Test func aBranchToAReturnValueByAThreadIsNoReturn() throws {
        let bench = try Bench()
        try bench.program(Thumb.poke(0xE000_ED24, 1 << 16), Thumb.load(0, 0xFFFF_FFF9), [0x4700])
        try bench.handler(4, Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1)
    }

    @Test func aVectorWithAReturnValueLocksUpInsteadOfGoingRound() throws {
        let bench = try Bench()
        try bench.program(Thumb.poke(iser, 1), Thumb.poke(ispr, 1), Thumb.isb, Thumb.stay)
        try bench.vector(16, 0xFFFF_FFF9)
        try bench.vector(3, 0xFFFF_FFF9)
        guard case .lockup = bench.run() else { Issue.record("no lockup"); return }
        #expect(bench.board.isLockedUp)
    }

    @Test func theExclusiveMonitorIsOpenAfterAnException() throws {
        let bench = try Bench()
        // ldrex r4, [r3]; svc; strex r5, r4, [r3]; then without the svc into r6
        try bench.program(
            Thumb.load(3, Bench.results), [0xE853, 0x4F00], Thumb.svc(0), [0xE843, 0x4500], [0xE853, 0x4F00], [0xE843, 0x4600], Bench.exit)
        try bench.handler(11, Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 1)
        #expect(bench.core.registers.r[6] == 0)
    }
}
