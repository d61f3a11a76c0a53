// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import TestSupport
import Testing

/// `m4run.yaml`: options that a project says once.
@Suite struct ProjectFileTests {
    /// A folder with a file of options, the signed sample as `echo.signed`, its ELF, and its public key.
    private struct Project {
        let folder: URL

        init(_ text: String?) throws {
            folder = Scratch.folder.appendingPathComponent("project-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for (from, to) in [(try Scratch.signed("tty-echo"), "echo.signed"), (try Scratch.elf("tty-echo"), "echo.elf"), (try Scratch.key(), "public.pem"), ("keys/private.pem", "private.pem")] {
                try FileManager.default.copyItem(at: Scratch.folder.appendingPathComponent(from), to: folder.appendingPathComponent(to))
            }
            if let text { try write(text) }
        }
        func write(_ text: String, _ name: String = "m4run.yaml") throws { try write(Array(text.utf8), name) }
        func write(_ bytes: [UInt8], _ name: String = "m4run.yaml") throws { try Data(bytes).write(to: folder.appendingPathComponent(name)) }
        func run(_ arguments: String...) throws -> Command.Result { try Command.run(arguments, in: folder) }
        func run(_ arguments: [String], in other: URL) throws -> Command.Result { try Command.run(arguments, in: other) }
    }

