// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// A second terminal of a Linux guest's, and what a killed m4run leaves.
@Suite(.serialized) struct LinuxTerminalTests {
    private static let folder = Scratch.package.path + "/.deps/linux/bookworm"

    /// Runs a Python program beside m4run, whose words it has from its second on; `run` starts it, and `talk` says something to a socket or terminal.
    private static func python(_ program: String, _ arguments: [String]) throws -> Command.Result {
        let tools = """
            import os, pty, select, signal, socket, stat, subprocess, sys, termios, time
            m4run = [sys.argv[1], 'linux', *sys.argv[2:]]
            def wait(what, seconds=60):
                end = time.time() + seconds
                while time.time() < end:
                    if what(): return True
                    time.sleep(0.02)
                return False
            def read(source, until, seconds=60):
                seen, end = b'', time.time() + seconds
                while time.time() < end and until not in seen:
                    if select.select([source], [], [], 0.1)[0]:
                        try: piece = os.read(source, 4096)
                        except OSError: break
                        if not piece: break
                        seen += piece
                        # A line editor asks where the cursor is.
                        if b'\\x1b[6n' in piece: os.write(source, b'\\x1b[1;1R')
                return seen
            def connect(path):
                client = socket.socket(socket.AF_UNIX)
                client.connect(path)
                return client

            """
        let file = try Scratch.write(Array((tools + program).utf8), "terminal-\(UInt32.random(in: 0...UInt32.max)).py")
        let interpreter = URL(fileURLWithPath: try #require(Tool.python.file))
        return try Command.run([file, Command.binary().path, Scratch.elf("tty-echo"), "--linux", folder] + arguments, in: Scratch.folder, program: interpreter)
    }

    @Test("--terminal gives a root shell beside a script, this user's alone, again behind its end, and its socket goes with the run", .needsLinuxGuest, .needs(.python))
    func second() throws {
        let socket = Scratch.path("second.sock")
        let script = try Scratch.write(Array("while [ ! -e /tmp/go ]; do usleep 50000; done; cat /tmp/go\n".utf8), "second.sh")
        let result = try Self.python(
            """
            path = sys.argv[-1]
            run = subprocess.Popen(m4run, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
            wait(lambda: os.path.exists(path))
            print(oct(stat.S_IMODE(os.lstat(path).st_mode)))
            client = connect(path)
            def answers():
                os.write(client.fileno(), b'echo is-$((40 + 2))\\r')
                return b'is-42' in read(client.fileno(), b'is-42', 2)
            first = wait(answers)
            os.write(client.fileno(), b'exit\\r')
            # A new shell, behind the end of the one before; and the same for who comes later.
            second = wait(answers)
            client.close()
            client = connect(path)
            third = wait(answers)
            # What is typed before the prompt may be dropped, as on any line.
            def ends():
                if run.poll() is None:
                    os.write(client.fileno(), b'id -u >/tmp/id; mv /tmp/id /tmp/go\\r')
                    read(client.fileno(), b'# ', 1)
                return run.poll() is not None
            try: wait(ends)
            except OSError: pass
            print(first, second, third, run.stdout.read().decode().strip(), run.wait(), os.path.exists(path))
            """, ["--run", script, "--timeout", "90s", "--terminal", socket])
        #expect(result.out == "0o600\nTrue True True 0 0 False\n", "\(result.err)")
    }

    @Test("A socket that cannot be had is named with the reason, before anything starts", .needsLinuxGuest)
    func refusals() throws {
        let taken = try Scratch.write([1], "taken.sock")
        for (path, why) in [
            (taken, "is there already"), (Scratch.path("no-folder/x"), "No such file or directory"), (Scratch.path(String(repeating: "x", count: 120)), "a socket's has 107 at most"),
        ] {
            let result = try Command.run("linux", Scratch.elf("tty-echo"), "--linux", Self.folder, "--terminal", path)
            #expect(result.status == 2 && result.err.contains("--terminal \(path): ") && result.err.contains(why), "\(result.err)")
        }
        #expect(try Scratch.bytes(taken).count == 1)
        let empty = try Command.run("linux", Scratch.elf("tty-echo"), "--linux", Self.folder, "--terminal", "")
        #expect(empty.status == 2 && empty.err.contains("--terminal needs a socket's name"), "\(empty.err)")
    }

    @Test("A kill -9 leaves the terminal as it was, no socket and no process", .needsLinuxGuest, .needs(.python))
    func killed() throws {
        let result = try Self.python(
            """
            path = sys.argv[-1]
            master, slave = pty.openpty()
            before = termios.tcgetattr(slave)
            run = subprocess.Popen(m4run, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
            is_raw = wait(lambda: not termios.tcgetattr(slave)[3] & termios.ICANON)
            read(master, b'# ')
            run.kill()
            run.wait()
            is_back = wait(lambda: termios.tcgetattr(slave) == before, 5)
            def left():
                found = []
                for pid in filter(str.isdigit, os.listdir('/proc')):
                    try:
                        with open('/proc/' + pid + '/cmdline', 'rb') as file: line = file.read()
                    except OSError: continue
                    if path.encode() in line and int(pid) != os.getpid(): found.append(pid)
                return found
            print(is_raw, is_back, wait(lambda: not os.path.exists(path), 5), wait(lambda: not left(), 5))
            """, ["--append", "endurance.token=\(UInt32.random(in: 0...UInt32.max))", "--terminal", Scratch.path("killed.sock")])
        #expect(result.out == "True True True True\n", "\(result.err)")
    }
}
