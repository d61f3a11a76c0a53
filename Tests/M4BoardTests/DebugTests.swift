// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import TestSupport
import Testing

/// Breakpoints, watchpoints and the DebugMonitor exception.
@Suite struct DebugTests {
    private static let demcr: UInt32 = 0xE000_EDFC, dfsr: UInt32 = 0xE000_ED30
    private static let monitor: UInt32 = 1 << 16, step: UInt32 = 1 << 18, trace: UInt32 = 1 << 24

    /// Where a program that starts at `Bench.code` stands behind `parts`.
    private func address(behind parts: [UInt16]...) -> UInt32 { Bench.code + 2 * UInt32(parts.joined().count) }

    // MARK: The host's breakpoints

    @Test func aBreakpointStopsBeforeItsInstructionEachTime() throws {
        let bench = try Bench()
        // movs r2, #3; loop: adds r4, #1; subs r2, #1; bne loop
        try bench.program(Thumb.load(4, 0), [0x2203], [0x3401], [0x3A01], [0xD1FC], Bench.exit)
        let subtract = address(behind: Thumb.load(4, 0), [0x2203], [0x3401])
        try bench.core.setBreakpoints([subtract | 1])
        for round in 1...3 as ClosedRange<UInt32> {
            guard case .breakpoint(let report) = bench.run() else { Issue.record("no breakpoint"); return }
            #expect(report.cause == .breakpoint && report.pc == subtract)
            #expect(report.registers.r[4] == round && report.registers.r[2] == 4 - round)
            #expect(report.retired == UInt64(3 * round), "two before the loop, and the loop's instructions")
        }
        #expect(bench.run() == .exit(code: 0))
    }

    @Test func aBreakpointInAnITBlockStopsBeforeItsInstructionOrTheBlock() throws {
        let bench = try Bench()
        // cmp r0, r0; itte eq; moveq r4, #1; moveq r5, #2; movne r6, #3
        let block: [UInt16] = [0x4280, 0xBF06, 0x2401, 0x2502, 0x2603]
        try bench.program(Thumb.load(4, 0), Thumb.load(5, 0), Thumb.load(6, 0), block, Bench.exit)
        let start = address(behind: Thumb.load(4, 0), Thumb.load(5, 0), Thumb.load(6, 0))
        // The second's condition fails: the block is reached all the same.
        try bench.core.setBreakpoints([start + 6, start + 8])
        guard case .breakpoint(let report) = bench.run() else { Issue.record("no breakpoint"); return }
        if M4Board.hasOwnEngine {
            #expect(report.pc == start + 6 && report.registers.r[4] == 1 && report.registers.r[5] == 0)
            guard case .breakpoint(let second) = bench.run() else { Issue.record("no second breakpoint"); return }
            #expect(second.pc == start + 8 && second.registers.r[5] == 2 && second.retired == report.retired + 1)
        } else {
            #expect(report.pc == start + 2 && report.registers.r[4] == 0)
        }
        bench.runToExit()
        #expect(bench.core.registers.r[4] == 1 && bench.core.registers.r[5] == 2 && bench.core.registers.r[6] == 0)
    }

    @Test func breakpointsComeAndGoInCodeThatHasRun() throws {
        let bench = try Bench()
        try bench.program(Thumb.load(4, 0), [0x3401], Thumb.stay)
        try bench.program()
        bench.run(cycles: 100)
        let stay = address(behind: Thumb.load(4, 0), [0x3401])
        try bench.core.setBreakpoints([stay])
        guard case .breakpoint = bench.run() else { Issue.record("no breakpoint"); return }
        let retired = bench.core.retired
        guard case .breakpoint = bench.run() else { Issue.record("no second breakpoint"); return }
        #expect(bench.core.retired == retired + 1)
        try bench.core.setBreakpoints([])
        #expect(bench.run(cycles: 100) == .deadline)
    }

    @Test func breakpointsChangeNeitherTimeNorTrace() throws {
        func end(_ breakpoints: [UInt32]) throws -> [UInt64] {
            let bench = try Bench()
            try bench.program(Thumb.load(4, 0), Thumb.poke(0xE000_E014, 999), Thumb.poke(0xE000_E010, 7), Thumb.load(3, 2000), [0x3B01], [0xD1FD], Bench.exit)
            try bench.handler(15, Thumb.adds(4, 1), Thumb.bxLR)
            try bench.core.setBreakpoints(breakpoints)
            var reason = bench.run()
            while case .breakpoint = reason { reason = bench.run() }
            return [bench.board.cycles, bench.core.retired, UInt64(bench.core.registers.r[4])]
        }
        #expect(try end([0x1000, 0x1002]) == end([]))
    }

