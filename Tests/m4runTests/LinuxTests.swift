// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import TestSupport
import Testing

/// The command that puts a real Linux beside the M4.
@Suite(.serialized) struct LinuxTests {
    private static let folder = Scratch.package.path + "/.deps/linux/bookworm"
    private static func linux(_ script: String, _ options: String..., sample: String = "tty-echo") throws -> Command.Result {
        let file = try Scratch.write(Array(script.utf8), "guest-\(UInt32.random(in: 0...UInt32.max)).sh")
        return try Command.run(["linux", try Scratch.elf(sample), "--run", file, "--linux", folder, "--timeout", "90s"] + options, in: Scratch.folder)
    }
    /// Opens the first tty as file 3.
    private static let openTTY = """
        tries=0; while [ ! -e /dev/ttyRPMSG0 ] && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
        stty -F /dev/ttyRPMSG0 raw -echo && exec 3<>/dev/ttyRPMSG0

        """

    @Test("A script in the guest talks to the firmware over the real /dev/ttyRPMSG0, and its output and status are the command's", .needsLinuxGuest)
    func script() throws {
        let result = try Self.linux(Self.openTTY + "echo hello >&3; read -t 5 line <&3; echo \"got $line\"; cat /sys/class/remoteproc/remoteproc0/state; exit 7\n")
        #expect(result.out == "got hello\nrunning\n", "\(result.err)")
        #expect(result.status == 7)
        #expect(result.err.contains(" in QEMU, wall-clock paced\n"))
        #expect(result.err.contains(" m4: started by Linux\n"))
    }

    @Test("The firmware stops and starts again, and another image in its place is the one that runs", .needsLinuxGuest)
    func otherImage() throws {
        let overlay = Scratch.path("linux-overlay")
        try FileManager.default.createDirectory(atPath: overlay + "/lib/firmware", withIntermediateDirectories: true)
        try Data(Scratch.bytes(Scratch.elf("client-sample"))).write(to: URL(fileURLWithPath: overlay + "/lib/firmware/other.elf"))
        let script = """
            cd /sys/class/remoteproc/remoteproc0
            for name in other.elf tty-echo.elf other.elf; do
                echo stop >state; echo $name >firmware; echo start >state
                sleep 0.5; ls /sys/bus/rpmsg/devices | grep -v 'rpmsg_ns\\|rpmsg_ctrl' | cut -d. -f2,4
            done
            echo stop >state; cat state
            """
        let result = try Self.linux(script, "--overlay", overlay)
        #expect(result.out == "rpmsg-client-sample.1024\nrpmsg-tty.1024\nrpmsg-tty.1025\nrpmsg-client-sample.1024\noffline\n", "\(result.err)")
        #expect(result.status == 0)
    }

    @Test("A breakpoint stops both, and a fault is told while Linux goes on", .needsLinuxGuest)
    func stops() throws {
        let halted = try Self.linux("sleep 30\n", "--break", "rpmsg_announce")
        #expect(halted.status == 6)
        #expect(halted.err.contains("rpmsg_announce") && halted.err.contains("called from main"), "\(halted.err)")
        let faulted = try Self.linux(Self.openTTY + "echo bus >&3; sleep 1; cat /sys/class/remoteproc/remoteproc0/state\n", "--stop-at", "any", sample: "crasher")
        #expect(faulted.out == "running\n" && faulted.status == 0, "\(faulted.err)")
        #expect(faulted.err.contains("the firmware faulted:") && faulted.err.contains("BusFault"))
    }

    @Test("Linux attaches to firmware that the boot loader has started, and talks to it; stopped and started it is Linux's own", .needsLinuxGuest)
    func attach() throws {
        let script = Self.openTTY + """
            cat /sys/class/remoteproc/remoteproc0/state
            echo hello >&3; read -t 5 line <&3; echo "got $line"; exec 3>&-
            cd /sys/class/remoteproc/remoteproc0
            echo stop >state; echo tty-echo.elf >firmware; echo start >state; cat state

            """ + Self.openTTY + "echo again >&3; read -t 5 line <&3; echo \"got $line\"\n"
        let result = try Self.linux(script, "--attach")
        #expect(result.out == "attached\ngot hello\nrunning\ngot again\n", "\(result.err)")
        #expect(result.status == 0)
    }

