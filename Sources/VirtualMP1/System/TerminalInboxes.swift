// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import RprocHost

/// What has come on each tty and waits for `Terminal.read`.
final class TerminalInboxes {
    /// As much waits on one tty; more is cut off with the driver's "Trunc buffer" line.
    private static let limit = 16 << 20
    /// Whether anything is kept; a listener of the events has it in any case.
    var keeps = true
    struct State: Equatable, Sendable {
        /// By number of the tty.
        var queues: [ByteQueue] = []
    }
    var state = State()

    /// Keeps what has come.
    /// - Returns: how much of it; all, where nothing is kept.
    func add(_ bytes: UnsafeRawBufferPointer, tty: Int) -> Int {
        guard keeps else { return bytes.count }
        while state.queues.count <= tty { state.queues.append(ByteQueue()) }
        let room = max(0, Self.limit - state.queues[tty].count)
        state.queues[tty].append(UnsafeRawBufferPointer(rebasing: bytes.prefix(room)))
        return min(room, bytes.count)
    }

    /// Bytes that wait.
    func count(_ tty: Int) -> Int { state.queues.indices.contains(tty) ? state.queues[tty].count : 0 }

    /// Looks at all that waits. `bytes` is gone when the call returns.
    func withBytes<Result>(_ tty: Int, _ body: (_ bytes: UnsafeRawBufferPointer) -> Result) -> Result {
        state.queues.indices.contains(tty) ? state.queues[tty].withBytes(body) : body(UnsafeRawBufferPointer(start: nil, count: 0))
    }

    func removeFirst(_ count: Int, of tty: Int) {
        if state.queues.indices.contains(tty) { state.queues[tty].removeFirst(count) }
    }
}
