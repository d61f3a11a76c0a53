// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// Where a run stopped, and what is said and kept of it.
@Suite struct StopTests {
    private func object(_ result: Command.Result) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any], "\(result.err)")
    }

    @Test("Closed descriptors are /dev/null: the status is what it would be", arguments: [">&- 2>&-", "<&- >&- 2>&-", "2>&-"])
    func closed(redirections: String) throws {
        let words = "'\(try Command.binary().path)' run '\(try Scratch.elf("tty-echo"))' --boot elf"
        let shell = URL(fileURLWithPath: "/bin/sh")
        #expect(try Command.run(["-c", "\(words) --send hi \(redirections)"], in: Scratch.folder, program: shell).status == 0)
        #expect(try Command.run(["-c", "\(words) --break main \(redirections)"], in: Scratch.folder, program: shell).status == 6)
    }

    @Test("An argument that is not UTF-8 is refused, and names no other file")
    func notUTF8() throws {
        let words = "'\(try Command.binary().path)' keygen --out \"$(printf 'odd\\377')\""
        let result = try Command.run(["-c", words], in: Scratch.folder, program: URL(fileURLWithPath: "/bin/sh"))
        #expect(result.status == 2 && result.err == "m4run: argument 3 is no UTF-8: \"odd\\xff\"\n", "\(result.err)")
    }

    @Test("A breakpoint in the shutdown ends the run with 6, its report and its core dump", arguments: ["tee-v3", "elf"])
    func shutdown(boot: String) throws {
        let core = Scratch.path("shutdown-\(boot).core")
        let image = boot == "elf" ? [try Scratch.elf("tty-echo"), "--boot", "elf"] : [try Scratch.signed("tty-echo"), "--key", try Scratch.key()]
        let run = try Command.run(["run"] + image + ["--send", "x", "--break", "shut_down", "--coredump", core, "--json"], in: Scratch.folder)
        #expect(run.status == 6)
        #expect(run.err.contains(/m4run: breakpoint at 0x[0-9a-f]{8} <shut_down>,/))
        #expect(run.err.contains(/\ncalled from rpmsg_serve\+0x[0-9a-f]+ \(0x/))
        let said = try object(run)
        #expect(said["result"] as? String == "halted" && said["exit"] as? Int == 6 && said["stop"] as? String == "breakpoint")
        let halt = try #require(said["halt"] as? [String: Any])
        #expect(halt["symbol"] as? String == "shut_down" && (halt["callers"] as? [Any])?.isEmpty == false)
        #expect(FileManager.default.fileExists(atPath: core))
    }

    @Test("A breakpoint or watchpoint that is never reached has a status of its own", .needsEngine21)
    func neverReached() throws {
        let run = try Scratch.run("tty-echo", "--send", "x", "--break", "HardFault_Handler", "--watch", "0x10000000:4:w", "--json")
        #expect(run.status == 8 && run.out.contains("\"result\" : \"not-reached\""), "\(run.err)")
        #expect(run.err.contains("m4run: the M4 never came to --break HardFault_Handler, nor to --watch 0x10000000:4:w\n"))
        // What failed otherwise says so.
        #expect(try Scratch.run("tty-echo", "--send", "x", "--break", "HardFault_Handler", "--expect", "zzz").status == 1)
        let bare = try Command.run("exec", Scratch.elf("printing"), "--rtt-send", "hello", "--break", "HardFault_Handler")
        #expect(bare.status == 8 && bare.err.contains("never came to --break HardFault_Handler"), "\(bare.err)")
    }

    @Test("A fault's report names the function and its callers, in text and JSON")
    func fault() throws {
        let run = try Scratch.run("crasher", "--send", "bus", "--json")
        #expect(run.status == 3)
        #expect(run.err.contains(/at pc 0x[0-9a-f]{8} <bus\+0x[0-9a-f]+>/))
        #expect(run.err.contains(/\ncalled from receive\+0x[0-9a-f]+ \(0x[0-9a-f]{8}\), rpmsg_receive_all\+0x/), "\(run.err)")
        let fault = try #require(try object(run)["fault"] as? [String: Any])
        #expect((fault["symbol"] as? String)?.hasPrefix("bus+0x") == true)
        let callers = try #require(fault["callers"] as? [[String: Any]])
        #expect((callers.first?["symbol"] as? String)?.hasPrefix("receive+0x") == true)
        // A crash that Linux recovers from has its callers, too.
        let recovered = try Scratch.run("crasher", "--recover", "1", "--send", "bus", "--send", "alive")
        #expect(recovered.status == 0)
        #expect(recovered.err.contains(/m4run: called from receive\+0x[0-9a-f]+/), "\(recovered.err)")
    }

    @Test("A time-out names where the M4 stands and its callers, in text and JSON, and leaves a core dump")
    func timeout() throws {
        let core = Scratch.path("timeout.core")
        let run = try Scratch.run("tty-echo", "--until", "never", "--for", "30ms", "--coredump", core, "--json")
        #expect(run.status == 1)
        #expect(run.err.contains(/The M4 sleeps \(WFI\) at ipcc_wait\+0x[0-9a-f]+ \(0x[0-9a-f]{8}, [^)]*common\/ipcc.c:\d+\), called from rpmsg_serve\+0x/), "\(run.err)")
        let m4 = try #require(try object(run)["m4"] as? [String: Any])
        #expect(m4["state"] as? String == "asleep" && m4["exception"] as? String == "Thread")
        #expect((m4["symbol"] as? String)?.hasPrefix("ipcc_wait") == true && (m4["callers"] as? [Any])?.count == 1)
        #expect(FileManager.default.fileExists(atPath: core))
        let bare = try Command.run("exec", Scratch.elf("bench-delay"), "--for", "1ms")
        #expect(bare.status == 5 && bare.err.contains(/no end after 1ms of virtual time\. The M4 (executes|sleeps \(WF.\)) at/), "\(bare.err)")
    }

    @Test("What Linux did not do is not said: a failed probe has set no DRIVER_OK")
    func failedProbe() throws {
        // Rings of 32: their buffers are twice what vdev0buffer has.
        var image = try Scratch.bytes(try Scratch.elf("tty-echo"))
        for ring in [52, 72] { image.replaceSubrange(try Self.table(image) + ring + 8..<(try Self.table(image)) + ring + 12, with: [32, 0, 0, 0]) }
        let run = try Command.run("run", Scratch.write(image, "num32.elf"), "--boot", "elf", "--send", "hi")
        #expect(run.status == 5)
        #expect(!run.err.contains("DRIVER_OK"), "\(run.err)")
        #expect(run.err.contains("its probe failed (status 0x83)"), "\(run.err)")
    }
    /// The file offset of the sample's resource table.
    private static func table(_ image: [UInt8]) throws -> Int {
        let header: [UInt8] = [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        return try #require(image.indices.dropLast(16).first { image[$0..<$0 + 16].elementsEqual(header) })
    }

    @Test("--watch takes a value, and a place to begin at", .needsEngine21)
    func watching() throws {
        let elf = try Scratch.elf("tty-echo")
        func watch(_ arguments: String...) throws -> Command.Result { try Command.run(["run", elf, "--boot", "elf", "--send", "x"] + arguments, in: Scratch.folder) }
        // Start-up clears it; main is long past that.
        let first = try watch("--watch", "rung")
        #expect(first.status == 6 && first.err.contains(/by the instruction at 0x[0-9a-f]{8} <Reset_Handler/))
        let later = try watch("--watch", "rung", "--watch-from", "main")
        #expect(later.status == 6 && later.err.contains("IRQ103 interrupted ipcc_wait+0x"), "\(later.err)")
        #expect(later.err.contains(/0x00000000 -> 0x00000001 by the instruction at 0x[0-9a-f]{8} <IPCC_RX1_Handler/))
        let valued = try watch("--watch", "rung:4=1")
        #expect(valued.status == 6 && valued.err.contains("-> 0x00000001"), "\(valued.err)")
        #expect(try watch("--watch", "rung:4=0x12345678").status == 8)
        #expect(try watch("--watch", "rung:1=300").err.contains("a number that fits the size"))
        #expect(try watch("--watch-from", "main").err.contains("--watch-from goes with --watch"))
    }
}
