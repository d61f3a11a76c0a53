// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A page of docs/reference.
public struct ManualPage: Sendable {
    /// `m4run-run`.
    public let name: String
    /// `1` of commands, `5` of file formats, `7` of everything else.
    public let section: String
    /// The first line: `boot firmware as OP-TEE and Linux do`.
    public let summary: String
    /// What stands before it: `m4run run`.
    let subject: String
    /// Behind heading and first line.
    let body: [Block]

    /// `m4run-run.1`.
    public var fileName: String { "\(name).\(section)" }
    /// `m4run-run(1)`.
    public var reference: String { "\(name)(\(section))" }
    /// What `m4run help` takes for it, at its shortest: `run`, `causes`, `yaml`; `m4run` for the first page.
    public var topic: String { Self.topic(name) }

    static func topic(_ name: String) -> String {
        let rest = name.hasPrefix("m4run") ? name.dropFirst(5) : ""
        return rest.count > 1 && (rest.first == "-" || rest.first == ".") ? String(rest.dropFirst()) : name
    }

    /// - Parameters:
    ///   - fileName: as `m4run-run.1`.
    ///   - markdown: see `Block`; its first blocks are a heading and a paragraph `NAME - SUMMARY`.
    public init(fileName: String, markdown: String) {
        let dot = fileName.lastIndex(of: ".")
        name = dot.map { String(fileName[..<$0]) } ?? fileName
        section = dot.map { String(fileName[fileName.index(after: $0)...]) } ?? "7"
        var blocks = BlockParser.parse(markdown)[...]
        if case .heading(1, _)? = blocks.first { blocks.removeFirst() }
        var line = ""
        if case .paragraph(let first)? = blocks.first {
            line = first.plain
            blocks.removeFirst()
        }
        let dash = line.firstRange(of: " - ")
        subject = dash.map { String(line[..<$0.lowerBound]) } ?? name
        summary = dash.map { String(line[$0.upperBound...]) } ?? line
        body = Array(blocks)
    }

    /// Something with a name that the page explains under a heading of its own, as `mailbox-masked`.
    public struct Entry: Sendable {
        public let names: [String]
        let blocks: [Block]

        /// The first sentence, without the bold word before it.
        public var summary: String? {
            for block in blocks {
                var text: [Inline]
                switch block {
                case .paragraph(let inlines): text = inlines
                case .list(let items): text = items.first ?? []
                default: continue
                }
                if case .strong? = text.first, text.count > 1 { text.removeFirst() }
                let words = text.plain.drop { $0 == ":" || $0 == " " }
                return words.firstRange(of: ". ").map { String(words[..<$0.lowerBound]) } ?? String(words.last == "." ? words.dropLast() : words)
            }
            return nil
        }
    }

    /// In the page's order.
    public var entries: [Entry] {
        var entries: [Entry] = []
        var names: [String] = [], blocks: [Block] = []
        func finish() { if !names.isEmpty { entries.append(Entry(names: names, blocks: blocks)) } }
        for block in body {
            if case .heading(_, let text) = block {
                finish()
                // A heading that is nothing but names.
                let rest = text.filter { if case .code = $0 { false } else { true } }.plain
                names = rest.allSatisfy { $0 == "," || $0.isWhitespace } ? text.codes : []
                blocks = []
            }
            blocks.append(block)
        }
        finish()
        return entries
    }
}
