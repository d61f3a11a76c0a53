// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser

/// What `m4run list` knows lists of.
enum ListKind: String, CaseIterable, ExpressibleByArgument {
    case peripherals, boards, kernels, boots, rules, causes, stops, results, exitStatuses = "exit-statuses", samples, topics

    var summary: String {
        switch self {
        case .peripherals: "the chip's blocks, and how much of each is modelled"
        case .boards: "boards whose device tree is built in or installed, for --dtb"
        case .kernels: "kernels that Linux's side can be like: --kernel and --openstlinux"
        case .boots: "boot sequences: --boot"
        case .rules: "findings: what Linux's side, the sanitizer and the chip report beside the kernel's log"
        case .causes: "what m4run doctor names"
        case .stops: "why the M4 can have stopped"
        case .results: "what OP-TEE's TA can answer"
        case .exitStatuses: "exit statuses of all commands"
        case .samples: "firmware that comes with m4run"
        case .topics: "what m4run help explains"
        }
    }

    /// The list, made of what the program itself goes by.
    func listing() throws -> any Listing {
        switch self {
        case .peripherals: try PeripheralListing()
        case .boards: BoardListing()
        case .kernels: KernelListing()
        case .boots: BootListing()
        case .rules: RuleListing()
        case .causes: CauseListing()
        case .stops: StopListing()
        case .results: ResultListing()
        case .exitStatuses: StatusListing()
        case .samples: SampleListing()
        case .topics: TopicListing()
        }
    }
}

/// One list, for people and for programs.
protocol Listing {
    associatedtype Entry: Encodable
    /// Objects whose keys are always there.
    var entries: [Entry] { get }
    /// The cells of an entry's line; the last has no room of its own.
    func cells(_ entry: Entry) -> [String]
}

extension Listing {
    /// A line an entry, in columns, however wide a terminal may be: one looks for words in it.
    var text: String {
        let rows = entries.map(cells)
        let widths = (rows.map(\.count).max() ?? 0) > 0 ? rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 } : []
        return rows.map { row in
            let line = row.enumerated().map { $0.element + String(repeating: " ", count: widths[$0.offset] - $0.element.count) }.joined(separator: "  ")
            return line.reversed().drop { $0 == " " }.reversed() + "\n"
        }.joined()
    }

    func json(_ kind: String) -> String { ListJSON(kind: kind, entries: entries).text + "\n" }
}

private struct ListJSON<Entry: Encodable>: JSONText {
    let kind: String, entries: [Entry]
}
