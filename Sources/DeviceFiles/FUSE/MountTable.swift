// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// What is mounted where, as `/proc/self/mountinfo` has it.
enum MountTable {
    /// The type of the file system whose root is at `path`, as in `fuse.m4run`; nil when nothing is mounted just there.
    ///
    /// The path's last part is not followed: what is mounted there may be dead.
    static func type(at path: String) -> String? {
        guard let slash = path.lastIndex(of: "/"), let resolved = realpath(slash == path.startIndex ? "/" : String(path[..<slash]), nil) else { return nil }
        let folder = String(cString: resolved)
        free(resolved)
        let point = (folder == "/" ? "" : folder) + path[slash...]
        guard let file = fopen("/proc/self/mountinfo", "re") else { return nil }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?, room = 0
        defer { free(line) }
        var found: String?
        while getline(&line, &room, file) > 0, let text = line.map({ String(cString: $0) }) {
            // "36 35 98:0 /root /mount/point rw,noatime master:1 - type source options"; the last of a place is the one on top.
            let fields = text.split(separator: " ")
            guard fields.count > 5, unescaped(fields[4]) == point, let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count else { continue }
            found = String(fields[dash + 1])
        }
        return found
    }

    /// Space, tab, newline and backslash come as `\040` and so on.
    private static func unescaped(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.first {
            if byte == 0x5C, rest.count >= 4, let code = UInt8(String(decoding: rest.dropFirst().prefix(3), as: UTF8.self), radix: 8) {
                bytes.append(code)
                rest = rest.dropFirst(4)
            } else {
                bytes.append(byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
