// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// `m4run run`: kernels, attaching, crashes and core dumps.
@Suite struct LifecycleTests {
    @Test("--recover goes on after a crash, and a crash more than it allows ends the run as a fault does")
    func recover() throws {
        let elf = try Scratch.elf("crasher")
        let fine = try Command.run("run", elf, "--boot", "elf", "--recover", "2", "--send", "undef", "--send", "bus", "--send", "alive", "--json")
        #expect(fine.status == 0)
        #expect(fine.out.contains("\"crashes\" : 2,"))
        #expect(fine.err.contains("m4run: UsageFault (UNDEFINSTR) at pc "))
        #expect(fine.err.contains("remoteproc0: crash detected in m4: type fatal error\n"))
        let loop = try Command.run("run", elf, "--boot", "elf", "--recover", "1", "--send", "undef", "--send", "bus", "--send", "alive")
        #expect(loop.status == 3)
        #expect(loop.err.contains("the firmware crashed again at 0."))
        #expect(loop.err.contains("after as many recoveries as are allowed (1): the firmware faulted:\n"))
        let watchdog = try Command.run("run", elf, "--boot", "elf", "--recover", "0", "--send", "watchdog", "--for", "1s")
        #expect(watchdog.status == 3)
        #expect(watchdog.err.contains("the M4's watchdog has reset it at 0."))
    }

    /// What gdb-multiarch says to `commands`.
    private func gdb(_ commands: [String], _ arguments: [String]) throws -> String {
        let gdb = try #require(Tool.gdb.file)
        let process = Process(), output = try Scratch.file("gdb")
        process.executableURL = URL(fileURLWithPath: gdb)
        process.arguments = ["-nx", "-batch"] + commands.flatMap { ["-ex", $0] } + arguments
        process.standardOutput = output.handle
        process.standardError = output.handle
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return try output.text()
    }

    @Test("gdb-multiarch shows the FPU's registers from --coredump, with the ELF file and without", .needs(.gdb))
    func floatingPoint() throws {
        let elf = try Scratch.elf("crasher")
        let dump = Scratch.path("float.core")
        let result = try Scratch.run("crasher", "--send", "float", "--coredump", dump)
        #expect(result.status == 3)
        for arguments in [[Scratch.path(elf), dump], ["-core", dump]] {
            let text = try gdb(["p $s0", "p $s31", "p/x $fpscr", "p/x $xpsr", "info registers sp"], arguments)
            #expect(text.contains("Program terminated with signal SIGILL"), "\(text)")
            #expect(text.contains("$1 = 1.5\n$2 = -2\n$3 = 0x0\n$4 = 0x1000000\n"), "\(text)")
            #expect(!text.contains("warning"), "\(text)")
        }
    }

    @Test("gdb-multiarch shows registers, place and back trace from --coredump", .needs(.gdb))
    func debugger() throws {
        let elf = try Scratch.elf("crasher")
        let dump = Scratch.path("crash.core")
        let result = try Scratch.run("crasher", "--send", "bus", "--coredump", dump)
        #expect(result.status == 3)
        let text = try gdb(["set backtrace limit 60", "bt", "info registers"], [Scratch.path(elf), dump])
        #expect(text.contains("Program terminated with signal SIGSEGV"), "\(text)")
        // The outermost function never returns: the trace ends there.
        #expect(text.contains(" rpmsg_serve ") && !text.contains("#20 "), "\(text)")
        #expect(text.contains("#0  ") && text.contains(" read_hole ") && text.contains("#1  ") && text.contains(" receive ("), "\(text)")
        #expect(text.contains("r0             0x60000000"), "\(text)")
    }

    @Test("gdb-multiarch goes up from a handler's fault to what it interrupted, whose frame has the FPU's registers in it", .needs(.gdb))
    func floatingPointFrame() throws {
        let elf = try Scratch.elf("crasher-float-frame")
        let dump = Scratch.path("float-frame.core")
        #expect(try Command.run("run", elf, "--boot", "elf", "--coredump", dump).status == 3)
        let text = try gdb(["bt", "p/x *(unsigned *)0xe000ef34 & 0xc0000001", "p/x *(unsigned *)0xe000ed28"], [Scratch.path(elf), dump])
        for frame in [" PendSV_Handler ", "<signal handler called>", " scale ", " main "].enumerated() {
            #expect(text.split(separator: "\n").contains { $0.hasPrefix("#\(frame.offset + 1) ") && $0.contains(frame.element) }, "\(text)")
        }
        // ASPEN, LSPEN, and LSPACT: the frame waits for the registers. UNDEFINSTR.
        #expect(text.contains("$1 = 0xc0000001\n$2 = 0x10000\n"), "\(text)")
        #expect(!text.contains("warning"), "\(text)")
    }

