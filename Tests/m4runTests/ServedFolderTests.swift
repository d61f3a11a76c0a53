// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// The folders of `--devices` and `--control`: what may be in them, and what becomes of it.
@Suite(.serialized) struct ServedFolderTests {
    /// Something of the user's in the folder, and the path below it that the run must name.
    struct Obstacle: Sendable, CustomTestStringConvertible {
        let script: String, arguments: [String], path: String, seen: String
        var testDescription: String { "\(arguments.joined(separator: " ")): \(script)" }
    }
    private static let obstacles = [
        Obstacle(script: "echo mine > f", arguments: ["--control", "$DIR/f"], path: "f", seen: "a file is in the way"),
        Obstacle(script: "echo mine > f", arguments: ["--devices", "$DIR/f/g"], path: "f/g", seen: "the folder cannot be made: Not a directory"),
        Obstacle(script: "ln -s nowhere l", arguments: ["--devices", "$DIR/l"], path: "l", seen: "a link to nowhere is in the way"),
        Obstacle(script: "true", arguments: ["--devices", "$DIR/no/no"], path: "no/no", seen: "the folder cannot be made: No such file or directory"),
        Obstacle(script: "echo mine > ttyRPMSG0", arguments: ["--devices", "$DIR"], path: "ttyRPMSG0", seen: "a file is in the way"),
        Obstacle(script: "ln -s /dev/pts/0 ttyRPMSG9", arguments: ["--devices", "$DIR"], path: "ttyRPMSG9", seen: "a link to /dev/pts/0 is in the way"),
        Obstacle(script: "mkdir rpmsg7", arguments: ["--devices", "$DIR"], path: "rpmsg7", seen: "a folder is in the way"),
        Obstacle(script: "mkdir dev; echo mine > dev/ttyRPMSG0", arguments: ["--control", "$DIR"], path: "dev/ttyRPMSG0", seen: "a file is in the way"),
        Obstacle(script: "echo mine > dev", arguments: ["--control", "$DIR"], path: "dev", seen: "a file is in the way"),
        Obstacle(script: "echo mine > lib", arguments: ["--control", "$DIR"], path: "lib", seen: "a file is in the way"),
        Obstacle(script: "echo mine > control", arguments: ["--control", "$DIR", "--no-fuse"], path: "control", seen: "a file is in the way"),
        Obstacle(script: "mkdir sys; echo mine > sys/notes", arguments: ["--control", "$DIR"], path: "sys", seen: "a folder with something in it (notes)"),
        Obstacle(script: "echo mine > sys", arguments: ["--control", "$DIR"], path: "sys", seen: "a file is in the way"),
        Obstacle(script: "ln -s . sys", arguments: ["--control", "$DIR"], path: "sys", seen: "a link to . is in the way"),
        Obstacle(script: "echo mine > .m4run", arguments: ["--devices", "$DIR"], path: ".m4run", seen: "a file that m4run has not made"),
    ]

    @Test("What is in the way is the one thing said, before anything runs, and stays as it is", arguments: obstacles)
    func obstacle(_ case: Obstacle) throws {
        let folder = try ServedRun.newFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let before = try Self.list(folder, "cd $DIR && \(`case`.script)")
        let arguments = `case`.arguments.map { $0.replacingOccurrences(of: "$DIR", with: folder.path) }
        let result = try Command.run(["run", Scratch.elf("tty-echo"), "--boot", "elf", "--timeout", "20s"] + arguments, in: Scratch.folder)
        #expect(result.status == 2)
        #expect(result.err.hasPrefix("m4run: \(folder.path)/\(`case`.path): \(`case`.seen)"), "\(result.err)")
        #expect(result.lines.count == 2 && result.lines.last == "", "one line: \(result.err)")
        #expect(result.err.contains(" may be") || result.err.contains("it must be") || result.err.contains("is for"), "what is allowed: \(result.err)")
        #expect(try Self.list(folder, "true") == before)
    }

    @Test("A path too long for sockets, and a folder that may not be written to, are told at once")
    func impossible() throws {
        let long = Scratch.path(String(repeating: "l", count: 100))
        let tooLong = try Command.run("run", Scratch.elf("tty-echo"), "--boot", "elf", "--devices", long)
        #expect(tooLong.err == "m4run: \(long)/rpmsg9999: \(long.utf8.count + 10) bytes are too long for a socket's path, which has at most 107\n")
        #expect(!FileManager.default.fileExists(atPath: long))
        // /proc is not to be written to for root either, which finds out later.
        let reason = geteuid() == 0 ? "/.m4run: cannot be written" : ": cannot be written to: Permission denied"
        let closed = try Command.run("run", Scratch.elf("tty-echo"), "--boot", "elf", "--devices", "/proc")
        #expect(closed.status == 2 && closed.lines.count == 2 && closed.err.hasPrefix("m4run: /proc\(reason)"), "\(closed.err)")
        #expect(try Command.run("ctl", "/proc", "state").status == 2)
    }

