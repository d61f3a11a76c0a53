// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import TestSupport
import Testing

/// Steps and registers as an external debugger has them.
@Suite struct DebugPortTests {
    /// A program that has been released and stands before its first instruction.
    private func standing(_ parts: Thumb.Code..., handlers: [Int: Thumb.Code] = [:]) throws -> Bench {
        let bench = try Bench()
        for (number, code) in handlers { try bench.handler(number, code, Thumb.bxLR) }
        for part in parts { try bench.program(part) }
        bench.board.setHoldBoot(released: true)
        return bench
    }
    private func pc(_ bench: Bench) -> UInt32 { UInt32(bench.board.register(.r(15))) }
    private func offset(_ bench: Bench) -> Int { Int(pc(bench)) - Int(Bench.code) }
    private func step(_ bench: Bench, within range: ClosedRange<UInt32>? = nil) -> StepEnd { bench.board.step(within: range, until: bench.board.cycles + 100_000) }
    private func address(_ offset: Int) -> UInt32 { Bench.code + UInt32(offset) }

    /// What gdb does to go on from a breakpoint: take it out, step, put it back.
    @Test func `A breakpoint that was stepped off without it is hit the next time`() throws {
        let bench = try standing([0x2001], [0x3001], [0xE7FD])
        let here = address(2), elsewhere = address(0x100)
        try bench.core.setBreakpoints([here, elsewhere])
        for round in 1...4 as ClosedRange<UInt64> {
            #expect(bench.run(cycles: 1_000).name == "breakpoint")
            #expect(pc(bench) == here && bench.board.register(.r(0)) == round)
            try bench.core.setBreakpoints([elsewhere])
            #expect(step(bench) == .stepped)
            try bench.core.setBreakpoints([here, elsewhere])
        }
    }

    // MARK: One instruction

    @Test func `A step executes one instruction, of whatever size`() throws {
        // movs r0, #1; movw r1, #2; b over; (skipped); over: adds r0, #1; str r0, [sp, #0]
        let bench = try standing([0x2001], [0xF240, 0x0102], [0xE000], [0x3040], [0x3001], [0x9000], Thumb.stay)
        var seen: [Int] = []
        for _ in 0..<6 {
            #expect(step(bench) == .stepped)
            seen.append(offset(bench))
        }
        #expect(seen == [2, 6, 10, 12, 14, 14])
        #expect(bench.board.register(.r(0)) == 2 && bench.board.register(.r(1)) == 2)
        #expect(bench.core.retired == 6)
        #expect(try bench.word(Bench.stack) == 2)
    }

    @Test(.enabled(if: M4Board.hasOwnEngine, "the system's library does not stop in an IT block")) func `Each instruction of an IT block is a step`() throws {
        // cmp r0, r0; itte eq; moveq r4, #1; moveq r5, #2; movne r6, #3; nop
        let bench = try standing([0x2400, 0x2500, 0x2600], [0x4280, 0xBF06, 0x2401, 0x2502, 0x2603, 0xBF00], Thumb.stay)
        for _ in 0..<3 { _ = step(bench) }
        var seen: [[Int]] = []
        for _ in 0..<6 {
            #expect(step(bench) == .stepped)
            let status = UInt32(bench.board.register(.xpsr))
            seen.append([offset(bench), Int(status >> 8 & 0xFC | status >> 25 & 3), Int(bench.board.register(.r(4))), Int(bench.board.register(.r(5)))])
        }
        #expect(seen == [[8, 0, 0, 0], [10, 0x06, 0, 0], [12, 0x0C, 1, 0], [14, 0x18, 1, 2], [16, 0, 1, 2], [18, 0, 1, 2]])
        #expect(bench.board.register(.r(6)) == 0)
    }

    @Test func `Steps and a run come to the same`() throws {
        let program = Thumb.load(4, 0) + Thumb.load(3, 300) + [0x3403, 0x4064, 0x3B01, 0xD1FB] + Thumb.load(4, 7)
        let ran = try standing(program, Thumb.bkpt(1)), stepped = try standing(program, Thumb.bkpt(1))
        ran.core.haltsAtBKPT = true
        stepped.core.haltsAtBKPT = true
        _ = ran.run()
        var count = 0
        while case .stepped = step(stepped) { count += 1 }
        #expect(stepped.core.registers == ran.core.registers)
        #expect(stepped.core.retired == ran.core.retired && count == Int(ran.core.retired))
    }