    @Test("--coredump-plain is the kernel's own file, and a file that cannot be written is told")
    func plain() throws {
        let elf = try Scratch.elf("crasher")
        let result = try Command.run("run", elf, "--boot", "elf", "--recover", "1", "--send", "undef", "--coredump", "plain.core", "--coredump-plain")
        #expect(result.status == 0)
        let dump = try Scratch.bytes("plain.core")
        #expect(dump[16...19].elementsEqual([4, 0, 0, 0]))
        let lost = try Command.run("run", elf, "--boot", "elf", "--send", "undef", "--coredump", "no/such/folder/core")
        #expect(lost.status == 2 && lost.out.isEmpty)
        #expect(lost.err.contains("no/such/folder/core: there is no folder ") && !lost.err.contains("powering up"))
        let full = try Command.run("run", elf, "--boot", "elf", "--send", "undef", "--coredump", "/dev/full")
        #expect(full.status == 3 && full.err.contains("m4run: /dev/full: cannot be written: No space left on device"), "\(full.err)")
        // Where all else went as asked, what is lost is no success.
        let recovered = try Command.run("run", elf, "--boot", "elf", "--recover", "1", "--send", "undef", "--coredump", "/dev/full")
        #expect(recovered.status == 2 && recovered.err.contains("m4run: /dev/full: cannot be written: No space left on device"), "\(recovered.err)")
        #expect(try Command.run("run", elf, "--boot", "elf", "--coredump-plain").status == 2)
    }

    @Test("What the firmware traces after a recovery is told, the same text or not")
    func traceAfterRecovery() throws {
        let result = try Command.run("run", Scratch.elf("crasher"), "--boot", "elf", "--recover", "1", "--send", "undef", "--for", "20ms")
        #expect(result.err.components(separatedBy: "trace0: driver ready").count == 3, "\(result.err)")
    }

    @Test("--attach finds the firmware running, and detaches at the end")
    func attach() throws {
        let result = try Command.run("run", Scratch.elf("tty-echo"), "--boot", "elf", "--attach", "--send", "hello")
        #expect(result.status == 0)
        #expect(result.out == "hello\n")
        for line in ["attaching to m4", "remote processor m4 is now attached", "detached remote processor m4"] {
            #expect(result.lines.contains { $0.hasSuffix("remoteproc remoteproc0: " + line) }, "\(line)")
        }
        // The boot loader puts the table where its section is, also when no segment does.
        let elsewhere = try Command.run("run", Scratch.elf("tty-echo-st-layout"), "--boot", "elf", "--attach", "--send", "hello")
        #expect(elsewhere.status == 0 && elsewhere.out == "hello\n", "\(elsewhere.err)")
        let signed = try Scratch.run("tty-echo", "--attach")
        #expect(signed.status == 2 && signed.err.contains("--attach goes with --boot elf"))
    }

    @Test("--kernel gives Linux the words of its version")
    func kernel() throws {
        let old = try Scratch.run("tty-echo", "--kernel", "5.15", "--send", "x")
        #expect(old.status == 0)
        #expect(old.err.contains(" remoteproc0#vdev0buffer: registered virtio0 (type 7)\n"))
        let newest = try Scratch.run("tty-echo", "--kernel", "6.6", "--send", "x")
        #expect(newest.err.contains("rproc-virtio rproc-virtio.0.auto: registered virtio0 (type 7)\n"))
        #expect(try Scratch.run("tty-echo", "--kernel", "4.19").status == 2)
        #expect(try Scratch.run("tty-echo", "--kernel", "6.1", "--send", "x").status == 0)
        #expect(try Scratch.run("tty-echo", "--kernel", "6.1", "--openstlinux", "5").err.contains("exclude each other"))
        #expect(try Scratch.run("tty-echo", "--openstlinux", "7").status == 2)
        // By the words of its kernel, and the order of its driver.
        for (version, words) in [("4", " remoteproc0#vdev0buffer: registered virtio0 (type 7)"), ("5", "rproc-virtio rproc-virtio.0.auto: registered virtio0 (type 7)"), ("6", "rproc-virtio rproc-virtio.0.auto: registered virtio0 (type 7)")] {
            let run = try Scratch.run("tty-echo", "--openstlinux", version, "--send", "x")
            #expect(run.status == 0 && run.err.contains(words), "\(run.err)")
            let order = run.lines.filter { $0.hasSuffix("is now up") || $0.contains("creating channel") }
            #expect(order.count == 3 && order.last?.hasSuffix("is now up") == true, "\(run.err)")
        }
    }
}
