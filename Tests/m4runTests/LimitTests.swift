// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Synchronization
import Testing

/// `--timeout` holds, whatever a run is at, and says so; who does not read holds virtual time up and nothing else.
@Suite struct LimitTests {
    /// Beyond `--timeout`: what the README promises.
    static let slack = 0.5
    private static let alone = Mutex(())

    /// How a command ends that must do so `limit` seconds and the promise after its start. One that was late is run once more, with no other
    /// late one beside it: the machine may have been busy with other tests.
    private static func end(within limit: Double, _ start: () throws -> LimitedCommand) throws -> LimitedCommand.End {
        var end = try start().end()
        if end.seconds >= limit + slack { end = try alone.withLock { _ in try start().end() } }
        #expect(end.seconds < limit + slack)
        return end
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let words: [String]
        var out = LimitedCommand.Reader.reads, err = LimitedCommand.Reader.reads
        var testDescription: String { words.joined(separator: " ") + ", stdout \(out), stderr \(err)" }
    }

    static let longSteps = [
        Case(words: ["run", "hostile-endless-semihosting", "--boot", "elf", "--for", "1ms"]),
        Case(words: ["run", "hostile-endless-semihosting", "--boot", "elf", "--log-level", "quiet"], out: .gone),
        Case(words: ["run", "hostile-endless-semihosting", "--boot", "elf"], out: .stalls, err: .likeOutput),
        Case(words: ["run", "hostile-endless-semihosting", "--boot", "elf"], err: .stalls),
        Case(words: ["run", "hostile-rtt-channels", "--boot", "elf", "--for", "1ms"]),
        Case(words: ["run", "hostile-late-flood", "--boot", "elf", "--for", "3ms"], err: .stalls),
        Case(words: ["exec", "hostile-endless-semihosting"], out: .gone),
        Case(words: ["exec", "hostile-endless-semihosting"], out: .stalls),
        Case(words: ["exec", "hostile-rtt-channels"], out: .stalls, err: .stalls),
        Case(words: ["doctor", "hostile-endless-semihosting", "--boot", "elf"]),
        Case(words: ["doctor", "hostile-endless-semihosting", "--boot", "elf", "--log-level", "debug"], err: .stalls),
    ]

