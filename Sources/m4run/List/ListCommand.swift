// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser

/// What there is, by the program's own tables.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List peripherals, boards, kernels, rules, causes and other names.",
        discussion: """
            Without KIND it lists the kinds. All is taken from what the program itself goes by. With --json one object: 'kind', and 'entries' \
            whose keys are always there. Exit status: 0, and 2 for a kind that there is not.
            """)

    @Argument(help: "peripherals, boards, kernels, boots, rules, causes, stops, results, exit-statuses, samples or topics.") var kind: ListKind?
    @Flag(help: "One JSON object on stdout.") var json = false
    /// Read by `Style`, as every command's.
    @Option(help: ArgumentHelp(GeneralOptions.colorHelp)) var color = ColorChoice.auto

    func run() throws {
        guard let kind else {
            let kinds = Kinds()
            return Console.data(json ? kinds.json("kinds") : kinds.text)
        }
        let listing = try kind.listing()
        Console.data(json ? listing.json(kind.rawValue) : listing.text)
    }

    private struct Kinds: Listing {
        struct Entry: Encodable { let kind: String, summary: String }
        let entries = ListKind.allCases.map { Entry(kind: $0.rawValue, summary: $0.summary) }
        func cells(_ entry: Entry) -> [String] { [entry.kind, entry.summary] }
    }
}
