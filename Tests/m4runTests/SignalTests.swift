// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// One wish to end is one, however many signals it comes as, and nothing is left behind.
@Suite struct SignalTests {
    @Test("Signals within a moment are one: status 0 and an empty folder each time", arguments: [[SIGTERM, SIGTERM], [SIGINT, SIGINT, SIGTERM, SIGTERM]])
    func oneWish(signals: [Int32]) throws {
        let folder = try ServedRun.newFolder()
        defer { ServedRun.takeAway(folder) }
        for round in 0..<12 {
            let run = try LimitedCommand(["run", Scratch.elf("tty-echo"), "--boot", "elf", "--control", folder.path, "--timeout", "60s"])
            try ServedRun.wait("a tty") {
                var info = stat()
                return lstat(folder.appendingPathComponent("dev/ttyRPMSG1").path, &info) == 0 || !run.process.isRunning
            }
            // As coreutils' `timeout` sends them: to its child, and then to the child's group.
            for signal in signals {
                run.signal(signal)
                usleep(UInt32(round % 4) * 5000)
            }
            let end = try run.end()
            #expect(end.status == 0 && !end.wasKilled, "\(end.err)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        }
    }

    static let unasked: [(Int32, String)] = [
        (SIGUSR1, "SIGUSR1"), (SIGUSR2, "SIGUSR2"), (SIGALRM, "SIGALRM"), (SIGSTKFLT, "SIGSTKFLT"), (SIGXCPU, "SIGXCPU"), (SIGXFSZ, "SIGXFSZ"),
        (SIGVTALRM, "SIGVTALRM"), (SIGPROF, "SIGPROF"), (SIGPOLL, "SIGPOLL"), (SIGPWR, "SIGPWR"), (34, "SIGRTMIN"), (36, "SIGRTMIN+2"), (64, "SIGRTMIN+30"),
        (SIGQUIT, "SIGQUIT"), (SIGABRT, "SIGABRT"), (SIGSEGV, "SIGSEGV"), (SIGBUS, "SIGBUS"), (SIGILL, "SIGILL"), (SIGFPE, "SIGFPE"), (SIGTRAP, "SIGTRAP"), (SIGSYS, "SIGSYS"),
    ]

    @Test("Any other signal that would end a process ends a served run, which says so and leaves nothing, and then the process by that signal")
    func unaskedSignals() throws {
        for (number, name) in Self.unasked {
            let folder = try ServedRun.newFolder()
            defer { ServedRun.takeAway(folder) }
            let run = try LimitedCommand(["run", Scratch.path(Scratch.elf("tty-echo")), "--boot", "elf", "--control", folder.path, "--timeout", "60s"], folder: folder)
            try ServedRun.wait("a tty") {
                var info = stat()
                return lstat(folder.appendingPathComponent("dev/ttyRPMSG1").path, &info) == 0 || !run.process.isRunning
            }
            run.signal(number)
            let end = try run.end()
            #expect(end.wasKilled && end.status == number, "\(name): \(end.status) \(end.err)")
            let isUrgent = Self.unasked.firstIndex { $0.1 == "SIGQUIT" }.map { Self.unasked[$0...].contains { $0.0 == number } } ?? false
            #expect(end.err.contains("m4run: ended by \(name), \(isUrgent ? "at once" : "in order, at ")"), "\(end.err)")
            #expect(end.err.contains("stopped remote processor") != isUrgent)
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix("core") }
            #expect(left == [], "\(name)")
        }
    }

