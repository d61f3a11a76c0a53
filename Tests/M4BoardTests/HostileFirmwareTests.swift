// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import TestSupport
import Testing

extension SeededChoices {
    /// An address that something could live at, or nothing.
    fileprivate mutating func address() -> UInt32 {
        let base: [UInt32] = [0, 0x1000_0000, 0x3000_0000, 0x4000_0000, 0x5000_0000, 0x4C00_0000, 0xE000_E000, 0xE000_E400, 0xE000_ED00, 0x2000_0000, 0xC000_0000, 0xFFFF_FF00, 0x1005_FFF0, 0xFFF0]
        return pick(base) &+ below(4) &* below(0x400)
    }
}

/// Firmware that is wrong in every way it can be: a run ends with a reason, time goes on, and the host is unharmed.
/// `M4RUN_FUZZ_ROUNDS` sets how many programs each test tries.
@Suite struct HostileFirmwareTests {
    static let rounds = TestEnvironment.number("M4RUN_FUZZ_ROUNDS").map { Int(clamping: $0) } ?? 40
    static let seed = TestEnvironment.number("M4RUN_FUZZ_SEED") ?? 1

    /// Runs a board as someone would who wants it to go on whatever happens, and checks that it does.
    private func exercise(_ board: M4Board, runs: Int = 6, cycles: UInt64 = 2000, seed: UInt64) {
        board.setHoldBoot(released: true)
        for _ in 0..<runs {
            let start = board.cycles
            var stops = 0
            while board.cycles < start + cycles {
                let before = board.cycles
                let reason = board.run(until: start + cycles)
                #expect(board.cycles <= start + cycles + 512, "seed \(seed): a run is at most a block late")
                if case .engine(let what) = reason { Issue.record("seed \(seed): \(what)"); return }
                if reason == .deadline { #expect(board.cycles >= start + cycles, "seed \(seed)") }
                // A reason to stop may come without time passing, but not again and again.
                stops = board.cycles == before ? stops + 1 : 0
                if stops > 8 { Issue.record("seed \(seed): no progress, \(reason)"); return }
            }
            if board.isLockedUp { board.resetMCU() }
        }
    }

    private func board(policy: FaultPolicy, ddr: UInt32 = 0) throws -> M4Board {
        var configuration = M4Board.Configuration()
        configuration.faultPolicy = policy
        configuration.ddrSize = ddr
        return try M4Board(configuration)
    }

    private func fill(_ board: M4Board, _ address: UInt32, halfwords: Int, _ next: () -> UInt16) throws {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(halfwords * 2)
        for _ in 0..<halfwords { let h = next(); bytes += [UInt8(truncatingIfNeeded: h), UInt8(h >> 8)] }
        try board.write(PhysicalAddress(address), bytes)
    }

    @Test func randomHalfwordsAsCode() throws {
        for round in 0..<Self.rounds {
            let seed = Self.seed &* 1_000_003 &+ UInt64(round)
            var random = SeededChoices(seed: seed)
            let board = try board(policy: random.pick([.none, .any, .hardFault]))
            try fill(board, 0x3800_0400, halfwords: 0x4000) { UInt16(truncatingIfNeeded: random.word()) }
            try board.writeWord(PhysicalAddress(0x3800_0000), 0x1000_8000, secure: true)
            for n in 1..<UInt32(100) {
                try board.writeWord(PhysicalAddress(0x3800_0000 + n * 4), 0x401 + 2 * random.below(0x3000), secure: true)
            }
            exercise(board, seed: seed)
        }
    }

    /// Vectors, stacks and return addresses that point anywhere.
    @Test func randomVectorTablesAndStacks() throws {
        for round in 0..<Self.rounds {
            let seed = Self.seed &* 2_000_003 &+ UInt64(round)
            var random = SeededChoices(seed: seed)
            let board = try board(policy: random.pick([.none, .any]), ddr: random.pick([0, 0x10000]))
            try board.writeWord(PhysicalAddress(0x3800_0000), random.address(), secure: true)
            for n in 1..<UInt32(100) {
                let target = random.below(4) == 0 ? random.address() : 0x401 + 2 * random.below(0x200)
                try board.writeWord(PhysicalAddress(0x3800_0000 + n * 4), target | (random.below(8) == 0 ? 0 : 1), secure: true)
            }
            var code: [UInt16] = []
            while code.count < 0x400 {
                switch random.below(8) {
                case 0: code += Thumb.svc(0)
                case 1: code += Thumb.load32(0, random.address()) + Thumb.mov(13, 0)
                case 2: code += Thumb.load32(0, random.address()) + Thumb.msr(random.pick([.psp, .msp]), 0)
                case 3: code += Thumb.movs(0, UInt16(random.below(8))) + Thumb.msr(random.pick([.control, .primask, .faultmask, .basepri]), 0)
                case 4: code += Thumb.load32(3, 0xFFFF_FFE0 | random.below(32)) + Thumb.bx(3)
                case 5: code += random.pick([Thumb.wfi, Thumb.wfe, Thumb.sev, Thumb.yield, Thumb.bxLR, Thumb.undefined, Thumb.bkpt(0xAB), Thumb.bkpt(1), Thumb.isb])
                case 6: code += Thumb.poke(PPB.icsr, random.word()) + Thumb.poke(PPB.iser0, random.word())
                default: code += Thumb.load32(0, random.address()) + random.pick([Thumb.ldr(1, 0), Thumb.str(1, 0), [0xC8F0], [0xC0F0], [0xE8BD, 0x8FF0], [0xED90, 0x0B02]])
                }
            }
            var index = 0
            try fill(board, 0x3800_0400, halfwords: code.count) { defer { index += 1 }; return code[index] }
            exercise(board, seed: seed)
        }
    }

    /// Every register of the private peripheral bus and of the SoC's busses, with any value, and exceptions in between.
    @Test func storesAllOverTheRegisters() throws {
        for round in 0..<Self.rounds {
            let seed = Self.seed &* 3_000_017 &+ UInt64(round)
            var random = SeededChoices(seed: seed)
            let board = try board(policy: .none)
            try board.writeWord(PhysicalAddress(0x3800_0000), 0x1000_8000, secure: true)
            for n in 1..<UInt32(256) {
                try board.writeWord(PhysicalAddress(0x3800_0000 + n * 4), n == 1 ? 0x401 : random.pick([0x401, 0x8001, 0x8001, 0x8001]), secure: true)
            }
            try fill(board, 0x3800_8000, halfwords: 1) { Thumb.bxLR[0] }
            var code: [UInt16] = []
            while code.count < 0x3000 {
                let ppb: [UInt32] = [0xE000_0000, 0xE000_1000, 0xE000_E000, 0xE000_E100, 0xE000_E200, 0xE000_E400, 0xE000_ED00, 0xE000_ED80, 0xE000_EF00]
                let address = random.below(3) == 0
                    ? random.pick([0x4000_0000, 0x4800_0000, 0x4C00_0000, 0x5000_0000, 0x5800_0000, 0x4200_0000]) &+ random.below(0x40_0000)
                    : random.pick(ppb) &+ random.below(0x200)
                // A peripheral's registers are touched in words, as its bus wants; the private bus in any size.
                code += Thumb.load32(0, address & ~3) + Thumb.load32(1, random.below(2) == 0 ? random.word() : 1 << random.below(32))
                code += random.pick([Thumb.str(1, 0), Thumb.str(1, 0), Thumb.ldr(2, 0), Thumb.strh(1, 0), Thumb.strb(1, 0)])
            }
            var index = 0
            try fill(board, 0x3800_0400, halfwords: code.count) { defer { index += 1 }; return code[index] }
            exercise(board, runs: 4, cycles: 5000, seed: seed)
        }
    }

    @Test func anInterruptLineThatNeverFallsStarvesTheThreadButNotTime() throws {
        let bench = try Bench(Thumb.poke(PPB.iser0, 1), Thumb.poke(PPB.ispr0, 1), Thumb.isb, Thumb.log(1), handlers: [16: Thumb.poke(PPB.ispr0, 1)])
        #expect(bench.run(cycles: 20_000) == .deadline)
        #expect(try bench.log == [])
    }

    @Test func aTickEveryCycleLeavesTimeRunning() throws {
        let bench = try Bench(
            Thumb.poke(PPB.systRVR, 1), Thumb.poke(PPB.systCVR, 0), Thumb.poke(PPB.systCSR, 7), Thumb.wfi, Thumb.b(-2), handlers: [15: Thumb.nop])
        #expect(bench.run(cycles: 20_000) == .deadline)
    }

    @Test func theSameFirmwareRunsTheSameWay() throws {
        func trace() throws -> [String] {
            var random = SeededChoices(seed: 99)
            let board = try board(policy: .none)
            try fill(board, 0x3800_0000, halfwords: 0x8000) { UInt16(truncatingIfNeeded: random.word()) }
            try board.writeWord(PhysicalAddress(0x3800_0004), 0x401, secure: true)
            board.setHoldBoot(released: true)
            return (1...20 as ClosedRange<UInt64>).map { "\(board.run(until: $0 * 500)) \(board.core.registers.text) \(board.core.retired)" }
        }
        #expect(try trace() == trace())
    }
}
