// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// Lines of text over a socket, each way. Not for several threads.
final class LineSocket {
    let descriptor: OwnedDescriptor
    private var buffer: [UInt8] = []
    private(set) var isAtEnd = false
    /// In bytes; nobody that we talk to has longer ones.
    private static let longestLine = 1 << 20

    init(_ descriptor: OwnedDescriptor) { self.descriptor = descriptor }

    /// - Returns: whether all of it was taken.
    func send(_ line: String) -> Bool {
        let bytes = Array((line + "\n").utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.send(descriptor.number, $0.baseAddress?.advanced(by: done), bytes.count - done, Int32(MSG_NOSIGNAL)) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    /// The next line, without its end.
    /// - Parameter milliseconds: for each piece of it; negative is for ever, 0 takes what is there.
    /// - Returns: nil at the end, or when the time is over.
    func line(within milliseconds: Int32) -> String? {
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                let line = String(decoding: buffer[..<end].filter { $0 != 0x0D }, as: UTF8.self)
                buffer.removeSubrange(...end)
                return line
            }
            guard !isAtEnd, buffer.count < Self.longestLine, descriptor.isReadable(within: milliseconds) else { return nil }
            var piece = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor.number, &piece, piece.count, Int32(MSG_DONTWAIT))
            if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
            if count <= 0 { isAtEnd = true } else { buffer += piece.prefix(count) }
        }
    }
}
