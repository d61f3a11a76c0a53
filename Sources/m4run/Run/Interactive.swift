// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc
import MachineBase
import VirtualMP1

/// Standard input to a tty, line by line, until its end.
///
/// Input enters at the virtual time at which the M4 has nothing more to answer: with input from a file the run is the same
/// every time. While a person thinks, virtual time follows in steps.
struct Interactive {
    let system: MP1System
    let terminal: Terminal
    /// Whether the run is to end, or nobody sees the answers any more.
    let isOver: () -> Bool
    private static let step = VirtualTime.milliseconds(20)
    /// A line that is longer goes in pieces, as a terminal's input does.
    private static let longestLine = 4096

    init(system: MP1System, terminal: Terminal, isOver: @escaping () -> Bool) {
        (self.system, self.terminal, self.isOver) = (system, terminal, isOver)
    }

    func run() throws(SystemError) {
        // What comes is shown as it comes; nobody reads it again.
        let keeps = system.keepsReceived
        system.keepsReceived = false
        defer { system.keepsReceived = keeps }
        var pending: [UInt8] = []
        while system.stopReason == nil && !system.limitReached && !isOver() {
            var done = 0
            while system.stopReason == nil, let end = pending[done...].firstIndex(of: 0x0A) {
                try exchange(Array(pending[done...end]))
                done = end + 1
            }
            pending.removeFirst(done)
            if pending.count >= Self.longestLine {
                try exchange(pending)
                pending = []
            }
            switch read(into: &pending) {
            case .data: continue
            case .nothing: system.run(for: Self.step)
            case .end:
                if !pending.isEmpty { try exchange(pending) }
                return
            }
        }
        if let reason = system.stopReason { throw .stopped(reason) }
        if isOver() { return }
        throw .timeout(waitingFor: "end of input", system.now)
    }

    private func exchange(_ line: [UInt8]) throws(SystemError) {
        let before = system.linux.messageCounts.received
        try terminal.send(line)
        system.run(for: .milliseconds(500)) { system.linux.messageCounts.received > before }
        system.run(for: .milliseconds(1))
        if let reason = system.stopReason { throw .stopped(reason) }
    }

    private enum Outcome { case data, nothing, end }

    private func read(into pending: inout [UInt8]) -> Outcome {
        var input = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
        let ready = poll(&input, 1, 20)
        if ready == 0 || (ready < 0 && errno == EINTR) { return .nothing }
        guard ready > 0 else { return .end }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(0, &buffer, buffer.count)
        if count < 0 && errno == EINTR { return .nothing }
        guard count > 0 else { return .end }
        pending.append(contentsOf: buffer[..<count])
        return .data
    }
}
