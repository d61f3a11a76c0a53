// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A line of a report for people, and what it is to them; a terminal may show that in colour.
public struct ReportLine: Equatable, Sendable {
    public enum Tone: Sendable {
        case plain
        /// All is well.
        case good
        case warning
        /// Refused, or in the way.
        case bad
    }
    /// One line, without its newline, in which nothing steers a terminal.
    public let text: String
    public let tone: Tone

    /// - Parameter text: may have others' text in it: it is escaped here.
    public init(_ text: String, _ tone: Tone = .plain) { (self.text, self.tone) = (ForeignText.line(text), tone) }
}

extension Sequence<ReportLine> {
    /// The lines as they are read without colour, each with a newline.
    public var text: String { reduce(into: "") { $0 += $1.text + "\n" } }
}
