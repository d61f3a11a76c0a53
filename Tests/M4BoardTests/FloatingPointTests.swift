// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import TestSupport
import Testing

/// Lazy stacking. Source: ARMv7-M ARM, B1.5.7, B3.2.21 and B3.2.22.
@Suite struct FloatingPointTests {
    private static let fpccr: UInt32 = 0xE000_EF34, fpcar: UInt32 = 0xE000_EF38, fpdscr: UInt32 = 0xE000_EF3C
    private static let start = Thumb.poke(0xE000_ED88, 0xF << 20) + Thumb.dsb + Thumb.isb
    /// Where an SVC of a thread on an empty stack puts S0.
    private static let area = Bench.stack - 0x68 + 0x20
    private static func vmov(_ s: UInt16, from r: UInt16) -> [UInt16] { [0xEE00 | s >> 1, r << 12 | 0x0A10 | (s & 1) << 7] }
    private static func vmov(_ r: UInt16, fromS s: UInt16) -> [UInt16] { [0xEE10 | s >> 1, r << 12 | 0x0A10 | (s & 1) << 7] }
    /// `ldr t, =address; ldr t, [t]`
    private static func peek(_ t: UInt16, _ address: UInt32) -> [UInt16] { Thumb.load(t, address) + Thumb.ldrW(t, t) }

    @Test func theFrameWaitsForTheRegistersUntilTheFPUIsUsed() throws {
        let bench = try Bench()
        try bench.word(Self.area, 0xAAAA_AAAA)
        try bench.program(Self.start, Thumb.load(2, 0x1234), Self.vmov(0, from: 2), Thumb.svc(0), Self.vmov(10, fromS: 0), Bench.exit)
        // R4 = FPCCR, R5 = FPCAR, R6 = the word for S0; then S0 := 7 and R7 = FPCCR, R8 = the word again.
        try bench.handler(
            11, Self.peek(4, Self.fpccr), Self.peek(5, Self.fpcar), Self.peek(6, Self.area), Thumb.load(3, 7), Thumb.isb, Self.vmov(0, from: 3), Thumb.isb,
            Self.peek(7, Self.fpccr), Self.peek(8, Self.area), Thumb.bxLR)
        bench.runToExit()
        let r = bench.core.registers.r
        // LSPACT, THREAD and HFRDY beside ASPEN and LSPEN: no other fault is enabled.
        #expect(r[4] == 0xC000_0000 | 1 << 4 | 1 << 3 | 1)
        #expect(r[5] == Self.area && r[6] == 0xAAAA_AAAA)
        #expect(r[7] & 1 == 0 && r[8] == 0x1234)
        #expect(r[10] == 0x1234, "S0 is the thread's again")
    }

    @Test func aHandlerWithoutTheFPUWritesNothing() throws {
        let bench = try Bench()
        try bench.word(Self.area, 0xAAAA_AAAA)
        try bench.program(
            Self.start, Thumb.load(2, 0x1234), Self.vmov(0, from: 2), Thumb.svc(0), Self.vmov(10, fromS: 0), Self.peek(4, Self.fpccr), Thumb.mrs(5, .control), Bench.exit)
        try bench.handler(11, Thumb.load(3, Self.area), Thumb.load(4, 99), Thumb.strW(4, 3), Thumb.bxLR)
        bench.runToExit()
        let r = bench.core.registers.r
        #expect(r[10] == 0x1234, "what the handler left in the frame is not loaded")
        #expect(r[4] & 1 == 0 && r[5] == 4)
        #expect(try bench.word(Self.area) == 99)
    }

    @Test func withoutLSPENTheRegistersAreStackedAtOnce() throws {
        let bench = try Bench()
        try bench.program(
            Self.start, Thumb.poke(Self.fpccr, 0x8000_0000), Thumb.load(2, 0x1234), Self.vmov(0, from: 2), Thumb.svc(0), Self.vmov(10, fromS: 0), Bench.exit)
        try bench.handler(11, Self.peek(4, Self.fpccr), Self.peek(6, Self.area), Thumb.load(3, Self.area), Thumb.load(5, 99), Thumb.strW(5, 3), Thumb.bxLR)
        bench.runToExit()
        let r = bench.core.registers.r
        #expect(r[4] & 1 == 0 && r[6] == 0x1234)
        #expect(r[10] == 99, "the frame's are loaded")
    }

    @Test func withoutASPENTheFrameIsBasic() throws {
        let bench = try Bench()
        try bench.program(Self.start, Thumb.poke(Self.fpccr, 0), Thumb.load(2, 0x1234), Self.vmov(0, from: 2), Thumb.svc(0), Bench.exit)
        try bench.handler(11, Thumb.mov(5, 14), Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 0xFFFF_FFF9)
    }

    @Test func framesOfHandlersThatUseTheFPUNest() throws {
        let bench = try Bench()
        // S0 = 1 in the thread, 2 in the SVC's handler, 3 in the NMI's, which it pends.
        try bench.program(Self.start, Thumb.load(2, 1), Self.vmov(0, from: 2), Thumb.svc(0), Self.vmov(10, fromS: 0), Bench.exit)
        try bench.handler(
            11, Thumb.load(2, 2), Self.vmov(0, from: 2), Thumb.poke(0xE000_ED04, 1 << 31), Thumb.isb, Self.vmov(9, fromS: 0), Thumb.bxLR)
        try bench.handler(2, Thumb.mov(8, 14), Thumb.load(2, 3), Self.vmov(0, from: 2), Thumb.bxLR)
        bench.runToExit()
        let r = bench.core.registers.r
        #expect(r[8] == 0xFFFF_FFE1 && r[9] == 2 && r[10] == 1)
    }

