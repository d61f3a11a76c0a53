// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// What `scripts/judge` makes of judges that pass, fail and are skipped.
@Suite struct JudgeTests {
    private static func judge(_ names: String...) throws -> (result: Command.Result, logs: URL) {
        let folder = Scratch.folder.appendingPathComponent("judge-\(UInt32.random(in: 0...UInt32.max))")
        let make = folder.appendingPathComponent("make")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // Its first argument is --no-print-directory, its second a target.
        try Data(
            """
            #!/bin/sh
            case $2 in
                conformance) echo '390 cases, 0 differ' ;;
                corpus) echo '3 verdicts differ'; echo 'make: *** [Makefile:1: corpus] Error 1'; exit 2 ;;
                kernel-check) printf 'no \\033[2Jkernel\\n'; echo 'make: *** [Makefile:2: kernel-check] Error 77'; exit 2 ;;
                *) echo "$*" ;;
            esac

            """.utf8
        ).write(to: make)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: make.path)
        let logs = folder.appendingPathComponent("logs")
        let script = Scratch.package.appendingPathComponent("scripts/judge").path
        let result = try Command.run(["JUDGE_MAKE=\(make.path)", "JUDGE_LOGS=\(logs.path)", script] + names, in: folder, program: URL(fileURLWithPath: "/usr/bin/env"))
        return (result, logs)
    }

    @Test("One that fails fails it all, after the others have run; one that cannot run is skipped by name")
    func verdicts() throws {
        let (result, logs) = try Self.judge("corpus", "kernel-check", "conformance", "fuzz")
        #expect(result.status == 1)
        let lines = result.out.replacing(#/, [0-9]+ s: /#, with: ", N s: ").split(separator: "\n").map(String.init)
        #expect(
            lines == [
                "judge: corpus FAILED, N s: 3 verdicts differ", "judge: kernel-check SKIPPED, N s: no  [2Jkernel", "judge: conformance passed, N s: 390 cases, 0 differ",
                "judge: fuzz passed, N s: --no-print-directory fuzz FUZZ_INSTRUCTIONS=100000000", "judge: 2 passed, 1 failed, 1 skipped",
            ])
        #expect(try String(contentsOf: logs.appendingPathComponent("corpus.log"), encoding: .utf8).hasPrefix("3 verdicts differ\n"))
    }

    @Test("With none that fails its status is 0; an unknown name is refused before anything runs")
    func names() throws {
        #expect(try Self.judge("conformance", "kernel-check").result.status == 0)
        let (result, logs) = try Self.judge("conformance", "conformity")
        #expect(result.status == 2)
        #expect(result.err.hasPrefix("judge: conformity: allowed are conformance thumb-check "))
        #expect(result.out.isEmpty && !FileManager.default.fileExists(atPath: logs.path))
    }
}
