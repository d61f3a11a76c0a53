import Foundation
import MachineBase

/// Text for people goes to stderr, data to stdout. Neither traps when the reader has gone.
enum Console {
    /// Why data did not all arrive at stdout; a reader that went away is not counted.
    nonisolated(unsafe) private(set) static var lostData: String?

    // Whatever names and others' text a line has in it, it stays one line, and steers no terminal.
    static func error(_ sentence: String) { write("m4run: \(ForeignText.line(sentence, keepingTabs: true))\n", to: 2) }
    static func note(_ line: String) { write(ForeignText.line(line, keepingTabs: true) + "\n", to: 2) }
    /// Text of several lines. Names in it have to have passed through `ForeignText.line`, lest they make lines of their own.
    static func report(_ lines: String) { write("m4run: \(ForeignText.lines(lines))\n", to: 2) }
    static func notes(_ lines: String) { write(ForeignText.lines(lines) + "\n", to: 2) }
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
}
