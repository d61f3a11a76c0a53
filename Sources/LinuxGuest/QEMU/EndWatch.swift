// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CLinuxBridge
import FoundationEssentials
import Glibc
import Synchronization

/// A small process that puts in order what this one leaves if it is killed: the settings of a terminal, the name of a socket.
public final class EndWatch: Sendable {
    private let place: Mutex<(life: Int32, process: Int32)?>

    /// - Parameters:
    ///   - before, during: the terminal's settings as they were, and as this process has made them.
    /// - Returns: nil where the system has no process for it; then nobody puts them in order.
    public init?(terminal: Int32, before: termios, during: termios) {
        var before = before, during = during, process: Int32 = 0
        let life = linux_bridge_watch_end(terminal, &before, &during, nil, &process)
        guard life >= 0 else { return nil }
        place = Mutex((life, process))
    }

    /// - Parameter name: a file's path, absolute.
    public init?(name: String) {
        var process: Int32 = 0
        let life = linux_bridge_watch_end(-1, nil, nil, name, &process)
        guard life >= 0 else { return nil }
        place = Mutex((life, process))
    }

    /// There is nothing left to put in order.
    public func dismiss() {
        guard let (life, process) = place.withLock({ place in
            defer { place = nil }
            return place
        }) else { return }
        linux_bridge_dismiss(life, process)
    }

    deinit { dismiss() }
}
