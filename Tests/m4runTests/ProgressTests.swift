// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// How far long work is, on a terminal alone.
@Suite struct ProgressTests {
    private let program = """
        import sys, time; sys.dont_write_bytecode = True; sys.path.insert(0, 'scripts')
        from progress import Progress
        with Progress('fuzz', 40) as progress:
            for _ in range(40):
                time.sleep(0.02)
                progress.step()
        print('done', file=sys.stderr)
        """

    @Test("Scripts rewrite one line with count, rate and what is left, ten times a second at most, and clear it at the end", .needs(.python))
    func terminal() throws {
        let terminal = try PseudoTerminal(), process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Tool.python.file))
        process.arguments = ["-c", program]
        process.currentDirectoryURL = Scratch.package
        process.environment = ProcessInfo.processInfo.environment.merging(["TERM": "xterm"]) { $1 }
        process.standardError = terminal.slave
        let began = ContinuousClock.now
        try process.run()
        process.waitUntilExit()
        let seconds = (ContinuousClock.now - began) / .seconds(1), text = try terminal.text()
        let lines = text.split(separator: "\r\u{1B}[K")
        #expect(lines.last == "done\n" && !text.dropLast().contains("\n"), "\(text)")
        #expect(lines.count >= 2 && Double(lines.count - 1) <= seconds * 10 + 1, "\(lines.count) in \(seconds) s")
        for line in lines.dropLast() { #expect(line.contains(#/^fuzz: [0-9]+ of 40, [0-9.]+/s, [0-9]+ s left$/#), "\(line)") }
    }

    @Test("Where stderr is no terminal nothing is told", .needs(.python))
    func elsewhere() throws {
        let result = try Command.run(["-c", program], in: Scratch.package, program: URL(fileURLWithPath: try #require(Tool.python.file)))
        #expect(result.status == 0 && result.err == "done\n", "\(result.err)")
    }
}
