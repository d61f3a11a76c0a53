// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// What is sent, and what is waited for.
@Suite struct TrafficTests {
    @Test("--until with --for ends at the match")
    func untilEnds() throws {
        let run = try Scratch.run("tty-echo", "--until", "announced rpmsg-tty at 0x401", "--for", "10s", "--json")
        #expect(run.status == 0)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(run.out.utf8)) as? [String: Any])
        #expect(try #require(object["virtual_nanoseconds"] as? Int) < 1_000_000_000)
    }

    @Test("--expect sees all that --until sees", arguments: [
        "a line on port 0", "a line over semihosting", "a line over RTT, which is longer", "got: hello",
    ])
    func printed(text: String) throws {
        let elf = try Scratch.elf("printing")
        let run = try Command.run("run", elf, "--boot", "elf", "--rtt-send", "hello", "--expect", text)
        #expect(run.status == 0, "\(run.err)")
        #expect(try Command.run("run", elf, "--boot", "elf", "--rtt-send", "hello", "--until", text).status == 0)
        // A firmware that ends by itself is asked all the same.
        let missing = try Command.run("run", elf, "--boot", "elf", "--rtt-send", "hello", "--expect", text + "?")
        #expect(missing.status == 1 && missing.err.contains("never sent or printed"), "\(missing.err)")
    }

    @Test("--expect finds a line of the trace, a channel's name and a message; --until finds a message")
    func others() throws {
        for text in ["driver ready, rings of 16", "rpmsg-tty", "ping"] {
            #expect(try Scratch.run("tty-echo", "--send", "ping", "--expect", text).status == 0, "\(text)")
            #expect(try Scratch.run("tty-echo", "--send", "ping", "--until", text).status == 0, "\(text)")
        }
    }

    @Test("--send-only waits for no answer, and messages go in the command line's order")
    func sendOnly() throws {
        let run = try Scratch.run("tty-echo", "--send-only", "first", "--send", "second", "--send-only", "third")
        #expect(run.status == 0 && run.out == "first\nsecond\nthird\n", "\(run.err)")
        let second = try #require(run.err.range(of: "<- \"second")), answer = try #require(run.err.range(of: "-> \"first"))
        #expect(second.lowerBound < answer.lowerBound)
        // It announces a channel, and then answers nothing.
        let elf = try Scratch.elf("doctor-no-receive-buffers")
        #expect(try Command.run("run", elf, "--boot", "elf", "--send", "x").status == 5)
        #expect(try Command.run("run", elf, "--boot", "elf", "--send-only", "x").status == 0)
    }

    @Test("--send-hex sends bytes as they are")
    func bytes() throws {
        let run = try Scratch.run("tty-echo", "--send-hex", "00 ff,1b:0x7f0a")
        #expect(run.status == 0 && run.outBytes == [0x00, 0xFF, 0x1B, 0x7F, 0x0A], "\(run.err)")
        #expect(try Scratch.run("tty-echo", "--to", "rpmsg-tty", "--send-hex", "41", "--send-only-hex", "42").outBytes == [0x41, 0x42])
        for wrong in ["", "4", "4g", "0x", "-1", "+1+1"] {
            let refused = try Scratch.run("tty-echo", "--send-hex=\(wrong)")
            #expect(refused.status == 2 && refused.err.contains("--send-hex"), "\(wrong): \(refused.err)")
        }
    }

    @Test("A duration without a unit is told what is missing")
    func unit() throws {
        for command in [["run", "x.elf", "--for", "10"], ["run", "x.elf", "--timeout", "10"], ["doctor", "x.elf", "--for", "10"], ["exec", "x.elf", "--for", "10"]] {
            let result = try Command.run(command, in: Scratch.folder)
            #expect(result.status == 2 && result.err.contains("a unit is missing: 10s, 10ms, 10us"), "\(result.err)")
        }
    }
}
