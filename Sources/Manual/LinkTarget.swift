// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Where a link of a page leads, for a reader who cannot follow it.
enum LinkTarget: Equatable {
    /// A page, `m4run-causes` and `7`, and perhaps an entry of it.
    case page(String, section: String, entry: String?)
    /// Elsewhere on the same page.
    case here
    /// A document of the repository, by its path there.
    case document(String)
    case web(String)

    /// - Parameter target: as a page of docs/reference has it.
    init(_ target: String) {
        if target.contains("://") {
            self = .web(target)
            return
        }
        let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let path = parts[0], entry = parts.count > 1 ? parts[1] : nil
        guard !path.isEmpty else {
            self = .here
            return
        }
        if !path.contains("/"), path.hasSuffix(".md") {
            let stem = path.dropLast(3)
            if let dot = stem.lastIndex(of: ".") {
                self = .page(String(stem[..<dot]), section: String(stem[stem.index(after: dot)...]), entry: entry)
                return
            }
        }
        var folders = ["docs", "reference"]
        for part in path.split(separator: "/") {
            if part == ".." {
                if !folders.isEmpty { folders.removeLast() }
            } else if part != "." {
                folders.append(String(part))
            }
        }
        self = .document(folders.joined(separator: "/"))
    }

    enum Reader { case terminal, man }

    /// What to put behind a link's text in parentheses; nil where the text says it already.
    func note(behind text: String, for reader: Reader) -> String? {
        switch self {
        case .here: return nil
        case .web(let address): return text == address ? nil : address
        case .document(let path): return text == path ? nil : path
        case .page(let name, let section, let entry):
            if text.contains("\(name)(\(section))") || text == entry { return nil }
            let topic = ManualPage.topic(name)
            if reader == .man { return "\(name)(\(section))" }
            return text == topic ? nil : "m4run help \(topic)"
        }
    }
}