    @Test("--timeout ends what firmware asks of the host without end, and who reads nothing, with status 5", arguments: longSteps)
    func longStep(which: Case) throws {
        var words = which.words
        words[1] = try Scratch.elf(words[1])
        let end = try Self.end(within: 0.5) { try LimitedCommand(words + ["--timeout", "500ms"], out: which.out, err: which.err) }
        #expect(end.status == 5 && !end.wasKilled, "\(end.err.suffix(500))")
        if which.err == .reads { #expect(end.err.contains("m4run: --timeout 500ms: the wall time is over"), "\(end.err.suffix(500))") }
        if which.err == .reads, which.out == .stalls { #expect(end.err.contains(" bytes for standard output waited for somebody to read\n"), "\(end.err.suffix(500))") }
    }

    // The system's library takes longer to start than this run lasts.
    @Test("A run, or a diagnosis, that was cut says so in its JSON", .needsEngine21, arguments: ["run", "doctor"])
    func json(command: String) throws {
        let end = try Self.end(within: 0.3) {
            try LimitedCommand([command, Scratch.elf("hostile-endless-semihosting"), "--boot", "elf", "--json", "--timeout", "300ms"])
        }
        #expect(end.status == 5)
        let report = try end.report()
        #expect(report.exit == 5 && report.result == "limit")
        #expect(report.error?.hasPrefix("--timeout 300ms: the wall time is over, at 0.0") == true, "\(report)")
    }

    @Test("--timeout counts while Linux stops the firmware, too")
    func stopPhase() throws {
        let end = try Self.end(within: 1) {
            try LimitedCommand(["run", Scratch.elf("hostile-late-flood"), "--boot", "elf", "--for", "3ms", "--json", "--timeout", "1s"])
        }
        #expect(end.status == 5)
        #expect(try end.report().result == "limit")
        #expect(end.err.contains("m4run: --timeout 1s: the wall time is over, while Linux stopped the firmware, at 0.0"), "\(end.err.suffix(500))")
    }

    @Test("--timeout ends what waits for a pipe that nobody writes to", arguments: [
        ["run", "PIPE", "--boot", "elf"], ["run", "ELF", "--boot", "elf", "--dtb", "PIPE"], ["run", "ELF", "--key", "PIPE"],
        ["exec", "PIPE"], ["doctor", "PIPE", "--boot", "elf", "--json"],
    ])
    func pipe(words: [String]) throws {
        let name = "pipe-\(UUID().uuidString)", elf = try Scratch.elf("tty-echo")
        #expect(mkfifo(Scratch.path(name), 0o600) == 0)
        let end = try Self.end(within: 0.2) {
            try LimitedCommand(words.map { $0 == "PIPE" ? name : $0 == "ELF" ? elf : $0 } + ["--timeout", "200ms"])
        }
        #expect(end.status == 5)
        #expect(end.err == "m4run: --timeout 200ms: the wall time is over, while reading \(name)\n")
        if words.contains("--json") { #expect(try end.report().result == "limit") }
    }

    @Test("--timeout ends a conversation whose input goes on and says nothing, and a core dump into a pipe that nobody reads")
    func others() throws {
        let silence = Pipe()
        let talk = try Self.end(within: 0.3) {
            try LimitedCommand(["run", Scratch.elf("tty-echo"), "--boot", "elf", "--interactive", "--timeout", "300ms"], input: silence.fileHandleForReading)
        }
        #expect(talk.status == 5)
        let name = "pipe-\(UUID().uuidString)"
        #expect(mkfifo(Scratch.path(name), 0o600) == 0)
        let dump = try Self.end(within: 0.3) {
            try LimitedCommand(
                ["run", Scratch.elf("crasher"), "--boot", "elf", "--send", "hardfault", "--coredump", name, "--json", "--timeout", "300ms"])
        }
        #expect(dump.status == 5)
        #expect(try dump.report().result == "limit")
        // Nothing can end in order that waits for a reader: it is not given the time.
        #expect(dump.err.contains("m4run: --timeout 300ms: the wall time is over, while waiting for a reader of \(name)\n"), "\(dump.err.suffix(300))")
        withExtendedLifetime(silence) {}
    }

    // MARK: Readers

    @Test("A slow reader gets all that a file gets, in the same order", arguments: [LimitedCommand.Reader.reads, .likeOutput])
    func slowReader(err: LimitedCommand.Reader) throws {
        let words = ["exec", try Scratch.elf("hostile-endless-lines"), "--for", "2s", "--quiet"]
        let whole = try LimitedCommand(words, err: err).end()
        #expect(whole.status == 5 && whole.out.utf8.count > 400_000)
        let slow = try LimitedCommand(words, out: .stalls, err: err)
        try slow.waitForUnread()
        usleep(100_000)
        // At its end, so that the end of the input comes.
        let pipe = try #require(slow.unread.first)
        try pipe.fileHandleForWriting.close()
        let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        #expect(text == whole.out)
        #expect(try slow.end().status == 5)
    }

    @Test("A conversation ends when nobody sees the answers any more")
    func interactiveReaderGone() throws {
        let input = Pipe()
        let run = try LimitedCommand(
            ["run", Scratch.elf("tty-echo"), "--boot", "elf", "--interactive", "--timeout", "60s"], out: .gone, input: input.fileHandleForReading)
        try input.fileHandleForWriting.write(contentsOf: Data("hello\n".utf8))
        #expect(try run.end().status == 0)
    }

    @Test("While nobody reads a served run's output, its files and ctl answer, and one SIGTERM ends it in order", arguments: [
        Case(words: [], err: .stalls), Case(words: [], out: .stalls, err: .likeOutput),
    ])
    func servedUnread(which: Case) throws {
        let folder = try ServedRun.newFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let run = try LimitedCommand(
            ["run", Scratch.elf("hostile-endless-lines"), "--boot", "elf", "--control", folder.path, "--timeout", "60s"], out: which.out, err: which.err)
        try run.waitForUnread()
        // Longer than what waits for the pipe takes to be full itself.
        usleep(2_000_000)
        for _ in 0..<3 {
            let state = try LimitedCommand(["ctl", folder.path, "state", "--timeout", "10s"]).end()
            #expect(state.status == 0 && state.out == "running\n", "\(state.err)")
        }
        let file = folder.appendingPathComponent("sys/class/remoteproc/remoteproc0/state")
        if Tool.fuse.isHere { #expect(try String(contentsOf: file, encoding: .utf8) == "running\n") }
        run.signal(SIGTERM)
        let end = try run.end()
        #expect(end.status == 0 && !end.wasKilled)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test("ctl and the files answer who reads within a second, however much firmware prints in its boot, a step or its stop", arguments: ["hostile-endless-semihosting", "hostile-late-flood"])
    func servedFlood(sample: String) throws {
        let folder = try ServedRun.newFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let run = try LimitedCommand(
            ["run", Scratch.elf(sample), "--boot", "elf", "--control", folder.path, "--timeout", "60s"], err: .gone)
        try ServedRun.wait("control") { FileManager.default.fileExists(atPath: folder.appendingPathComponent("control").path) }
        // Its file is there a moment before somebody listens.
        usleep(100_000)
        func look(_ file: String) throws -> String {
            let answer = try LimitedCommand(["ctl", folder.path, file, "--timeout", "20s"]).end()
            #expect(answer.status == 0 && answer.seconds < 1 + Self.slack, "\(file): \(answer.err)")
            return answer.out
        }
        for _ in 0..<4 {
            // Of one that asks slowly nobody hears between his words.
            let slow = try OpenSocket(folder.appendingPathComponent("control").path, SOCK_STREAM)
            usleep(150_000)
            slow.send("read na")
            usleep(150_000)
            slow.send("me")
            slow.finish()
            let began = Date()
            #expect(slow.answer() == "0\nm4\n" && Date().timeIntervalSince(began) < 1 + Self.slack)
            #expect(["offline\n", "running\n"].contains(try look("state")))
            for file in ["sys/bus/rpmsg/devices", "name", "firmware", "carveout_memories", "resource_table", "coredump"] { _ = try look(file) }
        }
        let file = folder.appendingPathComponent("sys/class/remoteproc/remoteproc0/state")
        if Tool.fuse.isHere {
            let began = Date()
            #expect(["offline\n", "running\n"].contains(try String(contentsOf: file, encoding: .utf8)))
            #expect(Date().timeIntervalSince(began) < 1 + Self.slack)
        }
        run.signal(SIGTERM)
        #expect(["offline\n", "running\n"].contains(try look("state")))
        #expect(try run.end().status == 5)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test("What writes a control file in the midst of a boot waits for its end, and is done then")
    func writeInBoot() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse", "--log-level", "quiet", image: Scratch.elf("hostile-late-flood"))
        try run.wait(for: "control")
        #expect(try run.shell("$M4RUN ctl $DIR recovery disabled && $M4RUN ctl $DIR recovery").out == "disabled\n")
        run.send(SIGKILL)
    }

    @Test("JSON that a command prints in its last moment is whole, however long the file's name is, or is not there")
    func longJSON() throws {
        let name = "pipe-\(UUID().uuidString)"
        #expect(mkfifo(Scratch.path(name), 0o600) == 0)
        let path = String(repeating: "./", count: 1900) + name
        let end = try LimitedCommand(["run", path, "--boot", "elf", "--json", "--timeout", "300ms"]).end()
        #expect(end.out.utf8.count > 4096)
        #expect(end.status == 5)
        #expect(try end.report().result == "limit")
        // A page is left of what a pipe takes, and who reads it comes too late.
        let full = Pipe()
        try full.fileHandleForWriting.write(contentsOf: Data(count: 15 * 4096))
        let cut = try Command.run(["run", path, "--boot", "elf", "--json", "--timeout", "300ms"], in: Scratch.folder, output: full.fileHandleForWriting)
        try full.fileHandleForWriting.close()
        #expect(cut.status == 5)
        #expect(try full.fileHandleForReading.readToEnd()?.count == 15 * 4096)
    }

    @Test("ctl gives up on a run that does not answer, at its --timeout")
    func ctlTimeout() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse")
        try run.wait(for: "dev/ttyRPMSG0")
        run.send(SIGSTOP)
        let end = try Self.end(within: 0.3) { try LimitedCommand(["ctl", run.folder.path, "state", "--timeout", "300ms"]) }
        run.send(SIGCONT)
        #expect(end.status == 5)
        #expect(end.err == "m4run: --timeout 300ms: the wall time is over, while waiting for the run that serves \(run.folder.path)\n")
        #expect(try run.end().status == 0)
    }
}
