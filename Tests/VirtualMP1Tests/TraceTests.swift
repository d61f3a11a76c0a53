// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import Synchronization
import Testing
import VirtualMP1

/// Trace buffers as they are followed line by line.
@Suite struct TraceTests {
    /// The firmware's buffer has 2048 bytes and it writes on from the beginning: 300 lines go round it three times.
    @Test func `A trace that goes round its buffer is shown line for line, each once`() throws {
        let mp1 = try Samples.started("tty-echo", .elf)
        var lines: [String] = []
        mp1.events.subscribe { event in if case .trace(_, _, let line) = event { lines.append(line) } }
        let tty = try mp1.openTTY(0)
        for number in 0..<300 {
            let text = String(repeating: "x", count: 1 + number * 7 % 120) + "\n"
            try tty.send(text)
            #expect(try tty.readLine() == String(text.dropLast()))
            mp1.run(for: .milliseconds(1))
        }
        let wanted = (0..<300).map { "0x400: \(2 + $0 * 7 % 120) bytes from 0x400" }
        let echoes = lines.filter { $0.contains("bytes from") }
        // The end of the last may be what lay there before.
        #expect(echoes == wanted || echoes == Array(wanted.dropLast()))
        #expect(lines.count - echoes.count == 4, "\(lines.filter { !$0.contains("bytes from") })")
    }

    /// In one second that nobody looks into from outside.
    @Test("Firmware that writes ten times what its buffer holds, without a pause, loses no line", arguments: [false, true])
    func burst(executesIdleLoops: Bool) throws {
        var configuration = try Samples.configuration(.elf)
        configuration.board.executesIdleLoops = executesIdleLoops
        let mp1 = try MP1System(configuration)
        try mp1.start(Samples.elf("crasher"), name: "crasher")
        var lines: [String] = []
        mp1.events.subscribe { event in if case .trace(let time, _, let line) = event, line.hasPrefix("chatter") { lines.append("\(line) \(time)") } }
        try mp1.openTTY(0).send("chatter\n")
        mp1.run(for: .seconds(1))
        #expect(lines.count == 1000)
        for (index, line) in lines.enumerated() { #expect(line.hasPrefix("chatter \(index + 1) of 1000 ")) }
        Self.bursts.withLock { seen in
            if let other = seen.first { #expect(lines == other) } else { seen.append(lines) }
        }
    }
    /// What was seen with the other way of waiting: the same lines at the same times.
    private static let bursts = Mutex<[[String]]>([])
}
