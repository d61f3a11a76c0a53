// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import M4Board
import MachineBase
import RprocHost
import TestSupport
import Testing
import VirtualMP1

/// Firmware that writes garbage into rings, buffers, headers and table while Linux works on them.
///
/// `M4RUN_RING_SEEDS` sets how many seeds are tried, `M4RUN_FUZZ_SEED` the first; `make fuzz-rings` does both.
@Suite struct HostileRingTests {
    private static func life(_ seed: Int, _ boot: BootSequence, _ image: [UInt8]) throws -> (lines: [String], findings: [Finding]) {
        var configuration = try Samples.configuration(boot)
        // The garbage may reach code or a register in the end: that is not the point here.
        configuration.board.faultPolicy = .any
        configuration.sanitizing = seed % 5 == 0 && M4Board.recordsAccesses ? .writers : .rings
        let system = try MP1System(configuration)
        let transcript = Transcript(system)
        var notes: [String] = []
        do throws(SystemError) {
            try system.start(image, name: "ring-faults")
            let tty = try system.openTTY(0)
            try tty.send("random \(seed)\n")
            for round in 0..<8 {
                system.run(for: .milliseconds(3))
                for channel in system.linux.channels.prefix(4) where channel.driver != nil {
                    do throws(Errno) { try channel.trySend(Array("round \(round)".utf8)) } catch { notes.append("\(error)") }
                }
                notes += system.linux.diagnosis()
            }
            system.run(for: .seconds(2))
            try system.stop()
        } catch { notes.append("\(error)") }
        notes.append("\(system.now) \(system.board.core.retired) \(system.linux.findings.count)")
        return (transcript.lines + notes, system.linux.findings.kept.map(\.finding))
    }

    @Test("Whatever garbage the firmware writes, the host lives, each verdict has numbers, and two runs are the same")
    func garbage() throws {
        let count = TestEnvironment.number("M4RUN_RING_SEEDS").map { Int(clamping: $0) } ?? 50
        let first = TestEnvironment.number("M4RUN_FUZZ_SEED").map { Int(clamping: $0) } ?? 1
        let elf = try Samples.elf("ring-faults"), signed = try Samples.signed("ring-faults")
        var rules: [String: Int] = [:], found = 0, silent: [Int] = []
        for seed in first..<first + count {
            let boot = BootSequence.allCases[seed % BootSequence.allCases.count]
            let image = boot.usesTEE ? signed : elf
            let one = try Self.life(seed, boot, image)
            #expect(try Self.life(seed, boot, image).lines == one.lines, "seed \(seed)")
            if one.findings.isEmpty { silent.append(seed) }
            found += one.findings.count
            for finding in one.findings {
                rules[finding.name, default: 0] += 1
                if let evidence = finding.evidence {
                    #expect(!evidence.bytes.isEmpty && evidence.address.value != 0, "seed \(seed): \(finding)")
                }
                #expect(finding.description.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }, "seed \(seed): \(finding)")
            }
        }
        if TestEnvironment.variable("M4RUN_RING_SEEDS") != nil {
            print("fuzz-rings: \(count) seeds from \(first), \(found) findings of \(rules.count) rules:", rules.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        }
        #expect(silent.isEmpty, "garbage that nothing was found of")
        #expect(rules.count > 10)
    }
}
