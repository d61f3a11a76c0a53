// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// `m4run run`: what is sent and shown, and where each exit status comes from.
@Suite struct RunTests {
    @Test("A run tells its story on stderr, gives the firmware's bytes on stdout, and ends with a summary", arguments: ["tee-v3", "tee-ops", "elf"])
    func story(boot: String) throws {
        let result = boot == "elf"
            ? try Command.run("run", Scratch.elf("tty-echo"), "--boot", "elf", "--send", "one", "--send", "two")
            : try Scratch.run("tty-echo", "--boot", boot, "--send", "one", "--send", "two")
        #expect(result.status == 0)
        #expect(result.out == "one\ntwo\n")
        for line in ["powering up m4", "remote processor m4 is now up", "creating channel rpmsg-tty addr 0x400", "stopped remote processor m4"] {
            #expect(result.lines.contains { $0.hasSuffix(line) }, "\(line)")
        }
        #expect(result.err.contains("trace0: announced rpmsg-tty at 0x401\n"))
        #expect(result.err.contains("ttyRPMSG0 <- \"one\\n\"\n"))
        let summary = try #require(result.lines.dropLast().last)
        #expect(summary.hasPrefix("virtual time 0."))
        #expect(summary.contains("messages 4 from the firmware, 2 to it, wall time "))
    }

    @Test("A duration is a decimal number and a unit", arguments: ["0x10s", "1e3s", "nans", "1", "s", "-1s", "1.2.3s", "99999999999s"])
    func duration(text: String) throws {
        #expect(try Scratch.run("tty-echo", "--for=\(text)").status == 2)
    }

    @Test("--to reaches the second tty, and a channel by its name")
    func destinations() throws {
        let second = try Scratch.run("tty-echo", "--to", "ttyRPMSG1", "--send", "x")
        #expect(second.status == 0)
        #expect(second.out == "x\n")
        #expect(second.err.contains("ttyRPMSG1 -> \"x\\n\""))
        let named = try Scratch.run("tty-echo", "--to", "rpmsg-tty", "--send", "x", "--expect", "x")
        #expect(named.status == 0)
    }

    @Test("--interactive sends standard input line by line, its last line without a newline too")
    func interactive() throws {
        let input = try Scratch.file("input")
        try input.handle.write(contentsOf: Data("first\nsecond\n\nlast".utf8))
        try input.handle.seek(toOffset: 0)
        let result = try Command.run(
            "run", Scratch.signed("tty-echo"), "--key", Scratch.key(), "--interactive", "--to", "ttyRPMSG1", input: input.handle)
        #expect(result.status == 0)
        #expect(result.out == "first\nsecond\n\nlast")
        #expect(result.err.contains("ttyRPMSG1 <- \"second\\n\""))
    }

    @Test("Standard input is left alone without --interactive")
    func inputUnread() throws {
        let input = try Scratch.file("input")
        try input.handle.write(contentsOf: Data("not for you\n".utf8))
        try input.handle.seek(toOffset: 0)
        let result = try Command.run("run", Scratch.signed("tty-echo"), "--key", Scratch.key(), "--send", "hi", input: input.handle)
        #expect(result.status == 0)
        #expect(try input.handle.offset() == 0)
        #expect(result.out == "hi\n")
    }

    @Test("A reader that has gone changes neither the run nor its status")
    func closedOutput() throws {
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        let result = try Command.run(
            ["run", Scratch.signed("tty-echo"), "--key", Scratch.key(), "--send", "hi", "--json"], in: Scratch.folder,
            output: pipe.fileHandleForWriting)
        #expect(!result.wasKilled)
        #expect(result.status == 0)
        #expect(result.err.contains("stopped remote processor m4"))
    }

    @Test("--for is virtual time: ten minutes of a sleeping firmware take no time")
    func duration() throws {
        // `Command.patience` is a fifth of that.
        let result = try Scratch.run("tty-echo", "--for", "10m")
        #expect(result.status == 0 && !result.wasKilled)
        #expect(result.err.contains("[  600.0"))
    }

    @Test("--until finds a line that the trace buffer has lost again")
    func untilGone() throws {
        let result = try Scratch.run("crasher", "--send", "chatter", "--until", "chatter 500 of", "--log-level", "warning", "--json")
        #expect(result.status == 0, "\(result.err)")
        // Much of what came later was never printed: the run ended there.
        #expect(try Scratch.run("crasher", "--send", "chatter", "--until", "chatter 5000").status == 1)
    }

    @Test("--until ends at a line of the trace or at a channel, long before a second has passed", arguments: ["announced rpmsg-tty at 0x401", "rpmsg-tty"])
    func until(text: String) throws {
        let result = try Scratch.run("tty-echo", "--until", text)
        #expect(result.status == 0)
        #expect(result.lines.contains { $0.hasPrefix("virtual time 0.0") })
    }

