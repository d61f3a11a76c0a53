// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import TestSupport
import Testing

/// Lines of the firmware's sources in reports, and as places to stop at.
@Suite struct SourceLineTests {
    /// The number of the line of a sample's source that has these words.
    private static func line(_ words: String, in file: String) throws -> Int {
        let text = try String(contentsOf: Scratch.package.appendingPathComponent("firmware-samples/\(file)"), encoding: .utf8)
        return try #require(text.split(separator: "\n", omittingEmptySubsequences: false).firstIndex { $0.contains(words) }, "\(words)") + 1
    }
    private static func object(_ result: Command.Result) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any])
    }

    /// A sample whose debugging information has other names, so that there is none.
    private static func stripped(_ sample: String) throws -> String {
        var bytes = try TestEnvironment.sample(sample)
        let debug = Array(".debug_".utf8)
        for index in bytes.indices.dropLast(debug.count) where bytes[index] == debug[0] && bytes[index..<index + debug.count].elementsEqual(debug) { bytes[index + 1] = UInt8(ascii: "x") }
        return try Scratch.write(bytes, sample + "-stripped.elf")
    }

    @Test("A fault's report lists the functions under way with file and line, in text and JSON")
    func fault() throws {
        let run = try Scratch.run("crasher", "--send", "bus", "--json")
        #expect(run.status == 3)
        #expect(run.err.contains(#/\n#0  read_hole at crasher/main\.c:\d+, inlined\n#1  bus at crasher/main\.c:\d+\n#2  /#), "\(run.err)")
        #expect(run.err.contains(#/\n#\d+  receive at crasher/main\.c:\d+\n/#) && run.err.contains(#/\n#\d+  rpmsg_serve at common/rpmsg\.c:\d+\n/#), "\(run.err)")
        let fault = try #require(try Self.object(run)["fault"] as? [String: Any]), frames = try #require(fault["source"] as? [[String: Any]])
        #expect(frames.last?["function"] as? String == "bus" && frames.last?["file"] as? String == "firmware-samples/crasher/main.c" && frames.last?["line"] is Int)
        let callers = try #require(fault["callers"] as? [[String: Any]])
        #expect(((callers.first?["source"] as? [[String: Any]])?.last)?["function"] as? String == "receive")
        let recovered = try Scratch.run("crasher", "--recover", "1", "--send", "bus", "--send", "alive")
        #expect(recovered.status == 0 && recovered.err.contains(#/m4run: #0  read_hole at crasher/main\.c:\d+, inlined\n/#), "\(recovered.err)")
    }

    @Test("Without debugging information reports have symbols, as before")
    func without() throws {
        let with = try Command.run("run", Scratch.elf("crasher"), "--boot", "elf", "--send", "bus"), without = try Command.run("run", Self.stripped("crasher"), "--boot", "elf", "--send", "bus")
        #expect(with.status == 3 && without.status == 3 && !without.err.contains("main.c"))
        // What comes with lines are lines of text: the others are the same.
        func plain(_ result: Command.Result) -> [String] { result.lines.filter { !$0.hasPrefix("#") && !$0.contains("wall time") && !$0.contains(".elf") } }
        #expect(plain(with) == plain(without))
        #expect(try Command.run("exec", Self.stripped("conformance"), "--break", "main.c:3").err.contains("main.c:3: the image has no debugging information"))
    }

    @Test("A time-out, a finding of the sanitizer's and the doctor name file and line")
    func sentences() throws {
        let timeout = try Scratch.run("tty-echo", "--until", "never", "--for", "30ms")
        #expect(timeout.err.contains(#/at ipcc_wait\+0x[0-9a-f]+ \(0x[0-9a-f]{8}, [^)]*common/ipcc\.c:\d+\), called from rpmsg_serve\+0x[0-9a-f]+ \(0x[0-9a-f]{8}, common/rpmsg\.c:\d+\)/#), "\(timeout.err)")
        let doctor = try Command.run("doctor", Scratch.elf("doctor-masked"), "--boot", "elf")
        #expect(doctor.out.contains(#/\(0x[0-9a-f]{8}, [a-z]+/[a-z_0-9]+\.[ch]:\d+/#), "\(doctor.out)")
    }

    @Test("The writer that the sanitizer names has file and line", .needsEngine21)
    func writers() throws {
        let run = try Scratch.run("ring-faults", "--sanitize", "--send-only", "descriptor", "--for", "50ms")
        #expect(run.err.contains(#/\+0x[0-9a-f]+, [a-z-]+/[a-z_]+\.c:\d+/#), "\(run.err)")
    }

    @Test("--break takes a line and stops there")
    func lines() throws {
        let line = try Self.line("rpmsg_send", in: "tty-echo/main.c")
        let run = try Scratch.run("tty-echo", "--send", "x", "--break", "main.c:\(line)")
        #expect(run.status == 6 && run.err.contains("#0  echo at tty-echo/main.c:\(line)\n"), "\(run.err)")
        for (location, message) in [
            ("main.c:1", "line 1 of main.c has no code; the next that has is "), ("main.c:99999", "line 99999 of main.c has no code\n"),
            ("man.c:1", "no code of a file man.c is in the image"), ("Wrong::name", "no such symbol"),
        ] {
            let refused = try Scratch.run("tty-echo", "--break", location)
            #expect(refused.status == 2 && refused.err.contains(message), "\(refused.err)")
        }
    }

    /// The program of Tests/SourceLinesTests.
    private static func program(_ what: Int, _ optimization: String) throws -> String {
        let sources = Scratch.package.appendingPathComponent("Tests/SourceLinesTests/Program").path, folder = try Scratch.newFolder()
        let flags = ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard", "-g", optimization, "-ffunction-sections", "-DWHAT=\(what)"]
        func run(_ program: String, _ arguments: [String]) throws {
            let result = try Command.run(arguments, in: folder, program: URL(fileURLWithPath: try #require(TestEnvironment.program(program))))
            try #require(result.status == 0, "\(result.err)")
        }
        for file in ["main.c", "pump.cpp", "start.cpp"] {
            try run(file.hasSuffix("c") ? "arm-none-eabi-gcc" : "arm-none-eabi-g++", flags + (file.hasSuffix("c") ? [] : ["-fno-exceptions"]) + ["-c", "\(sources)/\(file)"])
        }
        try run("arm-none-eabi-g++", flags + ["-nostdlib", "-Wl,--gc-sections", "-T", "\(sources)/high.ld", "main.o", "pump.o", "start.o", "-lgcc", "-o", "program.elf"])
        return folder.appendingPathComponent("program.elf").path
    }
    private static func mark(_ name: String, _ file: String = "main.c") throws -> Int {
        try Self.line("line: \(name)", in: "../Tests/SourceLinesTests/Program/\(file)")
    }

    /// Function and line of each entry of the list, without what is inlined.
    private static func backtrace(_ text: String) -> [String] {
        text.matches(of: #/\n *#\d+ +([^\n]+) at [^\n]*?([^/\n]+:\d+)(, inlined)?(?=\n)/#).filter { $0.3 == nil }.map { "\($0.1) \($0.2)" }
    }

    @Test("An error handler under a callback under an interrupt handler has all its callers", .needs(.arm), arguments: ["-O0", "-O2"])
    func errorHandler(optimization: String) throws {
        let run = try Command.run("exec", Self.program(1, optimization), "--break", "main.c:\(Self.mark("loop"))")
        #expect(run.status == 6)
        #expect(
            try Self.backtrace(run.err) == [
                "Error_Handler main.c:\(Self.mark("loop"))", "complete main.c:\(Self.mark("complete"))", "HAL_Handler main.c:\(Self.mark("hal"))",
                "SVC_Handler main.c:\(Self.mark("svc"))", "SVCall interrupted main main.c:\(Self.mark("behind"))", "Reset_Handler main.c:\(Self.mark("called main"))",
            ], "\(run.err)")
    }

    @Test("A fault in a switch of threads leads to the thread that was interrupted", .needs(.arm), arguments: [2, 3], ["-O0", "-O2"])
    func threadSwitch(what: Int, optimization: String) throws {
        let run = try Command.run("exec", Self.program(what, optimization))
        #expect(run.status == 3)
        let found = Self.backtrace(run.err)
        #expect(try found.prefix(2) == ["stop main.c:\(Self.mark("stop"))", "switch_thread main.c:\(Self.mark("switch"))"], "\(run.err)")
        #expect(found.count >= 5 && found[3].hasPrefix("PendSV interrupted work main.c:"), "\(run.err)")
        #expect(try found[4] == "main main.c:\(Self.mark("called work"))", "\(run.err)")
    }

    @Test("--break takes names of C++, and stops where they are inlined", .needs(.arm))
    func names() throws {
        let elf = try Self.program(4, "-O2")
        let start = try Command.run("exec", elf, "--break", "plant::Pump::start")
        #expect(start.status == 6 && start.err.contains("#0  plant::Pump::start at "), "\(start.err)")
        let clamp = try Command.run("exec", elf, "--break", "plant::clamp")
        #expect(clamp.status == 6 && clamp.err.contains(#/\n#0  plant::clamp at [^\n]*pump\.h:\d+, inlined\n#1  plant::helper at /#), "\(clamp.err)")
        let total = try Command.run("exec", elf)
        #expect(total.status == 3)
        #expect(try Self.backtrace(total.err) == ["stop main.c:\(Self.mark("stop"))", "total pump.cpp:\(Self.mark("total", "pump.cpp"))", "main main.c:\(Self.mark("called total"))", "Reset_Handler main.c:\(Self.mark("called main"))"], "\(total.err)")
    }
}
