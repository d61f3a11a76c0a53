// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// The scripts that set up and that show the tests' results, with stand-ins for the tools that they call.
@Suite struct SetupTests {
    /// A script of the package with `path` for PATH; what it writes, and its status.
    private func run(_ script: String, _ arguments: [String], path: String) throws -> (status: Int32, output: String) {
        let process = Process(), output = try Scratch.file("script")
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [Scratch.package.appendingPathComponent("scripts/\(script)").path] + arguments
        process.environment = ["PATH": path, "TEST_LOG": Scratch.path("\(script).log")]
        process.standardOutput = output.handle
        process.standardError = output.handle
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, try output.text())
    }

    /// A folder with a `swift` of `version`, with what scripts take for granted, and without compilers, make and apt-get.
    private func bareMachine(_ name: String, swift version: String) throws -> String {
        let folder = Scratch.folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for tool in ["cat", "dirname", "head", "paste", "readlink", "sed", "sort"] {
            try FileManager.default.createSymbolicLink(
                at: folder.appendingPathComponent(tool), withDestinationURL: URL(fileURLWithPath: "/usr/bin/\(tool)"))
        }
        let swift = folder.appendingPathComponent("swift")
        try Data("#!/bin/sh\necho 'Swift version \(version) (swift-\(version)-RELEASE)'\n".utf8).write(to: swift)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: swift.path)
        return folder.path
    }

    @Test("Where nothing can be installed, all that is missing is listed in one line with the command to type")
    func missing() throws {
        let result = try run("setup", ["gdb", "fuse"], path: bareMachine("bare", swift: "6.1"))
        #expect(result.status == 1)
        #expect(result.output.hasPrefix("setup: missing, by Debian's names: "), "\(result.output)")
        #expect(result.output.split(separator: "\n").count == 1, "\(result.output)")
        let words = Set(result.output.split { " .:\n".contains($0) }.map(String.init))
        #expect(words.isSuperset(of: ["fuse3", "g++", "gdb-multiarch", "libdw-dev", "libfdt-dev", "libyaml-dev", "libgnutls28-dev", "make", "pkg-config"]), "\(result.output)")
        #expect(result.output.contains(". As root: apt-get update && apt-get install "), "\(result.output)")
    }

    @Test("A package that depends on this one needs no libfdt")
    func library() throws {
        let result = try run("setup", ["library"], path: bareMachine("bare-library", swift: "6.1"))
        #expect(result.status == 1)
        #expect(result.output.hasPrefix("setup: missing, by Debian's names: cmake g++ libdw-dev libgnutls28-dev make pkg-config python3. As root: "), "\(result.output)")
    }

    @Test("A Swift that is too old is told, with the one that is needed")
    func oldSwift() throws {
        let result = try run("setup", [], path: bareMachine("old", swift: "5.10.1"))
        #expect(result.status == 1)
        #expect(result.output == "setup: Swift 5.10.1 is on PATH; 6.1 or later is needed: https://www.swift.org/install\n", "\(result.output)")
    }

    @Test("Of the tests' output failures, skipped tests, warnings and the closing line are shown, and the status is kept")
    func filter() throws {
        let shown = [
            "/x/Core.swift:10:5: warning: variable 'a' was never used", "  9 | var a = 1", "➜ Test \"Debugger\" skipped: \"needs gdb\"",
            "✘ Test two() recorded an issue at Two.swift:3:5: Expectation failed", "↳ what was seen", "Fatal error: out of range",
        ]
        let closing = "✘ Test run with 3 tests in 1 suite failed after 0.1 seconds with 1 issue."
        let all = [
            "Building for production...", "[1/2] Compiling Core", shown[0], shown[1], "Build complete! (1.0s)", "◇ Test run started.",
            "\u{1B}[90m◇\u{1B}[0m Test one() started.", "◇ Test case passing 1 argument key → \"first line", "second line\" to three(_:) started.",
            "✔ Test one() passed after 0.001 seconds.", shown[2], shown[3], shown[4], shown[5], "✘ Suite Twos failed after 0.1 seconds with 1 issue.",
            closing,
        ]
        let name = try Scratch.write(Array((all.joined(separator: "\n") + "\n").utf8), "swift-test.txt")
        let result = try run("filter-tests", ["/bin/sh", "-c", "cat \(Scratch.path(name)); exit 3"], path: "/usr/bin:/bin")
        #expect(result.status == 3)
        #expect(result.output == (shown + ["all of the output: \(Scratch.path("filter-tests.log"))", closing, ""]).joined(separator: "\n"))
        #expect(try String(decoding: Scratch.bytes("filter-tests.log"), as: UTF8.self) == all.joined(separator: "\n") + "\n")
    }
}
