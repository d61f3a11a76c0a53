// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import Synchronization

/// What this process has in the file system for as long as it lives: mounts, sockets, links, folders, files that are not whole yet.
///
/// Whoever makes something enters how it is taken away, and crosses it out when that has been done. Where the process ends without
/// coming to that, at a limit or a second signal, all of it is taken away here, the newest first. Every call is for any thread.
public enum Leavings {
    /// What is there, for whoever makes something: see `making`.
    public struct Entries: ~Copyable {
        private var next = 0
        private var undone: [(number: Int, undo: @Sendable () -> Void)] = []
        /// Everything has been taken away, and the process is about to be gone.
        fileprivate var isOver = false

        /// - Parameter undo: takes away what was made, if it is still there. It may know nothing that another thread changes, and must not
        ///   come back to `Leavings`.
        /// - Returns: what `forget` wants.
        public mutating func add(_ undo: @escaping @Sendable () -> Void) -> Int {
            next += 1
            undone.append((next, undo))
            return next
        }

        public mutating func forget(_ number: Int) { undone.removeAll { $0.number == number } }

        fileprivate mutating func takeAway(_ number: Int) {
            guard let index = undone.firstIndex(where: { $0.number == number }) else { return }
            undone.remove(at: index).undo()
        }

        fileprivate mutating func takeAway() {
            isOver = true
            while let last = undone.popLast() { last.undo() }
        }
    }
    /// In an object: of a `static let` that is a Mutex itself, Swift 6.3.1's optimizer reads what it was made with.
    private final class Shared: Sendable {
        private let lock = Mutex(())
        /// Touched by who has the lock. (What a Mutex holds itself could not be lent to a caller's closure.)
        nonisolated(unsafe) private var entries = Entries()

        func withLock<Made, Failure: Error>(_ body: (inout Entries) throws(Failure) -> Made) throws(Failure) -> Made {
            var result: Result<Made, Failure>?
            lock.withLock { _ in
                do throws(Failure) { result = .success(try body(&entries)) } catch { result = .failure(error) }
            }
            return try result.unsafelyUnwrapped.get()
        }
    }
    private static let shared = Shared()

    /// Makes something and enters it in one: whatever ends the process finds neither or both. After that end began nothing is made any
    /// more, and the thread does not come back.
    ///
    /// - Parameter body: makes something, and adds it. It is waited for by what ends the process, and must not come back to `Leavings`.
    public static func making<Made, Failure: Error>(_ body: (inout Entries) throws(Failure) -> Made) throws(Failure) -> Made {
        let made = try shared.withLock { entries throws(Failure) in entries.isOver ? nil : try body(&entries) }
        guard let made else { while true { pause() } }
        return made
    }

    /// What has been made before, or is not there yet.
    ///
    /// - Returns: what `forget` wants.
    public static func add(_ undo: @escaping @Sendable () -> Void) -> Int { making { $0.add(undo) } }

    /// It has been taken away, or is to stay.
    public static func forget(_ number: Int) { shared.withLock { $0.forget(number) } }

    /// Takes it away now, and crosses it out: what ends the process meanwhile waits, and finds it done.
    public static func takeAway(_ number: Int) { shared.withLock { $0.takeAway(number) } }

    /// Takes everything away; for the end of the process.
    public static func takeAway() { shared.withLock { $0.takeAway() } }
}
