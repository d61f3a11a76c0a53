// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// A client: its session and its descriptors, which do not block.
final class DebugConnection {
    let session: DebugSession
    let input: Int32, output: Int32
    private var pending: [UInt8] = []
    private var sent = 0
    /// Nothing comes or goes any more.
    private(set) var isGone = false
    /// A client that does not read is not listened to while so many bytes wait for it.
    private static let mostPending = 1 << 20

    /// Owns the descriptors, but for standard input and output.
    init(_ session: DebugSession, input: Int32, output: Int32) { (self.session, self.input, self.output) = (session, input, output) }

    deinit {
        if input > 2 { close(input) }
        if output > 2, output != input { close(output) }
    }

    var wantsInput: Bool { pending.count - sent < Self.mostPending }
    var wantsOutput: Bool { sent < pending.count }
    /// The client is done, and has got all that was for it.
    var isOver: Bool { isGone || session.wantsClose && !wantsOutput && !session.hasOutput }

    /// Takes what has come.
    func receive() {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = read(input, &buffer, buffer.count)
        if count > 0 {
            session.receive(buffer[..<count])
        } else if count == 0 || errno != EAGAIN && errno != EINTR {
            isGone = true
        }
    }

    /// Sends what there is, in one write where the system takes it.
    func flush() {
        if session.hasOutput { pending += session.takeOutput() }
        while sent < pending.count, !isGone {
            let count = pending[sent...].withUnsafeBytes { bytes in
                // A socket that is gone is no signal's business.
                let result = send(output, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
                return result < 0 && errno == ENOTSOCK ? write(output, bytes.baseAddress, bytes.count) : result
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return }
            guard count > 0 else {
                isGone = true
                break
            }
            sent += count
        }
        pending.removeAll(keepingCapacity: pending.count < 65536)
        sent = 0
    }
}
