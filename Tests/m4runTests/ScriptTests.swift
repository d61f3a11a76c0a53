// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// Scripts as ST's wiki has them, and what programs do to terminals and control files beside reading and writing.
@Suite(.serialized) struct ScriptTests {
    @Test("ST's shell commands need a prefix and nothing else", .needs(.fuse))
    func wiki() throws {
        let run = try ServedRun("--control", "$DIR", "--offline")
        try run.wait(for: "sys/class/remoteproc/remoteproc0/state")
        _ = try Scratch.elf("tty-echo")
        let result = try run.shell(
            """
            echo tty-echo.elf > $DIR/sys/class/remoteproc/remoteproc0/firmware
            echo start > $DIR/sys/class/remoteproc/remoteproc0/state
            stty -onlcr -echo -F $DIR/dev/ttyRPMSG0
            head -n 1 $DIR/dev/ttyRPMSG0 &
            echo "Hello Virtual UART0" > $DIR/dev/ttyRPMSG0
            wait
            head -n 1 $DIR/sys/kernel/debug/remoteproc/remoteproc0/trace0
            echo stop > $DIR/sys/class/remoteproc/remoteproc0/state
            cat $DIR/sys/class/remoteproc/remoteproc0/state
            ls $DIR/dev
            """)
        #expect(result == (0, "Hello Virtual UART0\ntty-echo\noffline\n"))
        #expect(try run.end().status == 0)
    }

