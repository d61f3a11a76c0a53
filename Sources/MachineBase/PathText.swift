// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Parts of a path, as text; no file is looked at.
public enum PathText {
    /// What follows the last slash; slashes at the end do not count. `/` of the root.
    public static func name(_ path: String) -> String {
        guard let last = path.split(separator: "/").last else { return path.isEmpty ? "" : "/" }
        return String(last)
    }

    /// The path without its name: empty for a name alone, `/` for what is in the root.
    public static func folder(_ path: String) -> String {
        var rest = Substring(path)
        func dropSlashes() { while rest.utf8.count > 1, rest.utf8.last == UInt8(ascii: "/") { rest.removeLast() } }
        dropSlashes()
        guard let slash = rest.lastIndex(of: "/") else { return "" }
        rest = rest[...slash]
        dropSlashes()
        return String(rest)
    }

    /// A name without what follows its last dot, unless nothing precedes that or follows it.
    public static func withoutExtension(_ name: String) -> String {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex, name.index(after: dot) != name.endIndex else { return name }
        return String(name[..<dot])
    }

    /// A name in a folder; an empty folder is the one at hand.
    public static func joined(_ folder: String, _ name: String) -> String {
        folder.isEmpty || folder.utf8.last == UInt8(ascii: "/") ? folder + name : folder + "/" + name
    }
}
