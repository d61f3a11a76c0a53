import Glibc

/// SIGINT, SIGTERM and SIGHUP as something that a poll sees. A second one ends the process at once.
final class StopSignals {
    /// Where a signal's number can be read.
    let descriptor: Int32
    private let writing: Int32
    private static let numbers = [SIGINT, SIGTERM, SIGHUP]
    /// The pipe's end for the handler, which can be given nothing.
    nonisolated(unsafe) private static var pipeEnd: Int32 = -1

    init() throws(DeviceFilesError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .system("a pipe for signals") }
        (descriptor, writing) = (ends[0], ends[1])
        Descriptor.prepare(descriptor)
        Descriptor.prepare(writing)
        Self.pipeEnd = writing
        var waiting = sigset_t()
        sigemptyset(&waiting)
        for number in Self.numbers {
            sigaddset(&waiting, number)
            // What a parent ignores (nohup) stays ignored.
            let previous = signal(number, SIG_DFL)
            if unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self), number == SIGHUP {
                signal(number, SIG_IGN)
                continue
            }
            signal(number) { number in
                // What was interrupted may be about to look at it.
                let before = errno
                defer { errno = before }
                var byte = UInt8(truncatingIfNeeded: number)
                _ = Glibc.write(StopSignals.pipeEnd, &byte, 1)
                Glibc.signal(number, SIG_DFL)
            }
        }
        // A parent with threads may have left them blocked.
        pthread_sigmask(SIG_UNBLOCK, &waiting, nil)
    }

    /// The number of a signal that has come.
    func take() -> Int32? {
        guard case .bytes(let bytes) = Descriptor.read(descriptor, 1) else { return nil }
        return bytes.first.map(Int32.init)
    }

    deinit {
        for number in Self.numbers { signal(number, SIG_DFL) }
        Self.pipeEnd = -1
        close(descriptor)
        close(writing)
    }
}