    @Test("Two runs differ in the wall time of the summary and in nothing else", arguments: ["tty-echo", "client-sample", "swift-echo", "crasher"])
    func repeats(sample: String) throws {
        func run() throws -> String {
            let result = sample == "client-sample"
                ? try Scratch.run(sample) : try Scratch.run(sample, "--send", "one", "--send", "hardfault", "--log-level", "debug")
            let text = try #require(result.err.range(of: ", wall time "))
            // A failure has one line more: what of the manual explains it.
            let rest = result.err[text.upperBound...].split(separator: "\n").dropFirst()
            #expect(rest == (result.status == 0 ? [] : ["see: m4run help fault"]))
            return result.out + result.err[..<text.lowerBound] + rest.joined()
        }
        #expect(try run() == run())
    }

    @Test("--log-level decides what stderr gets", arguments: [("quiet", 0), ("error", 1), ("warning", 1), ("info", 20), ("debug", 21)])
    func levels(level: String, lines: Int) throws {
        let result = try Scratch.run("tty-echo", "--send", "hi", "--log-level", level)
        #expect(result.out == "hi\n")
        #expect(lines < 20 ? result.lines.count - 1 == lines : result.lines.count > lines)
    }

    @Test("A line of the trace is seen when it is written, though Linux has nothing to do")
    func untilSilent() throws {
        let result = try Scratch.run("crasher", "--send", "assert", "--until", "assertion failed")
        #expect(result.status == 0)
        let line = try #require(result.lines.first { $0.contains("trace0: assertion failed: ") })
        #expect(line.hasPrefix("[    0.00"))
        #expect(result.lines.contains { $0.hasPrefix("virtual time 0.5") }, "what is left is the shutdown's time-out")
    }

    // MARK: 1

    @Test("An expectation that is not met is status 1 and says what was missed")
    func expectation() throws {
        let met = try Scratch.run("tty-echo", "--send", "ping", "--expect", "pi", "--expect", "ng")
        #expect(met.status == 0)
        let missed = try Scratch.run("tty-echo", "--send", "ping", "--expect", "ping", "--expect", "pong")
        #expect(missed.status == 1)
        #expect(missed.err.contains("m4run: the firmware never sent or printed \"pong\"\n"))
        #expect(missed.out == "ping\n")
        let until = try Scratch.run("tty-echo", "--until", "nothing of the kind", "--for", "10ms")
        #expect(until.status == 1)
        #expect(until.err.contains("no message, trace or other output and no channel's name shows \"nothing of the kind\" after 0.010000 s of virtual time. The M4 sleeps (WFI)"))
    }

    @Test("Firmware that ends itself with a code that is not 0 is status 1, and under exec that code")
    func exitCode() throws {
        // movs r0, #0x20; ldr r1, [pc, #4]; bkpt 0xAB; b .
        let firmware = TinyFirmware(code: [0x2020, 0x4901, 0xBEAB, 0xE7FE], literals: [20, 0x20026, 7])
        let file = try Scratch.write(firmware.elf, "exits-with-7.elf")
        let run = try Command.run("run", file, "--boot", "elf")
        #expect(run.status == 1)
        #expect(run.err.contains("semihosting exit code 7"))
        #expect(try Command.run("exec", file).status == 7)
    }

    @Test("What is expected may come in two messages")
    func expectationAcrossMessages() throws {
        // 496 bytes a message: "marker" begins in the first and ends in the second.
        let line = String(repeating: "x", count: 493) + "marker"
        #expect(try Scratch.run("tty-echo", "--send", line, "--expect", "xmarker", "--expect", "xx").status == 0)
        #expect(try Scratch.run("tty-echo", "--send", line, "--expect", "xmarkers").status == 1)
    }

    // MARK: 2

    @Test("A mistake in the command line is status 2, one message, and nothing on stdout", arguments: [
        ["run"], ["frobnicate"], ["run", "x", "--for", "10"], ["run", "x", "--for", "fast"], ["run", "x", "--boot", "uboot"], ["run", "x", "y"],
        ["run", "x", "--to", "ttyRPMSG"], ["run", "x", "--to", "ttyRPMSG-1"], ["run", "x", "--to", "ttyRPMSG99999999999999999999"],
        ["run", "x", "--interactive", "--to", "rpmsg0"], ["run", "x", "--key", "k", "--unverified"], ["run", "x", "--boot", "elf", "--key", "k"],
        ["run", "x", "--ddr", "-1"], ["run", "x", "--log-level", "loud"], ["exec"], ["sign"], ["keygen"], ["inspect"], ["keygen", "--out", "k", "--bits", "two"],
    ])
    func usage(arguments: [String]) throws {
        let result = try Command.run(arguments, in: Scratch.folder)
        #expect(result.status == 2)
        #expect(result.out.isEmpty)
        #expect(result.err.hasPrefix("m4run: "))
        #expect(!result.err.contains("Error:"))
    }

