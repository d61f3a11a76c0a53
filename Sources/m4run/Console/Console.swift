// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceFiles
import FoundationEssentials
import Glibc
import MachineBase
import Synchronization

/// Text for people goes to stderr, data to stdout. Neither traps when the reader has gone.
///
/// Commands that run firmware write through an `OutputQueue`: who does not read holds virtual time up, and neither signals nor --timeout.
enum Console {
    nonisolated(unsafe) private static var queues: (out: OutputQueue, err: OutputQueue)?
    /// The errno of a write to stdout or stderr that failed where it was written at once.
    nonisolated(unsafe) private static var failures: [Int32: Int32] = [:]
    /// Whether writing waits while a queue is full. A served run has others to look after: it lets virtual time wait instead.
    nonisolated(unsafe) static var waitsForReaders = true
    /// Whether the terminal is raw: what this process says itself then brings its own carriage returns.
    static var isRaw: Bool {
        get { raw.isOn.load(ordering: .relaxed) }
        set { raw.isOn.store(newValue, ordering: .relaxed) }
    }
    /// In an object, see `Supervisor`.
    private final class RawFlag: Sendable { let isOn = Atomic<Bool>(false) }
    private static let raw = RawFlag()
    /// Told, where writing does not wait, that a queue is full now.
    nonisolated(unsafe) static var onFull: (() -> Void)?

    // Whatever names and others' text a line has in it, it stays one line, and steers no terminal.
    static func error(_ sentence: String) { note("m4run: " + sentence, .error) }
    static func note(_ line: String, _ role: Style.Role = .plain) {
        write(Style.paint(ForeignText.line(line, keepingTabs: true), role, on: 2) + "\n", to: 2)
    }
    /// Text of several lines, whose first says what it is about. Names in it have to have passed through `ForeignText.line`, lest they make
    /// lines of their own.
    static func report(_ lines: String, _ role: Style.Role = .error) {
        let text = ForeignText.lines("m4run: " + lines), first = text.prefix { $0 != "\n" }
        write(Style.paint(String(first), role, on: 2) + text[first.endIndex...] + "\n", to: 2)
    }
    /// Lines, each of them painted.
    static func notes(_ lines: String, _ role: Style.Role = .plain) {
        let lines = ForeignText.lines(lines).split(separator: "\n", omittingEmptySubsequences: false)
        write(lines.map { Style.paint(String($0), role, on: 2) + "\n" }.joined(), to: 2)
    }
    static func notes(_ lines: [ReportLine]) { write(painted(lines, on: 2), to: 2) }
    /// A report that is what the command is for.
    static func data(_ lines: [ReportLine]) { write(painted(lines, on: 1), to: 1) }
    private static func painted(_ lines: [ReportLine], on descriptor: Int32) -> String {
        lines.map { Style.paint($0.text, Style.Role($0.tone), on: descriptor) + "\n" }.joined()
    }
    static func data(_ bytes: [UInt8]) { write(bytes, to: 1) }
    static func data(_ text: String) { write(text, to: 1) }
    /// For `ProgressLine` alone: its own words, to a terminal.
    static func progress(_ text: String) { write(text, to: 2) }

    /// Whether somebody can still read what goes to stdout: a pipe's reader may have gone, a disk be full.
    ///
    /// - Parameter input: what to wait for in the meantime; it is there to be read, or at its end, when the answer is true.
    static func hasReader(whileWaitingFor input: Int32? = nil) -> Bool {
        guard lostData == nil else { return false }
        // A descriptor of -1 is passed over; errors of stdout come unasked.
        var looked = [pollfd(fd: 1, events: 0, revents: 0), pollfd(fd: input ?? -1, events: Int16(POLLIN), revents: 0)]
        while poll(&looked, 2, input == nil ? 0 : -1) < 0 { if errno != EINTR { return true } }
        return looked[0].revents == 0
    }

    private static func write(_ text: String, to descriptor: Int32) {
        let needsReturns = isRaw && descriptor == 2 && isatty(2) != 0
        write(needsReturns ? text.utf8.flatMap { $0 == UInt8(ascii: "\n") ? [UInt8(ascii: "\r"), $0] : [$0] } : Array(text.utf8), to: descriptor)
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        guard let queues else { return writeAtOnce(bytes, to: descriptor) }
        let queue = descriptor == 1 ? queues.out : queues.err
        queue.add(bytes, to: descriptor) { waitsForReaders && Supervisor.cut == nil }
        if !waitsForReaders, let onFull, queue.isFull { onFull() }
    }

    // MARK: Readers that do not read

    /// From here on somebody else writes, in the order of the calls. Before the first call from another thread.
    static func startWriting() {
        guard queues == nil, let out = OutputQueue() else { return }
        guard !isOnePlace, let err = OutputQueue() else {
            queues = (out, out)
            return
        }
        queues = (out, err)
    }

