// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import MachineBase
import RprocHost
import TestSupport
import Testing
import VirtualMP1

/// The same again and again: every round's trace as the first one's, and no growth. ENDURANCE_ROUNDS sets how many.
@Suite(.serialized) struct EnduranceTests {
    static let rounds = TestEnvironment.number("ENDURANCE_ROUNDS").map { Int(clamping: $0) } ?? 200
    /// Rounds before memory is looked at for the first time.
    private static let warmUp = 50
    /// Bytes that may come on top. Judged where the process is its own, in `make endurance`: among other tests it has their memory too.
    /// `MemoryTests` has a run of its own for the same.
    private static let allowance = TestEnvironment.variable("ENDURANCE_ROUNDS") == nil ? nil : 4 << 20

    /// Bytes of the process that are in memory.
    private static var resident: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    /// One round's events without their absolute times, as text.
    private final class Round {
        var lines: [String] = []
        var start = VirtualTime.zero
        func note(_ event: SystemEvent) {
            switch event {
            case .kernelLog(let record): lines.append("\((record.time - start).nanoseconds / 1000) \(record.line)")
            case .trace(_, _, let line): lines.append("trace \(line)")
            case .ttyReceived(let time, let tty, let bytes): lines.append("\((time - start).nanoseconds / 1000) \(tty) \(bytes)")
            default: break
            }
        }
    }

    private func endure(_ boot: BootSequence, _ name: String, _ body: (MP1System, Int) throws -> Void) throws {
        let image = try boot.usesTEE ? Samples.signed("tty-echo") : Samples.elf("tty-echo")
        let system = try MP1System(Samples.configuration(boot))
        let round = Round()
        system.events.subscribe { [unowned round] event in round.note(event) }
        if name == "recover" { try system.start(image) }
        var reference: [String] = []
        var before = 0
        let clock = ContinuousClock.now
        for number in 0..<Self.rounds {
            round.lines = []
            round.start = system.now
            if name != "recover" { try system.start(image) }
            try body(system, number)
            // The crash's number is all that differs.
            let lines = round.lines.map { $0.replacing("crash #\(number + 1) in", with: "crash #N in") }
            if number == 1 { reference = lines }
            if number > 1, lines != reference {
                let place = zip(lines, reference).first { $0 != $1 }
                Issue.record("round \(number): \(place.map { "\($0.0), not \($0.1)" } ?? "\(lines.count) lines, not \(reference.count)")")
                return
            }
            if number == min(Self.warmUp, Self.rounds / 2) { before = Self.resident }
        }
        let growth = Self.resident - before
        #expect(!reference.isEmpty)
        if let allowance = Self.allowance { #expect(growth < allowance, "\(growth) bytes") }
        // Where it was asked for: elsewhere it is a test like others.
        guard Self.allowance != nil else { return }
        print("endurance \(name) \(boot.rawValue): \(Self.rounds) rounds, \((ContinuousClock.now - clock) / .seconds(1)) s, growth \(growth) bytes")
    }

    private func traffic(_ system: MP1System) throws {
        for index in 0..<2 {
            let tty = try system.openTTY(index)
            for text in ["one", String(repeating: "x", count: 700)] {
                try tty.send(text + "\n")
                guard try tty.readLine() == text else { Issue.record("no echo"); return }
            }
        }
    }

    @Test("Start, traffic, stop, a thousand times", arguments: BootSequence.allCases)
    func startAndStop(boot: BootSequence) throws {
        try endure(boot, "start/stop") { system, _ in
            try traffic(system)
            try system.stop()
            guard system.linux.held == HeldResources() else { Issue.record("\(system.linux.held)"); return }
        }
    }

    @Test("Crash, recovery, traffic, a thousand times", arguments: BootSequence.allCases)
    func crashAndRecover(boot: BootSequence) throws {
        try endure(boot, "recover") { system, number in
            // At a round microsecond of the round, whatever the round before ended at.
            try traffic(system)
            system.linux.reportCrash(.watchdog)
            system.run(for: .milliseconds(100)) {
                system.linux.crashCount == UInt32(number + 1) && system.linux.state == .running && system.linux.tty.port(1) != nil
            }
        }
    }
}
