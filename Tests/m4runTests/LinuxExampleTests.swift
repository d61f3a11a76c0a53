// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import TestSupport
import Testing

/// The example of a driver, its application and its firmware, as its own makefile builds and runs it.
@Suite(.serialized) struct LinuxExampleTests {
    @Test("The example's driver, application and firmware pass against each other on Debian 12's kernel", .needsLinuxGuest, .needsKernelHeaders("bookworm"))
    func bookworm() throws { try passes("bookworm") }

    @Test("And on Debian 13's", .needsLinuxGuest, .needsKernelHeaders("trixie"))
    func trixie() throws { try passes("trixie") }

    @Test("What docs/guides/linux.md shows is what its commands print", .needsLinuxGuest, .needsKernelHeaders("bookworm"), .needs(.python), .needs(.dtc), .needsEngine21)
    func documents() throws {
        let (status, text) = try run("\(Scratch.package.path)/scripts/readme-outputs", "docs/guides/linux.md")
        #expect(status == 0, "\(text)")
        let hasRun = text.contains(/readme-outputs: [1-9][0-9]* examples,/)
        #expect(hasRun, "no example was run")
    }

    private func passes(_ suite: String) throws {
        let (status, text) = try run(
            "make", "--no-print-directory", "-C", Scratch.package.appendingPathComponent("examples/rpmsg-driver").path, "test", "SUITE=\(suite)",
            "OUT=\(Scratch.path("example-\(suite)"))", "M4RUN=\(try Command.binary().path)", "FIRMWARE=\(Scratch.samples.path)")
        #expect(status == 0, "\(text)")
        #expect(text.contains("\nok: the application gets an answer\n"), "\(text)")
        #expect(text.contains("\n0 failed\n"), "\(text)")
        #expect(!text.contains("warning:"), "\(text)")
    }

    private func run(_ arguments: String...) throws -> (status: Int32, text: String) {
        let output = try Scratch.file("example"), process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["M4RUN": try Command.binary().path, "M4RUN_FIRMWARE": Scratch.samples.path]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output.handle
        process.standardError = output.handle
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, try output.text())
    }
}

extension Trait where Self == ConditionTrait {
    /// A suite's kernel, its headers, and a compiler for them.
    static func needsKernelHeaders(_ suite: String) -> Self {
        let files = FileManager.default, folder = Scratch.package.path + "/.deps/linux/\(suite)"
        let hasCompiler = TestEnvironment.program("arm-linux-gnueabihf-gcc") != nil
        let hasFiles = ["version", "headers/version"].allSatisfy { files.isReadableFile(atPath: "\(folder)/\($0)") }
        return .enabled(
            if: hasCompiler && hasFiles,
            "needs Debian's kernel of \(suite), its headers, and arm-linux-gnueabihf-gcc: scripts/fetch-linux \(suite); scripts/fetch-linux-headers \(suite); scripts/setup cross")
    }
}
