// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// engine/apply, engine/fetch and scripts/build-engine: the changes go where they belong or nowhere, and what cannot be had is told.
@Suite(.needs(.python)) struct EngineSeriesTests {
    private static let source = """
        int one(int a);
        int one(int a)
        {
            a += 1;
            return a;
        }
        #if 0
        int two(void)
        {
            return 1;
        }
        #else
        int two(void)
        {
            return 2;
        }
        #endif

        """

    private static func sha256(_ text: String) throws -> String {
        let name = try Scratch.write(Array(text.utf8), "hashed-\(UUID().uuidString)")
        let result = try Command.run([name], in: Scratch.folder, program: URL(fileURLWithPath: "/usr/bin/sha256sum"))
        return String(result.out.prefix(64))
    }

    /// A folder with `tree/a.c` and a series of one change, as which `change` has FILE, A (the hash of `a += 1;`) and TWO (of `return 2;`).
    private struct Case {
        let folder: URL
        init(_ change: String) throws {
            folder = Scratch.folder.appendingPathComponent("series-\(UUID().uuidString)")
            for name in ["tree", "engine/series", "engine/source"] {
                try FileManager.default.createDirectory(at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
            }
            try Data(source.utf8).write(to: folder.appendingPathComponent("tree/a.c"))
            try Data("int three;\n".utf8).write(to: folder.appendingPathComponent("engine/source/three.c"))
            let text = try change.replacingOccurrences(of: "FILE", with: sha256(source))
                .replacingOccurrences(of: "TWO", with: sha256("    return 2;\n")).replacingOccurrences(of: "A1", with: sha256("    a += 1;\n"))
            try Data((text + "\n").utf8).write(to: folder.appendingPathComponent("engine/series/1.change"))
        }
        func apply() throws -> Command.Result {
            try Command.run(["tree", "engine/series"], in: folder, program: Scratch.package.appendingPathComponent("engine/apply"))
        }
        var text: String { (try? String(contentsOf: folder.appendingPathComponent("tree/a.c"), encoding: .utf8)) ?? "" }
    }

    @Test("Changes replace and add lines where they say, and files")
    func applied() throws {
        let made = try Case("""
            file a.c FILE
            replace two 2/2 3-3 TWO
            why The second of two definitions.
            |     return 3;
            insert one 1/1 3 A1
            why Behind a line.
            |     a *= 2;
            add b.c source/three.c
            """)
        let result = try made.apply()
        #expect(result.status == 0 && result.out == "engine: 2 changes applied, 1 files added\n", "\(result.err)")
        let wanted = Self.source.replacingOccurrences(of: "a += 1;\n", with: "a += 1;\n    a *= 2;\n").replacingOccurrences(of: "return 2;", with: "return 3;")
        #expect(made.text == wanted)
        #expect(try String(contentsOf: made.folder.appendingPathComponent("tree/b.c"), encoding: .utf8) == "int three;\n")
    }

    @Test("What does not match stops everything, says what was seen and what was expected, and changes nothing", arguments: [
        ("file a.c 1234\n", "a.c has sha256 "),
        ("file c.c FILE\n", "No such file or directory: c.c"),
        ("file a.c FILE\nreplace two 2/2 3-3 A1\nwhy Wrong lines.\n", "the lines of two in a.c have sha256 "),
        ("file a.c FILE\nreplace two 1/1 3-3 TWO\nwhy Wrong count.\n", "a.c has 2 definitions of two; the change is for 1 of 1"),
        ("file a.c FILE\nreplace four 1/1 3-3 TWO\nwhy No such function.\n", "a.c has 0 definitions of four"),
        ("file a.c FILE\nreplace two 2/2 3-9 TWO\nwhy Too long.\n", "two in a.c has lines 1 to 4; the change is for 3 to 9"),
        ("file a.c FILE\nreplace two 2/2 3-3 TWO\n|     return 3;\n", "does not say why"),
        ("file a.c FILE\nreplace two 2/2 3-3 TWO\nwhy Once.\nreplace two 2/2 3-3 TWO\nwhy Twice.\n", "overlaps with 1.change:2"),
        ("file a.c FILE\nreplace two 2/2 3-3 TWO\nwhy Fine.\nadd a.c source/three.c\n", "a.c is there already"),
        ("file a.c FILE\nremove two\n", "1.change:2: not a line of a change: remove two"),
    ])
    func refused(_ change: String, _ message: String) throws {
        let made = try Case(change), result = try made.apply()
        #expect(result.status == 1)
        #expect(result.err.contains(message), "\(result.err)")
        #expect(made.text == Self.source)
    }

    @Test("A source distribution that is another is refused, and none is left")
    func otherFile() throws {
        let folder = Scratch.folder.appendingPathComponent("links")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data("another".utf8).write(to: folder.appendingPathComponent("unicorn-2.1.4.tar.gz"))
        let script = Scratch.package.appendingPathComponent("engine/fetch").path, there = Scratch.path("fetched.tar.gz")
        let wanted = String(repeating: "0", count: 64)
        let result = try Command.run(
            ["PIP_FIND_LINKS=\(folder.path)", script, "unicorn", "unicorn-2.1.4.tar.gz", wanted, there], in: Scratch.folder,
            program: URL(fileURLWithPath: "/usr/bin/env"))
        let hash = try Self.sha256("another")
        #expect(result.status == 1)
        #expect(result.err == "fetch: \(folder.path): unicorn-2.1.4.tar.gz has sha256 \(hash); \(wanted) is wanted\n")
        #expect(!FileManager.default.fileExists(atPath: there))
    }

    @Test("Where PyPI cannot be reached the build of the engine says so, and what to do instead")
    func noIndex() throws {
        let checkout = Scratch.folder.appendingPathComponent("checkout")
        try FileManager.default.createDirectory(at: checkout.appendingPathComponent("scripts"), withIntermediateDirectories: true)
        for name in ["engine", "scripts/build-engine"] {
            // Not Foundation's copy, which wants to give the copy the owner of a checkout that may be another user's.
            let copy = try Command.run(
                ["-R", Scratch.package.appendingPathComponent(name).path, checkout.appendingPathComponent(name).path], in: Scratch.folder,
                program: URL(fileURLWithPath: "/bin/cp"))
            try #require(copy.status == 0, "\(copy.err)")
        }
        let result = try Command.run(
            ["PIP_INDEX_URL=http://127.0.0.1:9/simple", "PIP_FIND_LINKS=/nowhere", "ENGINE_CC=/bin/true", checkout.appendingPathComponent("scripts/build-engine").path],
            in: Scratch.folder, program: URL(fileURLWithPath: "/usr/bin/env"))
        #expect(result.status == 1)
        #expect(result.err.contains("fetch: http://127.0.0.1:9/simple"), "\(result.err)")
        #expect(result.err.contains("UNICORN=system builds with Debian's libunicorn-dev instead"), "\(result.err)")
        #expect(result.out.isEmpty)
    }

    @Test("Without memory the engine's calls come back with an error, whichever allocation fails", .needsEngine21)
    func memory() throws {
        let result = try Command.run([], in: Scratch.package, program: Scratch.package.appendingPathComponent("scripts/check-memory"))
        #expect(result.status == 0 && result.out.hasPrefix("memory: each of ") && result.out.hasSuffix(" allocations failed in turn\n"), "\(result.out)\(result.err)")
    }
}
