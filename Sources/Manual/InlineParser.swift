// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Text with code, bold and links in it. What does not close is text.
struct InlineParser {
    private let characters: [Character]
    private var index = 0

    static func parse(_ text: String) -> [Inline] {
        var parser = InlineParser(Array(text))
        return parser.inlines(until: nil) ?? []
    }

    private init(_ characters: [Character]) { self.characters = characters }

    /// Up to the closing characters, which are passed over; nil where they do not come.
    private mutating func inlines(until closing: String?) -> [Inline]? {
        var out: [Inline] = [], text = ""
        func flush() {
            if !text.isEmpty { out.append(.text(text)) }
            text = ""
        }
        while index < characters.count {
            if let closing, has(closing) {
                index += closing.count
                flush()
                return out
            }
            let character = characters[index]
            if character == "\\", index + 1 < characters.count, characters[index + 1].isASCII, characters[index + 1].isPunctuation || characters[index + 1].isSymbol {
                text.append(characters[index + 1])
                index += 2
            } else if let inline = special() {
                flush()
                out.append(inline)
            } else {
                text.append(character)
                index += 1
            }
        }
        flush()
        return closing == nil ? out : nil
    }

    /// What begins here and closes; else nothing has been read.
    private mutating func special() -> Inline? {
        let start = index
        switch characters[index] {
        case "`":
            if let code = codeSpan() { return .code(code) }
        case "*" where has("**"):
            index += 2
            if let inner = inlines(until: "**"), !inner.isEmpty { return .strong(inner) }
        case "[":
            index += 1
            if let inner = inlines(until: "]("), let end = characters[index...].firstIndex(of: ")") {
                let target = String(characters[index..<end])
                index = end + 1
                return .link(inner, target: target)
            }
        default: return nil
        }
        index = start
        return nil
    }

    /// Between as many backticks as it begins with; a space at both ends, which lets it begin with one, is none of it.
    private mutating func codeSpan() -> String? {
        let fence = characters[index...].prefix { $0 == "`" }.count
        var end = index + fence
        while end < characters.count {
            let run = characters[end...].prefix { $0 == "`" }.count
            if run == fence {
                var code = String(characters[index + fence..<end])
                index = end + fence
                if code.count > 2, code.hasPrefix(" "), code.hasSuffix(" ") { code = String(code.dropFirst().dropLast()) }
                return code
            }
            end += max(run, 1)
        }
        return nil
    }

    private func has(_ text: String) -> Bool { characters[index...].starts(with: text) }
}