    @Test func aContextSwitchStoresTheOldTasksRegistersInItsFrame() throws {
        let bench = try Bench()
        // The handler moves PSP to a second frame with S0 = 77, as a kernel does: VSTMDB of S16 to S31 makes the old frame whole.
        let old = Bench.stack - 0x1000, new = Bench.stack - 0x2000
        try bench.program(
            Self.start, Thumb.load(0, old), Thumb.msr(.psp, 0), Thumb.load(0, 2), Thumb.msr(.control, 0), Thumb.isb, Thumb.load(2, 55), Self.vmov(0, from: 2),
            Thumb.svc(0), Thumb.stay)
        let resume: UInt32 = 0x1000_5000
        try bench.place(Self.vmov(10, fromS: 0) + Bench.exit, at: resume)
        try bench.word(new + 24, resume)
        try bench.word(new + 28, 1 << 24)
        try bench.word(new + 0x20, 77)
        // mrs r0, psp; tst lr, #16; it eq; vstmdbeq r0!, {s16-s31}; psp := new
        try bench.handler(11, Thumb.mrs(0, .psp), [0xF01E, 0x0F10], [0xBF08], [0xED20, 0x8A10], Thumb.load(1, new), Thumb.msr(.psp, 1), Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[10] == 77)
        #expect(try bench.word(old - 0x68 + 0x20) == 55)
    }

    @Test func aFrameThatCannotBeCompletedIsALazyStackingFault() throws {
        let bench = try Bench()
        // FPCAR is moved to where nothing is; the handler of the BusFault moves it back.
        try bench.program(
            Self.start, Thumb.poke(0xE000_ED1C, 0x8000_0000), Thumb.poke(0xE000_ED24, 1 << 17), Thumb.load(2, 5), Self.vmov(0, from: 2), Thumb.svc(0),
            Self.vmov(10, fromS: 0), Bench.exit)
        try bench.handler(11, Self.peek(6, Self.fpccr), Thumb.poke(Self.fpcar, 0x6000_0000), Thumb.load(3, 7), Thumb.isb, Self.vmov(0, from: 3), Thumb.bxLR)
        try bench.handler(5, Self.peek(7, 0xE000_ED28), Thumb.poke(Self.fpcar, Self.area), Thumb.bxLR)
        bench.runToExit()
        let r = bench.core.registers.r
        #expect(r[6] & 1 << 6 != 0, "BFRDY: a BusFault could be taken when the frame was made")
        #expect(r[7] == 1 << 13, "LSPERR, and no address")
        #expect(r[10] == 5)
    }

    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's")) func aDeferredStoreThatTheMPUForbidsIsReportedAsOne() throws {
        let bench = try Bench()
        // SVC at priority 0x80, so that MemManage preempts it. The handler closes the frame's page, and its fault handler opens it.
        try bench.program(
            Self.start, Thumb.poke(0xE000_ED1C, 0x8000_0000), Thumb.poke(0xE000_ED24, 1 << 16), Thumb.load(0, Bench.stack - 0x1000), Thumb.msr(.psp, 0),
            Thumb.load(0, 2), Thumb.msr(.control, 0), Thumb.isb, Thumb.load(2, 5), Self.vmov(0, from: 2), Thumb.svc(0), Self.vmov(10, fromS: 0), Bench.exit)
        try bench.handler(
            11, Thumb.poke(0xE000_ED9C, (Bench.stack - 0x1400) | 0x10), Thumb.poke(0xE000_EDA0, 6 << 24 | 9 << 1 | 1), Thumb.poke(0xE000_ED94, 5), Thumb.isb,
            Thumb.load(3, 7), Self.vmov(0, from: 3), Thumb.bxLR)
        try bench.handler(4, Self.peek(7, 0xE000_ED28), Thumb.ldrW(8, 13, 24), Thumb.poke(0xE000_ED94, 0), Thumb.bxLR)
        bench.runToExit()
        let r = bench.core.registers.r
        #expect(r[7] == 1 << 5, "MLSPERR, and no address")
        #expect(r[10] == 5)
        #expect(try bench.word(Bench.stack - 0x1000 - 0x68 + 0x20) == 5)
    }

    @Test func theDefaultStatusIsTheHandlers() throws {
        let bench = try Bench()
        // FPDSCR.AHP and DN; the thread's FPSCR has RMode 1.
        try bench.program(
            Self.start, Thumb.poke(Self.fpdscr, 1 << 25), Thumb.load(2, 1 << 22), [0xEEE1, 0x2A10], Thumb.svc(0), [0xEEF1, 0x8A10], Bench.exit)
        try bench.handler(11, Thumb.load(3, 1), Thumb.isb, Self.vmov(0, from: 3), Thumb.isb, [0xEEF1, 0x7A10], Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[8] == 1 << 22)
        #expect(bench.core.registers.r[7] == 1 << 25)
    }
}
