// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceTreeFixtures
import Foundation
import Testing

/// Output that did not arrive where it was to go.
@Suite struct LostOutputTests {
    @Test("Every command says that its output was lost on a full disk, and fails; a reader that has gone decides no status")
    func lostOutputEverywhere() throws {
        let elf = try Scratch.elf("tty-echo"), signed = try Scratch.signed("tty-echo"), key = try Scratch.key()
        let tree = try Scratch.write(dk2().blob, "lost.dtb")
        let commands: [(arguments: [String], status: Int32)] = [
            (["--help"], 0), (["--version"], 0), (["help", "run"], 0), (["run", "--help"], 0), (["--generate-completion-script", "bash"], 0),
            (["inspect", signed], 0), (["inspect", signed, "--json"], 0), (["inspect", key], 4), (["verify", signed, "--key", key], 0),
            (["verify", signed, "--key", key, "--explain"], 0), (["verify", signed, "--key", key, "--json"], 0), (["verify", elf, "--key", key], 4),
            (["dt", tree], 0), (["dt", tree, "--json"], 0), (["doctor", elf, "--boot", "elf"], 0), (["doctor", try Scratch.elf("steering"), "--boot", "elf", "--json"], 1),
            (["run", elf, "--boot", "elf", "--send", "hi", "--json"], 0), (["run", elf, "--boot", "elf", "--send", "hi", "--until", "never", "--json"], 1),
        ]
        for (arguments, status) in commands {
            let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
            let lost = try Command.run(arguments, in: Scratch.folder, output: full)
            #expect(lost.status == (status == 0 ? 2 : status) && !lost.wasKilled, "\(arguments): \(lost.err)")
            #expect(lost.err.contains("m4run: standard output: No space left on device\n"), "\(arguments): \(lost.err)")
            let gone = Pipe()
            try gone.fileHandleForReading.close()
            let unread = try Command.run(arguments, in: Scratch.folder, output: gone.fileHandleForWriting)
            #expect(unread.status == status && !unread.wasKilled && !unread.err.contains("standard output"), "\(arguments): \(unread.err)")
        }
    }

    @Test("A command whose messages are lost on a full disk has no place to say so, and fails")
    func lostMessages() throws {
        let elf = try Scratch.elf("tty-echo")
        _ = try Scratch.key()
        for arguments in ["keygen --type ECC --out lost", "sign --in \(elf) --key keys/private.pem --out lost.signed", "run \(elf) --boot elf --for 5ms"] {
            let command = "\(try Command.binary().path) \(arguments)"
            #expect(try Command.run(["-c", "\(command) 2>/dev/full"], in: Scratch.folder, program: URL(fileURLWithPath: "/bin/sh")).status == 2, "\(arguments)")
            try? FileManager.default.removeItem(atPath: Scratch.path("lost"))
            #expect(try Command.run(["-c", "\(command) 2>&1 | true"], in: Scratch.folder, program: URL(fileURLWithPath: "/bin/sh")).status == 0, "\(arguments)")
            try? FileManager.default.removeItem(atPath: Scratch.path("lost"))
        }
    }
}
