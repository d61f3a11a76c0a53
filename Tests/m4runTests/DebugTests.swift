// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import M4Board
import Testing

/// `--break`, `--watch`, `--cycles`, `--rtt-send`, and what firmware prints.
@Suite struct DebugCommandTests {
    private static func hasWatchpoints() throws -> Bool { try !Command.hasEngine20() }

    @Test("A breakpoint ends a run with 6, the symbol and the instructions that came before")
    func breakpoint() throws {
        let result = try Scratch.run("tty-echo", "--send", "x", "--break", "echo")
        #expect(result.status == 6)
        #expect(result.err.contains(/\] m4run: the M4 stops: breakpoint\n/))
        #expect(result.err.contains(/m4run: breakpoint at 0x[0-9a-f]{8} <echo>, \d+ instructions retired\n/))
        #expect(result.err.contains(/\ncalled from rpmsg_receive_all\+0x[0-9a-f]+ \(0x[0-9a-f]{8}\), rpmsg_serve\+0x/))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(Scratch.run("tty-echo", "--send", "x", "--break", "echo", "--json").out.utf8)) as? [String: Any])
        #expect(object["stop"] as? String == "breakpoint" && object["result"] as? String == "halted")
        let halt = try #require(object["halt"] as? [String: Any])
        #expect(halt["cause"] as? String == "breakpoint" && halt["symbol"] as? String == "echo")
        let callers = try #require(halt["callers"] as? [[String: Any]])
        #expect(callers.count == 2 && (callers[0]["symbol"] as? String)?.hasPrefix("rpmsg_receive_all+0x") == true)
        #expect(callers.allSatisfy { $0.keys.sorted() == ["address", "interrupted_by", "source", "symbol"] })
        #expect((halt["registers"] as? [Int])?.count == 16)
        #expect((halt["instructions"] as? Int ?? 0) > 1000)
    }

    @Test("A location can be an address, and a symbol with an offset")
    func locations() throws {
        let elf = try Scratch.elf("conformance")
        let first = try Command.run("exec", elf, "--break", "Reset_Handler")
        #expect(first.status == 6 && first.err.contains("<Reset_Handler>, 0 instructions retired"))
        let address = try #require(first.err.firstMatch(of: /breakpoint at (0x[0-9a-f]{8})/)).1
        #expect(try Command.run("exec", elf, "--break", String(address)).err.contains("<Reset_Handler>, 0 instructions"))
        #expect(try Command.run("exec", elf, "--break", "Reset_Handler+4").err.contains("<Reset_Handler+0x4>"))
    }

    @Test("An invalid location is a mistake in the command line", arguments: [
        ("--break", "mainn", "no such symbol"), ("--break", "0xZZ", "not a number"), ("--break", "main+x", "not a number"),
        ("--watch", "main:0", "a size is 1 to 65536"), ("--watch", "main:x", "an access is r, w or rw"), ("--watch", "nothing", "no such symbol"),
        ("--break", "main+", "not a number"), ("--break", "", "neither a symbol nor an address"), ("--break", "+4", "neither a symbol nor an address"),
        ("--break", "main+0xffffff00", "beyond the address space"), ("--watch", "0xfffffffe:8", "beyond the address space"),
        ("--watch", "main:4:rw:r", "allowed is location"), ("--watch", "main:", "a size a number"),
    ])
    func mistakes(option: String, location: String, message: String) throws {
        let result = try Command.run("exec", Scratch.elf("conformance"), option, location)
        #expect(result.status == 2 && result.out.isEmpty)
        #expect(result.err.contains(message), "\(result.err)")
    }

    @Test("A watchpoint names the instruction, the old value and the new")
    func watchpoint() throws {
        let result = try Scratch.run("tty-echo", "--send", "x", "--watch", "rung")
        guard try Self.hasWatchpoints() else {
            #expect(result.status == 2 && result.err.contains("watchpoints need the engine of engine/"))
            return
        }
        #expect(result.status == 6)
        #expect(result.err.contains(/watchpoint: write of \d bytes? at 0x[0-9a-f]{8}, 0x[0-9a-f]+ -> 0x[0-9a-f]+ by the instruction at 0x[0-9a-f]{8} <\w+/))
    }

    @Test("ITM, RTT and semihosting come as lines, each with where it came from, and input over RTT arrives")
    func printing() throws {
        let result = try Command.run("run", Scratch.elf("printing"), "--boot", "elf", "--rtt-send", "hello")
        #expect(result.status == 0)
        for line in [
            "itm0: a line on port 0", "itm1: words", "semihosting: a line over semihosting",
            "rtt0: a line over RTT, which is longer than the ring that it has to go through", "rtt0: got: hello",
        ] { #expect(result.err.contains(try Regex("\\] \(line)\n"))) }
        #expect(!result.err.contains("?"), "port 2 is off")
        let quit = try Command.run("run", Scratch.elf("printing"), "--boot", "elf", "--rtt-send", "quit", "--json")
        #expect(quit.status == 1)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(quit.out.utf8)) as? [String: Any])
        let output = try #require(object["output"] as? [[String: String]])
        #expect(output.first == ["source": "itm0", "text": "a line on port 0\n"])
        #expect(output.contains(["source": "itm1", "text": "words\n"]))
        #expect(try Command.run("exec", Scratch.elf("printing")).out.contains("nothing came\n"))
    }

    @Test("Under the coarse model the same instructions take longer, and the same each time")
    func cycles() throws {
        func end(_ model: String) throws -> [String] {
            let result = try Command.run("exec", Scratch.elf("bench-start"), "--cycles", model)
            #expect(result.status == 0)
            return result.err.split(separator: ",").prefix(2).map(String.init)
        }
        let elf = try Scratch.elf("conformance")
        func text(_ model: String) throws -> String {
            let line = try Command.run("exec", elf, "--cycles", model, "--stop-at", "none").err
            return String(line.prefix { $0 != "w" })
        }
        #expect(try text("coarse") == text("coarse"))
        #expect(try text("coarse") != text("instructions"))
        #expect(try end("coarse").count == 2)
        #expect(try Command.run("exec", elf, "--cycles", "exact").status == 2)
    }

    @Test("The names of why a run stops are in the manual, all of them")
    func names() throws {
        let page = try String(contentsOf: Scratch.package.appendingPathComponent("docs/reference/m4run-stops.7.md"), encoding: .utf8)
        for name in StopReason.Name.allCases { #expect(page.contains("### `\(name.rawValue)`"), "\(name)") }
    }
}
