// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Pages as text for a terminal, or for a file.
public struct TerminalRenderer {
    private let width: Int
    private let isStyled: Bool
    private static let indent = 4, headingIndent = 2, tableGap = 2
    /// A first column that is wider stands on lines of its own.
    private static let widestTerm = 28

    /// - Parameters:
    ///   - width: in columns; beyond 100 lines are hard to read, and below 40 words hardly fit.
    ///   - isStyled: with bold and underlined text, by SGR codes.
    public init(width: Int = 80, isStyled: Bool) {
        self.width = min(max(width, 40), 100)
        self.isStyled = isStyled
    }

    /// All of a page.
    public func text(_ page: ManualPage) -> String {
        let title = shown(Span(text: page.reference, look: .bold))
        let first = [Inline.code(page.subject), .text(" - ")]
        let lines = [title, ""] + paragraph(first + [.text(page.summary)], Self.indent) + [""]
        return (lines + text(page.body)).joined(separator: "\n") + "\n"
    }

    /// One entry of a page, with where it stands.
    public func text(_ entry: ManualPage.Entry, of page: ManualPage) -> String {
        var lines = text(entry.blocks)
        if let first = lines.first { lines[0] = first.trimmedStart + " (\(page.reference): m4run help \(page.topic))" }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Pages by their topics, with what they are about.
    public func text(topics pages: [ManualPage]) -> String {
        columns(pages.map { [[.code($0.topic)], [.text($0.summary)]] }).joined(separator: "\n") + "\n"
    }

    private func text(_ blocks: [Block]) -> [String] {
        var lines: [String] = []
        for block in blocks {
            switch block {
            case .heading(let level, let text):
                lines += [spaces(level > 2 ? Self.headingIndent : 0) + shown(text.words(.bold))]
                continue
            case .paragraph(let text): lines += paragraph(text, Self.indent)
            case .code(let code): lines += code.map { $0.isEmpty ? "" : spaces(Self.indent + 4) + $0 }
            case .list(let items): for item in items { lines += hanging("-", item.words(), Self.indent, 2) }
            case .table(let header, let rows) where header.count == 2: lines += terms(header, rows)
            case .table(let header, let rows): lines += columns([header] + rows)
            }
            lines.append("")
        }
        while lines.last == "" { lines.removeLast() }
        return lines
    }

    // MARK: Blocks

    private func paragraph(_ text: [Inline], _ indent: Int) -> [String] {
        text.words().lines(width - indent).map { spaces(indent) + shown($0) }
    }

    /// Text behind a mark, its further lines below its first.
    private func hanging(_ mark: String, _ words: [Word], _ indent: Int, _ distance: Int) -> [String] {
        words.lines(width - indent - distance).enumerated().map { number, line in
            spaces(indent) + (number == 0 ? mark : "").padded(distance) + shown(line)
        }
    }

    /// A table of two columns: terms with what they mean, beside each other where the terms are short.
    private func terms(_ header: [[Inline]], _ rows: [[[Inline]]]) -> [String] {
        let all = (TermTable.hasHeader(header, rows) ? [header.map { [.strong($0)] }] : []) + rows
        let term = all.map { $0[0].words().width }.max() ?? 0
        guard !TermTable.areOptions(rows), term <= Self.widestTerm else {
            return all.flatMap { row in
                paragraph(row[0], Self.indent) + row[1].words().lines(width - 2 * Self.indent - 4).map { spaces(2 * Self.indent + 4) + shown($0) }
            }
        }
        return columns(all)
    }

    /// Cells below each other. Where there is too little room the widest columns get less, down to their longest words.
    private func columns(_ rows: [[[Inline]]]) -> [String] {
        let cells = rows.enumerated().map { number, row in row.map { $0.words(number == 0 && row.count > 2 ? .bold : .plain) } }
        guard let count = cells.first?.count, count > 0 else { return [] }
        var widths = (0..<count).map { column in cells.map { $0[column].width }.max() ?? 0 }
        let least = (0..<count).map { column in cells.map { $0[column].longest }.max() ?? 0 }
        let room = width - Self.indent - Self.tableGap * (count - 1)
        while widths.reduce(0, +) > room {
            guard let widest = widths.indices.filter({ widths[$0] > least[$0] }).max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
        }
        return cells.flatMap { row -> [String] in
            let lines = row.indices.map { row[$0].lines(widths[$0]) }
            return (0..<(lines.map(\.count).max() ?? 0)).map { number in
                var line = spaces(Self.indent), missing = 0
                for column in row.indices {
                    let words = number < lines[column].count ? lines[column][number] : []
                    if !words.isEmpty {
                        line += spaces(missing) + shown(words)
                        missing = 0
                    }
                    missing += widths[column] - words.width + Self.tableGap
                }
                return line
            }
        }
    }

    // MARK: Looks

    private func shown(_ words: [Word]) -> String {
        // Spaces between words of the same look have it, too, so that a title is one piece.
        var spans: [Span] = []
        func add(_ span: Span) {
            if let last = spans.last, last.look == span.look { spans[spans.count - 1].text += span.text } else { spans.append(span) }
        }
        for (number, word) in words.enumerated() {
            if number > 0 {
                let isBold = spans.last?.look == .bold && word.spans.first?.look == .bold
                add(Span(text: " ", look: isBold ? .bold : .plain))
            }
            word.spans.forEach(add)
        }
        return spans.map(shown).joined()
    }

    private func shown(_ span: Span) -> String {
        guard isStyled else { return span.text }
        return switch span.look {
        case .plain: span.text
        case .bold: "\u{1B}[1m\(span.text)\u{1B}[22m"
        case .underlined: "\u{1B}[4m\(span.text)\u{1B}[24m"
        }
    }

    private func spaces(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }
}

/// A table of two columns: terms, and what they mean.
enum TermTable {
    /// Whether the terms are options: `--for DURATION`.
    static func areOptions(_ rows: [[[Inline]]]) -> Bool {
        !rows.isEmpty && rows.allSatisfy { row in if case .code(let text)? = row[0].first { text.hasPrefix("-") } else { false } }
    }

    /// Whether the first row says something that is not seen anyway.
    static func hasHeader(_ header: [[Inline]], _ rows: [[[Inline]]]) -> Bool {
        !areOptions(rows) && header.contains { !$0.plain[...].isBlank }
    }
}

extension String {
    func padded(_ width: Int) -> String { count >= width ? self : self + String(repeating: " ", count: width - count) }
    var trimmedStart: String { String(drop { $0 == " " }) }
}
