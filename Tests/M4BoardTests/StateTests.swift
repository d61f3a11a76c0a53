// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import TestSupport
import Testing

/// All of a board as one value, which is saved, restored, and gone on from.
@Suite struct StateTests {
    /// What a board is made of, so that one like it can be made.
    struct Machine: Sendable, CustomTestStringConvertible {
        var name: String
        var cycles = CycleModel.instructions
        var rtt = RTT.Search.off
        var testDescription: String { "\(name), \(cycles)" }

        func board() throws -> M4Board {
            var configuration = M4Board.Configuration()
            configuration.cycleModel = cycles
            configuration.rtt = rtt
            configuration.faultPolicy = .none
            return try .sample(name, configuration)
        }
    }

    /// FPU and lazy stacking, MPU and threads, SysTick, exceptions of all kinds, sleep, peripherals, rpmsg that waits for Linux.
    static let machines = [
        Machine(name: "conformance"), Machine(name: "conformance", cycles: .coarse), Machine(name: "bench-fp"), Machine(name: "bench-mpu"),
        Machine(name: "bench-mpu", cycles: .coarse), Machine(name: "bench-svc"), Machine(name: "bench-tick", cycles: .coarse), Machine(name: "bench-tick"),
        Machine(name: "bench-delay"), Machine(name: "bench-idle"), Machine(name: "printing", rtt: .scan), Machine(name: "sensor"), Machine(name: "tty-echo"),
        Machine(name: "swift-echo"), Machine(name: "doctor-waits-for-timer"), Machine(name: "crasher-float-frame"),
    ]

    @Test(arguments: machines) func `Restored, a board does again what it did`(_ machine: Machine) throws {
        let board = try machine.board(), trace = BoardTrace()
        for (number, warmUp) in [0, 900, 60_000, 700_000].enumerated() {
            let legs = BoardTrace.legs(12, seed: UInt64(number))
            if warmUp > 0 { trace.run(board, cycles: UInt64(warmUp)) }
            let saved = board.state
            let first = trace.run(board, legs), end = board.state
            board.state = saved
            #expect(board.state == saved)
            #expect(trace.run(board, legs) == first)
            #expect(board.state == end)

            let other = try machine.board()
            other.state = saved
            #expect(trace.run(other, legs) == first)
            #expect(other.state == end)
            board.state = saved
        }
    }

    /// Two boards take turns, so that each is restored to where the other is while it still has translations of its own past.
    private func takeTurns(_ legs: [UInt64], _ machine: () throws -> M4Board, _ location: SourceLocation = #_sourceLocation) throws {
        let undisturbed = try machine(), boards = [try machine(), try machine()]
        let trace = BoardTrace(), other = BoardTrace()
        for (number, leg) in legs.enumerated() {
            trace.run(undisturbed, cycles: leg)
            let board = boards[number % 2]
            if number > 0 { board.state = boards[1 - number % 2].state }
            other.run(board, cycles: leg)
        }
        #expect(trace.lines == other.lines, sourceLocation: location)
    }

    @Test(arguments: machines) func `A board goes on where another has stopped, leg by leg`(_ machine: Machine) throws {
        try takeTurns(BoardTrace.legs(40, seed: 5)) { try machine.board() }
    }

    @Test func `Whatever firmware does, another board goes on with it`() throws {
        for seed in (1...(M4Board.enforcesPermissions ? 60 : 6)) as ClosedRange<UInt64> {
            try takeTurns([UInt64](repeating: 701, count: 30)) {
                let board = try HostileFirmware.machine(seed: seed)
                board.setHoldBoot(released: true)
                return board
            }
        }
    }

    /// LDREX, a while, and STREX, whose result is logged.
    private func exclusives() throws -> Bench {
        let bench = try Bench()
        try bench.program(
            Thumb.load(0, Bench.results), [0xE850, 0x1F00], Thumb.load(3, 5_000), Thumb.subs(3, 1), Thumb.bne(-2), [0xE840, 0x1200],
            Thumb.log(register: 2), Thumb.stay)
        return bench
    }