    /// The kernel is made slow where a name has just been made, and the signal comes then.
    @Test("A signal between a name's making and its entry leaves nothing either", .needs(.strace), arguments: [
        ("mkdirat", "dev"), ("symlinkat", "dev/ttyRPMSG0"), ("fchmodat", "control"), ("openat", ".m4run"),
    ])
    func inBetween(call: String, name: String) throws {
        for signal in [SIGQUIT, SIGSEGV] {
            let folder = try ServedRun.newFolder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let pid = folder.appendingPathExtension("pid"), tracer = Process()
            defer { try? FileManager.default.removeItem(at: pid) }
            tracer.executableURL = Tool.strace.file.map(URL.init(fileURLWithPath:))
            // It sees the run's ends of calls; the shell tells which process that is, and becomes it.
            tracer.arguments = [
                "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e", "inject=\(call):delay_exit=50000", "/bin/sh", "-c",
                "echo $$ >\(pid.path); exec \(try Command.binary().path) run \(try Scratch.path(Scratch.elf("tty-echo"))) --boot elf --control \(folder.path) --no-fuse --timeout 60s",
            ]
            (tracer.standardOutput, tracer.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
            tracer.currentDirectoryURL = folder
            try tracer.run()
            var info = stat()
            try ServedRun.wait(name) { lstat(folder.appendingPathComponent(name).path, &info) == 0 || !tracer.isRunning }
            let number = try #require(Int32(String(contentsOf: pid, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)))
            kill(number, signal)
            tracer.waitUntilExit()
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix("core") }
            #expect(left == [], "\(call) \(signal)")
        }
    }

    @Test("Any of them ends a run without folders with its report, and one that a parent ignores stays ignored")
    func unaskedSignalsPlain() throws {
        for (number, name) in [(SIGUSR1, "SIGUSR1"), (SIGALRM, "SIGALRM"), (SIGQUIT, "SIGQUIT")] {
            let run = try LimitedCommand(["run", Scratch.elf("hostile-endless-lines"), "--boot", "elf", "--for", "10000s", "--json"])
            try ServedRun.wait("lines") { run.hasWritten("one more line") }
            run.signal(number)
            let end = try run.end()
            #expect(end.wasKilled && end.status == number)
            let report = try end.report()
            #expect(report.result == "signal" && report.exit == 128 + number && report.error?.hasPrefix("ended by \(name), at ") == true, "\(end.err.suffix(300))")
        }
        let folder = try ServedRun.newFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let script = """
            trap '' HUP USR1 QUIT ALRM
            \(try Command.binary().path) run \(try Scratch.elf("tty-echo")) --boot elf --control \(folder.path) --no-fuse & run=$!
            while ! [ -e \(folder.path)/dev/ttyRPMSG1 ]; do sleep 0.02; done
            kill -HUP $run; kill -USR1 $run; kill -QUIT $run; kill -ALRM $run; sleep 0.3
            kill -TERM $run && wait $run; echo $?
            """
        let ignored = try Command.run(["-c", script], in: Scratch.folder, program: URL(fileURLWithPath: "/bin/sh"))
        #expect(ignored.out == "0\n" && !ignored.err.contains("ended by"), "\(ignored.err)")
    }

    @Test("A file that reaches its limit is an error of the write's")
    func fileSize() throws {
        let elf = try Scratch.elf("tty-echo")
        _ = try Scratch.key()
        let script = "ulimit -f 8; \(try Command.binary().path) sign --in \(elf) --key keys/private.pem --out large.signed"
        let result = try Command.run(["-c", script], in: Scratch.folder, program: URL(fileURLWithPath: "/bin/bash"))
        #expect(result.status == 2 && result.err == "m4run: large.signed: cannot be written: File too large\n", "\(result.status) \(result.err)")
        #expect(try !FileManager.default.contentsOfDirectory(atPath: Scratch.folder.path).contains { $0.hasPrefix("large.signed") })
    }

