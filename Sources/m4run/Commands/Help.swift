// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import MachineBase
import Manual

/// The manual, which is in the binary. It takes the place of the parser's own `help`.
struct Help: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "help",
        abstract: "Show a page of the manual, or an entry of one.",
        discussion: """
            TOPIC is a page (run, m4run-run, m4run-run.1, causes) or an entry: a finding, a cause of the doctor's, a stop reason, an exit status. \
            Without one it shows commands and topics. On a terminal the text goes through $PAGER, or less; not with NO_PAGER set. \
            Exit status: 0, and 2 for a topic that there is not.
            """)

    @Argument(help: ArgumentHelp("What to explain.", valueName: "topic"), completion: .list(BuildInfo.manual.topics)) var topic: [String] = []
    @Option(help: ArgumentHelp("Print this page as roff, with man's macros.", valueName: "page"), completion: .list(BuildInfo.manual.pages.map(\.fileName))) var man: String?
    @Flag(help: "Print the names of all pages, a line each.") var pages = false

    func validate() throws {
        guard [!topic.isEmpty, man != nil, pages].filter({ $0 }).count <= 1 else { throw ValidationError("a topic, --man and --pages exclude each other") }
    }

    func run() throws {
        let manual = BuildInfo.manual
        if pages { return Console.data(manual.pages.map { $0.fileName + "\n" }.joined()) }
        if let man {
            guard let page = manual.page(man) else { throw Self.unknown(man, nearest: NearestNames.of(man, among: manual.pages.map(\.fileName)), all: "m4run help --pages lists all pages") }
            return Console.data(BuildInfo.roff.text(page))
        }
        let renderer = TerminalRenderer(width: Pager.width, isStyled: Pager.isStyled)
        guard !topic.isEmpty else { return Pager.show(Self.overview(manual, renderer)) }
        // `help exit status` is meant as it is written.
        let name = topic.joined(separator: "-")
        switch manual.answer(name) {
        case .page(let page): Pager.show(renderer.text(page))
        case .entries(let entries): Pager.show(entries.map { renderer.text($0.entry, of: $0.page) }.joined(separator: "\n"))
        case nil:
            // A command without a page, as in a build without the manual.
            if let command = M4Run.configuration.subcommands.first(where: { $0.configuration.commandName == name }) {
                return Pager.show(M4Run.helpMessage(for: command) + "\n")
            }
            throw Self.unknown(name, nearest: manual.nearest(name), all: "m4run help lists all topics")
        }
    }

    private static func unknown(_ name: String, nearest: [String], all: String) -> UsageError {
        let hint = nearest.isEmpty ? "" : "; there is \(nearest.joined(separator: ", "))"
        return UsageError("help: nothing is named \(ForeignText.quoted(name.utf8))\(hint). \(all)")
    }

    private static func overview(_ manual: Manual, _ renderer: TerminalRenderer) -> String {
        let commands = M4Run.helpMessage() + "\n"
        guard !manual.pages.isEmpty else { return commands }
        return commands + "\nTOPICS, for 'm4run help TOPIC':\n" + renderer.text(topics: manual.pages)
            + "\n    And the name of each finding, cause, stop reason and exit status.\n"
    }
}
