// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Manual
import Testing

/// Pages of the Markdown subset as text and as roff.
@Suite struct RenderingTests {
    private func page(_ body: String, name: String = "m4run-x.7") -> ManualPage {
        ManualPage(fileName: name, markdown: "<!-- a comment\nof two lines -->\n\n# m4run-x(7)\n\nm4run x - does x\n\n" + body)
    }
    private func plain(_ body: String, width: Int = 80) -> String { TerminalRenderer(width: width, isStyled: false).text(page(body)) }
    private func roff(_ body: String) -> String { RoffRenderer(version: "m4run 1.2.3", date: "2026-12-01").text(page(body)) }

    @Test("A page is its title, its first line and its text, wrapped, without comments")
    func page() {
        let text = plain("## Description\n\nA `code` word, **bold** words and\na line break. <!-- gone --> Here.\n", width: 44)
        #expect(text == """
            m4run-x(7)

                m4run x - does x

            Description
                A code word, bold words and a line
                break. Here.

            """)
    }

    @Test("Bold text is bold on a terminal that likes it, and nothing else steers it")
    func styles() {
        let text = TerminalRenderer(width: 80, isStyled: true).text(page("Say `m4run run`, [look](https://example.org/x).\n"))
        #expect(text.contains("Say \u{1B}[1mm4run run\u{1B}[22m, \u{1B}[4mlook\u{1B}[24m (https://example.org/x)."), "\(text.debugDescription)")
        #expect(!plain("Say `m4run run`.\n").contains("\u{1B}"))
    }

    @Test("What does not close is text, and an escape is what it escapes")
    func unclosed() {
        let text = plain("a ` b ** c [d] (e) \\*f\\* [g](h i\n", width: 100)
        #expect(text.contains("    a ` b ** c [d] (e) *f* [g](h i\n"), "\(text)")
        // As CommonMark has it: a fence of code is closed by one of its own length alone.
        #expect(plain("`` ` `` i ` j `` k ` l\n").contains("    ` i j `` k l\n"))
    }

    @Test("Options hang below their names; short terms stand beside what they mean; a bar in a cell is one")
    func terms() {
        let text = plain("| option | meaning |\n|---|---|\n| `--a N` | does a |\n| `-b`, `--bee` | x\\|y |\n\n| status | meaning |\n|---|---|\n| `0` | fine |\n")
        #expect(text.contains("    --a N\n            does a\n    -b, --bee\n            x|y\n\n    status  meaning\n    0       fine\n"), "\(text)")
    }

    @Test("Columns of a wide table share the room, and no word is lost or cut")
    func columns() {
        let words = (1...12).map { "word\($0)" }.joined(separator: " ")
        let text = plain("| a | b | c |\n|---|---|---|\n| one | \(words) | \(words) |\n", width: 60)
        for line in text.split(separator: "\n") { #expect(line.count <= 60, "\(line)") }
        for number in 1...12 { #expect(text.ranges(of: "word\(number) ").count + text.ranges(of: "word\(number)\n").count == 2, "\(text)") }
    }

    @Test("Code keeps its lines, in fences and by indent; a fence may have what a comment begins with")
    func code() {
        let text = plain("```\n$ m4run  run\n\n<!-- no comment -->\n```\n\n    two  spaces\n")
        #expect(text.contains("        $ m4run  run\n\n        <!-- no comment -->\n\n        two  spaces\n"), "\(text)")
    }

    @Test("Items of a list are wrapped below each other")
    func list() {
        let text = plain("- one and\n  more\n- **two**: x\n\nafter\n")
        #expect(text.contains("    - one and more\n    - two: x\n\n    after\n"), "\(text)")
    }

    @Test("Roff escapes what is roff's: backslashes, quotes, dots and apostrophes at a line's beginning, hyphens of options")
    func escapes() {
        let text = roff("## It's \"so\"\n\n.TH is no request, `'\\n' --x-y` and read-only.\n\n    .PP\n    'x \\d\n")
        #expect(text.contains(".SH \"IT\\(aqS \\(dqSO\\(dq\"\n\\&.TH is no request, \\fB\\(aq\\en\\(aq \\-\\-x\\-y\\fR and read-only.\n"), "\(text)")
        #expect(text.contains(".EX\n\\&.PP\n\\(aqx \\ed\n.EE\n"), "\(text)")
        #expect(text.hasPrefix(".nr HY 0\n.TH \"M4RUN\\-X\" \"7\" \"2026-12-01\" \"m4run 1.2.3\" \"m4run\\(aqs manual\"\n"), "\(text)")
        #expect(text.contains(".SH NAME\nm4run\\-x \\- does x\n"), "\(text)")
    }

    @Test("A page with a table of three columns asks for tbl")
    func table() {
        let text = roff("| a | b | c |\n|---|---|---|\n| 1 | .2 | 3 |\n")
        #expect(text.hasPrefix("'\\\" t\n.nr HY 0\n.TH"))
        #expect(text.contains(".TS\ntab(\t);\nlB lB lB\nl l lx.\nT{\na\nT}\tT{\nb\nT}\tT{\nc\nT}\nT{\n1\nT}\tT{\n\\&.2\nT}\tT{\n3\nT}\n.TE\n"), "\(text)")
    }

    @Test("Entries are headings of nothing but names, with what is below them")
    func entries() throws {
        let causes = page("## Group\n\n### `one`, `two`\n\n- **Seen**: this. That.\n\n### Other `three`\n\nx\n\n### `four`\n\nFour.\n", name: "m4run-causes.7")
        #expect(causes.entries.map(\.names) == [["one", "two"], ["four"]])
        #expect(causes.entries.map(\.summary) == ["this", "Four"])
        let text = TerminalRenderer(width: 80, isStyled: false).text(causes.entries[0], of: causes)
        #expect(text == "one, two (m4run-causes(7): m4run help causes)\n    - Seen: this. That.\n", "\(text)")
        let manual = Manual([causes, page("", name: "m4run.yaml.5"), page("### `one`\n", name: "m4run-findings.7")])
        for name in ["causes", "m4run-causes", "m4run-causes.7", "m4run-causes(7)", "causes.7"] { #expect(manual.page(name)?.name == "m4run-causes", "\(name)") }
        #expect(manual.page("yaml")?.fileName == "m4run.yaml.5")
        guard case .entries(let both) = manual.answer("one") else { throw Missing() }
        #expect(both.map(\.page.name) == ["m4run-causes", "m4run-findings"])
        #expect(manual.answer("five") == nil && manual.nearest("foor") == ["four"] && manual.nearest("").isEmpty)
    }
    private struct Missing: Error {}
}

