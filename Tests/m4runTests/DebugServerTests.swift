// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import TestSupport
import Testing

/// The server for gdb, by gdb itself and by hand.
@Suite struct DebugServerTests {
    @Test("gdb finds the M4 before its first instruction, comes to main, steps, finishes, and ends the run by a word", .needs(.gdb))
    func firstSteps() throws {
        let run = try DebugServerRun(elf: "tty-echo")
        let text = try run.gdb(
            "tty-echo",
            [
                "info symbol $pc", "monitor time", "break main", "continue", "next", "next", "stepi", "stepi", "break rpmsg_announce", "continue", "finish", "info registers msp control", "monitor frobnicate",
                "monitor help", "monitor shutdown",
            ])
        #expect(text.contains("Reset_Handler in section"), "\(text)")
        #expect(text.contains("instructions: 0,"), "\(text)")
        #expect(text.contains("Breakpoint 1, main ()"), "\(text)")
        #expect(text.contains("Breakpoint 2, rpmsg_announce"), "\(text)")
        #expect(text.contains(#/Breakpoint 2, rpmsg_announce(?s:.*)\nmain \(\) at /#), "\(text)")
        #expect(text.contains(#/msp +0x[0-9a-f]+/#), "\(text)")
        #expect(text.contains("unknown command \"frobnicate\""), "\(text)")
        #expect(text.contains("reset halt"), "\(text)")
        #expect(!text.contains("Truncated") && !text.contains("Cannot"), "\(text)")
        #expect(try run.wait() == 0, "\(run.messages)")
    }

    @Test("A breakpoint in the receive callback of a signed image shows the payload and who called; a load into it is refused, its data can be written", .needs(.gdb))
    func signedImage() throws {
        let run = try DebugServerRun(["gdb", try Scratch.signed("tty-echo"), "--key", try Scratch.key(), "--listen", "$SOCKET", "--send", "hello"])
        let text = try run.gdb(
            "tty-echo",
            ["load", "break echo", "continue", "print length", "x/5c payload", "backtrace", "monitor rings", "monitor ipcc", "set var tty1.address = 0x402", "print/x tty1.address", "monitor vectors", "monitor shutdown"])
        #expect(text.contains("Breakpoint 1, echo (") && text.contains("$1 = 6"), "\(text)")
        #expect(text.contains("104 'h'") && text.contains("rpmsg_serve"), "\(text)")
        #expect(text.contains("  input: 16 descriptors") && text.contains("channel rpmsg-tty at 0x00000400"), "\(text)")
        #expect(text.contains("$2 = 0x402"), "\(text)")
        #expect(text.contains("<Reset_Handler"), "\(text)")
        #expect(!text.contains("Transfer rate"), "\(text)")
        #expect(run.messages.contains("sign the new firmware"), "\(run.messages)")
        #expect(try run.wait() == 0, "\(run.messages)")
    }

    @Test("A load into firmware that Linux has loaded goes, and it runs", .needs(.gdb))
    func load() throws {
        let run = try DebugServerRun(elf: "tty-echo")
        let text = try run.gdb("tty-echo", ["load", "break main", "continue", "monitor shutdown"])
        #expect(text.contains("Transfer rate") && text.contains("Breakpoint 1, main"), "\(text)")
        #expect(try run.wait() == 0, "\(run.messages)")
    }

    @Test("A fault stops with its reason, the handler can be run, and leaving the fault is the run's status", .needs(.gdb))
    func fault() throws {
        let run = try DebugServerRun(elf: "crasher", "--send-only", "hardfault")
        let text = try run.gdb("crasher", ["continue", "backtrace", "disconnect"])
        #expect(text.contains("m4run: BusFault (PRECISERR)") && text.contains("SIGSEGV"), "\(text)")
        #expect(text.contains("<signal handler called>") && text.contains("read_hole"), "\(text)")
        #expect(try run.wait() == 3, "\(run.messages)")
    }

