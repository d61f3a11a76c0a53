// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// What the shells themselves make of the completion scripts: `scripts/complete` asks each as it asks itself at a tab.
@Suite struct CompletionTests {
    /// A line, and what is the one way to go on.
    private static let cases: [(line: String, word: String)] = [
        ("m4run ru", "run"),
        ("m4run run --boot tee-o", "tee-ops"),
        ("m4run doctor --openst", "--openstlinux"),
        ("m4run list per", "peripherals"),
        ("m4run help m4run-no-such", ""),
        ("m4run hel", "help"),
        ("m4run help --m", "--man"),
        ("m4run help mailbox-mas", "mailbox-masked"),
        ("m4run run firm", "firmware.elf"),
        ("m4run run firmware.elf --key pub", "public.pem"),
    ]

    @Test("bash completes commands, options, their values, topics and files")
    func bash() throws { try check("bash") { $0 } }

    @Test("fish does", .needs(.fish))
    func fish() throws { try check("fish") { $0 } }

    @Test("zsh does, in the line itself", .needs(.zsh))
    func zsh() throws {
        // The line as it is then: its last word, and a space behind one that is complete.
        try check("zsh") { answer in answer.hasSuffix(" ") ? String(answer.split(separator: " ").last ?? "") : "" }
    }

    @Test("The parser's own help is in no script", arguments: ["bash", "fish", "zsh"])
    func help(_ shell: String) throws {
        let result = try Command.run("--generate-completion-script", shell)
        #expect(result.status == 0 && !result.out.contains("Show subcommand help information"))
        for definition in ["_m4run_help() {\n", "        case 'help'\n", "-fa 'help'", "'help:", "\"m4run help\" version'"] { #expect(result.out.components(separatedBy: definition).count <= 2, "\(definition)") }
        #expect(!result.out.contains("help|help") && !result.out.contains("help help'"))
        #expect(result.out.contains("--man") || result.out.contains("-l 'man'"))
    }

    private func check(_ shell: String, _ word: (String) -> String) throws {
        let folder = try Scratch.newFolder()
        for name in ["firmware.elf", "public.pem"] { try Data().write(to: folder.appendingPathComponent(name)) }
        let environment = ["M4RUN": try Command.binary().path]
        for (line, wanted) in Self.cases {
            let result = try Command.run(
                [shell, line], in: folder, program: Scratch.package.appendingPathComponent("scripts/complete"), environment: environment)
            let answer = result.out.hasSuffix("\n") ? String(result.out.dropLast()) : result.out
            #expect(result.status == 0 && word(answer) == wanted, "\(shell), \(line): \(answer.debugDescription) \(result.err)")
        }
    }
}