    @Test("A fresh ttyRPMSG has rpmsg_tty's settings, and what programs set outlives the firmware")
    func settings() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse")
        try run.wait(for: "dev/ttyRPMSG1")
        func settings(_ change: (inout termios) -> Void = { _ in }) throws -> termios {
            var settings = termios()
            let tty = try OpenTerminal(run.path("dev/ttyRPMSG0"))
            #expect(tcgetattr(tty.descriptor, &settings) == 0)
            change(&settings)
            #expect(tcsetattr(tty.descriptor, TCSANOW, &settings) == 0)
            return settings
        }
        // tty_std_termios of Linux 6.x without ECHO, ICANON, OPOST, ONLCR.
        let fresh = try settings { $0.c_iflag |= tcflag_t(IGNBRK) }
        #expect(fresh.c_iflag & ~tcflag_t(IGNBRK) == tcflag_t(ICRNL | IXON))
        #expect(fresh.c_oflag == 0)
        #expect(fresh.c_lflag == tcflag_t(ISIG | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN))
        #expect(fresh.c_cflag & ~tcflag_t(0o10017) == tcflag_t(CS8 | CREAD | HUPCL) && cfgetospeed([fresh]) == speed_t(B38400))
        #expect(try run.shell("$M4RUN ctl $DIR state stop; $M4RUN ctl $DIR state start").status == 0)
        try run.wait(for: "dev/ttyRPMSG1")
        #expect(try settings().c_iflag == tcflag_t(ICRNL | IXON | IGNBRK))
        #expect(try run.end().status == 0)
    }

    @Test("Control files bear offsets, appending, truncating, mapping and long writes as sysfs does", .needs(.fuse))
    func oddities() throws {
        let run = try ServedRun("--control", "$DIR")
        try run.wait(for: "dev/ttyRPMSG1")
        let folder = run.path("sys/class/remoteproc/remoteproc0")
        let state = open("\(folder)/state", O_RDWR | O_CLOEXEC)
        defer { close(state) }
        var buffer = [UInt8](repeating: 0, count: 100_000)
        // Each offset by itself; nothing behind the end.
        #expect(pread(state, &buffer, 100, 3) == 5 && buffer.starts(with: Array("ning\n".utf8)))
        #expect(pread(state, &buffer, 100, 1 << 62) == 0)
        #expect(pread(state, &buffer, 100_000, 0) == 8)
        #expect(lseek(state, 0, SEEK_END) == 4096)
        #expect(ftruncate(state, 1 << 40) == 0 && fsync(state) == 0)
        #expect(mmap(nil, 4096, PROT_READ, MAP_SHARED, state, 0) == MAP_FAILED && errno == ENODEV)
        let long = [UInt8](repeating: 0x78, count: 100_000)
        #expect(write(state, long, long.count) == -1 && errno == EINVAL)
        let shell = try run.shell(
            """
            S=$DIR/sys/class/remoteproc/remoteproc0
            echo stop >> $S/state; cat $S/state
            (touch $S/new || mkdir $S/new || rm $S/name || mv $S/name $S/new) 2>&1 | sed 's/.*: //'
            dd if=$S/name bs=1 skip=1 2>/dev/null
            i=0; while [ $i -lt 300 ]; do cat $S/name $S/state > /dev/null; ls -R $DIR/sys > /dev/null; i=$((i + 1)); done
            """)
        #expect(shell.out == "offline\nPermission denied\nOperation not permitted\nOperation not permitted\nOperation not permitted\n4\n")
        // The file system goes while the run is up; the socket still serves.
        if geteuid() == 0 { umount2(run.path("sys"), Int32(MNT_DETACH)) } else { _ = try run.shell("fusermount3 -u -z $DIR/sys") }
        #expect(try run.shell("$M4RUN ctl $DIR state") == (0, "offline\n"))
        #expect(try run.end().status == 0)
        try run.wait(forNo: "sys")
    }

    private static let refusals = [
        ("state bogus", "Invalid argument: state accepts start, stop, detach; it is running"),
        ("firmware other", "Device or resource busy: firmware can be changed while the state is offline; it is running"),
        ("recovery maybe", "Invalid argument: recovery accepts enabled, disabled, recover; it is enabled"),
        ("coredump maybe", "Invalid argument: coredump accepts disabled, enabled, inline; it is disabled"),
        ("name x", "Permission denied: name can only be read"),
        ("crash", "Invalid argument: crash can only be written"),
        ("crash x", "Invalid argument: crash accepts a number: 0 mmufault, 1 watchdog, 2 fatal error"),
        ("trace1", "No such file or directory: the trace buffers are trace0"),
        ("ttyRPMSG0", "No such file or directory: ttyRPMSG0 is a device, to be opened in "),
        ("rpmsg_ctrl0", "Invalid argument: rpmsg_ctrl0 has nothing to read, only ioctls; write create-endpoint, "),
        ("rpmsg_ctrl0 create-endpoint x", "Invalid argument: rpmsg_ctrl0 accepts create-endpoint, "),
        ("rpmsg_ctrl0 destroy-endpoint rpmsg4", "No such file or directory: there is no endpoint"),
    ]

    @Test("ctl adds to the kernel's errno what would have been allowed")
    func advice() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse", "--log-level", "error")
        try run.wait(for: "dev/ttyRPMSG1")
        for (request, answer) in Self.refusals {
            let result = try run.shell("$M4RUN ctl $DIR \(request)")
            #expect(result.status == 1)
            #expect(result.out.hasPrefix("m4run: \(request.prefix { $0 != " " }): \(answer)"), "\(result.out)")
        }
        #expect(try run.shell("$M4RUN ctl $DIR state stop; $M4RUN ctl $DIR rpmsg_ctrl0").out
            == "m4run: rpmsg_ctrl0: No such file or directory: rpmsg_ctrl0 is there while firmware with rpmsg runs; the state is offline\n")
        #expect(try run.end().status == 0)
    }

    @Test("Two hundred clients, half of them killed, leave no descriptor behind and nobody without an answer")
    func crowd() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse", "--log-level", "error")
        try run.wait(for: "dev/ttyRPMSG1")
        #expect(try run.shell("$M4RUN ctl $DIR rpmsg_ctrl0 create-endpoint mine any 0x400").out == "rpmsg0\n")
        let before = try run.descriptors()
        var children: [pid_t] = []
        let echo = try OpenTerminal(run.path("dev/ttyRPMSG1"))
        for index in 0..<200 {
            // Some hold the terminal, some talk to it, the others ask the control socket without end.
            let path = run.path("dev/ttyRPMSG0"), binary = try Command.binary().path
            let script = switch index % 4 {
            case 0: "exec 3<>\(path); exec sleep 60"
            case 1: "while :; do echo x > \(path); sleep 0.05; done"
            case 2: "exec 3<>\(path); exec cat <&3 > /dev/null"
            default: "while :; do \(binary) ctl \(run.folder.path) trace0 > /dev/null 2>&1; done"
            }
            children.append(try spawn(script))
            if index % 2 == 1 { kill(children[Int(index) / 2], SIGKILL) }
            if index % 10 == 0 { #expect(try echo.ask("round \(index)\n") == "round \(index)\n") }
        }
        let socket = try OpenSocket(run.path("dev/rpmsg0"))
        #expect(socket.send([1, 2]) == 2 && socket.receive() == [1, 2])
        for _ in 0..<200 { #expect((try? OpenSocket(run.path("dev/rpmsg0"))) == nil) }
        close(dup(socket.descriptor))
        for child in children { kill(child, SIGKILL) }
        for child in children { waitpid(child, nil, 0) }
        shutdown(socket.descriptor, Int32(SHUT_RDWR))
        #expect(try echo.ask("the end\n") == "the end\n")
        try ServedRun.wait("descriptors to go: \(before) at first") { ((try? run.descriptors()) ?? .max) <= before }
        #expect(try run.end().status == 0)
    }

    private func spawn(_ script: String) throws -> pid_t {
        var child: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = (["/bin/sh", "-c", script] as [String]).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        guard posix_spawn(&child, "/bin/sh", nil, nil, &arguments, environ) == 0 else { throw OpenTerminal.Failed(number: errno) }
        return child
    }
}
