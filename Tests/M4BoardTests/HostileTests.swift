// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import MachineBase
import TestSupport
import Testing

/// Firmware that no compiler made. Whatever it does, a run ends with a reason, and time has passed.
///
/// `M4RUN_FUZZ_ROUNDS` sets how many machines are tried, `M4RUN_FUZZ_SEED` the first; each runs 4000 cycles at a time.
/// Engine 2.0 gets fewer: it takes milliseconds to forget its translations.
@Suite struct HostileTests {
    @Test func anyFirmwareEndsWithAReasonAndTimePasses() throws {
        let rounds = TestEnvironment.number("M4RUN_FUZZ_ROUNDS") ?? (M4Board.enforcesPermissions ? 150 : 20)
        let first = TestEnvironment.number("M4RUN_FUZZ_SEED") ?? 1
        var reasons: [String: Int] = [:], retired: UInt64 = 0
        for seed in first..<(first &+ rounds) {
            let board = try HostileFirmware.machine(seed: seed)
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

    /// `make fuzz` sets `M4RUN_FUZZ_INSTRUCTIONS`: as many retired instructions, each seed run twice, once with
    /// loops that wait executed round by round.
    @Test func randomFirmwareRunsTheSameEveryTime() throws {
        let wanted = TestEnvironment.number("M4RUN_FUZZ_INSTRUCTIONS")
        let first = TestEnvironment.number("M4RUN_FUZZ_SEED") ?? 1_000
        let begin = ContinuousClock.now
        var retired: UInt64 = 0, skipped: UInt64 = 0, seed = first, failed = 0, reasons: [String: Int] = [:]
        while wanted.map({ retired < $0 }) ?? (seed < first &+ 12) {
            let one = try HostileFirmware.trace(seed: seed), other = try HostileFirmware.trace(seed: seed, executesIdleLoops: true)
            let fine = one.hash == other.hash && one.engineFailure == nil && one.isOnTime
            #expect(fine, "seed \(seed): \(one) \(other)")
            if !fine { failed += 1 }
            retired += one.retired
            skipped += one.skipped
            #expect(other.skipped == 0)
            for (name, count) in one.reasons { reasons[name, default: 0] += count }
            seed &+= 1
        }
        guard wanted != nil else { return }
        let took = begin.duration(to: .now), seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
        let stops = reasons.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        print("fuzz: stops: \(stops)")
        let rate = (Double(seed &- first) / max(seconds, 0.001) * 10).rounded() / 10
        print("fuzz: \(retired) instructions, \(skipped) of them in idle loops, seeds \(first) to \(seed &- 1) twice each, \(rate) seeds/s, \(failed) failed")
    }
}
