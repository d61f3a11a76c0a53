import CortexM
import Foundation
import M4Board
import MachineBase
import Testing

/// Firmware that no compiler made. Whatever it does, a run ends with a reason, and time has passed.
///
/// `M4RUN_FUZZ_ROUNDS` sets how many machines are tried, `M4RUN_FUZZ_SEED` the first; each runs 4000 cycles at a time.
/// Engine 2.0 gets fewer: it takes milliseconds to forget its translations.
@Suite struct HostileTests {
    private struct Generator {
        var state: UInt64
        mutating func next() -> UInt64 {  // SplitMix64
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
            return z ^ z >> 31
        }
        mutating func word() -> UInt32 { UInt32(truncatingIfNeeded: next()) }
        mutating func below(_ n: UInt32) -> UInt32 { word() % n }
        mutating func pick<T>(_ values: [T]) -> T { values[Int(below(UInt32(values.count)))] }
    }

    private static let places: [UInt32] = [
        0, 0x400, 0xFFFC, 0x1_0000, 0x1000_0000, 0x1000_8000, 0x1005_FFF8, 0x1006_0000, 0x3000_0000, 0x3005_FFFE, 0x4000_0000, 0x4C00_1000,
        0x5000_0000, 0x6000_0000, 0x2000_0000, 0xC000_0000, 0xE000_E010, 0xE000_E100, 0xE000_ED00, 0xE000_ED24, 0xE000_EF34, 0xE004_2000,
        0xFFFF_FFF1, 0xFFFF_FFF9, 0xFFFF_FFFD, 0xFFFF_FFE9, 0xFFFF_FFFF, 0xF000_0000,
    ]

    private static func halfwords(_ random: inout Generator) -> [UInt16] {
        switch random.below(14) {
        case 0: Thumb.load(UInt16(random.below(13)), random.pick(places) &+ random.below(64))
        case 1: Thumb.poke(0xE000_E000 + random.below(0x400) * 4, random.word())
        case 2: Thumb.poke(random.pick([0xE000_ED04, 0xE000_ED24, 0xE000_ED08, 0xE000_E010, 0xE000_ED14, 0xE000_E100, 0xE000_E200, 0xE000_ED94]), random.word())
        case 3: Thumb.msr(random.pick([.msp, .psp, .primask, .basepri, .faultmask, .control]), UInt16(random.below(13)))
        case 4: [UInt16(0x4700 | random.below(16) << 3)]  // bx
        case 5: [UInt16(0x4780 | random.below(15) << 3)]  // blx
        case 6: random.pick([Thumb.wfi, Thumb.wfe, Thumb.sev, Thumb.svc(1), Thumb.undefined, Thumb.stop, Thumb.isb, Thumb.returnToLink, [0xBF10]])
        case 7: [UInt16(0x6000 | random.below(0x1000))]
        case 8: [UInt16(0xE800 | random.below(0x200)), UInt16(truncatingIfNeeded: random.word())]
        case 9: [UInt16(0xEC00 | random.below(0x400)), UInt16(0x0A00 | random.below(0x200) | random.below(16) << 12)]
        case 10: [UInt16(0xBF00 | random.below(0x100)), UInt16(truncatingIfNeeded: random.word() & 0xDFFF)]
        case 11: [0x4685 | UInt16(random.below(8)) << 3]  // mov sp, rn
        default: [UInt16(truncatingIfNeeded: random.word())]
        }
    }

    private static func machine(seed: UInt64) throws -> M4Board {
        var random = Generator(state: seed)
        var configuration = M4Board.Configuration()
        configuration.faultPolicy = random.pick([.none, .none, .any, .hardFault])
        _ = random.below(2)
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

    @Test func anyFirmwareEndsWithAReasonAndTimePasses() throws {
        let rounds = ProcessInfo.processInfo.environment["M4RUN_FUZZ_ROUNDS"].flatMap(UInt64.init) ?? (M4Board.enforcesPermissions ? 150 : 20)
        let first = ProcessInfo.processInfo.environment["M4RUN_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
        var reasons: [String: Int] = [:], retired: UInt64 = 0
        for seed in first..<(first &+ rounds) {
            let board = try Self.machine(seed: seed)
            board.setHoldBoot(released: true)
            // A stop at a fault, a breakpoint or a reset goes on: thirty legs, or to a lockup.
            for _ in 0..<30 {
                let start = board.cycles
                let reason = board.run(until: start + 4_000)
                reasons[reason.name, default: 0] += 1
                if reason == .deadline {
                    #expect(board.cycles >= start + 4_000 && board.cycles < start + 4_000 + 512, "seed \(seed)")
                }
                if case .engine(let why) = reason { Issue.record("seed \(seed): the engine gave up: \(why)"); break }
                if case .lockup = reason { break }
            }
            retired += board.core.retired
        }
        #expect(reasons["deadline", default: 0] > 0 && reasons["lockup", default: 0] > 0, "\(reasons)")
        #expect(retired > rounds * 1_000, "\(retired) instructions by \(reasons)")
    }

    @Test func randomFirmwareRunsTheSameEveryTime() throws {
        for seed in 1_000..<1_010 as Range<UInt64> {
            func run() throws -> String {
                let board = try Self.machine(seed: seed)
                board.setHoldBoot(released: true)
                let reason = board.run(until: 20_000)
                return "\(reason.name) \(board.cycles) \(board.core.retired) \(board.core.registers.text)"
            }
            #expect(try run() == run(), "seed \(seed)")
        }
    }
}