    @Test("Breakpoints survive a crash, Linux's recovery and a reset", .needs(.gdb))
    func recovery() throws {
        let run = try DebugServerRun(elf: "crasher", "--send-only", "hardfault", "--recover", "2")
        let text = try run.gdb("crasher", ["break main", "continue", "continue", "continue", "monitor rproc", "monitor reset halt", "maintenance flush register-cache", "info symbol $pc", "continue", "monitor shutdown"])
        #expect(text.split(separator: "\n").count { $0.contains("Breakpoint 1, main") } == 3, "\(text)")
        #expect(text.contains("SIGSEGV") && text.contains("crashes: 1"), "\(text)")
        #expect(text.contains("Reset_Handler in section"), "\(text)")
        #expect(try run.wait() == 0, "\(run.messages)")
    }

    @Test("Watchpoints of each kind and conditions stop where they should", .needs(.gdb), .needsEngine21)
    func watchpoints() throws {
        let run = try DebugServerRun(elf: "tty-echo", "--send", "hello")
        let text = try run.gdb(
            "tty-echo",
            [
                "rwatch tty0.address", "continue", "delete 1", "break rpmsg_announce if endpoint->address == 0x401", "continue", "print/x endpoint->address", "break echo", "continue",
                "monitor shutdown",
            ])
        #expect(text.contains("Hardware read watchpoint 1: tty0.address\n\nValue = 1024\n"), "\(text)")
        #expect(text.contains("$1 = 0x401"), "\(text)")
        #expect(text.contains("Breakpoint 3, echo"), "\(text)")
        #expect(try run.wait() == 0, "\(run.messages)")
    }

    @Test("gdb talks to the server on standard input and output, and the run ends with gdb", .needs(.gdb))
    func standardInput() throws {
        let elf = Scratch.path(try Scratch.elf("tty-echo")), binary = try Command.binary().path
        let text = try DebugServerRun.gdb(["-nx", "-batch", "-ex", "target remote | \(binary) gdb \(elf) --boot elf --stdio --log-level error", "-ex", "break main", "-ex", "continue", "-ex", "monitor time", elf])
        #expect(text.contains("Breakpoint 1, main ()") && text.contains("virtual time:"), "\(text)")
    }