    @Test("A DDR window that cannot be had is status 2 and says what can", arguments: ["257", "4096", "4294967295"])
    func ddr(size: String) throws {
        let result = try Command.run("run", Scratch.elf("tty-echo"), "--boot", "elf", "--ddr", size)
        #expect(result.status == 2)
        #expect(result.err.contains("m4run: --ddr \(size): a number of MiB from 0 to 256 is allowed"), "\(result.err)")
        #expect(try Command.run("run", Scratch.elf("tty-echo"), "--boot", "elf", "--ddr", "16", "--for", "2ms").status == 0)
    }

    @Test("Help and version are status 0 and on stdout")
    func help() throws {
        for arguments in [["--help"], ["run", "--help"], ["--version"]] {
            let result = try Command.run(arguments, in: Scratch.folder)
            #expect(result.status == 0)
            #expect(!result.out.isEmpty)
            #expect(result.err.isEmpty)
        }
    }

    // MARK: 3

    struct Crash: Sendable, CustomTestStringConvertible {
        let word: String, flag: String, text: String
        var testDescription: String { word }
    }

    private static let crashes = [
        Crash(word: "hardfault", flag: "PRECISERR", text: "BusFault (PRECISERR) at pc 0x1000"),
        Crash(word: "write", flag: "PRECISERR", text: "address 0x60000000, escalated to HardFault"),
        Crash(word: "bus", flag: "BFARVALID", text: "bfar 0x60000000"),
        Crash(word: "undef", flag: "UNDEFINSTR", text: "UsageFault (UNDEFINSTR) at pc 0x1000"),
        Crash(word: "nocp", flag: "NOCP", text: "UsageFault (NOCP) at pc 0x1000"),
        Crash(word: "invstate", flag: "INVSTATE", text: "UsageFault (INVSTATE) at pc "),
        Crash(word: "exec", flag: "IACCVIOL", text: "MemManage (IACCVIOL) at pc 0x40000000"),
    ]
    /// Engine 2.0 cannot trap on what registers hold.
    private static let trapsOnOperands = [
        Crash(word: "divzero", flag: "DIVBYZERO", text: "UsageFault (DIVBYZERO) at pc 0x1000"),
        Crash(word: "unaligned", flag: "UNALIGNED", text: "UsageFault (UNALIGNED) at pc 0x1000"),
    ]

    @Test("Each of the crasher's faults is named", arguments: crashes)
    func faults(crash: Crash) throws { try expectFault(crash) }

    @Test("A fault by what a register holds is named", .needsEngine21, arguments: trapsOnOperands)
    func operandFaults(crash: Crash) throws { try expectFault(crash) }

    private func expectFault(_ crash: Crash) throws {
        let result = try Scratch.run("crasher", "--send", crash.word)
        #expect(result.status == 3)
        #expect(result.err.contains("m4run: the firmware faulted:\n"))
        #expect(result.err.contains(crash.text))
        #expect(result.err.contains("  \(crash.flag): "))
        #expect(result.err.contains("\n  r0 0x"))
        #expect(result.err.contains("\nlast blocks of instructions, newest last: 0x"))
        #expect(result.lines.contains { $0.hasPrefix("virtual time ") })
    }

    @Test("Up to a fault each instruction has taken a cycle, whichever engine runs")
    func faultTime() throws {
        // movs r1, #1; movs r2, #2; nop; ldr r0, [pc, #4]; ldr r3, [r0]; b .
        let firmware = TinyFirmware(code: [0x2101, 0x2202, 0xBF00, 0x4801, 0x6803, 0xE7FE], literals: [0x6000_0000])
        let result = try Command.run("exec", Scratch.write(firmware.elf, "faults.elf"))
        #expect(result.status == 3)
        #expect(result.err.contains("fault: virtual time 0.000000 s, 4 instructions, "))
        #expect(result.err.contains("BusFault (PRECISERR) at pc 0x00000010, address 0x60000000"))
    }

    @Test("--stop-at none lets the firmware's handlers have their faults, but not a lockup")
    func stopAt() throws {
        let undefined = try Scratch.run("crasher", "--send", "undef", "--stop-at", "none", "--for", "5ms")
        #expect(undefined.status != 3)
        let lockup = try Scratch.run("crasher", "--send", "lockup", "--stop-at", "none")
        #expect(lockup.status == 3)
        #expect(lockup.err.contains(": lockup\n"))
    }

