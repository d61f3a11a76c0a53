// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// What is in a folder, and in those in it.
public enum FolderWalk {
    /// More is not looked at.
    private static let most = 100_000

    public struct Entry: Sendable {
        /// Relative to the folder; what is not UTF-8 in it has become U+FFFD, and `isNamed` is false.
        public let path: String
        public let isNamed: Bool
        /// As lstat has it: of a link, not of where it leads.
        public let mode: UInt32
        public var kind: UInt32 { mode & S_IFMT }
    }

    /// Files, folders, links and all else below `folder`, in no order; links are not followed. Nil where it is no folder that can be read.
    public static func entries(below folder: String) -> [Entry]? {
        guard let top = names(folder) else { return nil }
        var found: [Entry] = [], open = [(prefix: "", names: top)]
        while found.count < most, let inner = open.popLast() {
            for (name, isNamed) in inner.names where found.count < most {
                var status = stat()
                let path = inner.prefix + name
                guard isNamed else {
                    found.append(Entry(path: path, isNamed: false, mode: 0))
                    continue
                }
                guard lstat("\(folder)/\(path)", &status) == 0 else { continue }
                let entry = Entry(path: path, isNamed: true, mode: status.st_mode)
                found.append(entry)
                if entry.kind == S_IFDIR { open.append(("\(path)/", names("\(folder)/\(path)") ?? [])) }
            }
        }
        return found
    }

    /// Paths of files and folders relative to `folder`; nil as above.
    public static func paths(below folder: String) -> [String]? { entries(below: folder)?.filter(\.isNamed).map(\.path) }

    private static func names(_ folder: String) -> [(String, Bool)]? {
        guard let stream = opendir(folder) else { return nil }
        defer { closedir(stream) }
        var found: [(String, Bool)] = []
        while let entry = readdir(stream), found.count < most {
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if bytes == [0x2E] || bytes == [0x2E, 0x2E] { continue }
            found.append((String(decoding: bytes, as: UTF8.self), String(validating: bytes, as: UTF8.self) != nil))
        }
        return found
    }
}