    @Test func `An exception that is due is entered in place of the instruction, and its return is a step`() throws {
        let bench = try standing(Thumb.poke(PPB.icsr, PPB.pendSV), [0x2605], Thumb.stay, handlers: [14: [0x2407]])
        let store = Thumb.poke(PPB.icsr, PPB.pendSV).count * 2
        for _ in 0..<5 { #expect(step(bench) == .stepped) }
        #expect(offset(bench) == store, "pending, and not entered yet")
        #expect(step(bench) == .stepped)
        #expect(pc(bench) == Bench.handler(14) && bench.board.register(.xpsr) & 0x1FF == 14 && bench.board.register(.r(4)) != 7)
        #expect(step(bench) == .stepped)
        #expect(pc(bench) == Bench.handler(14) + 2 && bench.board.register(.r(4)) == 7)
        #expect(step(bench) == .stepped)
        #expect(offset(bench) == store && bench.board.register(.xpsr) & 0x1FF == 0)
        #expect(step(bench) == .stepped)
        #expect(bench.board.register(.r(6)) == 5)
    }

    @Test func `An SVC's step ends at its handler's first instruction, a fault's too`() throws {
        let bench = try standing(Thumb.svc(3), Thumb.undefined, Thumb.stay, handlers: [11: [0x2407], 3: [0x2408]])
        #expect(step(bench) == .stepped)
        #expect(pc(bench) == Bench.handler(11))
        for _ in 0..<2 { _ = step(bench) }
        #expect(offset(bench) == 2)
        #expect(step(bench) == .stepped)
        #expect(pc(bench) == Bench.handler(3) && bench.core.currentException == .hardFault)
    }

    @Test func `A step to a WFI ends asleep, and the next begins with what awakes it`() throws {
        let bench = try standing(Thumb.poke(PPB.systRVR, 999), Thumb.poke(PPB.systCSR, 7), Thumb.wfi, [0x2605], Thumb.stay, handlers: [15: [0x2407]])
        let sleep = (Thumb.poke(0, 0).count * 2) * 2
        while offset(bench) < sleep { #expect(step(bench) == .stepped) }
        #expect(step(bench) == .stepped)
        #expect(offset(bench) == sleep + 2 && bench.board.isAsleep)
        let before = bench.core.retired
        #expect(step(bench) == .stepped)
        #expect(pc(bench) == Bench.handler(15) && !bench.board.isAsleep && bench.core.retired == before)
    }

    @Test func `A sleep that nothing ends is the deadline's`() throws {
        let bench = try standing(Thumb.wfi, Thumb.stay)
        #expect(step(bench) == .stepped)
        #expect(step(bench) == .stopped(.deadline) && bench.board.isAsleep && offset(bench) == 2)
    }

    @Test func `A breakpoint does not keep a step from its own instruction, and holds a run that comes back`() throws {
        // loop: adds r4, #1; b loop
        let bench = try standing(Thumb.load(4, 0), [0x3401, 0xE7FD])
        try bench.core.setBreakpoints([address(4), address(6)])
        #expect(step(bench) == .stepped)
        #expect(offset(bench) == 4)
        #expect(step(bench) == .stepped)
        #expect(offset(bench) == 6 && bench.board.register(.r(4)) == 1)
        #expect(step(bench) == .stepped)
        guard case .breakpoint(let report) = bench.run() else { Issue.record("no breakpoint"); return }
        #expect(report.pc == address(4))
    }

    @Test(.enabled(if: M4Board.hasOwnEngine, "needs the engine of engine/")) func `A step over a watched store stops with it`() throws {
        let bench = try standing(Thumb.load(0, Bench.results), [0x6001], Thumb.stay)
        try bench.core.setWatchpoints([Watchpoint(address: Bench.results, count: 4)])
        _ = step(bench); _ = step(bench)
        guard case .stopped(.watchpoint(let report)) = step(bench) else { Issue.record("no watchpoint"); return }
        #expect(report.pc == address(10) && report.place == address(8))
    }

    @Test func `Steps are quick`() throws {
        let bench = try standing(Thumb.load(3, 0), [0x3301, 0xE7FD])
        let clock = ContinuousClock()
        let time = clock.measure { for _ in 0..<20_000 { _ = step(bench) } }
        // A gdb session wants 2,000 a second, and has more to do.
        #expect(time < .seconds(2), "20,000 steps took \(time)")
    }

    // MARK: Ranges

    @Test func `A range is left where its code goes on, and its loops run`() throws {
        // loop: subs r3, #1; bne loop; adds r4, #1
        let bench = try standing(Thumb.load(3, 20_000), Thumb.load(4, 0), [0x3B01, 0xD1FD], [0x3401], Thumb.stay)
        #expect(step(bench, within: address(0)...address(11)) == .stepped)
        #expect(offset(bench) == 12 && bench.board.register(.r(3)) == 0 && bench.board.register(.r(4)) == 0)
        #expect(bench.core.retired == 2 + 40_000)
    }

    @Test func `A step through a range that ends in the midst of a block executes nothing behind it`() throws {
        let bench = try standing([0x2001, 0x2002, 0x2003, 0x2004], Thumb.stay)
        for _ in 0..<2 {
            #expect(step(bench, within: address(0)...address(3)) == .stepped)
            #expect(offset(bench) == 4 && bench.board.register(.r(0)) == 2 && bench.core.retired % 2 == 0)
            #expect(bench.board.setRegister(.r(15), to: UInt64(Bench.code)))
        }
        // And blocks that end there have not stayed.
        #expect(step(bench, within: address(0)...address(7)) == .stepped)
        #expect(offset(bench) == 8 && bench.board.register(.r(0)) == 4)
    }

    @Test func `A call out of a range ends the step at the callee`() throws {
        let bench = try standing(Thumb.load(6, 0x801), [0x47B0], [0x2605], Thumb.stay)
        try bench.place([0x2409, 0x4770], at: 0x800)
        #expect(step(bench, within: address(0)...address(7)) == .stepped)
        #expect(pc(bench) == 0x800)
    }

    @Test(.enabled(if: M4Board.hasOwnEngine, "needs the engine of engine/")) func `An interrupt's handler runs within a step through a range`() throws {
        // r3 = 3000: loop: subs r3, #1; bne loop; and SysTick every 500 cycles
        let bench = try standing(
            Thumb.poke(PPB.systRVR, 499), Thumb.poke(PPB.systCVR, 0), Thumb.poke(PPB.systCSR, 7), Thumb.load(3, 3000), [0x3B01, 0xD1FD], [0x2605], Thumb.stay,
            handlers: [15: Thumb.count(Bench.results)])
        let loop = (Thumb.poke(0, 0).count * 3) * 2 + 4
        try bench.core.setBreakpoints([address(loop)])
        guard case .breakpoint = bench.run() else { Issue.record("no breakpoint"); return }
        try bench.core.setBreakpoints([])
        #expect(step(bench, within: address(loop)...address(loop + 3)) == .stepped)
        #expect(offset(bench) == loop + 4 && bench.board.register(.r(3)) == 0)
        #expect(try bench.result(0) >= 10)
        // With deadlines in its midst, in the handler perhaps, it comes to the same.
        let other = try standing(
            Thumb.poke(PPB.systRVR, 499), Thumb.poke(PPB.systCVR, 0), Thumb.poke(PPB.systCSR, 7), Thumb.load(3, 3000), [0x3B01, 0xD1FD], [0x2605], Thumb.stay,
            handlers: [15: Thumb.count(Bench.results)])
        try other.core.setBreakpoints([address(loop)])
        _ = other.run()
        try other.core.setBreakpoints([])
        var end = StepEnd.stopped(.deadline), rounds = 0
        while end == .stopped(.deadline), rounds < 10_000 {
            end = other.board.step(within: address(loop)...address(loop + 3), until: other.board.cycles + 7)
            rounds += 1
        }
        #expect(end == .stepped && offset(other) == loop + 4 && rounds > 100)
        #expect(try other.result(0) == bench.result(0))
    }

    @Test func `A breakpoint within a range stops there`() throws {
        let bench = try standing([0x2001, 0x2002, 0x2003, 0x2004], Thumb.stay)
        try bench.core.setBreakpoints([address(0), address(4)])
        guard case .stopped(.breakpoint(let report)) = step(bench, within: address(0)...address(7)) else { Issue.record("no breakpoint"); return }
        #expect(report.pc == address(4) && bench.board.register(.r(0)) == 2)
    }

    // MARK: Breakpoints

    @Test func `Thousands of breakpoints are kept, and what is elsewhere changes nothing`() throws {
        func end(_ breakpoints: [UInt32]) throws -> [UInt64] {
            let bench = try standing(Thumb.load(3, 5000), Thumb.load(4, 0), [0x3401, 0x3B01, 0xD1FC], Thumb.bkpt(0))
            bench.core.haltsAtBKPT = true
            try bench.core.setBreakpoints(breakpoints)
            _ = bench.run()
            return [bench.board.cycles, bench.core.retired, bench.board.register(.r(4)), UInt64(bench.core.history.count)]
        }
        let many = (0..<5000).map { 0x1000_1000 + $0 * 2 } as [UInt32]
        #expect(try end(many) == end([]))
        let bench = try standing(Thumb.load(3, 5000), Thumb.load(4, 0), [0x3401, 0x3B01, 0xD1FC], Thumb.bkpt(0))
        try bench.core.setBreakpoints(many + [address(10)])
        guard case .breakpoint(let report) = bench.run() else { Issue.record("no breakpoint"); return }
        #expect(report.pc == address(10) && bench.board.register(.r(4)) == 1)
        try bench.core.setBreakpoints(many)
        #expect(bench.run(cycles: 1000) == .deadline)
        try bench.core.setBreakpoints([address(8)])
        guard case .breakpoint(let other) = bench.run() else { Issue.record("no second breakpoint"); return }
        #expect(other.pc == address(8))
    }

    // MARK: Registers

    @Test func `Every register is written and read, in thread mode`() throws {
        let bench = try standing(Thumb.stay)
        let board = bench.board
        for n in 0...12 { #expect(board.setRegister(.r(n), to: UInt64(0x100 + n))) }
        #expect(board.setRegister(.r(14), to: 0x1234_5679))
        for n in 0...12 { #expect(board.register(.r(n)) == UInt64(0x100 + n)) }
        #expect(board.register(.r(14)) == 0x1234_5679 && board.register(.r(13)) == UInt64(Bench.stack) && board.register(.msp) == UInt64(Bench.stack))
        #expect(board.setRegister(.psp, to: 0x1000_7000))
        #expect(board.register(.psp) == 0x1000_7000 && board.register(.r(13)) == UInt64(Bench.stack))
        // SPSEL and nPRIV: the process stack is in use, and its registers are there all the same.
        #expect(board.setRegister(.control, to: 3))
        #expect(board.register(.control) == 3 && board.register(.r(13)) == 0x1000_7000)
        #expect(board.setRegister(.r(13), to: 0x1000_6FF0) && board.register(.psp) == 0x1000_6FF0)
        #expect(board.setRegister(.msp, to: 0x1000_7FF0) && board.register(.msp) == 0x1000_7FF0 && board.register(.r(13)) == 0x1000_6FF0)
        for (register, value, read) in [(DebugRegister.primask, 1, 1), (.basepri, 0x4F, 0x40), (.faultmask, 1, 1)] as [(DebugRegister, UInt64, UInt64)] {
            #expect(board.setRegister(register, to: value) && board.register(register) == read)
            #expect(board.setRegister(register, to: 0) && board.register(register) == 0)
        }
        #expect(board.setRegister(.control, to: 0) && board.register(.control) == 0 && board.register(.r(13)) == 0x1000_7FF0)
        #expect(board.setRegister(.xpsr, to: 0xF80F_0000 | 1 << 24) && board.register(.xpsr) == 0xF90F_0000)
        #expect(!board.setRegister(.xpsr, to: 1 << 24 | 5), "an exception's number is not a debugger's to set")
        for n in 0...15 { #expect(board.setRegister(.d(n), to: 0x1_0000_0001 &* UInt64(n + 3))) }
        for n in 0...15 { #expect(board.register(.d(n)) == 0x1_0000_0001 &* UInt64(n + 3)) }
        #expect(board.setRegister(.fpscr, to: 0x0300_0000) && board.register(.fpscr) == 0x0300_0000)
        #expect(board.register(.d(16)) == 0 && !board.setRegister(.d(16), to: 1) && !board.setRegister(.r(16), to: 1))
    }

    @Test func `Registers are there in a handler, asleep, locked up and in reset`() throws {
        let bench = try standing(Thumb.load(4, 0x77), Thumb.svc(0), handlers: [11: Thumb.wfi + Thumb.undefined])
        bench.board.setHoldBoot(released: true)
        for _ in 0..<3 { _ = step(bench) }
        #expect(bench.board.isAsleep && bench.board.register(.r(15)) == UInt64(Bench.handler(11)) + 2 && bench.board.register(.xpsr) & 0x1FF == 11)
        #expect(bench.board.register(.r(4)) == 0x77 && bench.board.register(.msp) == UInt64(Bench.stack) - 0x20)
        // Where to go on is the debugger's decision.
        #expect(bench.board.setRegister(.r(15), to: UInt64(Bench.handler(11)) + 2) && !bench.board.isAsleep)
        guard case .stopped(.lockup) = step(bench) else {
            // HardFault's vector is execute-never: the lockup is the next step's.
            guard case .stopped(.lockup) = step(bench) else { Issue.record("no lockup"); return }
            #expect(bench.board.isLockedUp && bench.board.register(.r(4)) == 0x77)
            return
        }
        #expect(bench.board.isLockedUp && bench.board.register(.r(4)) == 0x77)
    }

    @Test func `The program counter moves what is executed next`() throws {
        let bench = try standing([0x2001, 0x2002, 0x2003], Thumb.stay)
        #expect(bench.board.setRegister(.r(15), to: UInt64(address(4))))
        #expect(step(bench) == .stepped)
        #expect(bench.board.register(.r(0)) == 3)
    }
}
