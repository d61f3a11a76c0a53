// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import Foundation
import SourceLines
import TestSupport
import Testing

/// The program of `Program/`, as arm-none-eabi-gcc compiles it.
struct Program: CustomTestStringConvertible, Sendable {
    let optimization: String
    let dwarf: Int
    /// `high`, or `low`, where functions that were dropped seem to be.
    let layout: String

    var testDescription: String { "\(optimization), DWARF \(dwarf), \(layout)" }

    static let all = ["-O0", "-O2", "-O2 -flto"].flatMap { optimization in
        [4, 5].flatMap { dwarf in ["high", "low"].map { Program(optimization: optimization, dwarf: dwarf, layout: $0) } }
    }
    static let high = all.filter { $0.layout == "high" }

    struct Failed: Error { let output: String }

    /// The file's path and its bytes.
    func built() throws -> (path: String, elf: ELFFile) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("m4run-lines-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let flags = ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard", "-gdwarf-\(dwarf)", "-ffunction-sections", "-Wall", "-Wextra", "-Werror"]
            + optimization.split(separator: " ").map(String.init)
        var objects: [String] = []
        for source in ["main.c", "pump.cpp", "start.cpp"] {
            let object = folder.appendingPathComponent(source + ".o").path, isC = source.hasSuffix(".c")
            try Tool.run("arm-none-eabi-" + (isC ? "gcc" : "g++"), flags + (isC ? [] : ["-fno-exceptions", "-fno-rtti"]) + ["-c", Self.source(source), "-o", object])
            objects.append(object)
        }
        let path = folder.appendingPathComponent("program.elf").path
        try Tool.run("arm-none-eabi-g++", flags + ["-nostdlib", "-Wl,--gc-sections", "-T", Self.source(layout + ".ld")] + objects + ["-lgcc", "-o", path])
        return (path, try ELFFile([UInt8](Data(contentsOf: URL(fileURLWithPath: path)))))
    }

    static func source(_ name: String) -> String { TestEnvironment.package.appendingPathComponent("Tests/SourceLinesTests/Program/\(name)").path }

    /// The number of the line with that mark.
    static func line(_ mark: String, in file: String) throws -> Int {
        let text = try String(contentsOfFile: source(file), encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return try #require(lines.firstIndex { $0.contains("line: \(mark) ") || $0.hasSuffix("line: \(mark)") }) + 1
    }
}

/// A program beside the tests.
enum Tool {
    static func has(_ name: String) -> Bool { TestEnvironment.program(name) != nil }

    @discardableResult
    static func run(_ program: String, _ arguments: [String], input: String = "") throws -> String {
        // Files, not pipes: another process that is started meanwhile would hold a pipe open.
        let folder = FileManager.default.temporaryDirectory, name = "m4run-tool-\(UUID().uuidString)"
        let given = folder.appendingPathComponent(name + ".in"), told = folder.appendingPathComponent(name + ".out")
        try Data(input.utf8).write(to: given)
        try Data().write(to: told)
        defer { for file in [given, told] { try? FileManager.default.removeItem(at: file) } }
        let process = Process(), output = try FileHandle(forWritingTo: told)
        process.executableURL = URL(fileURLWithPath: try #require(TestEnvironment.program(program)))
        process.arguments = arguments
        process.standardInput = try FileHandle(forReadingFrom: given)
        process.standardOutput = output
        process.standardError = output
        try process.run()
        process.waitUntilExit()
        let text = try String(decoding: Data(contentsOf: told), as: UTF8.self)
        guard process.terminationStatus == 0 else { throw Program.Failed(output: "\(program): \(text)") }
        return text
    }
}

extension Trait where Self == ConditionTrait {
    static var needsArm: Self { .enabled(if: Tool.has("arm-none-eabi-g++"), "needs arm-none-eabi-g++: scripts/setup arm") }
    static var needsGDB: Self { .enabled(if: Tool.has("gdb-multiarch"), "needs gdb-multiarch: scripts/setup gdb") }
}

extension ELFFile {
    /// Instructions' addresses, each second byte of the code.
    var code: [UInt32] {
        guard let text = section(named: ".text") else { return [] }
        return stride(from: text.address, to: text.address + text.size, by: 2).map { $0 }
    }
    func function(_ name: String) -> Symbol? { symbols.first { $0.name == name && $0.kind == .function } }
}