    /// Whether stdout and stderr lead to the same file, pipe or terminal, where their order shows.
    private static var isOnePlace: Bool {
        var out = stat(), err = stat()
        return fstat(1, &out) == 0 && fstat(2, &err) == 0 && out.st_dev == err.st_dev && out.st_ino == err.st_ino
    }

    /// Whether somebody must read before more is said.
    static var isFull: Bool { queues.map { $0.out.isFull || $0.err.isFull } ?? false }
    /// Whether nobody can read any more what goes to stdout.
    static var readerHasGone: Bool { queues?.out.hasGone(1) ?? false }
    /// Bytes for stdout that have not gone yet.
    static var unreadData: Int { queues?.out.count(1) ?? 0 }
    /// Whether something for stdout has not gone yet.
    static var isDataWaiting: Bool { queues.map { $0.out.count(1) > 0 } ?? false }

    /// Waits until all has gone, for as long as `waits` says; asked with the bytes that have gone so far.
    /// - Returns: bytes for stdout, and for stderr, that have not.
    static func drain(waits: (UInt64) -> Bool) -> (out: Int, err: Int) {
        guard let queues else { return (0, 0) }
        _ = queues.out.drain(waits: waits)
        if queues.out !== queues.err { _ = queues.err.drain(waits: waits) }
        return (queues.out.count(1), queues.err.count(2))
    }

    /// Why data did not all arrive at stdout; a reader that went away is not counted.
    static var lostData: String? {
        if let number = failure(1) { return String(cString: strerror(number)) }
        guard let queue = queues?.out else { return nil }
        let count = queue.droppedCount(1)
        return count > 0 ? "\(count) bytes were dropped while nobody read" : nil
    }

    /// Whether messages did not arrive at stderr, for another reason than that their reader has gone or a terminal has hung up.
    static var hasLostMessages: Bool {
        guard let number = failure(2) else { return false }
        var info = stat()
        return !(number == EIO && fstat(2, &info) == 0 && info.st_mode & S_IFMT == S_IFCHR)
    }

    private static func failure(_ descriptor: Int32) -> Int32? {
        failures[descriptor] ?? (descriptor == 1 ? queues?.out : queues?.err)?.failure(descriptor)
    }

    /// Messages that found no room because nobody read them, in bytes.
    static var lostMessages: Int { queues?.err.droppedCount(2) ?? 0 }

    // MARK: Without a queue

    /// Writes what can go until `end`, all of it where somebody reads; for another thread than the machine's, when the process ends.
    ///
    /// - Parameter wholly: not to begin before a pipe has room for all of it: half an object of JSON is worse than none.
    static func sayNow(_ text: String, to descriptor: Int32 = 2, until end: UInt64, wholly: Bool = false) {
        var rest = Array(text.utf8)[...]
        while wholly, !hasRoom(descriptor, rest.count) {
            guard WallTime.now < end else { return }
            usleep(1000)
        }
        while !rest.isEmpty {
            let now = WallTime.now
            var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            let found = poll(&room, 1, end > now ? Int32(clamping: (end - now) / 1_000_000 + 1) : 0)
            if found < 0 && errno == EINTR { continue }
            guard found == 1, Int32(room.revents) & POLLOUT != 0 else { return }
            // With room for anything a pipe takes so much in one piece, and nobody waits.
            let piece = Array(rest.prefix(Self.pipePiece))
            let count = Glibc.write(descriptor, piece, piece.count)
            if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
    /// PIPE_BUF, and a page.
    private static let pipePiece = 4096
    /// F_GETPIPE_SZ, which Glibc's module lacks.
    private static let getPipeSize: Int32 = 1032

    /// Whether so many bytes go into a pipe without waiting, or as many as an empty one takes; true of what is no pipe.
    private static func hasRoom(_ descriptor: Int32, _ count: Int) -> Bool {
        var unread: Int32 = 0
        let size = Int(fcntl(descriptor, getPipeSize))
        guard size > 0, ioctl(descriptor, UInt(FIONREAD), &unread) == 0 else { return true }
        // Its pages may be half full each: what does not fit into the last begins another.
        return unread == 0 || size - 2 * Int(unread) >= count + pipePiece
    }

    private static func writeAtOnce(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = Glibc.write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
                if count < 0 && errno == EINTR { continue }
                if count < 0 && errno == EAGAIN {
                    var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    if poll(&room, 1, -1) >= 0 { continue }
                }
                guard count > 0 else {
                    if errno != EPIPE { failures[descriptor] = count == 0 ? EIO : errno }
                    return
                }
                done += count
            }
        }
    }
}
