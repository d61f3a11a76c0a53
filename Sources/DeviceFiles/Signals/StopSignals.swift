// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import MachineBase
import Synchronization

/// The signals that would end the process (`EndingSignals`) as a wish to end in order: something that a poll sees, and that others are told of.
///
/// Signals within a second of the first are the same wish: coreutils' `timeout` signals its child and then the child's group, a terminal
/// and a supervisor may both send one. A later signal, or an urgent one, ends the process at once, by that signal; what is in `Leavings` is taken away.
public final class StopSignals: Sendable {
    /// Where a poll sees that a signal has come; `take` says which.
    let descriptor: Int32
    private let state: State
    /// The pipe's end for the handler, which can be given nothing.
    nonisolated(unsafe) private static var pipeEnd: Int32 = -1
    /// What signals had before, by number; for the handler, too.
    nonisolated(unsafe) private static let before: UnsafeMutablePointer<sigaction> = {
        let actions = UnsafeMutablePointer<sigaction>.allocate(capacity: 65)
        actions.initialize(repeating: sigaction(), count: 65)
        return actions
    }()
    /// Nanoseconds in which a signal is the same wish as the first.
    private static let oneWish: UInt64 = 1_000_000_000

    /// What the thread has that waits for signals.
    private final class State: Sendable {
        let listeners = Mutex<[@Sendable (Int32) -> Void]>([])
        let urgent = Mutex<@Sendable (Int32) -> Void>({ StopSignals.die($0) })
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
                if EndingSignals.isUrgent(number) { urgent.withLock({ $0 })(number) }
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

    /// - Parameter always: signals that are heard even where a parent ignores them, as a shell does SIGINT of what runs in the background.
    ///   The others stay ignored then, as nohup wants SIGHUP.
    /// - Throws: `DeviceFilesError` when there are no pipes, or no thread, to be had.
    public init(always: [Int32] = [SIGINT, SIGTERM]) throws(DeviceFilesError) {
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
        for number in EndingSignals.all {
            var previous = sigaction()
            sigaction(number, nil, &previous)
            switch Self.address(previous) {
            case unsafeBitCast(SIG_DFL, to: Int.self): break
            case unsafeBitCast(SIG_IGN, to: Int.self): guard always.contains(number) else { continue }
            // A timer that ends the process.
            default: if number == SIGALRM { continue }
            }
            sigaddset(&waiting, number)
            // The language's own backtrace, perhaps.
            Self.before[Int(number)] = previous
            var action = sigaction()
            action.__sigaction_handler.sa_sigaction = Self.handler
            // Also of a stack that is full, if there is another.
            action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK
            sigaction(number, &action, nil)
        }
        // A parent with threads may have left them blocked.
        pthread_sigmask(SIG_UNBLOCK, &waiting, nil)
    }

    /// Sends the number on. A fault of the program's own ends it as ever, and a file that has reached its limit is the write's affair (EFBIG).
    private static let handler: @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void = { number, info, _ in
        // What was interrupted may be about to look at it.
        let before = errno
        defer { errno = before }
        let isSent = info.map { $0.pointee.si_code <= 0 } ?? false
        if !isSent || info?.pointee._sifields._kill.si_pid == getpid() {
            if number == SIGXFSZ { return }
            if number == SIGILL || number == SIGTRAP || number == SIGABRT || number == SIGBUS || number == SIGFPE || number == SIGSEGV || number == SIGSYS {
                sigaction(number, StopSignals.before + Int(number), nil)
                // A fault comes again by itself.
                if isSent { kill(getpid(), number) }
                return
            }
        }
        var byte = UInt8(truncatingIfNeeded: number)
        _ = Glibc.write(StopSignals.pipeEnd, &byte, 1)
    }

    /// Of what a signal has for a handler; `SIG_DFL` and `SIG_IGN` are numbers, too.
    private static func address(_ action: sigaction) -> Int { unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) }

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

    /// Has an urgent signal told to `listener`, which ends the process, instead of `die`; on another thread.
    public func onUrgent(_ listener: @escaping @Sendable (Int32) -> Never) { state.urgent.withLock { $0 = { listener($0) } } }

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
        // To this thread, and so before the call comes back.
        raise(number)
        _exit(128 + number)
    }

    deinit {
        for number in EndingSignals.all {
            var action = sigaction()
            sigaction(number, nil, &action)
            if Self.address(action) == unsafeBitCast(Self.handler, to: Int.self) { sigaction(number, Self.before + Int(number), nil) }
        }
        // The thread reads the end, and goes.
        let end = Self.pipeEnd
        Self.pipeEnd = -1
        close(end)
        close(descriptor)
    }
}