    @Test("Without FUSE a folder sys of the user's is left alone; with it and empty, it is there again afterwards")
    func ownSys() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse", "--offline", in: Self.folder("mkdir sys; echo mine > sys/notes"))
        try run.wait(for: "control")
        #expect(try run.end().status == 0)
        #expect(try Self.list(run.folder, "true") == "./sys ./sys/notes mine")
        let empty = try ServedRun("--control", "$DIR", "--offline", in: Self.folder("mkdir sys"))
        try empty.wait(for: "control")
        #expect(try empty.end().status == 0)
        #expect(try Self.list(empty.folder, "true") == "./sys")
    }

    @Test("A socket on which somebody listens is not a killed run's, whatever its name, and a file put in a link's place survives the run")
    func foreign() throws {
        let first = try ServedRun("--devices", "$DIR", in: Self.folder("true"))
        try first.wait(for: "ttyRPMSG1")
        // The user takes a link away and puts something of his own there.
        #expect(try first.shell("rm $DIR/ttyRPMSG0; echo mine > $DIR/ttyRPMSG0").status == 0)
        #expect(try first.end().status == 0)
        #expect(try Self.list(first.folder, "true") == "./ttyRPMSG0 mine")

        let second = try ServedRun("--control", "$DIR", "--no-fuse", in: Self.folder("true"))
        try second.wait(for: "dev/ttyRPMSG1")
        try second.end(SIGKILL)
        // The name is in the record of the killed run, and now somebody else's.
        let listener = try ListeningSocket(second.path("control"))
        let third = try Command.run(["run", Scratch.elf("tty-echo"), "--boot", "elf", "--control", second.folder.path, "--no-fuse"], in: Scratch.folder)
        #expect(third.status == 2 && third.err.hasPrefix("m4run: \(second.path("control")): a socket is in the way"), "\(third.err)")
        withExtendedLifetime(listener) {}
    }

    @Test("What a killed run has left is taken away, all of it and nothing else")
    func leftovers() throws { try leftovers(fuse: false) }

    @Test("A file system that a killed run has left is taken away, too", .needs(.fuse))
    func leftoverFiles() throws { try leftovers(fuse: true) }

    private func leftovers(fuse: Bool) throws {
        let folder = try Self.folder("mkdir lib; echo mine > lib/notes")
        let first = fuse ? try ServedRun("--control", "$DIR", in: folder) : try ServedRun("--control", "$DIR", "--no-fuse", in: folder)
        try first.wait(for: "dev/ttyRPMSG1")
        #expect(try first.shell("$M4RUN ctl $DIR rpmsg_ctrl0 create-endpoint mine any 0x400").out == "rpmsg0\n")
        try first.end(SIGKILL)
        // Firmware without any channel: nobody makes the names anew.
        let second = try ServedRun("--control", "$DIR", "--offline", "--no-fuse", in: folder)
        try second.wait(for: "control")
        try ServedRun.wait("answer") { (try? second.shell("$M4RUN ctl $DIR state").out) == "offline\n" }
        #expect(try second.shell("ls $DIR/dev").out == "")
        #expect(try second.end().status == 0)
        #expect(try Self.list(folder, "true") == "./lib ./lib/notes mine")
        withExtendedLifetime(first) {}
    }

    @Test("Sockets are their owner's alone whatever the umask", arguments: ["000", "022", "077", "777"])
    func modes(umask: String) throws {
        let folder = try Self.folder("true")
        let run = try ServedRun("--control", "$DIR", "--no-fuse", in: folder, limits: "umask \(umask)")
        if umask == "777", geteuid() != 0 {
            // What it makes it may not enter then, unlike root: it says so and leaves nothing.
            let end = try run.waitForEnd()
            #expect(end.status == 2 && end.err.hasPrefix("m4run: \(folder.path)/.m4run: cannot be written"), "\(end.err)")
            #expect(try Self.list(folder, "true") == "")
            return
        }
        try run.wait(for: "dev/ttyRPMSG1")
        #expect(try run.shell("$M4RUN ctl $DIR rpmsg_ctrl0 create-endpoint mine any 0x400; stat -c %a $DIR/control $DIR/dev/rpmsg0").out == "rpmsg0\n600\n600\n")
        #expect(try run.end().status == 0)
    }

    @Test("A folder that is renamed meanwhile takes all of the run along, and is as empty at the end")
    func renamed() throws { try renamed(fuse: false) }

    @Test("A folder that is renamed meanwhile takes the file system along, and leaves no mount", .needs(.fuse))
    func renamedWithFiles() throws { try renamed(fuse: true) }

    private func renamed(fuse: Bool) throws {
        let folder = try Self.folder("mkdir place")
        let run = fuse ? try ServedRun("--control", "$DIR/place", in: folder) : try ServedRun("--control", "$DIR/place", "--no-fuse", in: folder)
        try run.wait(for: "place/dev/ttyRPMSG1")
        _ = try Scratch.elf("client-sample")
        let source = Scratch.path("client-sample.elf")
        let result = try run.shell(
            """
            mv $DIR/place $DIR/moved; mkdir $DIR/place
            $M4RUN ctl $DIR/moved rpmsg_ctrl0 create-endpoint mine any 0x400; ls $DIR/moved/dev
            cp \(source) $DIR/moved/lib/firmware/new.elf
            $M4RUN ctl $DIR/moved state stop; $M4RUN ctl $DIR/moved firmware new.elf; $M4RUN ctl $DIR/moved state start; $M4RUN ctl $DIR/moved state
            rm $DIR/moved/lib/firmware/new.elf; ls -a $DIR/place
            """)
        #expect(result.out.hasPrefix("rpmsg0\nrpmsg0\nttyRPMSG0\nttyRPMSG1\n"), "\(result.out)")
        #expect(result.out.hasSuffix("running\n.\n..\n"), "\(result.out)")
        if fuse { #expect(try run.shell("cat $DIR/moved/sys/class/remoteproc/remoteproc0/state").out == "running\n") }
        #expect(try run.end().status == 0)
        #expect(try Self.list(folder, "true") == "./moved ./place")
        #expect(try !String(contentsOfFile: "/proc/self/mounts", encoding: .utf8).contains(folder.path))
    }

    @Test("A folder that the run has made, and somebody has renamed, goes as well; what a killed run has left in one the next takes away")
    func renamedByKilled() throws {
        let folder = try Self.folder("true")
        let first = try ServedRun("--control", "$DIR/place", in: folder)
        try first.wait(for: "place/dev/ttyRPMSG1")
        #expect(try first.shell("mv $DIR/place $DIR/moved").status == 0)
        try first.end(SIGKILL)
        let second = try ServedRun("--control", "$DIR/moved", in: folder)
        try ServedRun.wait("answer") { (try? second.shell("$M4RUN ctl $DIR/moved state").out) == "running\n" }
        #expect(try second.shell("mv $DIR/moved $DIR/again").status == 0)
        #expect(try second.end().status == 0)
        #expect(try Self.list(folder, "true") == "")
        withExtendedLifetime(first) {}
    }

    @Test("Of more clients than the control socket serves the others wait, and none is cut off; who does not want to wait is told to try again")
    func manyClients() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse")
        try run.wait(for: "dev/ttyRPMSG1")
        let path = run.path("control")
        // Each in the middle of a request.
        var clients: [OpenSocket] = []
        for _ in 0..<64 {
            let client = try OpenSocket(path, SOCK_STREAM)
            client.send("read sta")
            clients.append(client)
        }
        // In the backlog, and behind it.
        let waiting = try OpenSocket(path, SOCK_STREAM)
        waiting.send("read name")
        waiting.finish()
        var refused: Int32 = 0
        while refused == 0, clients.count < 300 {
            do { clients.append(try OpenSocket(path, SOCK_STREAM, blocks: false)) } catch let error as OpenTerminal.Failed { refused = error.number }
        }
        #expect(refused == EAGAIN)
        // What is not the socket goes on.
        #expect(try OpenTerminal(run.path("dev/ttyRPMSG0")).ask("hello\n") == "hello\n")
        for client in clients.prefix(64) {
            client.send("te")
            client.finish()
            #expect(client.answer() == "0\nrunning\n")
        }
        #expect(waiting.answer() == "0\nm4\n")
        clients = []
        #expect(try run.end().status == 0)
    }

    @Test("Of two hundred clients that come at once at least 128 are let in without waiting, every one of those is answered, and 192 when they have settled")
    func burst() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse")
        try run.wait(for: "dev/ttyRPMSG1")
        var clients: [OpenSocket] = []
        func come(_ count: Int) { for _ in 0..<count { if let client = try? OpenSocket(run.path("control"), SOCK_STREAM, blocks: false) { clients.append(client) } } }
        come(200)
        #expect(clients.count >= 128)
        usleep(500_000)
        come(200)
        #expect(clients.count == 192)
        for client in clients {
            _ = fcntl(client.descriptor, F_SETFL, 0)
            client.send("read state")
            client.finish()
        }
        #expect(clients.allSatisfy { $0.answer() == "0\nrunning\n" })
        #expect(try run.end().status == 0)
    }

    @Test("Where no descriptor is left for more clients they wait, and the run does not turn round and round meanwhile")
    func noDescriptors() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse", limits: "ulimit -n 40")
        try run.wait(for: "dev/ttyRPMSG1")
        #expect(try run.shell("$M4RUN ctl $DIR rpmsg_ctrl0 create-endpoint mine any 0x400").out == "rpmsg0\n")
        var clients: [OpenSocket] = []
        for _ in 0..<50 {
            let client = try OpenSocket(run.path("control"), SOCK_STREAM)
            client.send("read state")
            clients.append(client)
        }
        // Nor has a raw device one.
        let raw = try OpenSocket(run.path("dev/rpmsg0"))
        // A run that turns round and round takes all of each second; one that rests has something to do in some.
        var used: [Double] = []
        for _ in 0..<4 where used.allSatisfy({ $0 >= 0.4 }) {
            usleep(200_000)
            let before = try run.processorTime()
            usleep(1_000_000)
            used.append(try run.processorTime() - before)
        }
        #expect(used.contains { $0 < 0.4 }, "\(used)")
        for client in clients {
            client.finish()
            #expect(client.answer() == "0\nrunning\n")
        }
        withExtendedLifetime(raw) {}
        #expect(try run.end().status == 0)
    }

    @Test("Of two that open a raw device at the same moment one has it, and the other is refused")
    func rawRivals() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse")
        try run.wait(for: "dev/ttyRPMSG1")
        #expect(try run.shell("$M4RUN ctl $DIR rpmsg_ctrl0 create-endpoint mine any 0x400").out == "rpmsg0\n")
        for _ in 0..<20 {
            // Faster than the run can let the first one in.
            var opened: [OpenSocket] = [], refused: Set<Int32> = []
            for _ in 0..<8 {
                do { opened.append(try OpenSocket(run.path("dev/rpmsg0"), blocks: false)) } catch let error as OpenTerminal.Failed {
                    refused.insert(error.number)
                }
            }
            // One that was in the queue when the first was let in is connected for a moment, and hears at once that nobody is there.
            var have: [OpenSocket] = []
            try ServedRun.wait("one of them to have it") {
                have = opened.filter { !$0.wasCutOff }
                return have.count == 1
            }
            #expect(refused.isSubset(of: [EAGAIN, ECONNREFUSED]), "\(refused)")
            (opened, have) = ([], [])
            // Until the run has seen it go.
            try ServedRun.wait("a socket") {
                guard let socket = try? OpenSocket(run.path("dev/rpmsg0")) else { return false }
                return socket.send([1]) == 1 && socket.receive() == [1]
            }
            try ServedRun.wait("its end") { (try? OpenSocket(run.path("dev/rpmsg0"))) != nil }
            usleep(50_000)
        }
        #expect(try run.end().status == 0)
    }

    /// A new folder in which a shell has run `script`.
    private static func folder(_ script: String) throws -> URL {
        let folder = try ServedRun.newFolder()
        _ = try list(folder, "cd $DIR && \(script)")
        return folder
    }

    /// Runs `script`, then tells all that is in the folder, with the contents of files.
    private static func list(_ folder: URL, _ script: String) throws -> String {
        let shell = Process(), output = try Scratch.file("list")
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", "(\(script)); cd $DIR; find . -mindepth 1 | sort | while read f; do echo $f $(test -f $f && cat $f); done"]
        shell.environment = ["DIR": folder.path, "PATH": "/usr/bin:/bin", "LC_ALL": "C"]
        shell.standardOutput = output.handle
        try shell.run()
        shell.waitUntilExit()
        return try output.text().split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
    }
}
