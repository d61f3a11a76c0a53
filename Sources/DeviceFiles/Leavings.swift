import Synchronization

/// What this process has in the file system for as long as it lives: mounts, sockets, links, folders, files that are not whole yet.
///
/// Whoever makes something enters how it is taken away, and crosses it out when that has been done. Where the process ends without
/// coming to that, at a limit or a second signal, all of it is taken away here, the newest first. Every call is for any thread.
public enum Leavings {
    private struct Entries: ~Copyable {
        var next = 0
        var undone: [(number: Int, undo: @Sendable () -> Void)] = []
    }
    /// In an object: of a `static let` that is a Mutex itself, Swift 6.3.1's optimizer reads what it was made with.
    private final class Shared: Sendable { let entries = Mutex(Entries()) }
    private static let shared = Shared()

    /// - Parameter undo: takes away what was made, if it is still there. It may know nothing that another thread changes, and must not
    ///   come back to `Leavings`.
    /// - Returns: what `forget` wants.
    public static func add(_ undo: @escaping @Sendable () -> Void) -> Int {
        shared.entries.withLock { entries in
            entries.next += 1
            entries.undone.append((entries.next, undo))
            return entries.next
        }
    }

    /// It has been taken away, or is to stay.
    public static func forget(_ number: Int) {
        shared.entries.withLock { $0.undone.removeAll { $0.number == number } }
    }

    /// Takes it away now, and crosses it out: what ends the process meanwhile waits, and finds it done.
    public static func takeAway(_ number: Int) {
        shared.entries.withLock { entries in
            guard let index = entries.undone.firstIndex(where: { $0.number == number }) else { return }
            entries.undone.remove(at: index).undo()
        }
    }

    /// Takes everything away; for the end of the process. What another thread makes meanwhile waits.
    public static func takeAway() {
        shared.entries.withLock { entries in
            while let last = entries.undone.popLast() { last.undo() }
        }
    }
}
