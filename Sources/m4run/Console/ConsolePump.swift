// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceFiles
import Dispatch
import FoundationEssentials
import Glibc
import LinuxGuest
import MachineBase
import Synchronization

/// Carries bytes between a Linux guest and this process' terminal or pipes, on a thread of its own.
///
/// Without a script the guest's console is stdin and stdout; a terminal is raw meanwhile, so that Ctrl-C reaches the guest, and Ctrl-A x ends it.
/// With one, what the script prints comes on stdout.
final class ConsolePump: Sendable {
    private let guest: RunningGuest
    private let hasScript: Bool, showsConsole: Bool, keepsOutput: Bool
    private struct State {
        var wantsEnd = false
        var hasTerminal = false
        var reports: [GuestReport] = []
        /// The console's newest bytes.
        var tail: [UInt8] = []
        var isDone = false
        /// What the script has printed, where it is kept.
        var output: Answers
        var hasTyped = false
    }
    private let state: Mutex<State>
    private let done = DispatchSemaphore(value: 0)
    private static let mostTail = 8192

    /// - Parameter keepsOutput: what the script prints is kept, and does not come on stdout.
    init(_ guest: RunningGuest, hasScript: Bool, showsConsole: Bool, keepsOutput: Bool) {
        (self.guest, self.hasScript, self.showsConsole, self.keepsOutput) = (guest, hasScript, showsConsole, keepsOutput)
        state = Mutex(State(output: Answers(keeps: keepsOutput)))
    }

    /// What the script has printed so far.
    var output: Answers { state.withLock { $0.output } }
    /// Whether a script has printed something, or somebody has typed.
    var isAlive: Bool { state.withLock { $0.output.count > 0 || $0.hasTyped } }

    /// Ctrl-A x was typed, or nobody can type any more.
    var wantsEnd: Bool { state.withLock { $0.wantsEnd } }
    /// The terminal that was typed at has hung up; SIGHUP may be ignored, or come later.
    var terminalHasGone: Bool {
        guard state.withLock({ $0.hasTerminal }) else { return false }
        var entry = pollfd(fd: 0, events: 0, revents: 0)
        return poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLHUP) != 0
    }
    var reports: [GuestReport] { state.withLock { $0.reports } }
    /// The last lines of the console, in one; a panic's first, which says why.
    var tail: String? {
        let bytes = state.withLock { $0.tail }
        let all = ForeignText.text(bytes).split { $0.isNewline }
        let panic = all.lastIndex { $0.contains("Kernel panic") }
        let lines = (panic.map { all[$0...].prefix(4) } ?? all.suffix(6)).map { ForeignText.line($0) }
        return lines.isEmpty ? nil : lines.joined(separator: " | ")
    }

    func start() throws {
        let terminal = hasScript ? nil : RawTerminal(0)
        state.withLock { $0.hasTerminal = terminal != nil }
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
        // Typed, and not yet taken by the guest. While there is some no more is read.
        var typed: [UInt8] = [], input = sources[3].fd
        // At the guest's end console and output are at theirs.
        while sources[0].fd >= 0 || sources[1].fd >= 0 {
            sources[0].events = Int16(typed.isEmpty ? POLLIN : POLLIN | POLLOUT)
            sources[3].fd = typed.isEmpty ? input : -1
            guard poll(&sources, nfds_t(sources.count), -1) >= 0 else {
                if errno == EINTR { continue }
                return
            }
            if sources[0].revents & Int16(POLLOUT) != 0 { type(&typed) }
            if sources[0].revents & ~Int16(POLLOUT) != 0, !takeConsole() {
                sources[0].fd = -1
                typed = []
            }
            if sources[1].revents != 0, !takeOutput() { sources[1].fd = -1 }
            if sources[2].revents != 0 {
                let new = guest.reports()
                state.withLock { $0.reports += new }
                if sources[2].revents & Int16(POLLHUP | POLLERR) != 0 { sources[2].fd = -1 }
            }
            if sources[3].fd >= 0, sources[3].revents != 0 {
                let bytes = piece(0)
                let (forGuest, ends) = keys.take(bytes ?? [])
                typed = forGuest
                if !forGuest.isEmpty { state.withLock { $0.hasTyped = true } }
                if bytes == nil { input = -1 }
                // At its end a terminal has gone: nobody could end the guest any more. A pipe's end is not the guest's.
                state.withLock { if ends || bytes == nil && $0.hasTerminal { $0.wantsEnd = true } }
            }
            if wantsEnd { return }
        }
    }

    /// Gives the guest what it takes now. It may be busy with what it prints, which has to be read meanwhile.
    private func type(_ bytes: inout [UInt8]) {
        let count = bytes.withUnsafeBytes { send(guest.console, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)) }
        if count > 0 { bytes.removeFirst(count) } else if errno != EAGAIN && errno != EINTR { bytes = [] }
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
        if !hasScript { Console.data(bytes) } else if showsConsole { Console.notes(ForeignText.text(bytes.filter { $0 != UInt8(ascii: "\r") })) }
        return true
    }

    private func takeOutput() -> Bool {
        guard let output = guest.output, let bytes = piece(output) else { return false }
        state.withLock { $0.output.add(bytes) }
        if !keepsOutput { Console.data(bytes) }
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