    @Test("A signal that comes while a run makes its folder and mounts its file system leaves nothing there either")
    func early() throws {
        let folder = try ServedRun.newFolder()
        defer { ServedRun.takeAway(folder) }
        for round in 0..<20 {
            let run = try LimitedCommand(["run", Scratch.elf("tty-echo"), "--boot", "elf", "--control", folder.path, "--offline", "--timeout", "60s"])
            let socket = folder.appendingPathComponent("control").path
            var info = stat()
            while lstat(socket, &info) != 0, run.process.isRunning { usleep(100) }
            usleep(UInt32(round % 5) * 200)
            run.signal(SIGTERM)
            let end = try run.end()
            #expect(end.status == 0 && !end.wasKilled, "\(end.err)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        }
    }

    /// Nothing tells when five milliseconds of virtual time are over, but a run that is served has its control socket before.
    private func waitForFlood(_ folder: URL) throws {
        try ServedRun.wait("control") { FileManager.default.fileExists(atPath: folder.appendingPathComponent("control").path) }
        usleep(500_000)
    }

    @Test("A later signal ends a run at once that does not come to its end, and takes away what it has made")
    func laterSignal() throws {
        let folder = try ServedRun.newFolder()
        defer { ServedRun.takeAway(folder) }
        let run = try LimitedCommand(["run", Scratch.elf("hostile-late-flood"), "--boot", "elf", "--control", folder.path, "--devices", folder.path + "/d", "--log-level", "error", "--timeout", "60s"])
        try waitForFlood(folder)
        run.signal(SIGTERM)
        usleep(1_300_000)
        #expect(run.process.isRunning, "the stop ends by itself, and later")
        run.signal(SIGTERM)
        let end = try run.end()
        #expect(end.wasKilled && end.status == SIGTERM)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test("A stop that does not come to its end is cut five seconds behind the signal, with status 5")
    func slowStop() throws {
        let folder = try ServedRun.newFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let run = try LimitedCommand(["run", Scratch.elf("hostile-late-flood"), "--boot", "elf", "--control", folder.path, "--no-fuse", "--log-level", "error", "--timeout", "60s"])
        try waitForFlood(folder)
        run.signal(SIGTERM)
        let end = try run.end()
        #expect(end.status == 5 && end.seconds < 20)
        #expect(end.err.contains("m4run: SIGTERM: the firmware's stop was cut after 5 s of wall time, while Linux stopped the firmware"), "\(end.err.suffix(500))")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test("A signal ends a run without folders with its report, and the process as ever", arguments: [SIGINT, SIGTERM])
    func plainRun(signal: Int32) throws {
        let run = try LimitedCommand(["run", Scratch.elf("hostile-endless-lines"), "--boot", "elf", "--for", "10000s", "--json"])
        try ServedRun.wait("lines") { run.hasWritten("one more line") }
        run.signal(signal)
        let end = try run.end()
        #expect(end.wasKilled && end.status == signal)
        let report = try end.report()
        #expect(report.result == "signal" && report.exit == 128 + signal)
        #expect(report.error?.hasPrefix(signal == SIGINT ? "ended by SIGINT, at " : "ended by SIGTERM, at ") == true)
    }

    @Test("A signal ends a run that can have no more threads", .enabled("for root there is no limit to threads") { geteuid() != 0 })
    func noThread() throws {
        let run = try LimitedCommand(["run", Scratch.elf("hostile-endless-lines"), "--boot", "elf", "--for", "10000s", "--json"])
        try ServedRun.wait("lines") { run.hasWritten("one more line") }
        let limit = try Process.run(URL(fileURLWithPath: "/usr/bin/prlimit"), arguments: ["--pid", "\(run.process.processIdentifier)", "--nproc=1:1"])
        limit.waitUntilExit()
        #expect(limit.terminationStatus == 0)
        run.signal(SIGTERM)
        let end = try run.end()
        #expect(end.wasKilled && end.status == SIGTERM)
        #expect(try end.report().result == "signal")
    }

    @Test("A signal ends a run whose output nobody reads, or whose image does not come")
    func blocked() throws {
        let exec = try LimitedCommand(["exec", Scratch.elf("hostile-endless-lines")], out: .stalls)
        try exec.waitForUnread()
        exec.signal(SIGINT)
        let end = try exec.end()
        #expect(end.wasKilled && end.status == SIGINT && end.err.contains("m4run: ended by SIGINT, at "), "\(end.err)")
        let name = "pipe-\(UUID().uuidString)"
        #expect(mkfifo(Scratch.path(name), 0o600) == 0)
        let waiting = try LimitedCommand(["run", name, "--boot", "elf"])
        usleep(300_000)
        waiting.signal(SIGTERM)
        #expect(try waiting.end().wasKilled)
    }
}
