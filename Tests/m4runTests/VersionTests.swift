// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// The version stands in one header; changelog, command and packages have the same.
@Suite struct VersionTests {
    private static let header = "Sources/CBuildInfo/include/CBuildInfo.h"

    private func text(_ name: String) throws -> String { try String(contentsOfFile: Scratch.package.path + "/" + name, encoding: .utf8) }

    private func version() throws -> String {
        let line = try #require(try text(Self.header).split(separator: "\n").first { $0.hasPrefix("#define M4RUN_VERSION ") })
        return line.split(separator: "\"").dropFirst().first.map(String.init) ?? ""
    }

    /// A repository of its own with what tells the version, and the script that makes packages.
    private func repository(_ name: String, changelog: String) throws -> URL {
        let folder = Scratch.folder.appendingPathComponent(name)
        for file in [Self.header, "scripts/package"] {
            let copy = folder.appendingPathComponent(file)
            try FileManager.default.createDirectory(at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: Scratch.package.path + "/" + file, toPath: copy.path)
        }
        try changelog.write(to: folder.appendingPathComponent("CHANGELOG.md"), atomically: true, encoding: .utf8)
        let commit = "git init --quiet && git add --all && git -c user.name=m4run -c user.email=m4run@localhost commit --quiet --message version"
        let made = try Command.run(["-c", commit], in: folder, program: URL(fileURLWithPath: "/bin/sh"), environment: environment)
        #expect(made.status == 0, "\(made.err)")
        return folder
    }

    /// Nothing of the user's git configuration, and one time.
    private let environment = [
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_DATE": "2026-12-24T12:00:00Z", "GIT_COMMITTER_DATE": "2026-12-24T12:00:00Z", "TZ": "UTC",
    ]

    private func packaged(_ folder: URL) throws -> Command.Result {
        try Command.run(["--version"], in: folder, program: folder.appendingPathComponent("scripts/package"), environment: environment)
    }

    @Test("Command, changelog and packages have the header's version")
    func same() throws {
        let version = try version()
        #expect(version.wholeMatch(of: /[0-9]+\.[0-9]+\.[0-9]+/) != nil, "\(version)")
        #expect(try Command.run("--version").out.hasPrefix("m4run \(version)\n"))
        let newest = try #require(try text("CHANGELOG.md").split(separator: "\n").first { $0.hasPrefix("## ") })
        #expect(newest.hasPrefix("## \(version) - "), "\(newest)")
        let result = try packaged(try repository("version-same", changelog: try text("CHANGELOG.md")))
        #expect(result.status == 0 && result.out.wholeMatch(of: /([0-9.]+)(~git20261224120000\.[0-9a-f]{8})?-1\n/)?.1 == version[...], "\(result.out)\(result.err)")
    }

    @Test("A released version is the package's as it is, an unreleased one sorts below it, and another than the header's is refused")
    func sections() throws {
        let version = try version()
        #expect(try packaged(try repository("version-released", changelog: "# Changelog\n\n## \(version) - 2026-12-24\n")).out == "\(version)-1\n")
        #expect(try packaged(try repository("version-open", changelog: "# Changelog\n\n## \(version) - unreleased\n")).out.hasPrefix("\(version)~git20261224120000."))
        for heading in ["## 99.0.0 - unreleased", "## Unreleased", "## \(version)", "## \(version) - soon"] {
            let result = try packaged(try repository("version-\(UUID().uuidString)", changelog: "# Changelog\n\n\(heading)\n"))
            let words = "package: CHANGELOG.md begins with '\(heading)'; '## \(version) - unreleased', or with a date, is wanted\n"
            #expect(result.status == 1 && result.out.isEmpty && result.err == words, "\(result.out)\(result.err)")
        }
    }
}
