import Foundation
import Testing

/// One wish to end is one, however many signals it comes as, and nothing is left behind.
@Suite struct SignalTests {
    @Test("Signals within a moment are one: status 0 and an empty folder each time", arguments: [[SIGTERM, SIGTERM], [SIGINT, SIGINT, SIGTERM, SIGTERM]])
    func oneWish(signals: [Int32]) throws {
        let folder = try ServedRun.newFolder()
        defer {
            umount2(folder.appendingPathComponent("sys").path, Int32(MNT_DETACH))
            try? FileManager.default.removeItem(at: folder)
        }
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

    @Test("A signal that comes while a run makes its folder and mounts its file system leaves nothing there either")
    func early() throws {
        let folder = try ServedRun.newFolder()
        defer {
            umount2(folder.appendingPathComponent("sys").path, Int32(MNT_DETACH))
            try? FileManager.default.removeItem(at: folder)
        }
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
        defer {
            umount2(folder.appendingPathComponent("sys").path, Int32(MNT_DETACH))
            try? FileManager.default.removeItem(at: folder)
        }
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