    @Test("The console of a terminal: a shell in which Ctrl-C ends what runs and not the shell, and whose status is the command's", .needsLinuxGuest, .needs(.python))
    func terminal() throws {
        let program = """
            import os, pty, select, sys, time
            child, terminal = pty.fork()
            if child == 0:
                os.execv(sys.argv[1], sys.argv[1:])
            seen = b''
            def read(until, seconds=60):
                global seen
                start = len(seen)
                end = time.time() + seconds
                while time.time() < end and until not in seen[start:]:
                    if select.select([terminal], [], [], 0.1)[0]:
                        try:
                            piece = os.read(terminal, 4096)
                        except OSError:
                            return
                        seen += piece
                        # A line editor asks where the cursor is.
                        if b'\\x1b[6n' in piece:
                            os.write(terminal, b'\\x1b[1;1R')
            for until, typed in [(b'# ', b'\\x03'), (b'# ', b'echo is-up; sleep 50\\r'), (b'is-up\\r\\n', b'\\x03'), (b'# ', b'echo still-$((40 + 2))\\r'), (b'# ', b'exit 3\\r')]:
                read(until)
                os.write(terminal, typed)
            read(b'never')
            print('still-42' in seen.decode(errors='replace'), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            """
        let file = try Scratch.write(Array(program.utf8), "terminal.py")
        let python = URL(fileURLWithPath: try #require(Tool.python.file))
        let result = try Command.run([file, Command.binary().path, "linux", Scratch.elf("tty-echo"), "--linux", Self.folder], in: Scratch.folder, program: python)
        #expect(result.out == "True 3\n", "\(result.err)")
    }

    @Test("A reboot starts both anew, and the script again with the boot's number; a panic ends the run with the console's end", .needsLinuxGuest)
    func reboot() throws {
        let script = Self.openTTY + """
            echo "boot $M4RUN_BOOT" >&3; read -t 5 line <&3; echo "$line"
            [ $M4RUN_BOOT -lt 3 ] || exit 9
            exec 3>&-; reboot; sleep 20; echo not rebooted

            """
        let result = try Self.linux(script)
        #expect(result.out == "boot 1\nboot 2\nboot 3\n", "\(result.out)\(result.err)")
        #expect(result.status == 9)
        #expect(result.err.components(separatedBy: "the guest reboots, and the M4 is reset with it").count == 3, "\(result.err)")
        let panicked = try Self.linux("echo c >/proc/sysrq-trigger; sleep 20\n")
        #expect(panicked.status == 1)
        #expect(panicked.err.contains("the guest restarted unannounced") && panicked.err.contains("sysrq triggered crash"), "\(panicked.err)")
    }

    @Test("A breakpoint that was never hit is a status of its own, and a reader that goes away no success", .needsLinuxGuest)
    func notReached() throws {
        let never = try Self.linux("exit 0\n", "--offline", "--break", "rpmsg_announce")
        #expect(never.status == 8 && never.err.contains("the M4 never came to --break rpmsg_announce"), "\(never.err)")
        let failed = try Self.linux("exit 5\n", "--offline", "--break", "rpmsg_announce")
        #expect(failed.status == 5)
        let script = try Scratch.write(Array("while :; do echo line; done\n".utf8), "guest-flood.sh")
        let words = "{ '\(try Command.binary().path)' linux '\(try Scratch.elf("tty-echo"))' --run '\(script)' --linux '\(Self.folder)' --offline --timeout 60s; echo $? >&2; } | head -n 1"
        let gone = try Command.run(["-c", words], in: Scratch.folder, program: URL(fileURLWithPath: "/bin/sh"))
        #expect(gone.out == "line\n" && gone.err.hasSuffix("the reader of standard output has gone, before the script had ended\n1\n"), "\(gone.err)")
    }

    @Test("Links of the overlay stay links, empty folders are there, and nothing of the host's comes in", .needsLinuxGuest)
    func overlay() throws {
        let files = FileManager.default, folder = Scratch.folder.appendingPathComponent("overlay-\(UUID())")
        try files.createDirectory(at: folder.appendingPathComponent("etc/empty"), withIntermediateDirectories: true)
        defer { try? files.removeItem(at: folder) }
        try Data("real\n".utf8).write(to: folder.appendingPathComponent("etc/real"))
        for (name, target) in [("etc/host", "/etc/passwd"), ("etc/near", "real"), ("etc/nowhere", "nothing"), ("etc/round", ".")] {
            try files.createSymbolicLink(atPath: folder.appendingPathComponent(name).path, withDestinationPath: target)
        }
        let script = try Scratch.write(Array("cd /etc; for name in host near nowhere round; do readlink $name; done; cat near; ls -A empty; cat host 2>/dev/null || echo none\n".utf8), "links.sh")
        let result = try Command.run("linux", Scratch.elf("tty-echo"), "--run", script, "--linux", Self.folder, "--overlay", folder.path, "--offline", "--quiet", "--timeout", "60s")
        #expect(result.status == 0 && result.out == "/etc/passwd\nreal\nnothing\n.\nreal\nnone\n", "\(result.out) \(result.err)")
    }

    @Test("What a guest's root or command line cannot have is refused by name, before anything starts", .needsLinuxGuest)
    func unfit() throws {
        let files = FileManager.default, folder = Scratch.folder.appendingPathComponent("unfit-\(UUID())")
        defer { try? files.removeItem(at: folder) }
        func overlay(_ make: (URL) throws -> Void) throws -> [String] {
            try? files.removeItem(at: folder)
            try files.createDirectory(at: folder, withIntermediateDirectories: true)
            try make(folder)
            return ["--overlay", folder.path]
        }
        func file(_ name: String) -> (URL) throws -> Void { { try Data("x".utf8).write(to: $0.appendingPathComponent(name)) } }
        let small = try Scratch.write(Array("no kernel".utf8), "kernel")
        let other = try Scratch.write([0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 11) + [62, 0] + [UInt8](repeating: 0, count: 300 << 10), "other.elf")
        let cases: [(() throws -> [String], String, Int32)] = [
            ({ try overlay { mkfifo($0.appendingPathComponent("pipe").path, 0o600) } }, "pipe: neither a file, nor a folder, nor a link", 2),
            ({ try overlay(file("init")) }, "init: the name init is m4run's own", 2), ({ try overlay(file("bin")) }, "bin: the guest has a folder of that name", 2),
            ({ try overlay { close(open($0.path + "/bad\u{1}", O_CREAT | O_WRONLY, 0o600)); rename($0.path + "/bad\u{1}", ($0.path + "/bad").utf8CString.dropLast() + [CChar(bitPattern: 0xFF), 0]) } }, "the name is not UTF-8", 2),
            ({ ["--append", "FOO=\"a"] }, "a quote without its second", 2), ({ ["--append", "a\nb"] }, "a line break or another control character", 2),
            ({ ["--append", "FOO=" + String(repeating: "a", count: 1000)] }, "bytes, and ends after 1023", 2),
            ({ ["--kernel", small] }, "9 bytes are no kernel's image", 2), ({ ["--kernel", other] }, "an ELF for machine 62, not for Arm (40)", 2),
        ]
        for (make, words, status) in cases {
            let result = try Command.run(["linux", try Scratch.elf("tty-echo"), "--linux", Self.folder, "--run", "/dev/null", "--timeout", "60s"] + make(), in: Scratch.folder)
            #expect(result.status == status && result.err.contains(words) && result.err.split(separator: "\n").count == 1, "\(result.status) \(result.err)")
        }
        let image = try Command.run("linux", other, "--linux", Self.folder, "--run", "/dev/null")
        #expect(image.status == 4 && image.err.contains("an ELF for machine 62, not for Arm (40)"), "\(image.err)")
    }

    @Test("What is missing is named with what brings it, before anything starts")
    func missing() throws {
        let nowhere = try Command.run("linux", Scratch.elf("tty-echo"), "--linux", Scratch.path("nothing"))
        #expect(nowhere.status == 2)
        #expect(nowhere.err.contains("scripts/fetch-linux"), "\(nowhere.err)")
        let signed = try Command.run("linux", Scratch.write([1, 2, 3, 4], "no.elf"), "--linux", Self.folder)
        #expect(signed.status == 4)
        #expect(signed.err.contains("no ELF; a real Linux loads firmware without OP-TEE"))
    }
}

extension Trait where Self == ConditionTrait {
    static var needsLinuxGuest: Self {
        let files = FileManager.default
        let hasQEMU = TestEnvironment.program("qemu-system-arm") != nil
        let hasRest = files.isReadableFile(atPath: Scratch.package.path + "/.build/linux-bridge.so") && files.isReadableFile(atPath: Scratch.package.path + "/.deps/linux/bookworm/version")
        return .enabled(if: hasQEMU && hasRest, "needs qemu-system-arm, .build/linux-bridge.so and Debian's kernel: scripts/setup qemu; make linux-bridge; scripts/fetch-linux")
    }
}
