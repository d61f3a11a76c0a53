// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CLinuxBridge
import Glibc

/// A file descriptor that is closed with its owner. None is handed on to programs that this process starts, except where a list says so.
public final class OwnedDescriptor: Sendable {
    public let number: Int32

    /// Takes over an open descriptor.
    init(_ number: Int32) { self.number = number }
    deinit { close(number) }

    /// A file without a name, of `size` bytes that are zero: it goes when nobody has it open or mapped, whatever becomes of this process.
    static func memory(_ name: String, size: Int) throws(GuestError) -> OwnedDescriptor {
        let number = linux_bridge_memory(name, UInt64(clamping: size))
        guard number >= 0 else { throw .system("\(size) bytes of memory for \(name)", -number) }
        return OwnedDescriptor(number)
    }

    /// Such a file with `bytes` in it.
    static func memory(_ name: String, _ bytes: [UInt8]) throws(GuestError) -> OwnedDescriptor {
        let file = try memory(name, size: bytes.count)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { pwrite(file.number, $0.baseAddress?.advanced(by: done), bytes.count - done, off_t(done)) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .system("memory for \(name)", errno) }
            done += count
        }
        return file
    }

    /// Two sockets that are each other's ends.
    static func socketPair() throws(GuestError) -> (ours: OwnedDescriptor, theirs: OwnedDescriptor) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw .system("a pair of sockets", errno)
        }
        return (OwnedDescriptor(ends[0]), OwnedDescriptor(ends[1]))
    }

    static func open(_ path: String, _ flags: Int32) throws(GuestError) -> OwnedDescriptor {
        let number = Glibc.open(path, flags | O_CLOEXEC)
        guard number >= 0 else { throw .system(path, errno) }
        return OwnedDescriptor(number)
    }

    /// All that is in a file, up to `limit` bytes.
    func contents(limit: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = pread(number, &bytes, limit, 0)
        return Array(bytes.prefix(max(0, count)))
    }

    /// Whether it can be read, or its other end is gone, within `milliseconds`; for ever when negative.
    func isReadable(within milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, milliseconds) > 0
    }
}
