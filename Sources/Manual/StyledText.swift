// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A piece of text that looks one way.
struct Span: Equatable {
    enum Look { case plain, bold, underlined }
    var text: String
    var look: Look
}

/// Spans that no line ends in.
struct Word {
    var spans: [Span] = []
    var width: Int { spans.reduce(0) { $0 + $1.text.count } }
}

extension [Inline] {
    /// With what a terminal's reader needs instead of a link.
    func spans(_ look: Span.Look = .plain) -> [Span] {
        flatMap { inline -> [Span] in
            switch inline {
            case .text(let text): [Span(text: text, look: look)]
            case .code(let text): [Span(text: text, look: .bold)]
            case .strong(let inner): inner.spans(.bold)
            case .link(let inner, let target):
                inner.spans(look == .plain ? .underlined : look)
                    + (LinkTarget(target).note(behind: inner.plain, for: .terminal).map { [Span(text: " (\($0))", look: look)] } ?? [])
            }
        }
    }

    func words(_ look: Span.Look = .plain) -> [Word] {
        var words: [Word] = [], isOpen = false
        for span in spans(look) {
            var text = ""
            func flush() {
                guard !text.isEmpty else { return }
                if !isOpen { words.append(Word()) }
                words[words.count - 1].spans.append(Span(text: text, look: span.look))
                (text, isOpen) = ("", true)
            }
            for character in span.text {
                if character == " " {
                    flush()
                    isOpen = false
                } else {
                    text.append(character)
                }
            }
            flush()
        }
        return words
    }
}

extension [Word] {
    /// Lines of at most `width` columns; a word that is longer has one of its own.
    func lines(_ width: Int) -> [[Word]] {
        var lines: [[Word]] = [], used = 0
        for word in self {
            if lines.isEmpty || used + 1 + word.width > width {
                lines.append([word])
                used = word.width
            } else {
                lines[lines.count - 1].append(word)
                used += 1 + word.width
            }
        }
        return lines
    }

    var width: Int { isEmpty ? 0 : reduce(count - 1) { $0 + $1.width } }
    var longest: Int { map(\.width).max() ?? 0 }
}
