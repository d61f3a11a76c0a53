// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Looks for a text in bytes that come in pieces, and keeps none of them: Knuth, Morris and Pratt's search.
struct TextSearch {
    let text: String
    private let wanted: [UInt8]
    /// For each length of a match under way, the longest shorter one that also fits.
    private let fallback: [Int]
    private var matched = 0
    private(set) var isFound = false

    init(_ text: String) {
        self.text = text
        let wanted = Array(text.utf8)
        var fallback = [Int](repeating: 0, count: wanted.count + 1), length = 0
        for index in wanted.indices.dropFirst() {
            while length > 0 && wanted[index] != wanted[length] { length = fallback[length] }
            if wanted[index] == wanted[length] { length += 1 }
            fallback[index + 1] = length
        }
        (self.wanted, self.fallback) = (wanted, fallback)
        isFound = wanted.isEmpty
    }

    mutating func add(_ bytes: [UInt8]) {
        if isFound { return }
        for byte in bytes {
            while matched > 0 && byte != wanted[matched] { matched = fallback[matched] }
            if byte == wanted[matched] { matched += 1 }
            if matched == wanted.count {
                isFound = true
                return
            }
        }
    }
}
