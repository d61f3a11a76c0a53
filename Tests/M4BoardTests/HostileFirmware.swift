// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import TestSupport

extension SeededChoices {
    fileprivate mutating func register() -> UInt16 { UInt16(below(13)) }
}

/// Boards with firmware made from a seed: half of it the instructions that a core has trouble with, half of it noise.
enum HostileFirmware {
    private static let places: [UInt32] = [
        0, 0x400, 0xFFFC, 0x1_0000, 0x1000_0000, 0x1000_8000, 0x1005_FFF8, 0x1006_0000, 0x3000_0000, 0x3005_FFFE, 0x4000_0000, 0x4C00_1000,
        0x5000_0000, 0x6000_0000, 0x2000_0000, 0xC000_0000, 0xE000_0000, 0xE000_E010, 0xE000_E100, 0xE000_ED00, 0xE000_ED24, 0xE000_EF34, 0xE004_2000,
        0xFFFF_FFF1, 0xFFFF_FFF9, 0xFFFF_FFFD, 0xFFFF_FFE9, 0xFFFF_FFFE, 0xFFFF_FFFF, 0xF000_0000,
    ]

    private static func halfwords(_ random: inout SeededChoices) -> [UInt16] {
        switch random.below(24) {
        case 0: Thumb.load(random.register(), random.pick(places) &+ random.below(64))
        case 1: Thumb.poke(0xE000_E000 + random.below(0x400) * 4, random.word())
        case 2: Thumb.poke(random.pick([0xE000_ED04, 0xE000_ED24, 0xE000_ED08, 0xE000_E010, 0xE000_ED14, 0xE000_E100, 0xE000_E200, 0xE000_ED94]), random.word())
        case 3: Thumb.msr(random.pick([.msp, .psp, .primask, .basepri, .faultmask, .control]), random.register())
        case 4: [UInt16(0x4700 | random.below(16) << 3)]  // bx
        case 5: [UInt16(0x4780 | random.below(15) << 3)]  // blx
        case 6: random.pick([Thumb.wfi, Thumb.wfe, Thumb.sev, Thumb.svc(1), Thumb.undefined, Thumb.bkpt(0), Thumb.isb, Thumb.bxLR, [0xBF10]])
        case 7: [UInt16(0x6000 | random.below(0x1000))]
        case 8: [UInt16(0xE800 | random.below(0x200)), UInt16(truncatingIfNeeded: random.word())]
        case 9: [UInt16(0xEC00 | random.below(0x400)), UInt16(0x0A00 | random.below(0x200) | random.below(16) << 12)]
        case 10: [UInt16(0xBF00 | random.below(0x100)), UInt16(truncatingIfNeeded: random.word() & 0xDFFF)]
        case 11: [0x4685 | UInt16(random.below(8)) << 3]  // mov sp, rn
        case 12: region(&random)
        case 13: Thumb.load(0, random.pick([0, 1, 2, 3, 4, 7])) + Thumb.msr(.control, 0) + Thumb.isb
        // CPACR, FPCCR, FPCAR, FPDSCR.
        case 14: Thumb.poke(random.pick([0xE000_ED88, 0xE000_ED88, 0xE000_EF34, 0xE000_EF38, 0xE000_EF3C]), random.pick([0, .max, 0xF << 20, 0x5 << 20, 0xC000_0001, random.word()]))
        // Code that is about to run, or has run, changes.
        case 15: Thumb.poke(random.pick([0x400, 0x1000_0400, 0x3000_0400]) &+ random.below(0x400) * 4, random.word())
        case 16: Thumb.load(random.register(), 0xFFFF_FFE0 | random.below(32)) + Thumb.bxLR
        case 17: Thumb.load(14, 0xFFFF_FFE1 | random.below(8) << 2) + Thumb.bxLR
        // Vectors, a stack and a branch to where nothing, or a register, is.
        case 18: Thumb.poke(0xE000_ED08, random.pick(places))
        case 19: Thumb.load(3, random.pick(places)) + random.pick([Thumb.mov(13, 3), Thumb.msr(.psp, 3), Thumb.msr(.msp, 3), [0x4718], [0x469F]])
        case 20: random.pick([Thumb.poke(0xE000_ED0C, 0x05FA_0004), Thumb.poke(0xE000_ED0C, 0x05FA_0001), Bench.exit, Thumb.semihosting, Thumb.poke(0xE000_ED0C, 0x05FA_0700)])
        case 21: Thumb.cpsidF + Thumb.undefined + Thumb.cpsieF
        default: [UInt16(truncatingIfNeeded: random.word())]
        }
    }

