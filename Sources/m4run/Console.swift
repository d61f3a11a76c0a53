import Foundation

/// Text for people goes to stderr, data to stdout. Neither traps when the reader has gone.
enum Console {
    static func error(_ text: String) { write("m4run: \(text)\n", to: 2) }
    static func note(_ line: String) { write(line + "\n", to: 2) }
    static func data(_ bytes: [UInt8]) { write(bytes, to: 1) }
    static func data(_ text: String) { write(text, to: 1) }

    private static func write(_ text: String, to descriptor: Int32) { write(Array(text.utf8), to: descriptor) }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = Foundation.write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return }
                done += count
            }
        }
    }

    /// Bytes of a message as a person reads them: quoted, with escapes, cut at `limit` bytes.
    static func quoted(_ bytes: [UInt8], limit: Int = 72) -> String {
        var text = "\""
        for byte in bytes.prefix(limit) {
            switch byte {
            case 0x0A: text += "\\n"
            case 0x0D: text += "\\r"
            case 0x09: text += "\\t"
            case 0x22, 0x5C: text += "\\" + String(UnicodeScalar(byte))
            case 0x20..<0x7F: text += String(UnicodeScalar(byte))
            default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return text + (bytes.count > limit ? "…\" (\(bytes.count) bytes)" : "\"")
    }
}
