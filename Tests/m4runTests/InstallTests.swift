// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// `make install`: what is put where, that it runs from there, and that it goes again.
@Suite struct InstallTests {
    private func install(_ staging: URL, _ arguments: [String] = [], _ more: [String: String] = [:]) throws -> Command.Result {
        let environment = ["DESTDIR": staging.path, "PREFIX": "/usr", "M4RUN": try Command.binary().path].merging(more) { $1 }
        return try Command.run(
            arguments, in: Scratch.folder, program: URL(fileURLWithPath: Scratch.package.path + "/scripts/install"), environment: environment)
    }

    private func files(_ staging: URL) -> [String] {
        var found: [String] = []
        for case let file as URL in FileManager.default.enumerator(at: staging, includingPropertiesForKeys: [.isRegularFileKey]) ?? .init() {
            if (try? file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) == true { found.append(String(file.path.dropFirst(staging.path.count))) }
        }
        return found.sorted()
    }

    @Test("What is installed runs from where it is, and uninstalling leaves nothing of it")
    func roundTrip() throws {
        let staging = Scratch.folder.appendingPathComponent("staging").resolvingSymlinksInPath()
        let result = try install(staging)
        #expect(result.status == 0, "\(result.err)")
        let installed = files(staging)
        #expect(result.out == "install: \(installed.count) files under \(staging.path)/usr\n")
        for name in [
            "bin/m4run", "lib/m4run/linux-bridge.so", "share/bash-completion/completions/m4run", "share/zsh/vendor-completions/_m4run",
            "share/fish/vendor_completions.d/m4run.fish", "share/m4run/firmware/tty-echo.elf", "share/m4run/firmware/sample-key.pem", "share/man/man1/m4run-run.1", "share/man/man7/m4run-causes.7", "share/doc/m4run/NOTICE", "share/doc/m4run/docs/guides/linux.md",
        ] { #expect(installed.contains("/usr/" + name), "\(name)") }
        let program = staging.appendingPathComponent("usr/bin/m4run"), sample = staging.path + "/usr/share/m4run/firmware/tty-echo.elf"
        let run = try Command.run(["run", sample, "--boot", "elf", "--send", "hello", "--expect", "hello", "--log-level", "quiet"], in: Scratch.folder, program: program)
        #expect(run.status == 0, "\(run.err)")
        // What the guide's three commands do.
        let key = staging.path + "/usr/share/m4run/firmware/sample-key.pem"
        #expect(try Command.run(["sign", "--in", sample, "--key", key, "--out", "installed.signed"], in: Scratch.folder, program: program).status == 0)
        let signed = try Command.run(["run", "installed.signed", "--key", key, "--send", "hello", "--expect", "hello"], in: Scratch.folder, program: program)
        #expect(signed.status == 0 && signed.out == "hello\n", "\(signed.err)")
        // Over what is there, as an upgrade is.
        #expect(try install(staging).status == 0)
        try Data().write(to: staging.appendingPathComponent("usr/share/m4run/mine"))
        #expect(try install(staging, ["--uninstall"]).status == 0)
        #expect(files(staging) == ["/usr/share/m4run/mine"])
    }

    @Test("A prefix that is no place, a word that is no option and a build that is not there are status 2, with nothing installed")
    func refusals() throws {
        let staging = Scratch.folder.appendingPathComponent("staging-refused")
        for (arguments, more, words) in [
            ([], ["PREFIX": "usr"], "install: PREFIX=usr: an absolute path is needed\n"), (["--remove"], [:], "install: --remove: nothing, --list or --uninstall is allowed\n"),
            ([], ["M4RUN": "/nonexistent/m4run"], "install: /nonexistent/m4run is not there: make build makes it\n"),
        ] as [([String], [String: String], String)] {
            let result = try install(staging, arguments, more)
            #expect(result.status == 2 && result.err == words, "\(result.err)")
        }
        #expect(!FileManager.default.fileExists(atPath: staging.path))
    }
}
