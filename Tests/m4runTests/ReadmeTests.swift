import Foundation
import Testing

/// What the README shows is what the command does.
@Suite struct ReadmeTests {
    private func text(_ path: String) throws -> String { try String(contentsOf: Scratch.package.appendingPathComponent(path), encoding: .utf8) }
    private func lines(_ path: String) throws -> [String] {
        try text(path).split(separator: "\n", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) }
    }

    @Test("The README's Swift test is one that is run")
    func swiftTest() throws {
        let tests = try lines("Tests/VirtualMP1Tests/SampleTests.swift"), readme = try lines("README.md")
        let title = try #require(tests.firstIndex { $0.contains("The README's ten lines") })
        let first = try #require(tests[title...].firstIndex { $0.hasPrefix("let mp1 = ") })
        let last = try #require(tests[first...].firstIndex { $0 == "}" })
        let start = try #require(readme.firstIndex(of: tests[first]))
        #expect(Array(readme[start..<(start + last - first)]) == Array(tests[first..<last]))
    }

    @Test("Every option of run is in the README's table, and the table has no other")
    func options() throws {
        let help = try Command.run("run", "--help").out
        let known = Set(help.matches(of: /(?m)^  (--[a-z-]+)/).map { String($0.1) }).subtracting(["--version"])
        let listed = Set(try text("README.md").matches(of: /(?m)^\| `(--[a-z-]+)/).map { String($0.1) })
        #expect(known.count > 10)
        #expect(known == listed)
    }

    @Test("The log in the README is the log of that run, whatever numbers another compiler makes of it")
    func log() throws {
        func shape(_ lines: [String]) -> [String] { lines.filter { $0.hasPrefix("[") }.map { $0.replacing(/[0-9]+/, with: "#") } }
        let readme = try lines("README.md")
        let start = try #require(readme.firstIndex { $0.contains("m4run run .build/demo/tty-echo.signed") })
        let end = try #require(readme[start...].firstIndex(of: "```"))
        let run = try Scratch.run("tty-echo", "--send", "hello", "--send", "how fast are you?", "--send", "goodbye")
        #expect(run.out == "hello\nhow fast are you?\ngoodbye\n")
        #expect(shape(Array(readme[start..<end])) == shape(run.lines.map { $0.trimmingCharacters(in: .whitespaces) }))
    }

    @Test("The demo runs the README's command")
    func demo() throws {
        let demo = try text("scripts/demo")
        for text in ["--send \"hello\"", "--send \"how fast are you?\"", "--send \"goodbye\""] { #expect(demo.contains(text)) }
    }
}
