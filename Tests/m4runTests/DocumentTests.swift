// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// `scripts/check-documents`: what is wrong with documents, found in copies that are damaged in one way each.
@Suite struct DocumentTests {
    /// One way to damage a document, and what is then said.
    struct Damage: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let document: String
        let change: @Sendable (String) -> String
        let complaints: [String]

        init(_ what: String, in document: String, _ complaints: String..., change: @escaping @Sendable (String) -> String) {
            (testDescription, self.document, self.complaints, self.change) = (what, document, complaints, change)
        }

        init(_ what: String, in document: String, _ old: String, to new: String, _ complaints: String...) {
            (testDescription, self.document, self.complaints) = (what, document, complaints)
            change = { $0.replacingOccurrences(of: old, with: new) }
        }
    }

    private static let reference = "docs/reference/"

    static let damages: [Damage] = [
        Damage("a link to no file", in: "README.md", "(docs/guides/ci.md)", to: "(docs/guides/cy.md)", "there is no docs/guides/cy.md"),
        Damage("a link to no heading", in: "README.md", "exchange.md#a-fault", to: "exchange.md#no-fault", "docs/guides/exchange.md has no heading of that name"),
        Damage("a guide that nothing links to", in: "docs/guides/lonely.md", "docs/guides/lonely.md:1: no document links to this") { _ in "# Lonely\n" },
        Damage("an option without a description", in: reference + "m4run-run.1.md", "| `--ddr MIB` |", to: "| `DDR` |", "--ddr of m4run run is in no table's first column"),
        Damage("an option that is not in any command", in: "docs/guides/ci.md", "--no-such-option: no command of m4run's has this option") { $0 + "\nUse `--no-such-option`.\n" },
        Damage("an option of another command in a call", in: "docs/guides/ci.md", "--sanitize: m4run dt has no such option") { $0 + "\n    m4run dt board.dtb --sanitize\n" },
        Damage("an option of another command on a page", in: reference + "m4run-dt.1.md", "--sanitize: m4run dt has no such option") { $0 + "\nOr `--sanitize`.\n" },
        Damage("a command that is not there", in: "docs/guides/board.md", "m4run explode: there is no such command") { $0 + "\nTry `m4run explode board.dtb`.\n" },
        Damage("an option that a script does not have", in: "docs/guides/build.md", "--force: scripts/run has no such option") { $0 + "\n    scripts/run --force\n" },
        Damage("a finding without an entry", in: reference + "m4run-findings.7.md", "### `missing-kick`", to: "### `missed-kick`", "no entry ### `missing-kick`", "entry `missed-kick`: the program names nothing so"),
        Damage("a cause without an entry", in: reference + "m4run-causes.7.md", "### `mailbox-masked`", to: "### `mailbox-hidden`", "no entry ### `mailbox-masked`", "entry `mailbox-hidden`: the program names nothing so"),
        Damage("a stop reason without an entry", in: reference + "m4run-stops.7.md", "### `lockup`", to: "### `lock-up`", "no entry ### `lockup`", "entry `lock-up`: the program names nothing so"),
        Damage("an exit status without an entry", in: reference + "m4run-exit-status.7.md", "### `5`", to: "### `9`", "no entry ### `5`", "entry `9`: the program names nothing so"),
        Damage("a TEE result without an entry", in: reference + "m4run-optee.7.md", "### `TEE_ERROR_SECURITY`", to: "### `TEE_ERROR_LUCK`", "no entry ### `TEE_ERROR_SECURITY`", "entry `TEE_ERROR_LUCK`: the program names nothing so"),
        Damage("a page without its title", in: reference + "m4run-dt.1.md", "# m4run-dt(1)", to: "# m4run dt", "the title has to be # m4run-dt(1)"),
        Damage("a README of more than 150 lines", in: "README.md", "lines, allowed are 150") { $0 + String(repeating: "\n", count: 150) },
        Damage("a paragraph that stands twice", in: "docs/internals.md", "docs/internals.md:", "stands in README.md:") {
            $0 + "\nAll of that goes to stderr; stdout gets the firmware's bytes and nothing else.\n\n"
                + "`m4run` runs the Cortex-M4 firmware of an STM32MP157 on a PC, signed and unmodified: OP-TEE's loader checks and loads it,\n"
                + "[Unicorn](https://www.unicorn-engine.org) executes it, and a model of Linux's remoteproc and rpmsg talks to it.\n"
        },
    ]

    private func check(_ folder: URL) throws -> Command.Result {
        try Command.run(
            [folder.path], in: Scratch.folder, program: Scratch.package.appendingPathComponent("scripts/check-documents"),
            environment: ["M4RUN": try Command.binary().path])
    }

    /// A copy of the documents that may be changed; all else is a link.
    private func copy() throws -> URL {
        let files = FileManager.default, folder = Scratch.folder.appendingPathComponent("documents-\(UUID().uuidString)")
        try files.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in try files.contentsOfDirectory(atPath: Scratch.package.path) where !name.hasPrefix(".") {
            let original = Scratch.package.appendingPathComponent(name), here = folder.appendingPathComponent(name)
            if name == "docs" || name.hasSuffix(".md") { try files.copyItem(at: original, to: here) } else { try files.createSymbolicLink(at: here, withDestinationURL: original) }
        }
        return folder
    }

    @Test("Links, options, entries and texts of the documents are in order", .needs(.python))
    func documents() throws {
        let result = try check(Scratch.package)
        #expect(result.status == 0, "\(result.out)\(result.err)")
        #expect(result.out.contains(/check-documents: [2-9][0-9] documents, 0 complaints/))
    }

    @Test("Damaged documents are told of", .needs(.python), arguments: damages)
    func damaged(_ damage: Damage) throws {
        let folder = try copy(), document = folder.appendingPathComponent(damage.document)
        defer { try? FileManager.default.removeItem(at: folder) }
        let text = (try? String(contentsOf: document, encoding: .utf8)) ?? "", changed = damage.change(text)
        #expect(changed != text, "nothing was damaged")
        try Data(changed.utf8).write(to: document)
        let result = try check(folder)
        #expect(result.status == 1)
        for complaint in damage.complaints { #expect(result.out.contains(complaint), "\(result.out)\(result.err)") }
    }
}
