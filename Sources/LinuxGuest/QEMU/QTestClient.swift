// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Synchronization

/// QEMU's qtest protocol, beside the translator: the level of an interrupt line, a word of the machine. For any thread.
///
/// Source: QEMU softmmu/qtest.c. Each command is answered when it has been done, so what a caller sets is set when this returns.
public final class QTestClient: Sendable {
    private struct State: ~Copyable {
        let socket: LineSocket
        var levels: [Int: Bool] = [:]
    }
    private let state: Mutex<State>
    private let patience: Int32 = 30_000

    init(_ descriptor: sending OwnedDescriptor) { state = Mutex(State(socket: LineSocket(descriptor))) }

    /// Sets an input of a device; a level that it has already is not sent.
    /// - Parameters:
    ///   - path: the device's in QEMU's object tree.
    ///   - line: of its unnamed inputs; of the GIC, the shared interrupt's number.
    /// - Returns: false when QEMU is no longer there.
    @discardableResult
    func setLine(_ path: String, _ line: Int, _ level: Bool) -> Bool {
        state.withLock { state in
            if state.levels[line, default: false] == level { return true }
            state.levels[line] = level
            return Self.ask(state.socket, "set_irq_in \(path) unnamed-gpio-in \(line) \(level ? 1 : 0)", patience)
        }
    }

    /// Writes to the machine's physical memory, 2 or 4 bytes.
    func write(_ address: UInt32, _ value: UInt32, size: Int = 4) -> Bool {
        state.withLock { Self.ask($0.socket, "write\(size == 2 ? "w" : "l") 0x\(String(address, radix: 16)) 0x\(String(value, radix: 16))", patience) }
    }

    private static func ask(_ socket: LineSocket, _ command: String, _ patience: Int32) -> Bool {
        socket.send(command) && socket.line(within: patience)?.hasPrefix("OK") == true
    }
}
