// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A packet's text, read from its beginning: numbers, names, separators.
struct PacketReader {
    private let bytes: ArraySlice<UInt8>
    private var place: Int

    init(_ bytes: ArraySlice<UInt8>) { (self.bytes, place) = (bytes, bytes.startIndex) }

    var isAtEnd: Bool { place >= bytes.endIndex }
    /// All that has not been read.
    var rest: ArraySlice<UInt8> { bytes[place...] }
    var next: UInt8? { isAtEnd ? nil : bytes[place] }

    /// Takes `character`, if it comes next.
    mutating func take(_ character: Character) -> Bool {
        guard let next, next == character.asciiValue else { return false }
        place += 1
        return true
    }

    mutating func takeByte() -> UInt8? {
        guard let next else { return nil }
        place += 1
        return next
    }

    /// Takes all of `text`, or nothing.
    mutating func take(_ text: String) -> Bool {
        let wanted = text.utf8
        guard bytes[place...].starts(with: wanted) else { return false }
        place += wanted.count
        return true
    }

    /// A hexadecimal number of 64 bits at most; nil where there is none, or a larger one.
    mutating func number() -> UInt64? {
        var value: UInt64 = 0, end = place
        while end < bytes.endIndex, let digit = Hex.digit(bytes[end]) {
            guard value >> 60 == 0 else { return nil }
            value = value << 4 | UInt64(digit)
            end += 1
        }
        guard end > place else { return nil }
        place = end
        return value
    }

    /// The same, as an address.
    mutating func address() -> UInt32? { number().flatMap { UInt32(exactly: $0) } }

    /// The text up to `separator`, which is taken too, or to the end.
    mutating func text(to separator: Character) -> ArraySlice<UInt8> {
        let end = rest.firstIndex { $0 == separator.asciiValue } ?? bytes.endIndex
        defer { place = min(bytes.endIndex, end + 1) }
        return bytes[place..<end]
    }

    /// All that follows.
    mutating func remaining() -> ArraySlice<UInt8> {
        defer { place = bytes.endIndex }
        return rest
    }
}
