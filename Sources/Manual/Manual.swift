// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// All pages, and what a person may call them.
public struct Manual: Sendable {
    /// By section, then by name.
    public let pages: [ManualPage]

    public init(_ pages: [ManualPage]) {
        self.pages = pages.sorted { ($0.section, $0.name) < ($1.section, $1.name) }
    }

    /// What a topic means.
    public enum Answer: Sendable {
        case page(ManualPage)
        /// Entries of that name, each with its page: a rule may be a finding, and a cause of the doctor's, too.
        case entries([(page: ManualPage, entry: ManualPage.Entry)])
    }

    /// The page `run`, `m4run-run`, `m4run-run.1` or `m4run-run(1)`.
    public func page(_ topic: String) -> ManualPage? {
        pages.first { [$0.fileName, $0.reference, $0.name, $0.topic, "\($0.topic).\($0.section)", "\($0.topic)(\($0.section))"].contains(topic) }
    }

    /// A page, or entries of pages, by name; nil for what there is not.
    public func answer(_ topic: String) -> Answer? {
        if let page = page(topic) { return .page(page) }
        let entries = pages.flatMap { page in page.entries.filter { $0.names.contains(topic) }.map { (page, $0) } }
        return entries.isEmpty ? nil : .entries(entries)
    }

    /// The first sentence of what a page says of a name, in an entry or a table; nil where it says nothing.
    ///
    /// - Parameter topic: of the page.
    public func summary(of name: String, on topic: String) -> String? {
        guard let page = page(topic) else { return nil }
        if let entry = page.entries.first(where: { $0.names.contains(name) }) { return entry.summary }
        for case .table(_, let rows) in page.body {
            if let row = rows.first(where: { $0.count == 2 && $0[0].codes.contains(name) }) { return row[1].plain }
        }
        return nil
    }

    /// Each name that `answer` knows, once, with a page's shortest.
    public var topics: [String] {
        var topics: [String] = []
        for name in pages.map(\.topic) + pages.flatMap(\.entries).flatMap(\.names) where !topics.contains(name) { topics.append(name) }
        return topics
    }

    /// Names that are nearly `topic`, the nearest first.
    public func nearest(_ topic: String, count: Int = 4) -> [String] { NearestNames.of(topic, among: topics, count: count) }
}
