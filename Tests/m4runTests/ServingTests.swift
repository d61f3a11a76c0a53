// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// `--devices` and `--control`: what other programs see of a run, through the files that they open.
@Suite(.serialized) struct ServingTests {
    // MARK: Terminals

    @Test("A tty is a terminal that programs open, close and open again, and its link goes with the run")
    func terminal() throws {
        let run = try ServedRun("--devices", "$DIR/dev")
        try run.wait(for: "dev/ttyRPMSG1")
        for round in 0..<5 {
            let tty = try OpenTerminal(run.path("dev/ttyRPMSG0"))
            #expect(try tty.ask("round \(round)\n") == "round \(round)\n")
        }
        #expect(try OpenTerminal(run.path("dev/ttyRPMSG1")).ask("other\n") == "other\n")
        let tty = try OpenTerminal(run.path("dev/ttyRPMSG0"))
        let end = try run.end()
        #expect(end.status == 0, "\(end.err)")
        #expect(end.err.contains("ttyRPMSG0 <- \"round 4\\n\"\n"))
        #expect(end.err.contains("stopped remote processor m4\n"))
        try run.wait(forNo: "dev")
        // A hang-up to who has it open.
        var set = pollfd(fd: tty.descriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&set, 1, 1000) == 1 && Int32(set.revents) & POLLHUP != 0)
    }

    @Test("A hundred thousand bytes go through a terminal and back unharmed, however full the rings are")
    func bulk() throws {
        let run = try ServedRun("--devices", "$DIR", "--log-level", "error")
        try run.wait(for: "ttyRPMSG0")
        let bytes = (0..<100_000).map { UInt8(0x20 + ($0 &* 7) % 0x5F) }
        #expect(try OpenTerminal(run.path("ttyRPMSG0")).exchange(bytes, expecting: bytes.count) == bytes)
        #expect(try run.end().status == 0)
    }

    @Test("A program that writes and never reads loses what is too much, is told of in the log, and harms nobody else")
    func neverReads() throws {
        let run = try ServedRun("--devices", "$DIR", "--log-level", "error")
        try run.wait(for: "ttyRPMSG1")
        let deaf = try OpenTerminal(run.path("ttyRPMSG0"))
        let bytes = [UInt8](repeating: 0x61, count: 4000)
        for _ in 0..<350 {
            var sent = 0
            try ServedRun.wait("room in the terminal") {
                sent += max(0, write(deaf.descriptor, Array(bytes[sent...]), bytes.count - sent))
                return sent == bytes.count
            }
        }
        #expect(try OpenTerminal(run.path("ttyRPMSG1")).ask("still here\n") == "still here\n")
        // A run with nothing to do waits in poll, again and again, and takes next to no processor time between.
        let before = try run.processorTime(), waits = try run.waits()
        try ServedRun.wait("rest", seconds: 60) { ((try? run.waits()) ?? 0) >= waits + 50 }
        #expect(try run.processorTime() - before < 0.5)
        let end = try run.end()
        #expect(end.status == 0)
        #expect(end.err.contains("rpmsg_tty virtio0.rpmsg-tty.-1.1024: Trunc buffer: available space is "), "\(end.err)")
    }

    // MARK: Sockets

    @Test("A created endpoint is a socket with a packet a message, for one client at a time")
    func endpoint() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse")
        try run.wait(for: "dev/ttyRPMSG1")
        #expect(try run.shell("$M4RUN ctl $DIR rpmsg_ctrl0 create-endpoint mine any 0x400") == (0, "rpmsg0\n"))
        let socket = try OpenSocket(run.path("dev/rpmsg0"))
        let messages = ["one", "two two", String(repeating: "x", count: 496)].map { Array($0.utf8) }
        for message in messages { #expect(socket.send(message) == message.count) }
        for message in messages { #expect(socket.receive() == message) }
        // Too long for the ring: the driver says so, and the next one goes.
        _ = socket.send([UInt8](repeating: 1, count: 497))
        _ = socket.send([UInt8](repeating: 1, count: 100_000))
        _ = socket.send(Array("next".utf8))
        #expect(socket.receive() == Array("next".utf8))
        do {
            _ = try OpenSocket(run.path("dev/rpmsg0"))
            Issue.record("a second client was let in")
        } catch let error as OpenTerminal.Failed { #expect(error.number == ECONNREFUSED) }
        #expect(try run.shell("$M4RUN ctl $DIR rpmsg_ctrl0 destroy-endpoint rpmsg0; ls $DIR/dev") == (0, "ttyRPMSG0\nttyRPMSG1\n"))
        #expect(socket.receive() == [])
        let end = try run.end()
        #expect(end.status == 0)
        #expect(end.err.contains("message is too big (497)"))
        #expect(end.err.contains("message is too big (100000)"))
    }

    @Test("The number of a raw device that goes while a client has it open is free when the client closes it")
    func heldNumbers() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse")
        try run.wait(for: "dev/ttyRPMSG1")
        let create = "$M4RUN ctl $DIR rpmsg_ctrl0 create-endpoint mine any 0x400"
        #expect(try run.shell(create).out == "rpmsg0\n")
        do {
            let socket = try OpenSocket(run.path("dev/rpmsg0"))
            _ = try run.shell("$M4RUN ctl $DIR rpmsg_ctrl0 destroy-endpoint rpmsg0")
            #expect(socket.receive() == [])
            #expect(socket.send([1]) == -1)
            #expect(try run.shell(create).out == "rpmsg1\n")
        }
        #expect(try run.shell(create).out == "rpmsg0\n")
        #expect(try run.end().status == 0)
    }

    @Test("A client that has sent all it has still gets its answer, and nothing is sent in its name")
    func halfClosed() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse")
        try run.wait(for: "dev/ttyRPMSG1")
        #expect(try run.shell("$M4RUN ctl $DIR rpmsg_ctrl0 create-endpoint mine any 0x400") == (0, "rpmsg0\n"))
        let socket = try OpenSocket(run.path("dev/rpmsg0"))
        for message in [[], [1], [2, 3]] as [[UInt8]] { #expect(socket.send(message) == message.count) }
        shutdown(socket.descriptor, Int32(SHUT_WR))
        for message in [[], [1], [2, 3]] as [[UInt8]] { #expect(socket.receive() == message) }
        // Had it been taken for a client that sends empty messages, one would be before each of these.
        for _ in 0..<5 { #expect(try OpenTerminal(run.path("dev/ttyRPMSG0")).ask("later\n") == "later\n") }
        #expect(try run.shell("$M4RUN ctl $DIR trace0 | grep -c ' 0 bytes'") == (0, "1\n"))
        #expect(try run.end().status == 0)
    }

    @Test("Ten clients that come and go as they like disturb neither each other nor the run")
    func manyClients() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse", "--log-level", "error")
        try run.wait(for: "dev/ttyRPMSG1")
        for _ in 0..<8 { _ = try run.shell("$M4RUN ctl $DIR rpmsg_ctrl0 create-endpoint e any 0x401") }
        try run.wait(for: "dev/rpmsg7")
        var state: UInt64 = 1
        func random(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        var sockets: [Int: OpenSocket] = [:]
        var exchanged = 0
        for _ in 0..<400 {
            let index = random(10)
            if index >= 8 {
                // A terminal, each time anew.
                #expect(try OpenTerminal(run.path("dev/ttyRPMSG\(index - 8)")).ask("abc\n") == "abc\n")
            } else if let socket = sockets[index] {
                guard random(3) > 0 else {
                    // Some leave with an answer under way.
                    if random(2) == 0 { _ = socket.send([0xFF]) }
                    sockets[index] = nil
                    continue
                }
                let message = [UInt8](repeating: UInt8(index), count: 1 + random(400))
                #expect(socket.send(message) == message.count)
                var answer = socket.receive()
                // The lowest free address is given again, as by Linux: a late answer finds the next client.
                while answer == [0xFF] { answer = socket.receive() }
                #expect(answer == message)
                exchanged += 1
            } else {
                // Until the run has seen the last one go, the device is busy.
                try ServedRun.wait("a socket") { sockets[index] = try? OpenSocket(run.path("dev/rpmsg\(index)")); return sockets[index] != nil }
            }
        }
        #expect(exchanged > 100)
        #expect(try run.end().status == 0)
    }

    // MARK: Control

    /// The same script over both media: `$1` writes and reads as `echo` and `cat` do.
    private static let script = """
        f() { cat "$S/$1"; }
        w() { echo "$2" | dd of="$S/$1" conv=notrunc status=none 2>"$DIR/lib/err" || { s=$?; sed "s/.*: /m4run: $1: /" "$DIR/lib/err"; return $s; }; }
        """
    private static let scriptWithoutFuse = """
        f() { $M4RUN ctl $DIR "$1"; }
        # Without what ctl adds to the kernel's errno.
        w() { $M4RUN ctl $DIR "$1" "$2" 2>"$DIR/lib/err" || { s=$?; sed "s/^\\(m4run: $1: [^:]*\\):.*/\\1/" "$DIR/lib/err"; return $s; }; }
        """
    private static let conversation = """

        f state; f name; f firmware; f recovery; f coredump
        w state bogus; echo "= $?"
        w firmware other; echo "= $?"
        w state stop; echo "= $?"; f state
        w state stop; echo "= $?"
        w firmware missing.elf; w state start; echo "= $?"
        w firmware client-sample.elf; w state start; echo "= $?"; f state
        w name x; echo "= $?"
        w recovery disabled; f recovery
        """

    /// What both answer: the words, and for each refused write its reason and a status.
    private static let answers = """
        running
        m4
        tty-echo.elf
        enabled
        disabled
        m4run: state: Invalid argument
        = 1
        m4run: firmware: Device or resource busy
        = 1
        = 0
        offline
        m4run: state: Invalid argument
        = 1
        m4run: state: No such file or directory
        = 1
        = 0
        running
        m4run: name: Permission denied
        = 1
        disabled

        """

    @Test("A shell script over the control files sees sysfs' words and the kernel's errors through FUSE", .needs(.fuse))
    func controlFiles() throws { try converse(fuse: true) }

    @Test("A shell script over m4run ctl sees sysfs' words and the kernel's errors")
    func controlSocket() throws { try converse(fuse: false) }

    private func converse(fuse: Bool) throws {
        _ = try Scratch.elf("client-sample")
        let run = fuse ? try ServedRun("--control", "$DIR") : try ServedRun("--control", "$DIR", "--no-fuse")
        try run.wait(for: "dev/ttyRPMSG1")
        let begin = fuse ? "S=$DIR/sys/class/remoteproc/remoteproc0\n" + Self.script : Self.scriptWithoutFuse
        let result = try run.shell(begin + Self.conversation)
        #expect(result.out == Self.answers)
        let end = try run.end()
        #expect(end.status == 0)
        for line in [
            "Unrecognised option: bogus", "can't change firmware while running", "remoteproc remoteproc0: Direct firmware load for missing.elf failed with error -2",
            "request_firmware failed: -2", "Boot failed: -2",
            "creating channel rpmsg-client-sample addr 0x400",
        ] { #expect(end.err.contains(line), "\(line)") }
    }

    @Test("A crash is written to debugfs, recovers, and leaves a core dump; the channels come back", .needs(.fuse))
    func crash() throws {
        // Newer kernels stop what has crashed.
        let run = try ServedRun("--control", "$DIR", "--kernel", "6.6")
        try run.wait(for: "dev/ttyRPMSG1")
        let result = try run.shell(
            """
            S=$DIR/sys/class/remoteproc/remoteproc0; D=$DIR/sys/kernel/debug/remoteproc/remoteproc0
            cat $D/trace0 | head -n 1
            grep -c 'Entry .* is of type' $D/resource_table
            grep -c 'Carveout memory entry:' $D/carveout_memories
            echo enabled > $S/coredump; echo 2 > $D/crash; cat $S/state
            head -c 4 $DIR/sys/class/devcoredump/devcd1/data | od -An -tx1
            echo 1 > $DIR/sys/class/devcoredump/devcd1/data; ls $DIR/sys/class/devcoredump
            echo disabled > $S/recovery; echo 1 > $D/crash; cat $S/state
            (echo stop > $S/state) 2>/dev/null || echo refused
            echo recover > $S/recovery; cat $S/state
            until [ -L $DIR/dev/ttyRPMSG1 ]; do sleep 0.01; done; ls $DIR/sys/bus/rpmsg/devices
            """)
        #expect(
            result.out == """
                tty-echo
                2
                6
                running
                 7f 45 4c 46
                disabled
                crashed
                refused
                running
                virtio0.rpmsg-tty.-1.1024
                virtio0.rpmsg-tty.-1.1025
                virtio0.rpmsg_ctrl.0.0
                virtio0.rpmsg_ns.53.53

                """)
        #expect(try OpenTerminal(run.path("dev/ttyRPMSG0")).ask("again\n") == "again\n")
        #expect(try run.end().status == 0)
    }

    @Test("What shows no size is read in full by sendfile, too", .needs(.fuse))
    func withoutSize() throws {
        let run = try ServedRun("--control", "$DIR")
        try run.wait(for: "dev/ttyRPMSG1")
        let folder = "sys/kernel/debug/remoteproc/remoteproc0"
        _ = try run.shell("echo enabled > $DIR/sys/class/remoteproc/remoteproc0/coredump; echo 2 > $DIR/\(folder)/crash")
        try ServedRun.wait("answer") { (try? OpenTerminal(run.path("dev/ttyRPMSG0")).ask("back\n")) == "back\n" }
        let files = ["trace0", "resource_table", "carveout_memories", "name", "recovery", "coredump"].map { "\(folder)/\($0)" } + ["sys/class/devcoredump/devcd1/data"]
        for file in files {
            let path = run.path(file)
            #expect(try run.shell("stat -c %s \(path)").out == "0\n")
            let whole = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
            #expect(!whole.isEmpty)
            for asksFirst in [false, true] { #expect(try Self.sendfile(path, asksFirst) == whole, "\(file), fstat before: \(asksFirst)") }
        }
        // Not what was there at an earlier look.
        // What was said while the terminals came anew may be answered first.
        var heard = ""
        try ServedRun.wait("answer") {
            heard += (try? OpenTerminal(run.path("dev/ttyRPMSG0")).ask("again\n")) ?? ""
            return heard.contains("again\n")
        }
        let trace = String(decoding: try Self.sendfile(run.path("\(folder)/trace0"), false), as: UTF8.self)
        #expect(trace.hasSuffix("0x400: 6 bytes from 0x400\n"), "\(trace)")
    }

    @Test("busybox' cat, which does with sendfile alone, shows debugfs' files and core dumps", .needs(.fuse), .needs(.busybox))
    func busybox() throws {
        let run = try ServedRun("--control", "$DIR")
        try run.wait(for: "dev/ttyRPMSG1")
        let busybox = try #require(Tool.busybox.file)
        let result = try run.shell(
            """
            S=$DIR/sys/class/remoteproc/remoteproc0; D=$DIR/sys/kernel/debug/remoteproc/remoteproc0
            \(busybox) cat $D/trace0 | head -n 1; \(busybox) cat $D/resource_table | head -n 1; \(busybox) cat $S/state
            echo enabled > $S/coredump; echo 2 > $D/crash; \(busybox) cat $DIR/sys/class/devcoredump/devcd1/data | wc -c
            """)
        #expect(result.out == "tty-echo\nEntry 0 is of type vdev\nrunning\n600308\n")
    }

    /// What `sendfile(2)` copies of a file into another, until it says that nothing is left.
    private static func sendfile(_ path: String, _ asksFirst: Bool) throws -> [UInt8] {
        let input = open(path, O_RDONLY | O_CLOEXEC), output = try Scratch.file("sent")
        defer { close(input) }
        var info = stat()
        if asksFirst { fstat(input, &info) }
        while Foundation.sendfile(output.handle.fileDescriptor, input, nil, 1 << 20) > 0 {}
        defer { try? FileManager.default.removeItem(at: output.url) }
        return try [UInt8](Data(contentsOf: output.url))
    }

    @Test("Channel names of firmware's are folders as the kernel names them, and lines of ctl's as a person can read them", .needs(.fuse))
    func hostileNames() throws {
        let run = try ServedRun("--control", "$DIR", image: Scratch.elf("steering"))
        try run.wait(for: "dev/ttyRPMSG0")
        let folder = run.path("sys/bus/rpmsg/devices")
        func list() -> [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() }
        // rpmsg_ctrl, rpmsg_ns, and what the firmware announces.
        try ServedRun.wait("channels") { list().count == 12 }
        let names = list()
        #expect(names.contains("virtio0...!..!..!..!etc!x.-1.1026"), "\(names)")
        // Foundation cannot name a file whose name is not UTF-8; below are those.
        for name in names where !name.contains("\u{FFFD}") {
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(name)").sorted() == ["announce", "dst", "modalias", "name", "src"])
            let text = try String(contentsOfFile: "\(folder)/\(name)/name", encoding: .utf8)
            #expect(text.last == "\n" && text.dropLast().utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        }
        let listing = try run.shell("$M4RUN ctl $DIR sys/bus/rpmsg/devices").out
        #expect(listing.split(separator: "\n").count == names.count)
        #expect(!listing.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || (0x7F..<0xA0).contains($0.value) })
    }

    @Test("Names of other bytes are other names: as folders with their own bytes, and in lines that can be given back to ctl", .needs(.fuse))
    func bytesOfNames() throws {
        let run = try ServedRun("--control", "$DIR", image: Scratch.elf("steering"))
        try run.wait(for: "dev/ttyRPMSG0")
        // As the shell has them: bytes.
        let own = try run.shell(
            #"""
            for name in '\377\376\303.-1.1028' '\377\376\302.-1.1030' '\\xff\\xfe\\xc3.-1.1031' 'caf\303\251.-1.1032' 'cafe\314\201.-1.1033'; do
                name=$(printf "$name"); cat "$DIR/sys/bus/rpmsg/devices/virtio0.$name/dst" "$DIR/sys/bus/rpmsg/devices/virtio0.$name/name"
            done
            ls "$DIR/sys/bus/rpmsg/devices" | od -An -tx1 | tr -d ' \n' | grep -o 'fffec[23]2e'
            """#)
        #expect(own == (0, "0x404\n???\n0x406\n???\n0x407\n\\xff\\xfe\\xc3\n0x408\ncaf??\n0x409\ncafe??\nfffec32e\nfffec22e\n") || own == (0, "0x404\n???\n0x406\n???\n0x407\n\\xff\\xfe\\xc3\n0x408\ncaf??\n0x409\ncafe??\nfffec22e\nfffec32e\n"), "\(own)")
        let lines = try run.shell("$M4RUN ctl $DIR sys/bus/rpmsg/devices").out.split(separator: "\n").map(String.init)
        #expect(lines.contains(#"virtio0.\xff\xfe\xc3.-1.1028"#) && lines.contains(#"virtio0.\xff\xfe\xc2.-1.1030"#) && lines.contains(#"virtio0.\x5cxff\x5cxfe\x5cxc3.-1.1031"#), "\(lines)")
        #expect(Set(lines.map { Array($0.utf8) }).count == 12)
        for line in lines where !line.contains("rpmsg_ctrl") && !line.contains("rpmsg_ns") && !line.contains("ttyRPMSG") {
            let address = try #require(line.split(separator: ".").last.flatMap { UInt32($0) })
            #expect(try Command.run("ctl", run.folder.path, "sys/bus/rpmsg/devices/\(line)/dst").out == "0x\(String(address, radix: 16))\n", "\(line)")
        }
        #expect(try run.shell(#"$M4RUN ctl $DIR rpmsg_ctrl0 release-channel '\xff\xfe\xc2' any any; $M4RUN ctl $DIR sys/bus/rpmsg/devices | grep -c 'xff'"#).out == "2\n")
        #expect(try run.end().status == 0)
    }

    @Test("--offline leaves the start to a script")
    func offline() throws {
        let run = try ServedRun("--control", "$DIR", "--offline", "--no-fuse", "--until", "announced rpmsg-tty at 0x401")
        try run.wait(for: "control")
        let result = try run.shell("$M4RUN ctl $DIR state; $M4RUN ctl $DIR firmware; $M4RUN ctl $DIR state start")
        #expect(result == (0, "offline\ntty-echo.elf\n"))
        #expect(try run.waitForEnd().status == 0)
    }

    @Test("With --attach and --offline a script attaches, and what is attached at the end is let go")
    func attachOffline() throws {
        let run = try ServedRun("--control", "$DIR", "--attach", "--offline", "--no-fuse")
        try run.wait(for: "control")
        let result = try run.shell(
            """
            $M4RUN ctl $DIR state; $M4RUN ctl $DIR firmware other 2>&1 | cut -d: -f 1-3
            $M4RUN ctl $DIR state start; $M4RUN ctl $DIR state; $M4RUN ctl $DIR firmware
            """)
        #expect(result == (0, "detached\nm4run: firmware: Device or resource busy\nattached\nunknown\n"))
        #expect(try OpenTerminal(run.path("dev/ttyRPMSG0")).ask("hello\n") == "hello\n")
        let end = try run.end()
        #expect(end.status == 0 && end.err.contains("remoteproc0: detached remote processor m4\n"), "\(end.err)")
    }

    @Test("Words that ctl writes to a tty go as rpmsg_tty sends them, with ENOMEM when no buffer is free")
    func ctlTerminal() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse")
        try run.wait(for: "dev/ttyRPMSG1")
        let tty = try OpenTerminal(run.path("dev/ttyRPMSG0"))
        #expect(try run.shell("$M4RUN ctl $DIR dev/ttyRPMSG0 hello you; $M4RUN ctl $DIR ttyRPMSG7 x 2>&1 | cut -d: -f 1-3").out == "m4run: ttyRPMSG7: No such file or directory\n")
        #expect(try tty.exchange([], expecting: 10) == Array("hello you\n".utf8))
        #expect(try run.end().err.contains("ttyRPMSG0 <- \"hello you\\n\"\n"))
        // Firmware that takes nothing: sixteen buffers, and then none.
        let deaf = try ServedRun("--control", "$DIR", "--no-fuse", image: Scratch.elf("crasher"))
        try deaf.wait(for: "dev/ttyRPMSG0")
        let full = try deaf.shell("$M4RUN ctl $DIR ttyRPMSG0 spin; i=0; while [ $i -lt 20 ]; do $M4RUN ctl $DIR ttyRPMSG0 x || break; i=$((i + 1)); done 2>&1; echo $i")
        #expect(full.out.contains("m4run: ttyRPMSG0: Cannot allocate memory: all buffers of the ring are with the firmware"), "\(full.out)")
        #expect(full.out.hasSuffix("\n15\n") || full.out.hasSuffix("\n16\n"), "\(full.out)")
    }

    // MARK: Ends

    @Test("A run that was killed leaves nothing that hinders the next one in its folder")
    func killed() throws {
        let folder = try ServedRun.newFolder()
        let first = try ServedRun("--control", "$DIR", in: folder)
        try first.wait(for: "dev/ttyRPMSG1")
        _ = try first.shell("$M4RUN ctl $DIR rpmsg_ctrl0 create-endpoint mine any 0x400")
        // A client that is killed goes as any other does.
        _ = try first.shell(
            "sh -c 'echo > $DIR/lib/here; exec sleep 100' < $DIR/dev/ttyRPMSG0 & until [ -e $DIR/lib/here ]; do sleep 0.01; done; kill -9 $!; rm $DIR/lib/here")
        #expect(try OpenTerminal(first.path("dev/ttyRPMSG0")).ask("a\n") == "a\n")
        let rival = try ServedRun("--control", "$DIR", in: folder)
        let refused = try rival.waitForEnd()
        #expect(refused.status == 2 && refused.err.contains("another m4run serves this folder"), "\(refused.err)")
        try first.end(SIGKILL)
        let second = try ServedRun("--control", "$DIR", in: folder)
        // The dead run's link may lead to a terminal of another test's by now.
        try ServedRun.wait("the second run") { (try? second.shell("$M4RUN ctl $DIR state 2> /dev/null"))?.out == "running\n" }
        try ServedRun.wait("answer of the second run") { (try? OpenTerminal(second.path("dev/ttyRPMSG0")).ask("b\n")) == "b\n" }
        #expect(try second.end(SIGINT).status == 0)
        withExtendedLifetime(rival) {}
    }

    @Test("--timeout ends a run that nobody talks to, with status 5, and a fault ends one with status 3")
    func limits() throws {
        let quiet = try ServedRun("--devices", "$DIR", "--timeout", "1500ms")
        let end = try quiet.waitForEnd()
        #expect(end.status == 5 && end.err.contains("--timeout 1500ms: the wall time is over"), "\(end.err)")
        let crashing = try ServedRun("--devices", "$DIR", image: try Scratch.elf("crasher"))
        try crashing.wait(for: "ttyRPMSG0")
        let tty = try OpenTerminal(crashing.path("ttyRPMSG0"))
        #expect(write(tty.descriptor, "hardfault\n", 10) == 10)
        let fault = try crashing.waitForEnd()
        #expect(fault.status == 3 && fault.err.contains("the firmware faulted") && fault.err.contains("\nwith --recover N Linux hears of it as a crash"), "\(fault.err)")
    }
}
