// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Where something is in a text: line and column from 1 on, columns in characters.
struct TextPlace: Equatable {
    var line = 1, column = 1
}

/// What is wrong at a place of a text.
struct YAMLError: Error {
    let place: TextPlace
    let sentence: String
}

/// A value of a YAML document, and where it begins.
struct YAMLNode {
    indirect enum Content {
        /// `isPlain`: without quotes, so that it may be meant as a number, a truth value or nothing.
        case text(String, isPlain: Bool)
        case list([YAMLNode])
        /// Keys are different from each other, and in the document's order.
        case mapping([(key: String, place: TextPlace, value: YAMLNode)])
    }
    let content: Content
    let place: TextPlace

    /// What it is, in a message.
    var kind: String {
        switch content {
        case .text(let text, true) where Self.nothing.contains(text): "no value"
        case .text(let text, true) where Self.truths.contains(text): "\(text), which is no text without quotes"
        case .text: "a text"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }
    // YAML 1.2's core schema.
    static let truths: Set<String> = ["true", "True", "TRUE", "false", "False", "FALSE"]
    static let nothing: Set<String> = ["", "~", "null", "Null", "NULL"]
}

extension YAMLNode {
    /// A mapping, a section in it, a list in that, its text: nothing needs more.
    static let mostDepth = 4

    /// The one document of a file; nil where there is nothing but comments.
    static func read(_ bytes: [UInt8]) throws(YAMLError) -> YAMLNode? {
        let events = try YAMLEvents(bytes)
        var root: YAMLNode?
        while let event = try events.next() {
            if root != nil { throw YAMLError(place: event.place, sentence: "another document; one is allowed") }
            root = try node(event, events, depth: 1)
        }
        return root
    }

    private static func node(_ event: YAMLEvents.Event, _ events: YAMLEvents, depth: Int) throws(YAMLError) -> YAMLNode {
        guard depth <= mostDepth else { throw YAMLError(place: event.place, sentence: "too deep; what is allowed: options, and sections of options") }
        switch event.kind {
        case .text(let text, let isPlain): return YAMLNode(content: .text(text, isPlain: isPlain), place: event.place)
        case .list:
            var items: [YAMLNode] = []
            while let next = try events.next(), next.kind != .end { items.append(try node(next, events, depth: depth + 1)) }
            return YAMLNode(content: .list(items), place: event.place)
        case .mapping:
            var entries: [(key: String, place: TextPlace, value: YAMLNode)] = [], lines: [String: Int] = [:]
            while let next = try events.next(), next.kind != .end {
                guard case .text(let key, _) = next.kind else { throw YAMLError(place: next.place, sentence: "a list or mapping for a key; a name is allowed") }
                if let line = lines[key] { throw YAMLError(place: next.place, sentence: "\(key): is in line \(line) already") }
                lines[key] = next.place.line
                guard let value = try events.next(), value.kind != .end else { break }
                entries.append((key, next.place, try node(value, events, depth: depth + 1)))
            }
            return YAMLNode(content: .mapping(entries), place: event.place)
        case .end: throw YAMLError(place: event.place, sentence: "an end without a beginning")
        }
    }
}
