// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc
import MachineBase
import Synchronization

/// The socket of a guest's second terminal, by a name in a folder; for one connection at a time, of this user's.
///
/// QEMU takes the connections. The name goes with this object, and with the process if that is killed.
public final class TerminalSocket: Sendable {
    public let path: String
    let listener: OwnedDescriptor
    private let watch: EndWatch?
    private let isThere = Mutex(true)
    /// sizeof sun_path, with the NUL.
    private static let longestPath = 108

    /// - Throws: `.socket` with what is wrong with the path.
    public init(_ path: String) throws(GuestError) {
        let whole = URL(fileURLWithPath: path).path
        self.path = whole
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(whole.utf8)
        guard name.count < Self.longestPath else { throw .socket(path, "a path of \(name.count) bytes: a socket's has \(Self.longestPath - 1) at most") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        var info = stat()
        if lstat(whole, &info) == 0 { throw .socket(path, "is there already; take it away, or give another name") }
        let number = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw .system("a socket", errno) }
        listener = OwnedDescriptor(number)
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) } == 0
        }
        guard isBound else { throw .socket(path, String(cString: strerror(errno))) }
        // Nobody is let in before it listens.
        guard chmod(whole, 0o600) == 0, listen(number, 1) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(whole)
            throw .socket(path, reason)
        }
        watch = EndWatch(name: whole)
    }

    /// Takes the name away.
    public func close() {
        let wasThere = isThere.withLock { isThere in
            defer { isThere = false }
            return isThere
        }
        guard wasThere else { return }
        unlink(path)
        watch?.dismiss()
    }
    deinit { close() }
}