    @Test("Garbage and clients that vanish leave the machine unharmed for the next")
    func garbage() throws {
        let run = try DebugServerRun(elf: "tty-echo")
        for bytes in [[], [0x24, 0x6D, 0x31], [UInt8](repeating: 0x2B, count: 10000), Array("$vCont;c#a".utf8), (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 37) }] as [[UInt8]] {
            let client = try RawDebugClient(run.address)
            client.send(bytes)
        }
        // Who vanishes lets the machine go on.
        let client = try RawDebugClient(run.address)
        #expect(client.say("?")?.hasPrefix("T05") == true)
        #expect(client.say("m10000000,4")?.count == 8)
        #expect(client.say("qRcmd,73687574646f776e") == "OK")
        #expect(try run.wait() == 0, "\(run.messages)")
    }

    @Test("A core asleep in WFI halts at once, and a second client looks without disturbing")
    func asleep() throws {
        let run = try DebugServerRun(elf: "tty-echo")
        let client = try RawDebugClient(run.address)
        #expect(client.say("?")?.hasPrefix("T05") == true)
        client.put("vCont;c")
        usleep(300_000)
        let second = try RawDebugClient(run.address)
        #expect(second.say("m10000000,4")?.count == 8)
        #expect(second.say("M10000000,1:00") == "E01")
        #expect(second.say("vCont;c") == "E01")
        client.send([3])
        #expect(client.packet()?.hasPrefix("T02") == true)
        #expect(client.say("vCont;s:1")?.hasPrefix("T05") == true)
        #expect(second.say("g").map { $0.count > 100 } == true)
        #expect(client.say("D") == "OK")
        usleep(100_000)
        #expect(run.isRunning)
        let third = try RawDebugClient(run.address)
        #expect(third.say("qRcmd,73687574646f776e") == "OK")
        #expect(try run.wait() == 0, "\(run.messages)")
    }

    @Test("A port that is taken, an address that is none, and a file of options that opens a port are errors with a sentence")
    func addresses() throws {
        let run = try DebugServerRun(["gdb", try Scratch.elf("tty-echo"), "--boot", "elf", "--listen", "127.0.0.1:0"])
        let port = try #require(run.messages.firstMatch(of: #/127\.0\.0\.1:([0-9]+)/#)?.1)
        let second = try Command.run("gdb", try Scratch.elf("tty-echo"), "--boot", "elf", "--listen", String(port))
        #expect(second.status == 2 && second.err.contains("another program listens there"), "\(second.err)")
        let wrong = try Command.run("gdb", try Scratch.elf("tty-echo"), "--boot", "elf", "--listen", "nowhere")
        #expect(wrong.status == 2, "\(wrong.err)")
        let open = try DebugServerRun(["gdb", try Scratch.elf("tty-echo"), "--boot", "elf", "--listen", "0.0.0.0:0"])
        #expect(open.messages.contains("no password"), "\(open.messages)")
    }

    @Test("While a debugger holds the M4, control files can be read, and writes to them say why they cannot be")
    func servedFiles() throws {
        let folder = try ServedRun.newFolder()
        let run = try DebugServerRun(["run", try Scratch.elf("tty-echo"), "--boot", "elf", "--control", folder.path, "--no-fuse", "--gdb", "$SOCKET"])
        try ServedRun.wait("terminal") { (try? FileManager.default.attributesOfItem(atPath: folder.path + "/dev/ttyRPMSG0")) != nil }
        let client = try RawDebugClient(run.address)
        #expect(client.say("?")?.hasPrefix("T05") == true)
        let read = try Command.run("ctl", folder.path, "state")
        #expect(read.out == "running\n", "\(read.err)")
        let write = try Command.run("ctl", folder.path, "state", "stop")
        #expect(write.status != 0 && write.err.contains("a debugger holds the M4"), "\(write.err)")
        #expect(client.say("D") == "OK")
        usleep(100_000)
        let again = try Command.run("ctl", folder.path, "state", "stop")
        #expect(again.status == 0, "\(again.err)")
    }

    @Test("Symbols of another image: a breakpoint where no memory is is refused, and the run goes on", .needs(.gdb))
    func otherSymbols() throws {
        let run = try DebugServerRun(elf: "tty-echo")
        let text = try run.gdb("tty-echo", ["break *0x20000000", "continue", "delete", "break main", "continue", "monitor shutdown"])
        #expect(text.contains("Cannot insert") && text.contains("breakpoint 1") && text.contains("Breakpoint 2, main"), "\(text)")
        #expect(try run.wait() == 0, "\(run.messages)")
    }

    @Test("--vscode writes configurations once, and never over others")
    func launchConfigurations() throws {
        let folder = try Scratch.newFolder(), elf = try Scratch.elf("tty-echo")
        #expect(try Command.run("gdb", elf, "--boot", "elf", "--vscode", folder.path).status == 0)
        let file = folder.appendingPathComponent(".vscode/launch.json")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        let kinds = (object["configurations"] as? [[String: Any]])?.compactMap { $0["type"] as? String }
        #expect(kinds == ["cortex-debug", "cortex-debug", "cppdbg"])
        let again = try Command.run("gdb", elf, "--boot", "elf", "--vscode", folder.path)
        #expect(again.status == 2 && again.out.contains("cortex-debug"), "\(again.err)")
        let signed = try Command.run("gdb", try Scratch.signed("tty-echo"), "--unverified", "--vscode", folder.path)
        #expect(signed.status == 2 && signed.err.contains("--elf"), "\(signed.err)")
    }
}
