import DeviceFiles
import Foundation
import LinuxGuest
import MachineBase
import Synchronization

/// Carries bytes between a Linux guest and this process' terminal or pipes, on a thread of its own.
///
/// Without a script the guest's console is stdin and stdout; a terminal is raw meanwhile, so that Ctrl-C reaches the guest, and Ctrl-A x ends it.
/// With one, what the script prints comes on stdout.
final class ConsolePump: Sendable {
    private let guest: RunningGuest
    private let hasScript: Bool, showsConsole: Bool
    private struct State {
        var wantsEnd = false
        var reports: [GuestReport] = []
        /// The console's newest bytes.
        var tail: [UInt8] = []
        var isDone = false
    }
    private let state = Mutex(State())
    private let done = DispatchSemaphore(value: 0)
    private static let mostTail = 2048

    init(_ guest: RunningGuest, hasScript: Bool, showsConsole: Bool) {
        (self.guest, self.hasScript, self.showsConsole) = (guest, hasScript, showsConsole)
    }

    /// Ctrl-A x was typed.
    var wantsEnd: Bool { state.withLock { $0.wantsEnd } }
    var reports: [GuestReport] { state.withLock { $0.reports } }
    /// The last lines of the console, in one.
    var tail: String? {
        let bytes = state.withLock { $0.tail }
        let lines = String(decoding: bytes, as: UTF8.self).split { $0.isNewline }.suffix(6).map { ForeignText.line($0) }
        return lines.isEmpty ? nil : lines.joined(separator: " | ")
    }

    func start() throws {
        let terminal = hasScript ? nil : RawTerminal(0)
        guard DetachedThread.start({ [self] in
            run()
            terminal?.restore()
            done.signal()
        }) else {
            terminal?.restore()
            throw UsageError("no thread for the guest's console: \(String(cString: strerror(EAGAIN)))")
        }
    }

    /// Waits until all that the guest has said is on its way; after its end.
    func finish() { _ = done.wait(timeout: .now() + 2) }

    private func run() {
        var sources = [
            pollfd(fd: guest.console, events: Int16(POLLIN), revents: 0), pollfd(fd: guest.output ?? -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: guest.control, events: Int16(POLLIN), revents: 0), pollfd(fd: hasScript ? -1 : 0, events: Int16(POLLIN), revents: 0),
        ]
        var keys = EscapeKeys()
        // At the guest's end console and output are at theirs.
        while sources[0].fd >= 0 || sources[1].fd >= 0 {
            guard poll(&sources, nfds_t(sources.count), -1) >= 0 else {
                if errno == EINTR { continue }
                return
            }
            if sources[0].revents != 0, !takeConsole() { sources[0].fd = -1 }
            if sources[1].revents != 0, !takeOutput() { sources[1].fd = -1 }
            if sources[2].revents != 0 {
                let new = guest.reports()
                state.withLock { $0.reports += new }
                if sources[2].revents & Int16(POLLHUP | POLLERR) != 0 { sources[2].fd = -1 }
            }
            if sources[3].revents != 0, !takeInput(&keys) { sources[3].fd = -1 }
            if wantsEnd { return }
        }
    }

    private func piece(_ descriptor: Int32) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            return count > 0 ? Array(buffer[..<count]) : nil
        }
    }

    private func takeConsole() -> Bool {
        guard let bytes = piece(guest.console) else { return false }
        state.withLock { $0.tail = Array(($0.tail + bytes).suffix(Self.mostTail)) }
        // The guest's terminal is this terminal: what commands it is the user's own Linux.
        if !hasScript { Console.data(bytes) } else if showsConsole { Console.notes(String(decoding: bytes, as: UTF8.self).replacingOccurrences(of: "\r", with: "")) }
        return true
    }

    private func takeOutput() -> Bool {
        guard let output = guest.output, let bytes = piece(output) else { return false }
        Console.data(bytes)
        return true
    }

    /// False at the end of input; the guest's console goes on.
    private func takeInput(_ keys: inout EscapeKeys) -> Bool {
        guard let bytes = piece(0) else { return false }
        let (typed, ends) = keys.take(bytes)
        var rest = typed[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(guest.console, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        if ends { state.withLock { $0.wantsEnd = true } }
        return true
    }
}

/// Ctrl-A x ends, Ctrl-A Ctrl-A is one Ctrl-A: QEMU's own keys.
struct EscapeKeys {
    private var isEscaped = false
    private static let escape: UInt8 = 1

    /// What of `bytes` is for the guest, and whether the end was asked for.
    mutating func take(_ bytes: [UInt8]) -> (typed: [UInt8], ends: Bool) {
        var typed: [UInt8] = []
        for byte in bytes {
            if isEscaped {
                isEscaped = false
                if byte == UInt8(ascii: "x") || byte == UInt8(ascii: "X") { return (typed, true) }
                typed.append(byte)
            } else if byte == Self.escape {
                isEscaped = true
            } else {
                typed.append(byte)
            }
        }
        return (typed, false)
    }
}
