import Foundation

/// Text for people goes to stderr, data to stdout. Neither traps when the reader has gone.
enum Console {
    /// Why data did not all arrive at stdout; a reader that went away is not counted.
    nonisolated(unsafe) private(set) static var lostData: String?

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
                if count < 0 && errno == EAGAIN {
                    var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    if poll(&room, 1, -1) >= 0 { continue }
                }
                guard count > 0 else {
                    if descriptor == 1 && errno != EPIPE { lostData = String(cString: strerror(errno)) }
                    return
                }
                done += count
            }
        }
    }

    /// Text of the firmware's without what would steer a terminal; lines and tabs stay.
    static func visible(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { out, scalar in
            let steers = scalar.value < 0x20 && scalar != "\n" && scalar != "\t" || (0x7F..<0xA0).contains(scalar.value)
            if steers { out += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16) } else { out.unicodeScalars.append(scalar) }
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
