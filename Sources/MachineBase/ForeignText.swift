// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Text that came from a guest, a file or a name, made fit for a person's terminal or page.
///
/// What would steer a terminal, forge a line or turn the reading direction is shown as an escape: C0 and C1 controls, DEL, line and
/// paragraph separators, and Unicode's format characters (bidirectional controls, zero-width characters, tags, soft hyphens). Bytes
/// that are not UTF-8 are shown one by one. What a person can read stays as it is.
public enum ForeignText {
    /// On one line: newlines are escaped, too, and tabs unless the line has no columns that one could forge.
    public static func line(_ text: some StringProtocol, keepingTabs: Bool = false) -> String { escaped(text, keeping: keepingTabs ? "\t" : "") }

    /// One line from bytes that need not be UTF-8.
    public static func line(bytes: some Sequence<UInt8>) -> String { decoded(bytes) }

    /// Newlines and tabs stay: for text that is meant to have lines.
    public static func lines(_ text: some StringProtocol) -> String { escaped(text, keeping: "\n\t") }

    /// As dmesg shows a name: every byte that is not printable ASCII as `\xNN`.
    public static func ascii(_ text: String) -> String {
        text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) ? text : ascii(bytes: text.utf8)
    }

    /// The same of bytes that need not be UTF-8.
    public static func ascii(bytes: some Sequence<UInt8>) -> String {
        bytes.reduce(into: "") { out, byte in
            if byte >= 0x20 && byte < 0x7F { out.unicodeScalars.append(Unicode.Scalar(byte)) } else { out += hexadecimal(byte) }
        }
    }

    /// Bytes of a message as a person reads them: in quotes, everything but printable ASCII escaped, cut at `limit` bytes.
    public static func quoted(_ bytes: some Collection<UInt8>, limit: Int = 72) -> String {
        var text = "\""
        for byte in bytes.prefix(limit) {
            switch byte {
            case 0x22, 0x5C: text += "\\" + String(UnicodeScalar(byte))
            case 0x20..<0x7F: text += String(UnicodeScalar(byte))
            default: text += escape(byte)
            }
        }
        return text + (bytes.count > limit ? "…\" (\(bytes.count) bytes)" : "\"")
    }

    /// Whether a terminal, a pager or a reader could take the character for more than itself.
    public static func isSteering(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x7F { return scalar.value < 0x20 }
        return switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    private static func escaped(_ text: some StringProtocol, keeping kept: String) -> String {
        guard text.unicodeScalars.contains(where: { isSteering($0) }) else { return String(text) }
        var out = ""
        for scalar in text.unicodeScalars { append(scalar, to: &out, keeping: kept) }
        return out
    }

    private static func decoded(_ bytes: some Sequence<UInt8>) -> String {
        var out = "", rest = Array(bytes)[...]
        while !rest.isEmpty {
            var iterator = rest.makeIterator()
            // A decoder of its own for each character, so that a bad one says how many bytes are to blame: the first.
            var decoder = UTF8()
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar):
                append(scalar, to: &out, keeping: "")
                rest.removeFirst(UTF8.width(scalar))
            case .error:
                out += escape(rest.removeFirst())
            case .emptyInput:
                return out
            }
        }
        return out
    }

    private static func append(_ scalar: Unicode.Scalar, to out: inout String, keeping kept: String) {
        if !isSteering(scalar) || kept.unicodeScalars.contains(scalar) {
            out.unicodeScalars.append(scalar)
        } else if scalar.value < 0x80 {
            out += escape(UInt8(scalar.value))
        } else {
            out += "\\u{" + String(scalar.value, radix: 16) + "}"
        }
    }

    private static func escape(_ byte: UInt8) -> String {
        switch byte {
        case 0x0A: "\\n"
        case 0x0D: "\\r"
        case 0x09: "\\t"
        default: hexadecimal(byte)
        }
    }

    private static func hexadecimal(_ byte: UInt8) -> String { "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16) }
}