    /// A region of the MPU of any size from 32 bytes on, mostly where code, data or the stack is, and the MPU on or off.
    private static func region(_ random: inout SeededChoices) -> [UInt16] {
        let base = random.pick([0, 0x400, 0x1000_0000, 0x1000_0400, 0x1000_8000, 0x3000_0000, 0x4000_0000, 0xE000_E000]) &+ random.below(64) * 32
        let size = random.pick([4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 27, 31] as [UInt32])
        let attributes = random.below(8) << 24 | random.below(2) << 28 | random.below(256) << 8 | size << 1 | (random.below(4) == 0 ? 0 : 1)
        return Thumb.poke(0xE000_ED9C, base & ~0x1F | 0x10 | random.below(8)) + Thumb.poke(0xE000_EDA0, attributes)
            + (random.below(2) == 0 ? Thumb.poke(0xE000_ED94, random.pick([0, 1, 3, 5, 5, 5, 7])) + Thumb.isb : [])
    }

    static func machine(seed: UInt64, executesIdleLoops: Bool = false) throws -> M4Board {
        var random = SeededChoices(seed: seed)
        var configuration = M4Board.Configuration()
        configuration.faultPolicy = random.pick([.none, .none, .any, .hardFault])
        configuration.executesIdleLoops = executesIdleLoops
        let board = try M4Board(configuration)
        for base in [0x3800_0000, 0x1000_0000] as [UInt32] {
            var bytes: [UInt8] = []
            while bytes.count < 4096 { for h in halfwords(&random) { bytes.appendLittleEndian(h) } }
            try board.write(PhysicalAddress(base + 0x400), bytes)
        }
        // Vectors: some sensible, some not.
        for number in 0..<64 as Range<UInt32> {
            let vector = random.below(4) == 0 ? random.pick(places) &+ random.below(8) : 0x400 + random.below(2048) * 2 | 1
            try board.writeWord(PhysicalAddress(0x3800_0000 + number * 4), vector, secure: true)
        }
        if random.below(3) != 0 { try board.writeWord(PhysicalAddress(0x3800_0000), 0x1000_8000, secure: true) }
        try board.writeWord(PhysicalAddress(0x3800_0004), 0x401, secure: true)
        return board
    }

    struct Trace {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        var retired: UInt64 = 0, skipped: UInt64 = 0
        var reasons: [String: Int] = [:]
        var engineFailure: String?
        /// Every run ended at its deadline, at most a block later, or had a reason not to; and time passed.
        var isOnTime = true

        mutating func add(_ text: String) {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
    }

    /// Runs a seed for 40 legs of 4000 cycles, whatever stops it, and resets the core when it locks up.
    static func trace(seed: UInt64, executesIdleLoops: Bool = false) throws -> Trace {
        let board = try machine(seed: seed, executesIdleLoops: executesIdleLoops)
        var trace = Trace(), stuck = 0
        board.setHoldBoot(released: true)
        for leg in 0..<40 as Range<UInt32> {
            let start = board.cycles
            let reason = board.run(until: start + 4_000)
            trace.reasons[reason.name, default: 0] += 1
            trace.add("\(reason.name) \(board.cycles) \(board.core.retired) \(board.core.registers.text) \(board.core.history)")
            if reason == .deadline, board.cycles < start + 4_000 || board.cycles >= start + 4_000 + 512 { trace.isOnTime = false }
            stuck = board.cycles == start ? stuck + 1 : 0
            if stuck > 30 { trace.isOnTime = false }
            if case .engine(let why) = reason { trace.engineFailure = why; break }
            if board.isLockedUp {
                // Time passes in a lockup, unless an NMI leaves it. Whatever the firmware has made of itself, it gets an entry back.
                let locked = board.cycles
                if board.run(until: locked + 100) == .deadline, board.cycles < locked + 100 { trace.isOnTime = false }
                stuck = 0
                try board.writeWord(PhysicalAddress(0x3800_0000), 0x1000_8000, secure: true)
                try board.writeWord(PhysicalAddress(0x3800_0004), 0x401 &+ leg * 94, secure: true)
                board.resetMCU()
            }
        }
        for word in stride(from: 0x1000_0000, to: 0x1000_9000, by: 4) as StrideTo<UInt32> {
            trace.hash = (trace.hash ^ UInt64(try board.readWord(PhysicalAddress(word), secure: true))) &* 0x100_0000_01B3
        }
        trace.retired = board.core.retired
        trace.skipped = board.core.skipped
        return trace
    }
}
