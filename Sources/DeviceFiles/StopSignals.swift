import Glibc
import Synchronization

/// SIGINT, SIGTERM and SIGHUP as a wish to end in order: something that a poll sees, and that others are told of.
///
/// Signals within a second of the first are the same wish: coreutils' `timeout` signals its child and then the child's group, a terminal
/// and a supervisor may both send one. A later signal ends the process at once, by that signal; what is in `Leavings` is taken away.
public final class StopSignals: Sendable {
    /// Where a poll sees that a signal has come; `take` says which.
    let descriptor: Int32
    private let state: State
    private static let numbers = [SIGINT, SIGTERM, SIGHUP]
    /// The pipe's end for the handler, which can be given nothing.
    nonisolated(unsafe) private static var pipeEnd: Int32 = -1
    /// Nanoseconds in which a signal is the same wish as the first.
    private static let oneWish: UInt64 = 1_000_000_000

    /// What the thread has that waits for signals.
    private final class State: Sendable {
        let listeners = Mutex<[@Sendable (Int32) -> Void]>([])
        let first = Atomic<Int32>(0)
        /// The ends of two pipes: from the handler to the thread, from the thread to whoever polls.
        let incoming: Int32, outgoing: Int32
        init(_ incoming: Int32, _ outgoing: Int32) { (self.incoming, self.outgoing) = (incoming, outgoing) }

        func wait() {
            var since: UInt64 = 0
            while true {
                var byte: UInt8 = 0
                let count = read(incoming, &byte, 1)
                if count < 0 && errno == EINTR { continue }
                guard count == 1 else { break }
                let number = Int32(byte)
                if first.load(ordering: .relaxed) != 0 {
                    if WallTime.now - since >= StopSignals.oneWish { StopSignals.die(number) }
                    continue
                }
                since = WallTime.now
                first.store(number, ordering: .releasing)
                _ = Glibc.write(outgoing, &byte, 1)
                // The newest first: the oldest may take its time, where it has no thread for that.
                for listener in listeners.withLock({ $0 }).reversed() { listener(number) }
            }
            close(incoming)
            close(outgoing)
        }
    }

    /// - Parameter keepsIgnored: the signals which, where a parent ignores them (as nohup does), stay ignored.
    /// - Throws: `DeviceFilesError` when there are no pipes, or no thread, to be had.
    public init(keepsIgnored: [Int32] = [SIGHUP]) throws(DeviceFilesError) {
        let toThread = try Self.pipe(), toPoll: (read: Int32, write: Int32)
        do throws(DeviceFilesError) { toPoll = try Self.pipe() } catch {
            close(toThread.read)
            close(toThread.write)
            throw error
        }
        // The handler must not block, the poll's reader neither.
        Descriptor.prepare(toThread.write)
        Descriptor.prepare(toPoll.read)
        descriptor = toPoll.read
        state = State(toThread.read, toPoll.write)
        let state = state
        guard DetachedThread.start({ state.wait() }) else {
            // The end for the poll is closed by deinit, also here.
            for end in [toThread.read, toThread.write, toPoll.write] { close(end) }
            throw DeviceFilesError("a thread for signals: \(String(cString: strerror(EAGAIN)))")
        }
        Self.pipeEnd = toThread.write
        var waiting = sigset_t()
        sigemptyset(&waiting)
        for number in Self.numbers {
            sigaddset(&waiting, number)
            let previous = signal(number, SIG_DFL)
            if unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self), keepsIgnored.contains(number) {
                signal(number, SIG_IGN)
                continue
            }
            signal(number) { number in
                // What was interrupted may be about to look at it.
                let before = errno
                defer { errno = before }
                var byte = UInt8(truncatingIfNeeded: number)
                _ = Glibc.write(StopSignals.pipeEnd, &byte, 1)
            }
        }
        // A parent with threads may have left them blocked.
        pthread_sigmask(SIG_UNBLOCK, &waiting, nil)
    }

    private static func pipe() throws(DeviceFilesError) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw .system("a pipe for signals") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// Has the first signal told to `listener`, on another thread, or at once when it has come; where both happen together, twice.
    public func onFirst(_ listener: @escaping @Sendable (Int32) -> Void) {
        state.listeners.withLock { $0.append(listener) }
        // It may have come just before.
        if let first { listener(first) }
    }

    /// The signal that has come.
    public var first: Int32? {
        let number = state.first.load(ordering: .acquiring)
        return number == 0 ? nil : number
    }

    /// The number of a signal that has come, once.
    func take() -> Int32? {
        guard case .bytes(let bytes) = Descriptor.read(descriptor, 1) else { return nil }
        return bytes.first.map(Int32.init)
    }

    /// Ends the process as `number` would have ended it unhandled, without what is in `Leavings`.
    public static func die(_ number: Int32) -> Never {
        // Should a file system hang.
        LastMoment.exit(128 + number, in: 2_000_000_000)
        Leavings.takeAway()
        signal(number, SIG_DFL)
        var waiting = sigset_t()
        sigemptyset(&waiting)
        sigaddset(&waiting, number)
        pthread_sigmask(SIG_UNBLOCK, &waiting, nil)
        kill(getpid(), number)
        // Delivered to another thread: it takes a moment.
        usleep(100_000)
        _exit(128 + number)
    }

    deinit {
        for number in Self.numbers { signal(number, SIG_DFL) }
        // The thread reads the end, and goes.
        let end = Self.pipeEnd
        Self.pipeEnd = -1
        close(end)
        close(descriptor)
    }
}
