// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceTreeFixtures
import Foundation
import Testing

/// The last line of a failure, which names what of the manual explains it.
@Suite struct HelpTopicTests {
    private static let source = "Sources/m4run/Console/HelpTopic.swift"

    @Test("Everything that a failure can name is in the manual")
    func topicsExist() throws {
        let text = try String(contentsOf: Scratch.package.appendingPathComponent(Self.source), encoding: .utf8)
        let pages = try #require(text.firstMatch(of: /enum Page: String, CaseIterable \{ case ([a-z, ]+) \}/)).1.split(separator: ", ").map(String.init)
        #expect(pages.count > 5 && pages.contains("optee"))
        func names(_ kind: String, _ key: String) throws -> [String] {
            let object = try JSONSerialization.jsonObject(with: Data(try Command.run("list", kind, "--json").outBytes)) as? [String: Any]
            return try #require(object?["entries"] as? [[String: Any]]).map { "\($0[key] ?? "")" }
        }
        let known = Set(try names("topics", "topic"))
        let named = try names("causes", "name") + names("rules", "name") + names("stops", "name") + names("results", "name") + names("exit-statuses", "status") + pages
        #expect(named.count > 100)
        for name in named { #expect(known.contains(name), "m4run help \(name)") }
    }

    @Test("No other place of the program names a topic that is not there")
    func topicsInSources() throws {
        let sources = Scratch.package.appendingPathComponent("Sources")
        let known = Set(try Command.run("list", "topics").out.split(separator: "\n").compactMap { $0.split(separator: " ").first })
        var count = 0
        for case let file as URL in FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil) ?? .init() where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            // Those that are put together at run time are names of the lists above; capitals stand for a topic.
            for match in text.matches(of: /m4run help ([a-z0-9][a-z0-9-]*)/) where !["explains", "lists", "run"].contains(match.1) {
                count += 1
                #expect(known.contains(match.1), "\(file.lastPathComponent): m4run help \(match.1)")
            }
        }
        #expect(count > 0)
    }

    @Test("Failures end with the topic that explains them, on stderr and for people alone")
    func lastLines() throws {
        let elf = try Scratch.elf("tty-echo"), signed = try Scratch.signed("tty-echo"), key = try Scratch.key(), other = try Scratch.key("other")
        let tree = try Scratch.write([1, 2, 3, 4], "no-tree.dtb")
        let failures: [(arguments: [String], status: Int32, topic: String)] = [
            (["run", signed, "--key", other], 4, "TEE_ERROR_SIGNATURE_INVALID"),
            (["run", try Scratch.signed("crasher"), "--key", key, "--send", "undef"], 3, "fault"),
            (["run", elf, "--key", key], 4, "boot"),
            (["run", elf, "--boot", "elf", "--for", "20ms", "--expect", "never"], 1, "doctor"),
            (["run", elf, "--boot", "elf", "--dtb", tree], 2, "dt"),
            (["run", try Scratch.elf("ring-faults"), "--boot", "elf", "--send", "descriptor", "--strict"], 7, "descriptor-rewritten"),
            (["exec", try Scratch.elf("doctor-silent"), "--for", "1ms"], 5, "deadline"),
            (["doctor", try Scratch.elf("doctor-masked"), "--boot", "elf"], 1, "mailbox-masked"),
            (["verify", signed, "--key", other], 4, "TEE_ERROR_SIGNATURE_INVALID"), (["inspect", key], 4, "optee"), (["dt", tree], 2, "dt"),
        ]
        for (arguments, status, topic) in failures {
            let result = try Command.run(arguments, in: Scratch.folder)
            #expect(result.status == status, "\(arguments): \(result.err)")
            #expect(result.err.hasSuffix("\nsee: m4run help \(topic)\n") || result.err == "see: m4run help \(topic)\n", "\(arguments): \(result.err)")
            #expect(!result.out.contains("see: m4run"), "\(arguments)")
            guard !["exec"].contains(arguments[0]) else { continue }
            let json = try Command.run(arguments + ["--json"], in: Scratch.folder)
            #expect(json.status == status && !json.err.contains("see: m4run") && !json.out.contains("see: m4run"), "\(arguments): \(json.err)")
        }
    }

    @Test("What goes well, a breakpoint and a quiet run end with no such line")
    func noLines() throws {
        let elf = try Scratch.elf("tty-echo")
        for arguments in [
            ["run", elf, "--boot", "elf", "--send", "hello"], ["run", elf, "--boot", "elf", "--for", "20ms", "--expect", "never", "--log-level", "quiet"],
            ["doctor", elf, "--boot", "elf"], ["run", "nothing.elf", "--boot", "elf"], ["list", "nothing"],
        ] { #expect(!(try Command.run(arguments, in: Scratch.folder).err.contains("see: m4run")), "\(arguments)") }
    }

    @Test("Nor does what is refused under --log-level quiet or --quiet, and what a file asks for as JSON or quietly")
    func noLinesByOptions() throws {
        let elf = try Scratch.elf("tty-echo"), signed = try Scratch.signed("tty-echo"), folder = try Scratch.newFolder()
        _ = try Scratch.key("other")
        defer { try? FileManager.default.removeItem(at: folder) }
        let tree = try Scratch.write([1, 2, 3, 4], "no-tree.dtb")
        func expect(_ arguments: [String], _ status: Int32, topic: Bool, file: String? = nil) throws {
            let config = folder.appendingPathComponent("m4run.yaml")
            if let file { try Data(file.utf8).write(to: config) }
            defer { try? FileManager.default.removeItem(at: config) }
            let result = try Command.run(arguments + (file == nil ? ["--no-config"] : []), in: folder)
            #expect(result.status == status && result.err.contains("see: m4run") == topic, "\(arguments), \(file ?? "no file"): \(result.err)")
        }
        let image = Scratch.path(elf), other = Scratch.path(signed)
        let run = ["run", image, "--boot", "elf", "--dtb", Scratch.path(tree)], verify = ["verify", other, "--key", Scratch.path("other/public.pem")]
        try expect(run, 2, topic: true)
        try expect(run + ["--log-level", "quiet"], 2, topic: false)
        try expect(run, 2, topic: false, file: "run: {log-level: quiet}\n")
        try expect(run, 2, topic: false, file: "run: {json: true}\n")
        let linux = ["linux", image, "--dtb", Scratch.path(tree)]
        try expect(linux, 2, topic: true)
        for quiet in [["--quiet"], ["--log-level", "quiet"]] { try expect(linux + quiet, 2, topic: false) }
        try expect(linux, 2, topic: false, file: "linux: {quiet: true}\n")
        try expect(verify, 4, topic: true)
        try expect(verify, 4, topic: false, file: "verify: {json: true}\n")
        // The doctor's level is about the run.
        try expect(["doctor", Scratch.path(try Scratch.elf("doctor-masked")), "--boot", "elf", "--log-level", "quiet"], 1, topic: true)
    }
}
