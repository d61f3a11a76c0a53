// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A name that firmware or a file has given something, as the kernel has it: bytes that need not be UTF-8, compared as bytes (`strcmp`).
///
/// A `String` would not do: it has no room for bytes that are not UTF-8, and takes two spellings of one accented letter for equal. Every
/// name has a text of its own, from which its bytes can be had again.
public struct ForeignName: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// Without a NUL at the end.
    public let bytes: [UInt8]

    public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
    public init(_ text: String) { self.init(bytes: text.utf8) }
    public init(stringLiteral text: String) { self.init(text) }

    /// As a user writes it who has seen it: `\xNN` is that byte.
    public init(shown text: String) { self.init(shown: text.utf8) }
    public init(shown text: some Sequence<UInt8>) { self.init(bytes: ForeignText.bytes(ofName: text)) }

    /// As programs read it: itself, but for bytes that are not UTF-8, which are `\xNN`, and a backslash that would begin such an escape, `\x5c`.
    public var text: String { ForeignText.name(bytes) }

    /// As people read it, on one line, fit for a terminal: the bytes of what steers one are `\xNN`, too.
    public var description: String { ForeignText.nameLine(bytes) }
}
