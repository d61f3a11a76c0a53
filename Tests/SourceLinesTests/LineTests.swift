// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import Foundation
import SourceLines
import TestSupport
import Testing

/// Lines, functions and inlined calls, judged by binutils and gdb.
@Suite struct LineTests {
    @Test("Each instruction has the lines that addr2line says, through what is inlined", .needsArm, arguments: Program.high)
    func places(_ program: Program) throws {
        let (path, elf) = try program.built(), lines = SourceLines([elf])
        let text = try Tool.run("arm-none-eabi-addr2line", ["-a", "-f", "-i", "-e", path], input: elf.code.map { String($0, radix: 16) }.joined(separator: "\n"))
        // `0xADDRESS`, then for each function its name and FILE:LINE.
        var expected: [UInt32: [String]] = [:], address: UInt32 = 0
        for line in text.split(separator: "\n") {
            if line.hasPrefix("0x"), let found = UInt32(line.dropFirst(2), radix: 16) {
                address = found
            } else if let colon = line.lastIndex(of: ":"), line[line.index(after: colon)...].first.map({ $0.isNumber || $0 == "?" }) == true {
                let number = line[line.index(after: colon)...].prefix { $0.isNumber }
                if !number.isEmpty, number != "0" { expected[address, default: []].append(line[..<colon] + ":" + number) }
            }
        }
        var known = 0
        for address in elf.code {
            let found = lines.frames(at: address).compactMap { $0.place.map { "\($0.file):\($0.line)" } }
            #expect(found == expected[address] ?? [], "at \(String(address, radix: 16))")
            known += found.isEmpty ? 0 : 1
        }
        #expect(known > 100 && expected.values.contains { $0.count > 1 })
        #expect(lines.problem == nil)
    }

