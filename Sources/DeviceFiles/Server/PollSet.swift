// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// What `poll(2)` waits for, and what it found.
struct PollSet {
    private var entries: [pollfd] = []

    mutating func clear() { entries.removeAll(keepingCapacity: true) }

    mutating func add(_ descriptor: Int32, _ events: Int32) {
        guard descriptor >= 0 else { return }
        entries.append(pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: events), revents: 0))
    }

    /// Waits for `milliseconds` at most.
    mutating func wait(_ milliseconds: Int32) {
        // Interrupted is as good as nothing found.
        if poll(&entries, nfds_t(entries.count), milliseconds) < 0 {
            for index in entries.indices { entries[index].revents = 0 }
        }
    }

    var hasFound: Bool { entries.contains { $0.revents != 0 } }

    /// What was found on `descriptor`; 0 for one that was not waited for.
    func found(_ descriptor: Int32) -> Int32 {
        for entry in entries where entry.fd == descriptor { return Int32(entry.revents) }
        return 0
    }
}

/// Something with descriptors that the one loop of a served run looks after.
protocol PollSource: AnyObject {
    /// Adds what it waits for now.
    func watch(_ set: inout PollSet)
    /// Handles what was found.
    /// - Returns: whether anything crossed between the outside and the machine.
    func serve(_ set: PollSet) -> Bool
}

/// Descriptors without blocking, closed at an exec.
enum Descriptor {
    /// How long who listens for clients does without, in nanoseconds, where no descriptor is left for one.
    static let rest: UInt64 = 20_000_000

    static func prepare(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    enum Reading { case bytes([UInt8]), nothing, end }

    static func read(_ descriptor: Int32, _ count: Int) -> Reading {
        var buffer = [UInt8](repeating: 0, count: count)
        let got = Glibc.read(descriptor, &buffer, count)
        if got > 0 { return .bytes(Array(buffer[..<got])) }
        if got < 0 && (errno == EAGAIN || errno == EINTR) { return .nothing }
        return .end
    }

    /// Bytes that went; -1 when nothing can go any more.
    static func write(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Int { bytes.withUnsafeBytes { write(descriptor, $0) } }

    static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        let count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        if count < 0 { return errno == EAGAIN || errno == EINTR ? 0 : -1 }
        return count
    }
}
