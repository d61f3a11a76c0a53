// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A piece of a page, as the subset of Markdown that docs/reference is written in has it.
public enum Block: Equatable, Sendable {
    /// `#` to `###`.
    case heading(level: Int, [Inline])
    case paragraph([Inline])
    /// Lines as they are.
    case code([String])
    case list([[Inline]])
    /// The cells of the first row, and of the others; each row has as many as the first.
    case table(header: [[Inline]], rows: [[[Inline]]])
}

/// A piece of a line.
public enum Inline: Equatable, Sendable {
    case text(String)
    case code(String)
    case strong([Inline])
    case link([Inline], target: String)

    /// The words alone.
    var plain: String {
        switch self {
        case .text(let text), .code(let text): text
        case .strong(let inner), .link(let inner, _): inner.plain
        }
    }
}

extension [Inline] {
    var plain: String { map(\.plain).joined() }
    /// What is in backticks, in order.
    var codes: [String] { compactMap { if case .code(let text) = $0 { text } else { nil } } }
}