    @Test(arguments: [false, true]) func `An exclusive store succeeds unless somebody has stored there`(_ stores: Bool) throws {
        let bench = try exclusives(), other = try exclusives()
        bench.run(cycles: 1_000)
        if stores { try bench.word(Bench.results, 7) }
        let saved = bench.board.state
        bench.run(cycles: 20_000)
        #expect(try bench.log == [stores ? 1 : 0])
        other.board.state = saved
        other.run(cycles: 20_000)
        #expect(try other.log == [stores ? 1 : 0])
    }

    @Test func `A breakpoint that a run has stopped at lets the next run go on, there and on another board`() throws {
        func bench() throws -> Bench {
            let bench = try Bench()
            try bench.program(Thumb.movs(0, 0), Thumb.adds(0, 1), Thumb.b(-2))
            try bench.core.setBreakpoints([Bench.code + 2])
            return bench
        }
        let one = try bench(), other = try bench()
        for _ in 0..<3 { guard case .breakpoint = one.run() else { Issue.record("no breakpoint"); return } }
        let saved = one.board.state
        #expect(one.core.registers.r[0] == 2)
        guard case .breakpoint = one.run() else { Issue.record("no breakpoint"); return }
        other.board.state = saved
        guard case .breakpoint = other.run() else { Issue.record("no breakpoint"); return }
        #expect(one.core.registers.r[0] == 3 && one.core.registers == other.core.registers && one.board.cycles == other.board.cycles)
    }

    @Test func `A core that has locked up, sleeps or is held does so on another board`() throws {
        func compare(_ program: Thumb.Code, _ check: (M4Board) -> Bool) throws {
            let one = try Bench(), other = try Bench()
            try one.program(program)
            let held = one.board.state
            let reason = one.run()
            let stopped = one.board.state
            #expect(check(one.board), "\(reason)")
            other.board.state = stopped
            #expect(check(other.board))
            #expect(one.board.run(until: one.board.cycles + 5_000) == other.board.run(until: other.board.cycles + 5_000))
            #expect(one.board.cycles == other.board.cycles && one.core.retired == other.core.retired && one.board.state == other.board.state)
            #expect(one.board.run(until: .max) == other.board.run(until: .max))
            other.board.state = held
            #expect(other.board.isHeld && other.board.cycles == 0)
            #expect(other.run() == reason && other.board.state == stopped)
        }
        try compare(Thumb.cpsidF + Thumb.undefined) { $0.isLockedUp }
        try compare(Thumb.wfe + Thumb.wfe) { $0.waitsForEvent }
        try compare(Thumb.poke(PPB.scr, 1 << 2) + Thumb.wfi) { $0.isAsleep }
    }

    @Test(.enabled(if: M4Board.recordsAccesses)) func `What was noted of accesses to a word is restored`() throws {
        func bench() throws -> Bench {
            let bench = try Bench()
            try bench.program(Thumb.poke(Bench.results, 1), Thumb.load(3, 2_000), Thumb.subs(3, 1), Thumb.bne(-2), Thumb.poke(Bench.results, 2), Thumb.stay)
            return bench
        }
        let one = try bench(), other = try bench()
        let place = try #require(one.board.configuration.chip.physical(DeviceAddress(Bench.results)))
        try one.board.record([PhysicalRange(start: place, size: 4)])
        one.run(cycles: 500)
        let saved = one.board.state, writer = try #require(one.board.accesses(of: place).writer)
        one.run(cycles: 20_000)
        #expect(one.board.accesses(of: place).writer != writer)
        other.board.state = saved
        #expect(other.board.accesses(of: place).writer == writer)
        other.run(cycles: 20_000)
        #expect(other.board.accesses(of: place) == one.board.accesses(of: place))
        one.board.state = saved
        #expect(one.board.accesses(of: place).writer == writer)
    }
}
