// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// Which terminals some program has open still, though they have been hung up.
///
/// The kernel tells by inotify when a terminal's file in /dev/pts goes for good, which is at the last close of whoever has it open. Where that cannot
/// be had no terminal counts as open.
final class HeldTerminals {
    private let descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    /// Ports' numbers by the watch of their terminal.
    private var ports: [Int32: Int] = [:]

    /// Watches the terminal at `path`, which is there, for the port `index`.
    func watch(_ path: String, port index: Int) {
        guard descriptor >= 0 else { return }
        let watch = inotify_add_watch(descriptor, path, UInt32(IN_DELETE_SELF))
        if watch >= 0 { ports[watch] = index }
    }

    /// Whether a terminal that the port had is open somewhere. Not for a port that has one.
    func isHeld(_ index: Int) -> Bool {
        forgetClosed()
        return ports.values.contains(index)
    }

    /// Takes what inotify has to say: a watch ends with its file.
    private func forgetClosed() {
        guard descriptor >= 0, !ports.isEmpty else { return }
        let header = MemoryLayout<inotify_event>.size
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count >= header else { return }
            buffer.withUnsafeBytes { bytes in
                var at = 0
                while at + header <= count {
                    let event = bytes.loadUnaligned(fromByteOffset: at, as: inotify_event.self)
                    if event.mask & UInt32(IN_IGNORED) != 0 { ports[event.wd] = nil }
                    at += header + Int(event.len)
                }
            }
        }
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }
}
