// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import TestSupport
import Testing

/// One instruction is one cycle, and sleep costs no work.
@Suite struct SleepAndTimeTests {
    typealias T = Thumb

    /// Instructions before the `stay` that ends every program are counted one by one.
    struct Counted: Sendable {
        let code: Thumb.Code
        let count: UInt64
        init(_ count: UInt64, _ code: Thumb.Code...) { self.count = count; self.code = Array(code.joined()) }
    }
    static let counted = [
        Counted(3, T.nop, T.nop, T.nop),
        Counted(2, T.load32(0, 0x1000_0000)),
        Counted(1 + 2 * 5, T.movs(0, 5), T.subs(0, 1), T.bne(-2)),
        Counted(1 + 2, T.svc(0)),  // and the handler's nop and bx lr
        Counted(3, [0xBF08], T.nop, T.nop),  // an instruction that its condition skips is one
        Counted(2, T.sev, T.wfe),
        Counted(2, T.yield, T.nop),
        Counted(4, T.movs(0, 0x13), T.bkpt(0xAB), T.nop, T.nop),  // a semihosting call
    ]
    @Test(arguments: counted) func everyRetiredInstructionIsACycle(program: Counted) throws {
        let bench = try Bench(T.b(4), T.nop, program.code, T.b(2), T.undefined, handlers: [11: T.nop, 3: T.stay], policy: .hardFault)
        guard case .fault(let report) = bench.run(cycles: 5_000) else { Issue.record("no stop"); return }
        // One branch before, one behind; the undefined instruction has not retired.
        #expect(report.cycle == 1 + program.count + 1)
        #expect(bench.board.core.retired == report.cycle)
    }

    @Test func aRunEndsLessThanABlockLate() throws {
        let bench = try Bench(T.movs(0, 1), T.adds(0, 1), T.adds(0, 1), T.b(-4))
        for deadline in stride(from: UInt64(100), to: 1000, by: 37) {
            if bench.board.isHeld { bench.board.setHoldBoot(released: true) }
            #expect(bench.board.run(until: deadline) == .deadline)
            #expect((deadline..<deadline + 4).contains(bench.board.cycles))
        }
        #expect(bench.board.core.retired == bench.board.cycles)
    }

    @Test func wfiJumpsToTheTickExactly() throws {
        // The counter is enabled in the block that WFI ends: the first tick is `reload` + 1 cycles after that block's end.
        let bench = try Bench(
            T.poke(PPB.systRVR, 9999), T.poke(PPB.systCVR, 0), T.isb, T.poke(PPB.systCSR, 7), T.wfi, T.undefined,
            handlers: [15: T.log(15), 3: T.stay], policy: .hardFault)
        guard case .fault(let report) = bench.run(cycles: 100_000) else { Issue.record("no stop"); return }
        let before: UInt64 = 5 + 5 + 1 + 5 + 1
        let handler: UInt64 = 1 + 6 + 1
        #expect(report.cycle == before + 10_000 + handler)
        #expect(bench.board.core.retired == before + handler)
    }

    @Test func wfiWakesForAnInterruptThatPRIMASKHolds() throws {
        let bench = try Bench(
            T.poke(PPB.systRVR, 999), T.poke(PPB.systCVR, 0), T.poke(PPB.systCSR, 7), T.cpsidI, T.wfi, T.log(1), T.cpsieI, T.isb, T.log(2),
            handlers: [15: T.log(15)])
        bench.run(cycles: 1050)
        #expect(try bench.log.prefix(3) == [1, 15, 2])
    }

    @Test func wfiSleepsOnForAnInterruptThatBASEPRIHolds() throws {
        let bench = try Bench(
            T.poke(PPB.shpr3, 0x8000_0000), T.poke(PPB.systRVR, 999), T.poke(PPB.systCVR, 0), T.poke(PPB.systCSR, 7),
            T.movs(0, 0x80), T.msr(.basepri, 0), T.movs(0, 1), T.msr(.control, 0), T.isb, T.wfi, T.log(1), handlers: [15: T.log(15)])
        #expect(bench.run(cycles: 10_000) == .deadline)
        #expect(try bench.log == [])
        #expect(bench.board.isAsleep)
    }

    @Test func nothingThatCouldWakeTheCoreEndsARunWithoutDeadline() throws {
        let bench = try Bench(T.wfi)
        bench.board.setHoldBoot(released: true)
        #expect(bench.board.run(until: .max) == .asleep)
        #expect(bench.board.core.retired == 1)
    }

    @Test func sevBeforeWFEDoesNotSleep() throws {
        let bench = try Bench(T.sev, T.wfe, T.log(1), T.wfe, T.log(2))
        bench.run(cycles: 5_000)
        #expect(try bench.log == [1])
        #expect(bench.board.isAsleep)
    }

    @Test func anExceptionsReturnIsAnEventForWFE() throws {
        let bench = try Bench(T.svc(0), T.wfe, T.log(1), handlers: [11: T.nop])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [1])
    }

    @Test func deepSleepStopsTheTickWhereItIs() throws {
        let deep = try Self.sleeper(scr: 4), light = try Self.sleeper(scr: 0)
        deep.run(cycles: 50_000)
        light.run(cycles: 50_000)
        #expect(try light.log.count > 40)
        #expect(try deep.log == [])
        #expect(deep.board.isAsleep)
        // The mailbox wakes it, and the tick comes when what was left of its period is over.
        try deep.board.writeWord(PhysicalAddress(0x4C00_1008), 1 << 16, secure: false)
        deep.run(cycles: 500)
        #expect(try deep.log == [103, 1])
        deep.run(cycles: 600)
        #expect(try deep.log == [103, 1, 15])
    }

    /// Asleep with a tick each thousand cycles and the mailbox's interrupt enabled; logs 1 behind the WFI, then stays.
    private static func sleeper(scr: UInt32) throws -> Bench {
        let wait = scr == 0 ? T.wfi + T.b(-2) : T.wfi
        return try Bench(
            T.poke(PPB.scr, scr), T.poke(0xE000_E10C, 1 << 7), T.poke(0x4C00_1010, 1), T.poke(0x4C00_1014, 0), T.poke(PPB.systRVR, 999), T.poke(PPB.systCVR, 0),
            T.poke(PPB.systCSR, 7), wait, T.poke(PPB.scr, 0), T.log(1),
            handlers: [15: T.log(15), 119: T.poke(0x4C00_1018, 1) + T.log(103)])
    }

    @Test func sleepOnExitSleepsAfterTheLastHandler() throws {
        let bench = try Bench(T.poke(PPB.scr, 2), T.poke(PPB.icsr, PPB.pendSV), T.isb, T.log(1), handlers: [14: T.log(14)])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [14])
        #expect(bench.board.isAsleep)
    }

    @Test func aSourceThatIsAlwaysDueDoesNotStopTime() throws {
        let bench = try Bench(T.wfi)
        let events = bench.board.eventQueue
        var runs = 0, slot: EventQueue.Slot?
        slot = events.register("busy") { [unowned events] now in
            runs += 1
            if let slot { events.schedule(slot, at: now) }
        }
        if let slot { events.schedule(slot, at: 0) }
        #expect(bench.run(cycles: 1000) == .deadline)
        #expect((900...1100).contains(runs))
    }
}