    @Test("Code in low memory has its own lines, and none of the functions that the linker has dropped to address 0", .needsArm, arguments: Program.high)
    func dropped(_ program: Program) throws {
        let high = try program.built().elf, low = try Program(optimization: program.optimization, dwarf: program.dwarf, layout: "low").built().elf
        let ofHigh = SourceLines([high]), ofLow = SourceLines([low])
        #expect(high.code.count == low.code.count)
        for (one, other) in zip(high.code, low.code) { #expect(ofHigh.frames(at: one) == ofLow.frames(at: other), "at \(String(other, radix: 16))") }
        for address in stride(from: UInt32(0), to: low.code[0], by: 2) { #expect(ofLow.frames(at: address).isEmpty) }
        #expect(ofLow.addresses(ofFunction: "never_called").isEmpty)
    }

    @Test("A sample's functions have their names and files", arguments: ["tty-echo", "crasher", "conformance", "swift-echo"])
    func samples(_ name: String) throws {
        let elf = try ELFFile(TestEnvironment.sample(name)), lines = SourceLines([elf])
        var seen = 0
        for symbol in elf.symbols where symbol.kind == .function && symbol.size > 0 && !symbol.name.hasSuffix("_Handler") && !symbol.name.hasPrefix("$") {
            let frames = lines.frames(at: symbol.address)
            guard let last = frames.last, let function = last.function else { continue }
            seen += 1
            #expect(function == symbol.name || elf.symbols.contains { $0.address == symbol.address && $0.name == function } || name == "swift-echo", "\(function), \(symbol.name)")
            #expect(last.place.map { $0.file.hasSuffix($0.shortFile) } ?? true)
        }
        #expect(seen > 10)
        let main = try #require(lines.addresses(ofFunction: "main").first), symbol = try #require(elf.function("main"))
        #expect(main == symbol.address)
    }

    private static let marked = [("helper", "pump.cpp"), ("start", "pump.cpp"), ("clamped", "pump.cpp"), ("pump", "start.cpp"), ("mix", "main.c"), ("hal", "main.c"), ("loop", "main.c")]

    @Test("A line's code begins at rows of its table that are places for breakpoints", .needsArm, arguments: Program.high)
    func lineRows(_ program: Program) throws {
        let (path, elf) = try program.built(), lines = SourceLines([elf])
        let table = try Tool.run("arm-none-eabi-objdump", ["--dwarf=decodedline", path]).split(separator: "\n").map { $0.split(separator: " ") }
        var seen = 0
        for (mark, file) in Self.marked {
            let line = try Program.line(mark, in: file)
            guard case .success(let ours) = lines.addresses(file: file, line: line) else { continue }
            seen += 1
            let rows = table.filter { $0.count > 3 && $0[0] == file && $0[1] == "\(line)" && $0.last == "x" }.compactMap { UInt32($0[2].dropFirst(2), radix: 16) }
            #expect(!ours.isEmpty && Set(ours).isSubset(of: rows), "\(file):\(line)")
        }
        #expect(seen >= 5)
    }

    @Test("A line's code is where gdb breaks for it", .needsArm, .needsGDB, arguments: Program.high.filter { $0.optimization == "-O0" })
    func breakpoints(_ program: Program) throws {
        let (path, elf) = try program.built(), lines = SourceLines([elf])
        for (mark, file) in Self.marked {
            let line = try Program.line(mark, in: file)
            let text = try Tool.run("gdb-multiarch", ["-batch", "-nx", "-ex", "break \(file):\(line)", "-ex", "info breakpoints", path])
            let found = Set(text.matches(of: #/0x([0-9a-f]{8}) in /#).compactMap { UInt32($0.1, radix: 16) })
            // A mark on a line without code: gdb goes on to the next, by itself.
            guard case .success(let addresses) = lines.addresses(file: file, line: line) else { continue }
            let ours = Set(addresses)
            #expect(found == ours, "\(file):\(line): \(ours.map { String($0, radix: 16) }), gdb \(found.map { String($0, radix: 16) })")
        }
        #expect(try !lines.addresses(file: "Program/main.c", line: Program.line("mix", in: "main.c")).get().isEmpty)
    }

    @Test("Functions are found by the names of the sources, wherever they are", .needsArm, arguments: Program.all)
    func functions(_ program: Program) throws {
        let elf = try program.built().elf, lines = SourceLines([elf])
        if program.optimization != "-O2 -flto" {
            let start = try #require(elf.function("_ZN5plant4Pump5startEi")).address
            for name in ["plant::Pump::start", "Pump::start", "start"] { #expect(lines.addresses(ofFunction: name) == [start]) }
            #expect(lines.frames(at: start).last?.function == "plant::Pump::start")
        }
        // It is inlined three times, and dropped where nobody calls the function that has it.
        let clamp = lines.addresses(ofFunction: "plant::clamp")
        #expect(clamp.count == 3 && clamp.allSatisfy { $0 >= elf.code[0] })
        for address in clamp { #expect(lines.frames(at: address).contains { $0.function == "plant::clamp" && $0.isInlined }) }
        #expect(lines.addresses(ofFunction: "twice<int>").count == 1)
        #expect(lines.addresses(ofFunction: "Valve::start").isEmpty && lines.addresses(ofFunction: "tart").isEmpty)
    }

    @Test("What is not there is told, with what is near", .needsArm)
    func missing() throws {
        let lines = SourceLines([try Program.high[0].built().elf])
        func complaint(_ file: String, _ line: Int) -> SourceSearchError? {
            if case .failure(let error) = lines.addresses(file: file, line: line) { error } else { nil }
        }
        #expect(complaint("nothing.c", 1) == .noFile("nothing.c", similar: []))
        let similar = if case .noFile(_, let similar) = complaint("Src/main.c", 1) { similar } else { [String]() }
        #expect(similar.contains { $0.hasSuffix("main.c") })
        let first = try Program.line("loop", in: "main.c")
        let next = if case .noCode(_, 1, let next) = complaint("main.c", 1) { next } else { Int?.none }
        #expect(try #require(next) <= first)
        #expect(complaint("main.c", 100_000) == .noCode(file: "main.c", line: 100_000, next: nil))
    }

    @Test("Without debugging information there is nothing, and nothing is wrong")
    func none() throws {
        var bytes = try TestEnvironment.sample("tty-echo")
        let debug = Array(".debug_".utf8)
        for index in bytes.indices.dropLast(debug.count) where bytes[index] == debug[0] && bytes[index..<index + debug.count].elementsEqual(debug) { bytes[index + 1] = UInt8(ascii: "x") }
        let lines = SourceLines([try ELFFile(bytes)])
        #expect(lines.frames(at: 0x1000_0000).isEmpty && lines.problem == nil && !lines.isThere && lines.frameRule(at: 0x1000_0040) == nil)
        #expect(lines.addresses(file: "main.c", line: 20) == .failure(.nothingRead("the image has no debugging information")))
    }
}
