// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Pages in man(7)'s macros, for groff and mandoc; tables of more than two columns go through tbl.
public struct RoffRenderer {
    private let version: String
    private let date: String

    /// - Parameters:
    ///   - version: `m4run 0.2.0`, at the foot of a page.
    ///   - date: `2026-12-01`, beside it.
    public init(version: String, date: String) { (self.version, self.date) = (version, date) }

    public func text(_ page: ManualPage) -> String {
        let hasTables = page.body.contains { if case .table(let header, _) = $0 { header.count > 2 } else { false } }
        var lines = hasTables ? ["'\\\" t"] : []
        // No word is cut: groff's macros take this for each paragraph's hyphenation.
        lines.append(".nr HY 0")
        lines.append(".TH \(quoted(page.name.uppercased())) \(quoted(page.section)) \"\(date)\" \(quoted(version)) \(quoted("m4run's manual"))")
        // Nor is a line stretched: options and names are there to be copied.
        lines += [".nh", ".ad l"]
        // whatis and apropos read this line: a page's name there has no spaces.
        lines += [".SH NAME", "\(escaped(page.name, isCode: true)) \\- \(line([.text(page.summary)]))"]
        var isFresh = true
        for block in page.body {
            // Behind a heading there is room already.
            lines += roff(block, isFresh: isFresh)
            if case .heading = block { isFresh = true } else { isFresh = false }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func roff(_ block: Block, isFresh: Bool) -> [String] {
        switch block {
        case .heading(let level, let text):
            [level > 2 ? ".SS \(quoted(text.plain))" : ".SH \(quoted(text.plain.uppercased()))"]
        case .paragraph(let text):
            (isFresh ? [] : [".PP"]) + [line(text)]
        case .code(let code):
            (isFresh ? [] : [".PP"]) + [".RS 4", ".EX"] + code.map { $0.isEmpty ? "\\&" : protected(escaped($0, isCode: true)) } + [".EE", ".RE"]
        case .list(let items):
            items.flatMap { [".IP \\(bu 2", line($0)] }
        case .table(let header, let rows) where header.count == 2:
            ((TermTable.hasHeader(header, rows) ? [header.map { [.strong($0)] }] : []) + rows)
                .flatMap { [".TP", line($0[0]), line($0[1])] }
        case .table(let header, let rows):
            (isFresh ? [] : [".PP"]) + table(header, rows)
        }
    }

    private func table(_ header: [[Inline]], _ rows: [[[Inline]]]) -> [String] {
        let names = String(repeating: "lB ", count: header.count).dropLast()
        // The last column takes the room that is left.
        let format = String(repeating: "l ", count: header.count - 1) + "lx"
        func row(_ cells: [[Inline]]) -> [String] {
            // Text blocks, whose lines may break; a bold name in the first row is the format's.
            cells.map { ["T{", line($0), "T}"] }.reduce(into: [String]()) { out, cell in
                if let last = out.popLast() { out += ["\(last)\t\(cell[0])"] + cell[1...] } else { out = cell }
            }
        }
        return [".TS", "tab(\t);", String(names), "\(format)."] + row(header) + rows.flatMap(row) + [".TE"]
    }

    // MARK: Text

    /// One line of input: `man` fills it.
    private func line(_ text: [Inline]) -> String {
        let roff = inlines(text)
        return roff.isEmpty ? "\\&" : protected(roff)
    }

    private func inlines(_ text: [Inline]) -> String {
        text.map { inline in
            switch inline {
            case .text(let text): escaped(text, isCode: false)
            case .code(let text): "\\fB\(escaped(text, isCode: true))\\fR"
            case .strong(let inner): "\\fB\(escaped(inner.plain, isCode: inner.allSatisfy { if case .code = $0 { true } else { false } }))\\fR"
            case .link(let inner, let target):
                inlines(inner) + (LinkTarget(target).note(behind: inner.plain, for: .man).map { " (\(escaped($0, isCode: true)))" } ?? "")
            }
        }.joined()
    }

    /// A line that begins like a request is none.
    private func protected(_ line: String) -> String { line.hasPrefix(".") || line.hasPrefix("'") ? "\\&" + line : line }

    /// An argument of a macro.
    private func quoted(_ text: String) -> String { "\"\(escaped(text, isCode: true))\"" }

    /// - Parameter isCode: a hyphen is what a person types, not what joins words.
    private func escaped(_ text: String, isCode: Bool) -> String {
        var out = "", before: Unicode.Scalar = " "
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": out += "\\e"
            // Of text, too, where an option begins.
            case "-": out += isCode || before == " " || before == "-" || before == "(" ? "\\-" : "-"
            case "'": out += "\\(aq"
            case "`": out += "\\(ga"
            case "^": out += "\\(ha"
            case "~": out += "\\(ti"
            case "\"": out += "\\(dq"
            case "\t": out += "        "
            default:
                if scalar.isASCII { out.unicodeScalars.append(scalar) } else { out += "\\[u\(hex(scalar.value))]" }
            }
            before = scalar
        }
        return out
    }

    private func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
