// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// An ELF string table: NUL-terminated names, looked up by the offset of their first byte. Source: System V ABI, chapter 4.
public struct StringTable: Sendable {
    /// The table's bytes.
    public let bytes: ArraySlice<UInt8>

    /// A name that goes on longer has none here: a table without NULs is not searched to its end for each of many names.
    public static let longestName = 16_384

    public init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// The name at `offset`; nil past the table, or when no NUL ends the name inside it. Bytes that are not UTF-8 are `\xNN`, see `ForeignText.name`.
    public subscript(offset: UInt32) -> String? {
        guard Int(offset) < bytes.count else { return nil }
        let tail = bytes.dropFirst(Int(offset)).prefix(Self.longestName)
        guard let end = tail.firstIndex(of: 0) else { return nil }
        return ForeignText.name(tail[..<end])
    }
}
