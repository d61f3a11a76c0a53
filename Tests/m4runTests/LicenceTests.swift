// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// Whose each file is, and under which licence what is built.
@Suite struct LicenceTests {
    static let isCheckout = FileManager.default.fileExists(atPath: Scratch.package.appendingPathComponent(".git").path)

    @Test("Each file says whose it is and under which licence", .needs(.reuse), .enabled("needs a git checkout") { isCheckout })
    func reuse() throws {
        // By what git knows: of another user's checkout, too.
        let environment = ["GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"]
        let result = try Command.run(
            ["lint"], in: Scratch.package, program: URL(fileURLWithPath: #require(Tool.reuse.file)), environment: environment)
        #expect(result.status == 0, "\(result.out)\(result.err)")
        #expect(result.out.contains("Your project is compliant"), "\(result.out)")
    }

    // MARK: what is built

    private static let record = URL(
        fileURLWithPath: ProcessInfo.processInfo.environment["M4RUN_LINK_RECORD"] ?? Scratch.package.path + "/.build/link")
    static let isRecorded = FileManager.default.fileExists(atPath: record.appendingPathComponent("m4run.linked").path)

    /// scripts/licences --check, by the table of the package with `change` made in it.
    private func check(_ change: (inout String) -> Void = { _ in }) throws -> Command.Result {
        var table = try String(contentsOf: Scratch.package.appendingPathComponent("packaging/licences"), encoding: .utf8)
        let before = table
        change(&table)
        let name = table == before ? nil : try Scratch.write(Array(table.utf8), "licences-\(UUID().uuidString)")
        let environment = [
            "M4RUN": try Command.binary().path, "M4RUN_LINK_RECORD": Self.record.path, "M4RUN_LICENCES": name.map(Scratch.path) ?? "", "DESTDIR": "", "PREFIX": "/usr",
        ]
        return try Command.run(
            ["--check"], in: Scratch.folder, program: Scratch.package.appendingPathComponent("scripts/licences"), environment: environment)
    }

    private func without(_ part: String, _ table: inout String) {
        let paragraphs = table.components(separatedBy: "\n\n")
        table = paragraphs.filter { !$0.hasPrefix("Part: \(part)\n") }.joined(separator: "\n\n")
    }

    private static let needsRecord: ConditionTrait = .enabled("needs the linker's record of the binary: make build") { isRecorded }

    @Test("All that the linker took, the binary loads and an installation has belongs to a part with a licence, and no part is without it", .needs(.python), needsRecord)
    func parts() throws {
        let result = try check()
        #expect(result.status == 0 && result.out.hasPrefix("licences: "), "\(result.out)\(result.err)")
    }

    @Test(
        "A part that the table lacks is missed", .needs(.python), needsRecord,
        arguments: [
            ("libdispatch and the blocks runtime", "linked: libdispatch.a belongs to no part of the table ("),
            ("swift-argument-parser", "linked: module:ArgumentParser belongs to no part of the table ("),
            ("GCC's start files and libgcc", "linked: crtbeginS.o belongs to no part of the table ("),
            ("libfdt, of the device tree compiler", "needed: libfdt.so.1 belongs to no part of the table ("),
            ("GnuTLS", "loaded: libgnutls.so.30 belongs to no part of the table (Sources/CGnuTLS/library.c)"),
            ("Plugin for QEMU", "installed: lib/m4run/linux-bridge.so belongs to no part of the table ("),
            ("GLib, in Unicorn", "NOTICE: its list is not that of the table"),
        ])
    func missing(part: String, words: String) throws {
        let result = try check { without(part, &$0) }
        #expect(result.status == 1 && result.out.contains(words), "\(result.out)\(result.err)")
    }

    @Test("A part that is not there, and a field that is none, are told", .needs(.python), needsRecord)
    func unwanted() throws {
        let more = try check { $0 += "\nPart: ICU\nHow: linked\nLicence: Unicode-3.0\nFiles: lib_FoundationICU.a\nSource: nowhere\n" }
        #expect(more.status == 1 && more.out.contains("ICU: said to be linked, and is not: lib_FoundationICU.a\n"), "\(more.out)\(more.err)")
        let field = try check { $0 += "\nPart: ICU\nLicense: Unicode-3.0\n" }
        #expect(field.status == 2 && field.err.contains("not a field of a part, or there twice: License"), "\(field.out)\(field.err)")
    }

    @Test("What is printed has a licence and a source for each part", .needs(.python))
    func printed() throws {
        let result = try Command.run(["--json"], in: Scratch.folder, program: Scratch.package.appendingPathComponent("scripts/licences"))
        #expect(result.status == 0, "\(result.err)")
        let parts = try #require(JSONSerialization.jsonObject(with: Data(result.outBytes)) as? [[String: Any]])
        #expect(parts.count > 15)
        for part in parts {
            let source = part["source"] as? String ?? "", name = part["part"] as? String ?? ""
            #expect(part["licence"] is String && !source.isEmpty && !source.contains("{"), "\(name)")
        }
        let engine = try #require(parts.first { $0["part"] as? String == "Unicorn" })
        #expect((engine["source"] as? String)?.contains("unicorn-2.1.4.tar.gz with SHA-256 00567a70") == true)
    }
}
