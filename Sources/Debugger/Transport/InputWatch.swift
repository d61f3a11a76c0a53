// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import MachineBase
import Synchronization

/// Sees, from a thread of its own, that a client says something while the core runs, and has the machine look up.
final class InputWatch: Sendable {
    private let descriptors = Mutex<[Int32]>([])
    private let isArmed = Atomic<Bool>(false)
    private let wanted = Atomic<Bool>(false)
    private let hasEnded = Atomic<Bool>(false)
    private let wakeRead: Int32, wakeWrite: Int32
    /// Nanoseconds between two calls to a machine that does not come.
    private static let insistence: UInt64 = 5_000_000

    /// - Parameter interrupt: makes the machine come back; called again and again until it has.
    init(interrupt: @escaping @Sendable () -> Void) throws(DebugServerError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw DebugServerError("a pipe: \(String(cString: strerror(errno)))") }
        (wakeRead, wakeWrite) = (ends[0], ends[1])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(wakeWrite, F_SETFL, fcntl(wakeWrite, F_GETFL) | O_NONBLOCK)
        guard DetachedThread.start({ [self] in watch(interrupt) }) else {
            close(wakeRead)
            close(wakeWrite)
            throw DebugServerError("a thread for clients: \(String(cString: strerror(EAGAIN)))")
        }
    }

    /// Whether the machine is to look up.
    var isWanted: Bool { wanted.load(ordering: .acquiring) }
    /// The machine has looked.
    func noteLook() { wanted.store(false, ordering: .releasing) }

    func setDescriptors(_ list: [Int32]) {
        descriptors.withLock { $0 = list }
        // A poll that is under way has the former ones.
        if isArmed.load(ordering: .relaxed) { wake() }
    }

    /// The machine is about to run for long.
    func arm() {
        guard !isArmed.load(ordering: .relaxed) else { return }
        isArmed.store(true, ordering: .relaxed)
        wake()
    }

    /// No descriptor is looked at from here on.
    func end() {
        hasEnded.store(true, ordering: .releasing)
        setDescriptors([])
        wake()
    }

    private func wake() {
        var byte: UInt8 = 0
        _ = write(wakeWrite, &byte, 1)
    }

    private func watch(_ interrupt: @Sendable () -> Void) {
        var byte: UInt8 = 0
        while !hasEnded.load(ordering: .acquiring) {
            let count = read(wakeRead, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            guard count == 1, !hasEnded.load(ordering: .acquiring) else { break }
            while true {
                var set = descriptors.withLock { $0 }.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
                set.append(pollfd(fd: wakeRead, events: Int16(POLLIN), revents: 0))
                let found = poll(&set, nfds_t(set.count), -1)
                if found < 0 && errno == EINTR { continue }
                guard let own = set.last, own.revents != 0, !hasEnded.load(ordering: .acquiring) else { break }
                _ = read(wakeRead, &byte, 1)
            }
            isArmed.store(false, ordering: .relaxed)
            wanted.store(true, ordering: .releasing)
            while wanted.load(ordering: .acquiring), !hasEnded.load(ordering: .acquiring) {
                interrupt()
                WallTime.sleep(until: WallTime.now + Self.insistence)
            }
        }
        close(wakeRead)
        close(wakeWrite)
    }
}
