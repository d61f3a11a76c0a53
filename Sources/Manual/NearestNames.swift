// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What somebody may have meant who wrote a name that there is not.
public enum NearestNames {
    /// Names at most a third of the word's letters away, or that have it in them; the nearest first.
    public static func of(_ word: String, among names: some Sequence<String>, count: Int = 3) -> [String] {
        let letters = Array(word.lowercased().unicodeScalars.prefix(longest))
        let limit = max(1, letters.count / 3)
        return names.compactMap { name -> (distance: Int, name: String)? in
            let other = Array(name.lowercased().unicodeScalars.prefix(longest))
            let distance = distance(letters, other)
            // A name of which no letter is the word's is not near, however short both are.
            if distance <= limit, distance < max(letters.count, other.count) { return (distance, name) }
            // Whole words of it: `masked` for `mailbox-masked`.
            return letters.count > 2 && name.lowercased().contains(word.lowercased()) ? (limit + 1, name) : nil
        }
        .enumerated().sorted { ($0.element.distance, $0.offset) < ($1.element.distance, $1.offset) }
        .prefix(count).map(\.element.name)
    }

    /// Longer words are compared by their beginnings.
    private static let longest = 64

    /// Letters to put in, take out or replace.
    private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        var row = Array(0...b.count)
        for i in a.indices {
            var diagonal = row[0]
            row[0] = i + 1
            for j in b.indices {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1))
                diagonal = above
            }
        }
        return row[b.count]
    }
}
