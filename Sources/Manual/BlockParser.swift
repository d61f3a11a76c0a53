// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Lines to blocks. Whatever is no heading, code, list or table is a paragraph: nothing is refused, and no word gets lost.
struct BlockParser {
    private let lines: [Substring]
    private var index = 0
    private var blocks: [Block] = []

    static func parse(_ markdown: String) -> [Block] {
        var parser = BlockParser(lines: withoutComments(markdown).split(separator: "\n", omittingEmptySubsequences: false))
        parser.run()
        return parser.blocks
    }

    private init(lines: [Substring]) { self.lines = lines }

    /// HTML's comments go, outside of fenced code.
    private static func withoutComments(_ text: String) -> String {
        var out = "", isCommented = false, isFenced = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if !isCommented, line.hasPrefix("```") { isFenced.toggle() }
            if isFenced {
                out += line + "\n"
                continue
            }
            var rest = line
            while !rest.isEmpty {
                if isCommented {
                    guard let end = rest.firstRange(of: "-->") else { break }
                    rest = rest[end.upperBound...]
                    isCommented = false
                } else {
                    let start = rest.firstRange(of: "<!--")
                    out += rest[..<(start?.lowerBound ?? rest.endIndex)]
                    guard let start else { break }
                    rest = rest[start.upperBound...]
                    isCommented = true
                }
            }
            out += "\n"
        }
        return out
    }

    private mutating func run() {
        while index < lines.count {
            let line = lines[index]
            if line.isBlank {
                index += 1
            } else if line.hasPrefix("```") {
                fencedCode()
            } else if line.hasPrefix("    ") {
                indentedCode()
            } else if let level = Self.headingLevel(line) {
                index += 1
                blocks.append(.heading(level: level, InlineParser.parse(line.dropFirst(level).trimmed)))
            } else if Self.isItem(line) {
                list()
            } else if line.hasPrefix("|"), index + 1 < lines.count, Self.isRule(lines[index + 1]) {
                table()
            } else {
                paragraph()
            }
        }
    }

    private mutating func fencedCode() {
        index += 1
        var code: [String] = []
        while index < lines.count, !lines[index].hasPrefix("```") {
            code.append(String(lines[index]))
            index += 1
        }
        index += 1
        blocks.append(.code(code))
    }

    private mutating func indentedCode() {
        var code: [String] = []
        while index < lines.count, lines[index].hasPrefix("    ") || lines[index].isBlank {
            code.append(String(lines[index].dropFirst(4)))
            index += 1
        }
        while code.last?.isEmpty == true { code.removeLast() }
        blocks.append(.code(code))
    }

    private mutating func paragraph() {
        var text = ""
        while index < lines.count, !lines[index].isBlank, text.isEmpty || !beginsBlock(lines[index]) {
            text += (text.isEmpty ? "" : " ") + lines[index].trimmed
            index += 1
        }
        blocks.append(.paragraph(InlineParser.parse(text)))
    }

    private mutating func list() {
        var items: [String] = []
        while index < lines.count {
            if Self.isItem(lines[index]) {
                items.append(lines[index].dropFirst(2).trimmed)
            } else if !lines[index].isBlank, !beginsBlock(lines[index]) || lines[index].hasPrefix(" ") {
                items[items.count - 1] += " " + lines[index].trimmed
            } else if lines[index].isBlank, index + 1 < lines.count, Self.isItem(lines[index + 1]) {
                // Items may have room between them.
            } else {
                break
            }
            index += 1
        }
        blocks.append(.list(items.map(InlineParser.parse)))
    }

    private mutating func table() {
        let header = Self.cells(lines[index])
        index += 2
        var rows: [[[Inline]]] = []
        while index < lines.count, lines[index].hasPrefix("|") {
            var row = Self.cells(lines[index])
            // A row with more cells than the first: what is over belongs to the last, lest it be lost.
            while row.count > header.count, row.count > 1 {
                let last = row.removeLast()
                row[row.count - 1] += [.text(" ")] + last
            }
            while row.count < header.count { row.append([]) }
            rows.append(row)
            index += 1
        }
        blocks.append(.table(header: header, rows: rows))
    }

    // MARK: Lines

    private func beginsBlock(_ line: Substring) -> Bool {
        line.hasPrefix("```") || line.hasPrefix("|") || Self.headingLevel(line) != nil || Self.isItem(line)
    }

    private static func headingLevel(_ line: Substring) -> Int? {
        let level = line.prefix { $0 == "#" }.count
        return (1...3).contains(level) && line.dropFirst(level).hasPrefix(" ") ? level : nil
    }

    private static func isItem(_ line: Substring) -> Bool { line.hasPrefix("- ") || line.hasPrefix("* ") }

    /// The line below a table's first row.
    private static func isRule(_ line: Substring) -> Bool {
        line.hasPrefix("|") && line.contains("-") && line.allSatisfy { "|-: ".contains($0) }
    }

    private static func cells(_ line: Substring) -> [[Inline]] {
        var cells: [String] = [], cell = "", isEscaped = false
        for character in line.trimmed.dropFirst() {
            if isEscaped {
                // A bar of the text's, in code, too; any other escape is the text's own.
                cell += character == "|" ? "|" : "\\\(character)"
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "|" {
                cells.append(cell)
                cell = ""
            } else {
                cell.append(character)
            }
        }
        if isEscaped { cell += "\\" }
        if !cell[...].isBlank { cells.append(cell) }
        return cells.map { InlineParser.parse($0[...].trimmed) }
    }
}

extension Substring {
    var isBlank: Bool { allSatisfy(\.isWhitespace) }
    /// Without spaces at both ends.
    var trimmed: String {
        let body = drop(while: \.isWhitespace)
        return String(body.prefix(upTo: body.lastIndex { !$0.isWhitespace }.map { body.index(after: $0) } ?? body.startIndex))
    }
}