    @Test("Options of the file are those of the command line, for each command that has them, and one line on stderr tells of them")
    func adds() throws {
        let project = try Project("image: echo.signed\nkey: public.pem\nrun:\n  send: [hello, again]\n  for: 50ms\nexec:\n  elf: echo.elf\n  quiet: true\n  for: 1ms\n")
        let run = try project.run("run")
        #expect(run.status == 0 && run.out == "hello\nagain\n", "\(run.err)")
        #expect(run.lines.first == "options from m4run.yaml: echo.signed --key=public.pem --send=hello --send=again --for=50ms")
        let plain = try project.run("run", "echo.signed", "--key", "public.pem", "--send", "hello", "--send", "again", "--for", "50ms", "--no-config")
        func withoutWall(_ lines: some Sequence<String>) -> [String] { lines.map { $0.replacing(#/wall time .*/#, with: "") } }
        #expect(withoutWall(run.lines.dropFirst()) == withoutWall(plain.lines))
        #expect(try project.run("verify").out.hasPrefix("echo.signed: TEE_SUCCESS"))
        #expect(try project.run("inspect").out.hasSuffix("the TA loads it\n"))
        #expect(try project.run("doctor").out.hasPrefix("echo.signed: fine."))
        // Quiet commands stay so.
        let exec = try project.run("exec")
        #expect(exec.status == 5 && exec.lines.first?.hasPrefix("m4run: echo.elf: no end after 1ms") == true, "\(exec.err)")
        #expect(try !project.run("run", "--log-level", "error").err.contains("options from"))
        // JSON is nothing but JSON.
        #expect(try project.run("run", "--json").out.hasPrefix("{"))
    }

    @Test("sign takes what its own section says: a key at the top is a public one")
    func signs() throws {
        let project = try Project("key: public.pem\nsign:\n  in: echo.elf\n  key: private.pem\n  out: new.signed\n  plat-tlv: 0x10001 some text\n")
        #expect(try project.run("sign").status == 0)
        #expect(try project.run("verify", "new.signed").status == 0)
        #expect(try project.run("inspect", "new.signed").out.contains("some text"))
        try project.write("key: public.pem\n")
        let missing = try project.run("sign", "--in", "echo.elf", "--out", "x.signed")
        #expect(missing.status == 2 && missing.err.contains("--key"), "\(missing.err)")
    }

    @Test("The command line beats the section, the section the top level, and what excludes an option beats it, too")
    func order() throws {
        let project = try Project("key: missing.pem\nfor: 1ms\nstrict: true\nrun:\n  for: 2ms\n  strict: false\n  log-level: warning\n")
        func shown(_ arguments: String...) throws -> [Substring] { try Command.run(["run", "--show-config"] + arguments, in: project.folder).out.split(separator: "\n") }
        #expect(try shown().contains("  for: 2ms  # m4run.yaml:5"))
        #expect(try shown("--for", "3ms").contains("  for: 3ms  # command line"))
        #expect(try shown().contains("  strict: false  # m4run.yaml:6"))
        #expect(try shown("--strict").contains("  strict: true  # command line"))
        #expect(try shown("--unverified").contains("  # key:"))
        #expect(try shown("--boot", "elf").contains("  # key:"))
        #expect(try shown("--key", "public.pem").contains("  key: public.pem  # command line"))
        #expect(try project.run("run", "echo.signed", "--unverified").status == 0)
        #expect(try project.run("run", "echo.elf", "--boot", "elf").status == 0)
        let used = try project.run("run", "echo.signed")
        #expect(used.status == 2 && used.err.contains("missing.pem: no such file"), "\(used.err)")
    }

    @Test("--show-config runs nothing, and what it prints is a file that says the same")
    func shows() throws {
        let project = try Project("image: echo.signed\nkey:\n  - public.pem\n  - public.pem\nrun:\n  expect: 'a: \"b\" # c'\n  until: \"yes\"\n  ddr: 32\n  to: \"x\\u202ey\"\n")
        let first = try project.run("run", "--show-config", "--for", "5ms", "--send", "-", "--send", "true")
        #expect(first.status == 0 && first.err == "", "\(first.err)")
        #expect(first.out.hasPrefix("run:\n  image: echo.signed  # m4run.yaml:1\n  # Boot\n  # boot:\n  # dtb:\n"), "\(first.out)")
        for line in [
            "  key:  # m4run.yaml:2\n    - public.pem\n    - public.pem\n", "  ddr: 32  # m4run.yaml:8\n", "  expect: \"a: \\\"b\\\" # c\"  # m4run.yaml:6\n", "  until: \"yes\"  # m4run.yaml:7\n",
            "  to: \"x\\u202ey\"  # m4run.yaml:9\n", "  isolation: segments  # default\n", "  for: 5ms  # command line\n", "  send:  # command line\n    - \"-\"\n    - \"true\"\n", "  strict: false  # default\n",
        ] { #expect(first.out.contains(line), "\(line) in \(first.out)") }
        try project.write(first.out)
        let second = try project.run("run", "--show-config")
        func values(_ text: String) -> String { text.replacing(#/  # .*/#, with: "") }
        #expect(second.status == 0 && values(second.out) == values(first.out), "\(second.err)\(second.out)")
        let secret = try project.run("sign", "--show-config", "--key", "pkcs11:token=a;object=b?pin-value=4711")
        #expect(secret.status == 0 && secret.out.contains("  # key: on the command line, and refused\n") && !secret.out.contains("4711"), "\(secret.out)\(secret.err)")
        // Without a file, and where something is missing that a run needs.
        #expect(try project.run("run", "--show-config", "--no-config").out.contains("  # image:\n"))
        for command in ["doctor", "exec", "linux", "inspect", "verify", "extract", "sign", "keygen", "dt", "ctl"] {
            let result = try project.run(command, "--show-config", "--no-config")
            #expect(result.status == 0, "\(command): \(result.err)")
        }
    }

    @Test("Paths are relative to the file, and --config names another")
    func paths() throws {
        let project = try Project(nil), name = project.folder.lastPathComponent
        try project.write("image: echo.signed\nkey: \(project.folder.path)/public.pem\ncoredump: core\nrun:\n  control: board\n", "other.yaml")
        let shown = try Command.run(["run", "--show-config", "--config", "\(name)/other.yaml"], in: Scratch.folder).out
        #expect(shown.contains("  image: \(name)/echo.signed  # \(name)/other.yaml:1\n"), "\(shown)")
        #expect(shown.contains("  key: \(project.folder.path)/public.pem  # "), "\(shown)")
        #expect(shown.contains("  control: \(name)/board  # "), "\(shown)")
        #expect(shown.contains("  coredump: \(name)/core  # "), "\(shown)")
        #expect(try Command.run(["run", "--config=\(name)/other.yaml", "--no-fuse", "--for", "5ms"], in: Scratch.folder).status == 0)
        // Not the file of a folder above.
        try project.write("nonsense: 1\n")
        let below = project.folder.appendingPathComponent("below")
        try FileManager.default.createDirectory(at: below, withIntermediateDirectories: true)
        #expect(try Command.run(["inspect", "../echo.signed"], in: below).status == 0)
        let both = try project.run("run", "--config", "other.yaml", "--no-config")
        #expect(both.status == 2 && both.err.contains("exclude each other"))
        let missing = try project.run("run", "--config", "no.yaml")
        #expect(missing.status == 2 && missing.err == "m4run: no.yaml: no such file\n", "\(missing.err)")
        // Help is there whatever a file says.
        #expect(try project.run("run", "--help").status == 0)
    }

    @Test(
        "What is wrong in a file is told with line and column, and what is allowed",
        arguments: [
            ("kee: public.pem\n", "1:1: kee: no option of a command at the top of the file; key is one"),
            ("pin-source: x\n", "1:1: pin-source: no option of a command at the top of the file; it is for the section of a command, as 'sign:'"),
            ("run:\n  untill: x\n", "2:3: untill: no option of 'm4run run' for a file; until is one"),
            ("doctor:\n  bogus: x\n", "2:3: bogus: no option of 'm4run doctor' for a file"),
            ("boot: tee-v4\n", "1:7: boot: The value 'tee-v4' is invalid for '--boot <boot>'. Please provide one of 'elf', 'tee-v3' or 'tee-ops'."),
            ("run:\n  send: hello\n  for: 5\n", "3:8: for: The value '5' is invalid for '--for <for>': a unit is missing: 5s, 5ms, 5us, 5ns or 5m"),
            ("run:\n  bind: [a=rpmsg-tty, b]\n", "2:23: bind: "),
            ("key: public.pem\nunverified: true\n", "2:13: unverified: --key and --unverified exclude each other"),
            ("strict: yes\n", "1:9: strict: a text; true or false is allowed"),
            ("strict: \"true\"\n", "1:9: strict: a text; true or false is allowed"),
            ("run:\n  until: true\n", "2:10: until: true, which is no text without quotes; a text is allowed"),
            ("key:\nboot: elf\n", "1:5: key: no value; a text, or a list of texts, is allowed"),
            ("boot: [elf]\n", "1:7: boot: a list; one value is allowed"),
            ("boot: {elf: 1}\n", "1:7: boot: a mapping; a text is allowed"),
            ("key: [[a]]\n", "1:7: key: a list; a text, or a list of texts, is allowed"),
            ("run:\n  key: [[a]]\n", "2:10: too deep; "),
            ("run:\n  key: [[[a]]]\n", "2:10: too deep; "),
            ("boot: elf\nddr: 1\nboot: elf\n", "3:1: boot: is in line 1 already"),
            ("run:\n  \tboot: elf\n", "2:3: a tab; YAML is indented by spaces"),
            ("run:\n\tboot: elf\n", "2:1: a tab; YAML is indented by spaces"),
            ("key: &a public.pem\n", "1:6: an anchor (&); values are to be written out"), ("key: *a\n", "1:6: an alias (*); values are to be written out"),
            ("key: !!str a\n", "1:6: a tag (!); plain values are allowed"), ("? [a]\n: b\n", "1:3: a list or mapping for a key; a name is allowed"),
            ("- a\n", "1:1: a list; options are allowed, as 'key: public.pem'"), ("text\n", "1:1: a text; options are allowed, as 'key: public.pem'"),
            ("boot: elf\n---\nboot: elf\n", "3:1: another document; one is allowed"), ("boot: \"elf\n", "2:1: not YAML: "), ("boot: elf\n  ddr: 1\n", "2:6: not YAML: "),
            ("run: elf\n", "1:6: run: a text; a section with options of 'm4run run' is allowed"), ("sign:\n  key-pwd: secret\n", "2:3: key-pwd: a pass phrase in a file is none"),
            ("sign:\n  key_pwd: secret\n", "2:3: key_pwd: a pass phrase in a file is none"), ("key_pwd: secret\n", "1:1: key_pwd: a pass phrase in a file is none"),
            ("sign:\n  key: 'PKCS11:token=a?PIN-VALUE=4711'\n", "2:8: key: the URL of the token's key has the PIN in it (pin-value)"),
            ("sign:\n  key-type: ECC\n  key_type: RSA\n", "3:3: key_type: is in line 2 already, in another spelling"), ("o: a\nout: b\n", "2:1: out: is in line 1 already, in another spelling"),
            ("sign:\n  in: []\n", "2:7: in: a list; of no values; one or more are needed"), ("run:\n  coredump: \"\"\n", "2:13: coredump: an empty text; "), ("run: {image: \"\"}\n", "1:14: image: an empty text; "),
            ("linux:\n  qemu: ./evil\n", "2:3: qemu: a program to run is named on the command line alone: --qemu"), ("key: \"a\\0b\"\n", "1:6: a zero character; no option takes one"),
            ("help: true\n", "1:1: help: no option"), ("\u{1B}[31m: 1\n", "1:1: "), ("\"\\e[31m\": 1\n", "1:1: \\x1b[31m: no option"),
        ])
    func mistakes(_ text: String, _ expected: String) throws {
        let project = try Project(text)
        let result = try project.run("run", "echo.signed")
        #expect(result.status == 2 && result.err.hasPrefix("m4run: m4run.yaml:\(expected)") && result.lines.count == 2, "\(text): \(result.err)")
        #expect(result.out == "")
        // Without the file all is well; --show-config refuses it, too.
        #expect(try project.run("run", "echo.signed", "--key", "public.pem", "--for", "1ms", "--no-config").status == 0)
        #expect(try project.run("run", "echo.signed", "--show-config").status == 2)
    }

    @Test("A value that an option refuses is found whatever stands around it in the file")
    func orderOfMistakes() throws {
        for (text, expected) in [
            ("ta-heap: -5\nkey: public.pem\nimage: echo.signed\n", "1:10: ta-heap: --ta-heap -5: a size in bytes is needed"),
            ("key: public.pem\nimage: echo.signed\nta-heap: -5\n", "3:10: ta-heap: --ta-heap -5: a size in bytes is needed"),
            ("unverified: true\nkey: public.pem\nimage: echo.signed\n", "2:6: key: --unverified checks no signature"),
        ] {
            let result = try Project(text).run("verify")
            #expect(result.status == 2 && result.err.hasPrefix("m4run: m4run.yaml:\(expected)"), "\(text): \(result.err)")
        }
    }

    @Test("What is wrong on the command line is not blamed on the file")
    func ownMistakes() throws {
        let project = try Project("image: echo.signed\nkey: public.pem\n")
        for (arguments, words) in [
            (["--for", "5"], "The value '5' is invalid for '--for <for>'"), (["--nonsense"], "Unknown option '--nonsense'"), (["a", "b"], "Unexpected argument 'b'"),
            (["--unverified", "--key", "x"], "--key and --unverified exclude each other"),
        ] {
            let result = try Command.run(["run"] + arguments, in: project.folder)
            #expect(result.status == 2 && result.err.hasPrefix("m4run: \(words)"), "\(result.err)")
        }
        // Both together.
        let both = try project.run("verify", "--batch", "x", "--json")
        #expect(both.status == 2 && !both.err.contains("m4run.yaml:"), "\(both.err)")
    }

    @Test("Files that are long, deep, not text, or never end come to an end with an error")
    func hostile() throws {
        let deep = String(repeating: "[", count: 60000), long = "run:\n  send: [" + String(repeating: "a,", count: 20000) + "]\n"
        let bombs = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"
        for (name, bytes) in [
            ("deep", Array(deep.utf8)), ("deeper", Array(String(repeating: "? ", count: 30000).utf8)), ("dashes", Array(String(repeating: "- ", count: 30000).utf8)), ("long", Array(long.utf8)),
            ("bomb", Array(bombs.utf8)), ("large", [UInt8](repeating: 0x23, count: 65537)), ("binary", Array(0...255)), ("latin", [0x61, 0x3A, 0x20, 0xE4, 0x0A]),
            ("utf16", [0xFF, 0xFE, 0x61, 0, 0x3A, 0]), ("zero", [0x61, 0]), ("surrogate", Array("key: \"\\ud800\"\n".utf8)), ("keys", Array(String(repeating: "a: ", count: 20000).utf8)),
        ] as [(String, [UInt8])] {
            let project = try Project(nil)
            try project.write(bytes)
            let result = try project.run("run", "echo.signed")
            #expect(result.status == 2 && !result.wasKilled && result.err.hasPrefix("m4run: m4run.yaml:") && result.lines.count == 2, "\(name): \(result.err.prefix(300))")
        }
        for text in ["", "# nothing\n", "---\n", "run:\n", "{}\n"] {
            #expect(try Project(text).run("inspect", "echo.signed").status == 0, "\(text)")
        }
        let project = try Project(nil)
        #expect(mkfifo(project.folder.path + "/m4run.yaml", 0o600) == 0)
        #expect(try project.run("inspect", "echo.signed").err == "m4run: m4run.yaml: no regular file; --no-config leaves it out\n")
    }

    @Test("A file of options is a regular file, named, with or without a byte order mark")
    func files() throws {
        let project = try Project(nil)
        #expect(mkfifo(project.folder.path + "/pipe", 0o600) == 0)
        let pipe = try project.run("run", "echo.signed", "--config", "pipe", "--timeout", "500ms")
        #expect(pipe.status == 2 && pipe.err == "m4run: pipe: no regular file; options are read from one\n", "\(pipe.err)")
        let unnamed = try project.run("inspect", "echo.signed", "--config", "")
        #expect(unnamed.status == 2 && unnamed.err == "m4run: --config needs a file name\n", "\(unnamed.err)")
        try project.write([0xEF, 0xBB, 0xBF] + Array("boot: tee-v3\nkey: public.pem\n".utf8))
        let marked = try project.run("run", "--show-config")
        #expect(marked.status == 0 && marked.out.contains("  boot: tee-v3  # m4run.yaml:1\n") && marked.out.contains("  key: public.pem  # m4run.yaml:2\n"), "\(marked.err)\(marked.out)")
        try FileManager.default.removeItem(at: project.folder.appendingPathComponent("m4run.yaml"))
        try FileManager.default.createSymbolicLink(atPath: project.folder.path + "/m4run.yaml", withDestinationPath: "gone.yaml")
        let dangling = try project.run("inspect", "echo.signed")
        #expect(dangling.status == 2 && dangling.err.hasPrefix("m4run: m4run.yaml: a symbolic link to what cannot be reached"), "\(dangling.err)")
        #expect(try project.run("inspect", "echo.signed", "--no-config").status == 0)
    }

    @Test("An argument behind -- takes the place of the file's")
    func terminator() throws {
        let project = try Project("image: missing.signed\nkey: public.pem\n")
        let result = try project.run("verify", "--", "echo.signed")
        #expect(result.status == 0 && result.out.hasPrefix("echo.signed: TEE_SUCCESS"), "\(result.err)")
        // To exec they are the firmware's.
        try project.write("exec:\n  elf: echo.elf\n  for: 1ms\n")
        #expect(try project.run("exec", "--", "word").status == 5)
    }

    @Test("What the command line has replaced displaces nothing")
    func replaced() throws {
        let project = try Project("key: public.pem\nrun:\n  boot: elf\n  image: echo.elf\n  for: 5ms\n")
        #expect(try project.run("run").status == 0)
        let result = try project.run("run", "--boot", "tee-v3", "echo.signed")
        #expect(result.status == 0, "\(result.err)")
    }

    @Test("Lists and texts that are empty, and what is no character to YAML, come round in --show-config")
    func emptyValues() throws {
        let project = try Project("send: [a]\nrun:\n  send: []\n")
        let first = try project.run("run", "--show-config", "--send-only", "", "--until", "\u{FFFE}\u{FFFF}")
        for line in ["  send: []  # m4run.yaml:3\n", "  send-only: \"\"  # command line\n", "  until: \"\\ufffe\\uffff\"  # command line\n"] { #expect(first.out.contains(line), "\(first.err)\(first.out)") }
        try project.write(first.out)
        let second = try project.run("run", "--show-config")
        func values(_ text: String) -> String { text.replacing(#/  # .*/#, with: "") }
        #expect(second.status == 0 && values(second.out) == values(first.out), "\(second.err)\(second.out)")
        // An empty text is sent.
        try project.write("image: echo.signed\nkey: public.pem\nrun: {send: \"\"}\n")
        let run = try project.run("run")
        #expect(run.lines.first == "options from m4run.yaml: echo.signed --key=public.pem --send ''" && !run.err.contains("Missing value"), "\(run.err)")
        // A path's default is relative to where the command runs, not to a file elsewhere.
        #expect(try project.run("linux", "--no-config", "--show-config").out.contains("\n  # linux: .deps/linux/bookworm  # default\n"))
    }

    @Test("In a folder that everybody writes to, another user's file is refused", .enabled(if: geteuid() == 0, "needs root, to make a file another user's"))
    func others() throws {
        let project = try Project("boot: elf\n"), file = project.folder.path + "/m4run.yaml"
        #expect(chown(file, 65534, 65534) == 0)
        #expect(try project.run("inspect", "echo.signed").status == 0)
        #expect(chmod(project.folder.path, 0o1777) == 0)
        let refused = try project.run("inspect", "echo.signed")
        #expect(refused.status == 2 && refused.err.contains("m4run.yaml: belongs to another user"), "\(refused.err)")
        #expect(try project.run("inspect", "echo.signed", "--config", "m4run.yaml").status == 0)
        // Nor does one get by through a link: a symbolic one of theirs, or a second name of a file.
        #expect(chown(file, 0, 0) == 0)
        #expect(try project.run("inspect", "echo.signed").status == 0)
        let other = project.folder.path + "/other.yaml"
        #expect(link(file, other) == 0)
        let hard = try project.run("inspect", "echo.signed")
        #expect(hard.status == 2 && hard.err.contains("m4run.yaml: a hard link"), "\(hard.err)")
        #expect(unlink(file) == 0 && symlink("other.yaml", file) == 0)
        #expect(try project.run("inspect", "echo.signed").status == 0)
        #expect(lchown(file, 65534, 65534) == 0)
        let linked = try project.run("inspect", "echo.signed")
        #expect(linked.status == 2 && linked.err.contains("m4run.yaml: belongs to another user"), "\(linked.err)")
    }
}
