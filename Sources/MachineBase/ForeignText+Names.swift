// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Bytes that need not be UTF-8 as a `String`; of names a different one for every name.
extension ForeignText {
    /// What somebody has printed: what is UTF-8 stays, any other byte is `\xNN`.
    public static func text(_ bytes: some Sequence<UInt8>) -> String {
        let bytes = Array(bytes)
        return String(validating: bytes, as: UTF8.self) ?? pieces(bytes[...]).reduce(into: "") { out, piece in
            switch piece {
            case .scalar(let scalar): out.unicodeScalars.append(scalar)
            case .byte(let byte): out += ascii(bytes: CollectionOfOne(byte))
            }
        }
    }

    /// What is UTF-8 stays; any other byte is `\xNN`, and a backslash in front of what would read as such an escape is `\x5c`.
    public static func name(_ bytes: some Sequence<UInt8>) -> String { name(Array(bytes), showing: false) }

    /// The same with the bytes of what steers a terminal as `\xNN`, too.
    static func nameLine(_ bytes: [UInt8]) -> String { name(bytes, showing: true) }

    /// The same in ASCII: `\xNN` is any byte that is not printable.
    public static func component(_ bytes: some Sequence<UInt8>) -> String {
        let bytes = Array(bytes)
        return bytes.indices.reduce(into: "") { out, index in
            let isAmbiguous = bytes[index] == 0x5C && hexadecimal(bytes[(index + 1)...]) != nil
            out += isAmbiguous ? "\\x5c" : ascii(bytes: CollectionOfOne(bytes[index]))
        }
    }

    /// The bytes of a name from its text: `\xNN` is that byte.
    static func bytes(ofName text: some Sequence<UInt8>) -> [UInt8] {
        var out: [UInt8] = [], rest = Array(text)[...]
        while let byte = rest.popFirst() {
            guard byte == 0x5C, let digits = hexadecimal(rest) else {
                out.append(byte)
                continue
            }
            out.append(digits)
            rest = rest.dropFirst(3)
        }
        return out
    }

    private static func name(_ bytes: [UInt8], showing: Bool) -> String {
        // Firmware's names are plain, nearly all of them.
        if !bytes.contains(where: { $0 == 0x5C || $0 < 0x20 || $0 >= 0x7F }) { return String(decoding: bytes, as: UTF8.self) }
        var out = "", position = 0
        for piece in pieces(bytes[...]) {
            switch piece {
            case .byte(let byte):
                out += ascii(bytes: CollectionOfOne(byte))
                position += 1
            case .scalar("\\"):
                position += 1
                out += hexadecimal(bytes[position...]) != nil ? "\\x5c" : "\\"
            case .scalar(let scalar):
                out += showing && isSteering(scalar) ? escapes(of: scalar) : String(scalar)
                position += UTF8.width(scalar)
            }
        }
        return out
    }

    /// A steering character's bytes; none of them is printable ASCII.
    private static func escapes(of scalar: Unicode.Scalar) -> String { ascii(bytes: String(scalar).utf8) }

    private enum Piece { case scalar(Unicode.Scalar), byte(UInt8) }

    /// Characters, and bytes that belong to none.
    private static func pieces(_ bytes: ArraySlice<UInt8>) -> [Piece] {
        var out: [Piece] = [], rest = bytes
        while let byte = rest.first {
            // A decoder of its own for each, so that a bad one says how many bytes are to blame: the first.
            var iterator = rest.makeIterator(), decoder = UTF8()
            if case .scalarValue(let scalar) = decoder.decode(&iterator) {
                out.append(.scalar(scalar))
                rest.removeFirst(UTF8.width(scalar))
            } else {
                out.append(.byte(byte))
                rest.removeFirst()
            }
        }
        return out
    }

    /// The byte of `xNN` at the beginning of `text`.
    private static func hexadecimal(_ text: ArraySlice<UInt8>) -> UInt8? {
        guard text.count >= 3, text.first == 0x78 else { return nil }
        let digits = text.dropFirst().prefix(2).compactMap { Character(Unicode.Scalar($0)).isASCII ? Character(Unicode.Scalar($0)).hexDigitValue : nil }
        return digits.count == 2 ? UInt8(digits[0] << 4 | digits[1]) : nil
    }
}
