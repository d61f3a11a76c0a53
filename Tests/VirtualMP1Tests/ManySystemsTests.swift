// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import RprocHost
import Testing
import VirtualMP1

@Suite struct ManySystemsTests {
    private static let samples = ["tty-echo", "client-sample", "swift-echo", "tty-echo-st-layout"]

    /// A machine that is run in slices, and what it has shown.
    private final class Machine {
        let system: MP1System
        let transcript: Transcript

        init(_ index: Int) throws {
            let sample = ManySystemsTests.samples[index % ManySystemsTests.samples.count]
            system = try MP1System(Samples.configuration(index % 2 == 0 ? .elf : .teeV3))
            transcript = Transcript(system)
            try system.start(index % 2 == 0 ? Samples.elf(sample) : Samples.signed(sample), name: sample)
        }

        func slice(_ index: Int) throws {
            system.run(for: .microseconds(UInt64(150 + index % 7)))
            if system.linux.tty.port(0) != nil { try system.openTTY(0).send("machine \(index)\n") }
        }

        var result: [String] { transcript.lines + ["\(system.now) \(system.board.core.retired) \(system.board.core.registers)"] }
    }

    @Test("Fifty machines side by side each do what they do alone")
    func fifty() throws {
        let slices = 20
        // One on engine 2.0 takes some 400 MB.
        let together = try (0..<(M4Board.enforcesPermissions ? 50 : 5)).map { try Machine($0) }
        for _ in 0..<slices {
            for (index, machine) in together.enumerated() { try machine.slice(index) }
        }
        for (index, machine) in together.enumerated() {
            let alone = try Machine(index)
            for _ in 0..<slices { try alone.slice(index) }
            #expect(machine.result == alone.result)
            #expect(alone.result.count > 3)
        }
    }
}
