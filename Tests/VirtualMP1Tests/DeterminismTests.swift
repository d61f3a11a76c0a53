// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import Testing
import VirtualMP1

@Suite struct DeterminismTests {
    private func transcript(_ sample: String, _ boot: BootSequence) throws -> [String] {
        let system = try MP1System(Samples.configuration(boot))
        let transcript = Transcript(system)
        try system.start(boot.usesTEE ? Samples.signed(sample) : Samples.elf(sample), name: sample)
        system.run(for: .milliseconds(30))
        if system.linux.tty.port(0) != nil {
            try Terminal.exchange(system)
        }
        try system.stop()
        return transcript.lines + ["\(system.now) \(system.board.core.retired) \(system.board.core.registers)"]
    }

    @Test("Two runs show the same, to the byte", arguments: ["tty-echo", "client-sample", "swift-echo"], [BootSequence.teeV3, .elf])
    func sameTwice(sample: String, boot: BootSequence) throws {
        let first = try transcript(sample, boot)
        #expect(first.count > 10)
        #expect(try transcript(sample, boot) == first)
    }

    @Test("Starting and stopping a hundred times does the same every time")
    func restarts() throws {
        let system = try MP1System(Samples.configuration(.teeV3))
        let image = try Samples.signed("tty-echo")
        var spans: Set<UInt64> = []
        for round in 0..<100 {
            let before = system.now
            try system.start(image)
            let tty = try system.openTTY(0)
            try tty.send("round \(round % 10)\n")
            #expect(try tty.readLine() == "round \(round % 10)")
            _ = try system.openTTY(1)
            try system.stop()
            if round > 0 { spans.insert((system.now - before).nanoseconds / 1000) }
        }
        #expect(spans.count <= 2, "the same but for the clock's rounding: \(spans)")
        #expect(system.linux.messageCounts.sent == 100)
    }
}

extension Terminal {
    static func exchange(_ system: MP1System) throws {
        let tty = try system.openTTY(0)
        for text in ["one\n", "two\n", "three\n"] {
            try tty.send(text)
            _ = try tty.readLine()
        }
    }
}
