// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// When what is for people has colour, and what of it.
@Suite struct ColorTests {
    private static let escape = "\u{1B}["
    /// The text without colours.
    private func plain(_ text: String) -> String { text.replacing(#/\u{1B}\[[0-9;]*m/#, with: "") }
    /// The colour of the line that has `text`.
    private func color(_ text: String, in output: String) throws -> String? {
        let line = try #require(output.split(separator: "\n").first { $0.contains(text) }, "\(text) in \(output)")
        return line.firstMatch(of: #/^\u{1B}\[([0-9;]+)m.*\u{1B}\[m$/#).map { String($0.1) }
    }

    @Test("On a terminal the firmware's words, what goes each way, errors, warnings and findings differ in colour, and nothing else changes")
    func roles() throws {
        let image = try Scratch.signed("tty-echo"), key = try Scratch.key()
        let arguments = ["run", image, "--key", key, "--send", "hello"]
        let (status, text, _) = try PseudoTerminal.run(arguments)
        #expect(status == 0)
        #expect(try color("trace0: tty-echo", in: text) == "36")
        #expect(try color("ttyRPMSG0 <- \"hello", in: text) == "34")
        #expect(try color("ttyRPMSG0 -> \"hello", in: text) == "32")
        #expect(try color("remote processor m4 is now up", in: text) == nil)
        // The firmware's bytes on stdout are as they are.
        #expect(text.contains("\nhello\n"))
        let without = try PseudoTerminal.run(arguments + ["--color", "never"])
        let wall = #/wall time .*/#
        #expect(!without.terminal.contains(Self.escape) && plain(text).replacing(wall, with: "") == without.terminal.replacing(wall, with: ""))
        let refused = try PseudoTerminal.run(["run", image, "--key", try Scratch.key("other")])
        #expect(refused.status == 4)
        #expect(try color("m4run: \(image): TEE_ERROR_SIGNATURE_INVALID", in: refused.terminal) == "1;31")
        #expect(try color("Boot failed: -5", in: refused.terminal) == "1;31")
        let unverified = try PseudoTerminal.run(["run", image, "--unverified", "--for", "5ms"])
        #expect(try color("WARNING: --unverified", in: unverified.terminal) == "33")
        let fault = try PseudoTerminal.run(["run", try Scratch.elf("crasher"), "--boot", "elf", "--send", "undef"])
        #expect(fault.status == 3)
        #expect(try color("the firmware faulted:", in: fault.terminal) == "1;31")
        #expect(try color("pc ", in: fault.terminal) == nil)
        // A refusal before any file is read.
        #expect(try color("m4run: ", in: PseudoTerminal.run(["run", "--nonsense"]).terminal) == "1;31")
    }

    @Test("inspect, verify and doctor show in colour what is fine and what is not")
    func verdicts() throws {
        let image = try Scratch.signed("tty-echo"), key = try Scratch.key(), other = try Scratch.key("other")
        #expect(try color("the TA loads it", in: PseudoTerminal.run(["inspect", image, "--key", key]).terminal) == "32")
        #expect(try color("nobody checked the signature", in: PseudoTerminal.run(["inspect", image]).terminal) == "33")
        #expect(try color("NOT by a trusted key", in: PseudoTerminal.run(["inspect", image, "--key", other]).terminal) == "1;31")
        let explained = try PseudoTerminal.run(["verify", image, "--key", other, "--explain"]).terminal
        #expect(try color("  NO  ", in: explained) == "1;31")
        #expect(try color("  ok  ", in: explained) == "32")
        #expect(try color("\(image): TEE_SUCCESS", in: PseudoTerminal.run(["verify", image, "--key", key]).terminal) == "32")
        #expect(try color("tty-echo.elf: fine", in: PseudoTerminal.run(["doctor", try Scratch.elf("tty-echo"), "--boot", "elf"]).terminal) == "32")
        let hanging = TinyFirmware(code: [0xE7FE])
        let stuck = try PseudoTerminal.run(["doctor", try Scratch.write(hanging.elf, "colour-stuck.elf"), "--boot", "elf", "--for", "10ms"])
        #expect(stuck.terminal.split(separator: "\n").first?.hasPrefix(Self.escape) == true, "\(stuck.terminal)")
    }

    @Test("NO_COLOR, TERM=dumb, pipes and --color never keep colour away; --color always and CLICOLOR_FORCE bring it; JSON and data never have it")
    func switches() throws {
        let arguments = ["run", try Scratch.elf("tty-echo"), "--boot", "elf", "--send", "hello"]
        func isColored(_ more: [String] = [], _ environment: [String: String] = [:]) throws -> Bool {
            try PseudoTerminal.run(arguments + more, environment: environment).terminal.contains(Self.escape)
        }
        #expect(try isColored())
        #expect(try isColored(["--color", "auto"]) && isColored([], ["NO_COLOR": ""]) && isColored(["--color", "always"], ["NO_COLOR": "1"]))
        #expect(try !isColored(["--color=never"]) && !isColored([], ["NO_COLOR": "0"]) && !isColored([], ["TERM": "dumb"]) && !isColored([], ["TERM": ""]))
        #expect(try !isColored(["--color=never"], ["CLICOLOR_FORCE": "1"]))
        for (more, environment, expected) in [
            ([], ["NO_COLOR": "", "TERM": "xterm"], false), (["--color=always"], [:], true), ([], ["CLICOLOR_FORCE": "1", "NO_COLOR": ""], true), ([], ["CLICOLOR_FORCE": "0"], false),
            ([], ["CLICOLOR_FORCE": "1", "NO_COLOR": "1"], false),
        ] as [([String], [String: String], Bool)] {
            let result = try Command.run(arguments + more, in: Scratch.folder, environment: environment)
            #expect(result.err.contains(Self.escape) == expected, "\(more) \(environment)")
            #expect(result.out == "hello\n")
        }
        for command in [["run", try Scratch.elf("tty-echo"), "--boot", "elf"], ["inspect", try Scratch.elf("tty-echo")], ["doctor", try Scratch.elf("tty-echo"), "--boot", "elf"]] {
            #expect(try !Command.run(command + ["--json", "--color", "always"], in: Scratch.folder).out.contains(Self.escape))
        }
        let wrong = try Command.run("inspect", "x", "--color", "blue")
        #expect(wrong.status == 2 && wrong.err.contains("'auto', 'always' or 'never'"), "\(wrong.err)")
    }

    @Test("Neither a guest nor a file's name begins or ends a colour")
    func foreign() throws {
        let name = "n\u{1B}[31mred\u{1B}[m\u{9B}0m.elf"
        let image = try Scratch.write(try Scratch.bytes(Scratch.elf("steering")), name)
        for arguments in [["run", image, "--boot", "elf", "--log-level", "debug"], ["run", image], ["doctor", image, "--boot", "elf"], ["inspect", image], ["verify", image, "--unverified", "--explain"]] {
            let (_, text, _) = try PseudoTerminal.run(arguments, keepsOutput: arguments[0] == "run")
            // What is left without whole colours, a line each, steers nothing.
            let rest = text.split(separator: "\n").map { $0.replacing(#/^\u{1B}\[(1;31|3[2-6])m(.*)\u{1B}\[m$/#) { $0.2 } }
            for line in rest { #expect(!line.unicodeScalars.contains { $0.value != 9 && ($0.value < 0x20 || 0x7F..<0xA0 ~= $0.value) }, "\(arguments): \(line)") }
        }
    }
}
