// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The inode numbers of a file system's paths: given at a lookup, never given twice, and forgotten when the kernel has forgotten them.
struct FuseNodes {
    static let root: UInt64 = 1
    /// `FUSE_UNKNOWN_INO`, for an entry of a folder that nobody has looked up.
    private static let unknown: UInt64 = 0xFFFF_FFFF
    private var paths: [UInt64: (path: String, lookups: UInt64, isFile: Bool)] = [:]
    private var numbers: [String: UInt64] = [:]
    private var next: UInt64 = 2

    func path(_ number: UInt64) -> String? { number == Self.root ? "" : paths[number]?.path }

    /// Whether it was a regular file when it was looked up: who has it open can ask about it when it is gone.
    func wasFile(_ number: UInt64) -> Bool { paths[number]?.isFile ?? false }

    /// The number for a folder's listing.
    func number(_ path: String) -> UInt64 { path.isEmpty ? Self.root : numbers[path] ?? Self.unknown }

    mutating func lookUp(_ path: String, isFile: Bool) -> UInt64 {
        if let number = numbers[path] {
            paths[number]?.lookups &+= 1
            return number
        }
        let number = next
        next &+= 1
        if next == Self.unknown { next &+= 1 }
        numbers[path] = number
        paths[number] = (path, 1, isFile)
        return number
    }

    mutating func forget(_ number: UInt64, _ lookups: UInt64) {
        guard let node = paths[number] else { return }
        if lookups < node.lookups {
            paths[number]?.lookups -= lookups
        } else {
            paths[number] = nil
            numbers[node.path] = nil
        }
    }
}
