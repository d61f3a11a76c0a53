// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import TestSupport
import Testing

/// The manual in the binary: `m4run help`.
@Suite struct ManualTests {
    private static let reference = Scratch.package.appendingPathComponent("docs/reference")

    /// The names of the pages that the repository has.
    private static func pages() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: reference.path).filter { $0.hasSuffix(".md") }.map { String($0.dropLast(3)) }.sorted()
    }

    /// Letters and digits of a text, word by word, with how often each is there.
    private func words(_ text: String) -> [String: Int] {
        text.lowercased().matches(of: /[a-z0-9_]+/).reduce(into: [:]) { $0[String($1.0), default: 0] += 1 }
    }

    /// What a reader has to find of a page: its words without comments, targets of links and the first rows of tables of options.
    private func source(_ name: String) throws -> String {
        try String(contentsOf: Self.reference.appendingPathComponent(name + ".md"), encoding: .utf8)
            .replacing(/(?s)<!--.*?-->/, with: "").replacing(/\]\([^)]*\)/, with: "]").replacing(/```[a-z]+/, with: "```").replacing(/\| option \| meaning \|/, with: "")
    }

    private func expectWords(of name: String, in text: String, _ what: String) throws {
        let shown = words(text)
        for (word, count) in words(try source(name)) where shown[word, default: 0] < count {
            Issue.record("\(name), \(what): \(word) is there \(shown[word, default: 0]) times, not \(count)")
        }
    }

    @Test("All pages of docs/reference are in the binary, and no other")
    func pages() throws {
        let result = try Command.run("help", "--pages")
        let listed = result.out.split(separator: "\n").map(String.init)
        let pages = try Self.pages()
        #expect(result.status == 0 && listed.sorted() == pages)
        #expect(listed.contains("m4run-run.1") && listed.count > 15)
    }

    @Test("Every word of a page is in what help shows")
    func wordsShown() throws {
        for name in try Self.pages() {
            let result = try Command.run("help", name)
            #expect(result.status == 0 && result.err.isEmpty, "\(name): \(result.err)")
            #expect(!result.out.contains("\u{1B}"))
            try expectWords(of: name, in: result.out, "help")
        }
    }

    @Test("mandoc finds nothing to say about any page, and shows every word of it", .needs(.mandoc))
    func mandoc() throws {
        let mandoc = URL(fileURLWithPath: try #require(Tool.mandoc.file))
        for name in try Self.pages() {
            let file = try Scratch.write(try Command.run("help", "--man", name).outBytes, name)
            let lint = try Command.run(["-Tlint", "-Wwarning", file], in: Scratch.folder, program: mandoc)
            #expect(lint.status == 0 && lint.out.isEmpty && lint.err.isEmpty, "\(name): \(lint.out)")
            let shown = try Command.run(["-Tascii", "-O", "width=200", file], in: Scratch.folder, program: mandoc)
            try expectWords(of: name, in: shown.out.replacing(/.\u{08}/, with: ""), "mandoc")
        }
        // It does find something where something is.
        let file = try Scratch.write(Array(".TH X 7\n.PP\n.XY\n".utf8), "bad.7")
        #expect(try Command.run(["-Tlint", "-Wwarning", file], in: Scratch.folder, program: mandoc).status != 0)
    }

    @Test("man shows every page without a warning, tables and all", .needs(.man))
    func man() throws {
        let man = URL(fileURLWithPath: try #require(Tool.man.file))
        let environment = ["MANWIDTH": "100", "MANPAGER": "cat", "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""]
        for name in try Self.pages() {
            let file = try Scratch.write(try Command.run("help", "--man", name).outBytes, name)
            let result = try Command.run(["-l", "--warnings", Scratch.path(file)], in: Scratch.folder, program: man, environment: environment)
            #expect(result.status == 0 && result.err.isEmpty, "\(name): \(result.err)")
            try expectWords(of: name, in: result.out, "man")
        }
    }

    @Test("A topic is a page by any of its names, or an entry, which is shown alone")
    func topics() throws {
        let run = try Command.run("help", "run").out
        #expect(run.hasPrefix("m4run-run(1)\n"))
        for name in ["m4run-run", "m4run-run.1", "m4run-run(1)"] { #expect(try Command.run("help", name).out == run) }
        #expect(try Command.run("help", "exit", "status").out.hasPrefix("m4run-exit-status(7)\n"))
        let entry = try Command.run("help", "mailbox-masked")
        #expect(entry.status == 0 && entry.out.hasPrefix("mailbox-masked (m4run-causes(7): m4run help causes)\n"), "\(entry.out)")
        #expect(entry.out.split(separator: "\n").count < 15)
        // A rule of that name, and a cause.
        let both = try Command.run("help", "table-rewritten").out
        #expect(both.contains("(m4run-causes(7)") && both.contains("(m4run-findings(7)"), "\(both)")
    }

    @Test("Without a topic help shows the commands, then each page with its line")
    func overview() throws {
        let result = try Command.run("help")
        #expect(result.status == 0 && result.out.contains("SUBCOMMANDS:\n") && result.out.contains("\nTOPICS, for 'm4run help TOPIC':\n"))
        for name in try Self.pages() {
            let topic = name.replacing(/\.[0-9]$/, with: "").replacing(/^m4run[-.]/, with: "")
            #expect(result.out.contains("\n    \(topic) "), "\(topic)")
        }
        #expect(try Command.run("help", "--help").out.contains("USAGE: m4run help"))
    }

    @Test("An unknown topic or page is status 2 and names what is near")
    func unknown() throws {
        for (arguments, words) in [
            (["mailbx-masked"], "m4run: help: nothing is named \"mailbx-masked\"; there is mailbox-masked. m4run help lists all topics\n"),
            (["nothing\u{1B}[2J"], "m4run: help: nothing is named \"nothing\\x1b[2J\". m4run help lists all topics\n"),
            (["m"], "m4run: help: nothing is named \"m\". m4run help lists all topics\n"),
            (["/"], "m4run: help: nothing is named \"/\". m4run help lists all topics\n"),
            ([""], "m4run: help: nothing is named \"\". m4run help lists all topics\n"),
            (["--man", "m4run-rum.1"], "m4run: help: nothing is named \"m4run-rum.1\"; there is m4run-run.1"),
        ] {
            let result = try Command.run(["help"] + arguments, in: Scratch.folder)
            #expect(result.status == 2 && result.out.isEmpty && result.err.hasPrefix(words), "\(result.err)")
        }
        #expect(try Command.run("help", "run", "--pages").status == 2)
    }

    @Test("On a terminal a page goes through $PAGER, in bold; not with NO_PAGER, and plainly with NO_COLOR", .needs(.python))
    func pager() throws {
        // Runs its arguments on a terminal of 60 columns, and prints what came.
        let script = """
            import fcntl, os, pty, struct, sys, termios
            child, master = pty.fork()
            if child == 0:
                fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
                os.execv(sys.argv[1], sys.argv[1:])
            out = b""
            while True:
                try: piece = os.read(master, 65536)
                except OSError: break
                if not piece: break
                out += piece
            sys.stdout.buffer.write(out)
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            """
        func show(_ environment: [String: String]) throws -> String {
            let binary = try Command.binary().path
            let base = ["TERM": "xterm", "NO_COLOR": "", "NO_PAGER": "", "LESS": ""]
            let result = try Command.run(
                ["-c", script, binary, "help", "mailbox-masked"], in: Scratch.folder, program: URL(fileURLWithPath: try #require(Tool.python.file)),
                environment: base.merging(environment) { $1 })
            #expect(result.status == 0, "\(result.err)")
            return result.out.replacing("\r\n", with: "\n")
        }
        let bold = "\u{1B}[1mmailbox-masked\u{1B}[22m"
        #expect(try show(["PAGER": "sed s/^/P:/"]).hasPrefix("P:\(bold) (m4run-causes(7)"))
        #expect(try show(["PAGER": "sed s/^/P:/", "NO_PAGER": "1"]).hasPrefix(bold))
        #expect(try show(["PAGER": "sed s/^/P:/", "NO_COLOR": "1"]).hasPrefix("P:mailbox-masked (m4run-causes(7)"))
        // A pager that is not there is none.
        #expect(try show(["PAGER": "/nonexistent/pager"]).contains("mailbox-masked\u{1B}[22m (m4run-causes(7)"))
        #expect(try show(["PAGER": "cat"]).split(separator: "\n").allSatisfy { $0.replacing(/\u{1B}\[[0-9]*m/, with: "").count <= 60 })
    }
}