    @Test func aBKPTStopsTheRunWhereADebuggerIsAndIsSteppedOverAfterwards() throws {
        let bench = try Bench()
        bench.core.haltsAtBKPT = true
        try bench.program(Thumb.load(4, 7), [0xBE05], Bench.exit)
        guard case .breakpoint(let report) = bench.run() else { Issue.record("no breakpoint"); return }
        #expect(report.cause == .instruction(5) && report.pc == address(behind: Thumb.load(4, 7)) && report.retired == 1)
        #expect(bench.run() == .exit(code: 0))
    }

    // MARK: Watchpoints

    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's")) func aWatchpointTellsWhoWroteWhat() throws {
        let bench = try Bench()
        let prologue = Thumb.load(0, Bench.results) + Thumb.load(1, 0x1234_5678)
        // str r1, [r0, #4]; ldr r2, [r0]; strb r1, [r0, #1]; movs r7, #1
        try bench.program(prologue, [0x6041], [0x6802], [0x7041], [0x2701], Bench.exit)
        try bench.word(Bench.results, 0xAABB_CCDD)
        try bench.core.setWatchpoints([Watchpoint(address: Bench.results, count: 4)])
        guard case .watchpoint(let report) = bench.run(), case .access(let access) = report.cause else { Issue.record("no watchpoint"); return }
        let store = address(behind: prologue, [0x6041], [0x6802])
        #expect(access.pc == store && access.address == Bench.results + 1 && access.count == 1 && access.isWrite)
        #expect(access.old == 0xAABB_CCDD && access.new == 0xAABB_78DD)
        #expect(report.pc == store + 2 && report.registers.r[7] != 1)
        #expect(access.description == "write of 1 byte at 0x10009001, 0xaabbccdd -> 0xaabb78dd")
        bench.runToExit()
        #expect(bench.core.registers.r[2] == 0xAABB_CCDD)
    }

    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's")) func aReadWatchpointSeesReadsThroughAnAlias() throws {
        let bench = try Bench()
        try bench.program(Thumb.load(0, 0x3000_0000 | Bench.results & 0xFFFF), [0x6001], [0x6802], Bench.exit)
        try bench.core.setWatchpoints([Watchpoint(address: Bench.results, count: 4, reads: true, writes: false)])
        guard case .watchpoint(let report) = bench.run(), case .access(let access) = report.cause else { Issue.record("no watchpoint"); return }
        #expect(!access.isWrite && access.address == 0x3000_9000)
    }

    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's"), arguments: [0, 1, 15, 16, 63])
    func eachOfManyWatchpointsIsWatchedThroughEachAlias(_ which: Int) throws {
        let bench = try Bench()
        let offset = 0x2_0000 + UInt32(which) * 0x400
        try bench.program(Thumb.load(0, 0x3000_0000 | offset), [0x6001], Bench.exit)
        try bench.core.setWatchpoints((0..<64).map { Watchpoint(address: 0x1002_0000 + UInt32($0) * 0x400, count: 4) })
        guard case .watchpoint(let report) = bench.run(), case .access(let access) = report.cause else { Issue.record("no watchpoint"); return }
        #expect(access.address == 0x3000_0000 | offset && access.isWrite)
    }

    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's")) func anAccessBesideAWatchpointInItsPageGoesOnUnchanged() throws {
        func end(_ watches: Bool) throws -> [UInt64] {
            let bench = try Bench()
            // r2 = 50; loop: ldr r3, [r0, #8]; adds r3, #1; str r3, [r0, #8]; subs r2, #1; bne loop
            try bench.program(Thumb.load(0, Bench.results), Thumb.load(2, 50), [0x6883], [0x3301], [0x6083], [0x3A01], [0xD1FA], Bench.exit)
            if watches { try bench.core.setWatchpoints([Watchpoint(address: Bench.results, count: 4, reads: true)]) }
            bench.runToExit()
            return [bench.board.cycles, bench.core.retired, UInt64(try bench.result(2))]
        }
        #expect(try end(true) == end(false))
    }

    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's")) func aBreakpointOnAnInstructionThatIsWatchedIsHitOnce() throws {
        let bench = try Bench()
        try bench.program(Thumb.load(0, Bench.results), [0x6001], Bench.exit)
        let store = address(behind: Thumb.load(0, Bench.results))
        try bench.core.setBreakpoints([store])
        try bench.core.setWatchpoints([Watchpoint(address: Bench.results, count: 4)])
        guard case .breakpoint(let before) = bench.run() else { Issue.record("no breakpoint"); return }
        #expect(before.pc == store)
        guard case .watchpoint(let after) = bench.run() else { Issue.record("no watchpoint"); return }
        #expect(after.pc == store + 2 && after.retired == before.retired + 1)
        #expect(bench.run() == .exit(code: 0))
    }

    // MARK: The DebugMonitor exception

    @Test func aBKPTTakesTheMonitorWhenItIsEnabled() throws {
        let bench = try Bench()
        try bench.program(Thumb.poke(Self.demcr, Self.monitor), [0xBE07], [0x2601], Bench.exit)
        let breakpoint = address(behind: Thumb.poke(Self.demcr, Self.monitor))
        // The stacked PC is the BKPT's own: the handler goes behind it.
        try bench.handler(12, Thumb.ldrW(7, 13, 24), Thumb.mov(5, 7), Thumb.adds(7, 2), Thumb.strW(7, 13, 24), Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == breakpoint && bench.core.registers.r[6] == 1)
        #expect(bench.core.scs.read(Self.dfsr, size: 4) == 1 << 1)
        #expect(bench.core.faultCount == 0)
    }

    @Test(arguments: [true, false]) func aBKPTThatTheMonitorCannotTakeIsAHardFault(_ enabled: Bool) throws {
        let bench = try Bench(faultPolicy: .hardFault)
        // BASEPRI 0x40 with the monitor at 0x80; or the monitor off.
        try bench.program(
            Thumb.poke(0xE000_ED30 - 0x10, 0x80), Thumb.poke(Self.demcr, enabled ? Self.monitor : 0), Thumb.load(0, 0x40), Thumb.msr(.basepri, 0),
            [0xBE07])
        try bench.handler(3, Thumb.stay)
        guard case .fault(let report) = bench.run() else { Issue.record("no fault"); return }
        #expect(report.fault == .debugEvent && report.taken == .hardFault && report.status.hfsr == 1 << 31)
        #expect(bench.core.scs.read(Self.dfsr, size: 4) == 1 << 1)
    }

    @Test func pendingTheMonitorTakesIt() throws {
        let bench = try Bench()
        try bench.program(Thumb.load(4, 0), Thumb.poke(Self.demcr, 1 << 17), Thumb.isb, Bench.exit)
        try bench.handler(12, Thumb.adds(4, 1), Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[4] == 1)
    }

    @Test func steppingTakesTheMonitorBehindEachInstructionOfThreadCode() throws {
        let bench = try Bench()
        // R0 to R3 and R12 come back from the frame; the handler counts in R4 and keeps the stacked PC in memory at [r5 + 4 * r4].
        let prologue = Thumb.load(4, 0) + Thumb.load(5, Bench.results) + Thumb.load(6, 0)
        let start = Thumb.poke(Self.demcr, Self.monitor | Self.step) + Thumb.isb
        // adds r6, #1; b over; (skipped) ; over: cmp r6, r6; it eq; addeq r6, #1 (16-bit, in an IT block); svc 0; nop
        let body: [UInt16] = [0x3601, 0xE000, 0x3640, 0x42B6, 0xBF08, 0x3601, 0xBF00, 0xBF00, 0xBF00]
        try bench.program(prologue, start, body, Thumb.poke(Self.demcr, 0), Thumb.isb, Bench.exit)
        // ldr r0, [sp, #24]; str r0, [r5, r4, lsl #2]; adds r4, #1; cmp r4, #6: stop stepping; bx lr
        try bench.handler(
            12, Thumb.ldrW(0, 13, 24), [0xF845, 0x0024], Thumb.adds(4, 1), [0x2C06], Thumb.bne(20),
            Thumb.poke(Self.demcr, 0), Thumb.bxLR)
        bench.runToExit()
        let at = address(behind: prologue, start)
        let stops = try (0..<6).map { try bench.result($0) }
        // With the system's library an IT block is one step.
        #expect(Array(stops[..<4]) == [at + 2, at + 6, at + 8, M4Board.hasOwnEngine ? at + 10 : at + 12])
        #expect(bench.core.registers.r[6] == 2 && bench.core.registers.r[4] == 6)
        #expect(bench.core.scs.read(Self.dfsr, size: 4) == 1, "DFSR.HALTED")
    }

    // MARK: FPB and DWT

    @Test func aFlashPatchBreakpointTakesTheMonitor() throws {
        let bench = try Bench()
        try bench.place([0x3401, 0x3402, 0x4770], at: 0x800)  // adds r4, #1; adds r4, #2; bx lr
        try bench.program(
            Thumb.load(4, 0), Thumb.load(6, 0x801), [0x47B0], Thumb.poke(Self.demcr, Self.monitor), Thumb.poke(0xE000_2008, 0x801 | 2 << 30),
            Thumb.poke(0xE000_2000, 3), Thumb.isb, [0x47B0], Bench.exit)
        // Keeps the stacked PC and R4, and turns the unit off.
        try bench.handler(12, Thumb.ldrW(5, 13, 24), Thumb.mov(7, 4), Thumb.poke(0xE000_2000, 2), Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 0x802 && bench.core.registers.r[7] == 4 && bench.core.registers.r[4] == 6)
        #expect(bench.core.scs.read(Self.dfsr, size: 4) == 1 << 1)
    }

    @Test func aFlashPatchBreakpointWithoutMonitorIsNone() throws {
        let bench = try Bench()
        try bench.program(Thumb.poke(0xE000_2008, 0x801 | 1 << 30), Thumb.poke(0xE000_2000, 3), Thumb.isb, Thumb.load(6, 0x801), [0x47B0], [0x47B0], Bench.exit)
        try bench.place([0x3401, 0x4770], at: 0x800)
        bench.runToExit()
        #expect(bench.core.faultCount == 0 && bench.core.registers.r[4] == 2)
    }

    @Test func aMatchedInstructionTakesTheMonitorBehindIt() throws {
        let bench = try Bench()
        try bench.place([0x3401, 0x3402, 0x4770], at: 0x800)
        try bench.program(
            Thumb.load(4, 0), Thumb.load(6, 0x801), Thumb.poke(Self.demcr, Self.monitor | Self.trace), Thumb.poke(0xE000_1020, 0x800),
            Thumb.poke(0xE000_1028, 4), Thumb.isb, [0x47B0], [0x47B0], Bench.exit)
        try bench.handler(12, Thumb.ldrW(5, 13, 24), Thumb.count(Bench.results), Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 0x802)
        #expect(try bench.result(0) == 2)
        #expect(bench.core.registers.r[4] == 6)
        #expect(bench.core.scs.read(Self.dfsr, size: 4) == 1 << 2)
        #expect(bench.core.scs.read(0xE000_1028, size: 4) == 1 << 24 | 4)
    }

    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's")) func aMatchedWriteTakesTheMonitorBehindIt() throws {
        let bench = try Bench()
        try bench.program(
            Thumb.poke(Self.demcr, Self.monitor | Self.trace), Thumb.poke(0xE000_1030, Bench.results + 8), Thumb.poke(0xE000_1034, 2),
            Thumb.poke(0xE000_1038, 6), Thumb.isb, Thumb.load(0, Bench.results), Thumb.load(1, 5), [0x6041], [0x6882], [0x6081], [0x2601], Bench.exit)
        // Keeps the stacked PC, and R6 as it was.
        try bench.handler(12, Thumb.ldrW(5, 13, 24), Thumb.mov(7, 6), Thumb.bxLR)
        bench.runToExit()
        let store = Bench.code + 2 * UInt32(
            (Thumb.poke(Self.demcr, Self.monitor | Self.trace) + Thumb.poke(0xE000_1030, Bench.results + 8) + Thumb.poke(0xE000_1034, 2)
                + Thumb.poke(0xE000_1038, 6) + Thumb.isb + Thumb.load(0, Bench.results) + Thumb.load(1, 5)).count + 2)
        #expect(bench.core.registers.r[5] == store + 2 && bench.core.registers.r[7] == 0 && bench.core.registers.r[6] == 1)
        #expect(try bench.result(2) == 5)
        #expect(bench.core.scs.read(Self.dfsr, size: 4) == 1 << 2)
    }

    @Test func theSampledPCIsNearTheReader() throws {
        let bench = try Bench()
        try bench.program(Thumb.poke(Self.demcr, Self.trace), Thumb.load(0, 0xE000_101C), Thumb.isb, Thumb.ldrW(4, 0), Bench.exit)
        bench.runToExit()
        #expect(bench.core.registers.r[4] >= Bench.code && bench.core.registers.r[4] < Bench.code + 64)
    }
}
