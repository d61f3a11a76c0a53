// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import VirtualMP1

/// Texts that somebody waits for, in all that firmware says: messages, trace buffers, and each of its other outputs by itself.
struct HeardTexts {
    enum Source: Equatable { case messages, output(M4Board.TextSource) }

    private let texts: [String]
    /// Of `texts`, those that were in a trace buffer, or are a channel's name.
    private var seen: Set<Int> = []
    private var searches: [(source: Source, searches: [TextSearch])] = []

    init(_ texts: [String] = []) { self.texts = texts }

    var isEmpty: Bool { texts.isEmpty }

    mutating func add(_ bytes: [UInt8], from source: Source) {
        guard !texts.isEmpty else { return }
        let index = searches.firstIndex { $0.source == source } ?? searches.count
        if index == searches.count { searches.append((source, texts.map(TextSearch.init))) }
        for text in texts.indices { searches[index].searches[text].add(bytes) }
    }

    /// A line of a trace buffer, which may soon be gone from there.
    mutating func add(line: String) {
        for (index, text) in texts.enumerated() where line.contains(text) { seen.insert(index) }
    }

    /// Looks at the names of channels and at whole trace buffers, as they are now.
    mutating func look(_ system: MP1System) {
        for (index, text) in texts.enumerated() where !seen.contains(index) {
            let isNamed = system.linux.channels.contains { $0.name == ForeignName(shown: text) }
            if isNamed || (0..<system.linux.traceBuffers.count).contains(where: { system.trace($0)?.contains(text) == true }) { seen.insert(index) }
        }
    }

    func has(_ text: String) -> Bool { texts.indices.contains { texts[$0] == text && isFound($0) } }

    /// The first of `wanted` that has not come.
    func missing(of wanted: [String]) -> String? { wanted.first { !has($0) } }

    private func isFound(_ index: Int) -> Bool { seen.contains(index) || searches.contains { $0.searches[index].isFound } }
}
