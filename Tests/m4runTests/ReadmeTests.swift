// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// What documents show is what the command does.
@Suite struct ReadmeTests {
    private func text(_ path: String) throws -> String { try String(contentsOf: Scratch.package.appendingPathComponent(path), encoding: .utf8) }
    private func lines(_ path: String) throws -> [String] {
        try text(path).split(separator: "\n", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) }
    }

    @Test("The Swift guide's test is one that is run")
    func swiftTest() throws {
        let tests = try lines("Tests/VirtualMP1Tests/SampleTests.swift"), guide = try lines("docs/guides/swift.md")
        let title = try #require(tests.firstIndex { $0.contains("The Swift guide's ten lines") })
        let first = try #require(tests[title...].firstIndex { $0.hasPrefix("let mp1 = ") })
        let last = try #require(tests[first...].firstIndex { $0 == "}" })
        let start = try #require(guide.firstIndex(of: tests[first]))
        #expect(Array(guide[start..<(start + last - first)]) == Array(tests[first..<last]))
    }

    @Test("The documents' examples print what the documents show", .needs(.python), .needs(.dtc), .needsEngine21)
    func examples() throws {
        let script = Process(), output = try Scratch.file("examples")
        script.executableURL = Scratch.package.appendingPathComponent("scripts/readme-outputs")
        script.environment = ProcessInfo.processInfo.environment.merging(
            ["M4RUN": try Command.binary().path, "M4RUN_FIRMWARE": Scratch.samples.path]) { $1 }
        script.standardOutput = output.handle
        script.standardError = output.handle
        script.standardInput = FileHandle.nullDevice
        try script.run()
        script.waitUntilExit()
        let text = try output.text()
        #expect(script.terminationStatus == 0, "\(text)")
        let hasRun = text.contains(/readme-outputs: [1-9][0-9]* examples,/)
        #expect(hasRun, "no example was run")
    }

    @Test("The demo runs the README's command")
    func demo() throws {
        let demo = try text("scripts/demo")
        for text in ["--send \"hello\"", "--send \"how fast are you?\"", "--send \"goodbye\""] { #expect(demo.contains(text)) }
    }
}