    @Test("A reset that the firmware asks for is status 3")
    func resetRequest() throws {
        // ldr r0, [pc, #4]; ldr r1, [pc, #8]; str r1, [r0]; b .
        let firmware = TinyFirmware(code: [0x4801, 0x4902, 0x6001, 0xE7FE], literals: [0xE000_ED0C, 0x05FA_0004])
        let result = try Command.run("run", Scratch.write(firmware.elf, "resets.elf"), "--boot", "elf")
        #expect(result.status == 3)
        #expect(result.err.contains("AIRCR.SYSRESETREQ"))
    }

    @Test("A register without a model is named, and ends a strict run")
    func strict() throws {
        // ldr r0, [pc, #4]; ldr r1, [r0]; b .
        let firmware = TinyFirmware(code: [0x4801, 0x6801, 0xE7FE], literals: [0x4001_7000])
        let file = try Scratch.write(firmware.elf, "touches-dac.elf")
        let told = try Command.run("run", file, "--boot", "elf", "--for", "2ms")
        #expect(told.status == 0)
        #expect(told.err.contains("unmodelled register DAC1.CR at 0x40017000"))
        let ended = try Command.run("run", file, "--boot", "elf", "--for", "2ms", "--strict")
        #expect(ended.status == 3)
        #expect(ended.err.contains("m4run: --strict: read "))
        #expect(ended.err.contains("DAC1.CR"))
        #expect(try Scratch.run("tty-echo", "--strict", "--send", "hi").status == 0)
    }

    @Test("What comes on a channel that is no tty is an answer, and on stdout")
    func answers() throws {
        let result = try Scratch.run("client-sample", "--to", "rpmsg-client-sample", "--send", "hi")
        #expect(result.status == 0)
        #expect(!result.out.isEmpty)
        #expect(result.err.contains("incoming msg 101 (src: 0x400)"))
    }

    @Test("Output that cannot be written is no success")
    func lostOutput() throws {
        let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
        let result = try Command.run(["run", Scratch.elf("tty-echo"), "--boot", "elf", "--send", "hi"], in: Scratch.folder, output: full)
        #expect(result.status == 2)
        #expect(result.err.contains("m4run: standard output: "))
    }

    @Test("An exit code that a status cannot hold is no success")
    func wideExitCode() throws {
        // movs r0, #0x20; adr r1, block; bkpt 0xAB; b .; block: ADP_Stopped_ApplicationExit, 256
        let firmware = TinyFirmware(code: [0x2020, 0xA101, 0xBEAB, 0xE7FE], literals: [0x2_0026, 256])
        let result = try Command.run("exec", Scratch.write(firmware.elf, "exits-256.elf"))
        #expect(result.status == 255)
    }

    @Test("Input that a limit cuts off is told")
    func cutInput() throws {
        let pipe = Pipe()
        let result = try Command.run("run", Scratch.elf("tty-echo"), "--boot", "elf", "--interactive", "--for", "20ms", input: pipe.fileHandleForReading)
        #expect(result.status == 5)
        #expect(result.err.contains("m4run: no end of input after 0.020000"))
        try pipe.fileHandleForWriting.close()
    }

    // MARK: 5

    @Test("What never comes ends at a limit, with who waits for what")
    func limits() throws {
        let noTTY = try Scratch.run("crasher", "--to", "ttyRPMSG1", "--send", "hi")
        #expect(noTTY.status == 5)
        #expect(noTTY.err.contains("m4run: no ttyRPMSG1 to send to after 5.0"))
        #expect(noTTY.err.contains("The M4 sleeps (WFI) at ipcc_wait+0x"))
        #expect(noTTY.err.contains("channels: rpmsg-tty at 0x400."))
        // wfi; b .-2
        let sleeper = try Scratch.write(TinyFirmware(code: [0xBF30, 0xE7FD]).elf, "sleeps.elf")
        let noRpmsg = try Command.run("run", sleeper, "--boot", "elf", "--send", "hi", "--for", "2ms")
        #expect(noRpmsg.status == 5)
        #expect(noRpmsg.err.contains("after 0.002000 s of virtual time"))
        #expect(noRpmsg.err.contains("Linux found no vdev in a resource table, so it set up no rpmsg"))
        let exec = try Command.run("exec", Scratch.elf("tty-echo"), "--for", "1ms")
        #expect(exec.status == 5)
        #expect(exec.err.contains("no end after 1ms of virtual time"))
    }

    @Test("Under --strict ST's layout ends as on a board, and the message says where the table should be")
    func stLayout() throws {
        let helped = try Scratch.run("tty-echo-st-layout", "--send", "hi")
        #expect(helped.status == 0)
        #expect(helped.err.contains("m4run: WARNING: the resource table's section is at 0x"))
        let strict = try Scratch.run("tty-echo-st-layout", "--send", "hi", "--strict")
        #expect(strict.status == 5)
        #expect(strict.err.contains("no segment loads the resource table's bytes to 0x"))
    }
}
