// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import MachineBase

/// A request: `fuse_in_header` and what follows it.
struct FuseRequest {
    /// Numbers of `enum fuse_opcode`.
    enum Operation: UInt32 {
        case lookup = 1, forget = 2, getattr = 3, setattr = 4, readlink = 5, symlink = 6, mknod = 8, mkdir = 9, unlink = 10, rmdir = 11, rename = 12, link = 13, open = 14, read = 15, write = 16, statfs = 17, release = 18, fsync = 20
        case flush = 25, initialize = 26, opendir = 27, readdir = 28, releasedir = 29, access = 34, interrupt = 36
        case create = 35, destroy = 38, batchForget = 42, rename2 = 45
    }
    static let headerSize = 40
    static let replyHeaderSize = 16

    let opcode: UInt32
    let unique: UInt64
    let node: UInt64
    let body: [UInt8]

    init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.headerSize else { return nil }
        opcode = Self.load(bytes, 4)
        unique = Self.load(bytes, 8)
        node = Self.load(bytes, 16)
        body = Array(bytes[Self.headerSize...])
    }

    /// A field of the body; 0 behind its end.
    func u32(_ offset: Int) -> UInt32 { Self.load(body, offset) }
    func u64(_ offset: Int) -> UInt64 { Self.load(body, offset) }
    /// The body as a name that ends with NUL.
    /// As a tree's paths have it.
    var name: String { ForeignName(bytes: body.prefix { $0 != 0 }).component }

    private static func load<T: FixedWidthInteger>(_ bytes: [UInt8], _ offset: Int) -> T {
        guard offset >= 0, offset + MemoryLayout<T>.size <= bytes.count else { return 0 }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) }
    }
}

/// A reply's bytes, in the machine's own order as the protocol has them.
struct FuseReply {
    var bytes: [UInt8] = []
    mutating func u16(_ value: UInt16) { append(value) }
    mutating func u32(_ value: UInt32) { append(value) }
    mutating func u64(_ value: UInt64) { append(value) }
    private mutating func append<T: FixedWidthInteger>(_ value: T) { withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) } }

    /// `fuse_attr`; `size` in place of what `stat` shows of a file.
    mutating func attributes(_ number: UInt64, _ node: ControlTree.Node, size other: UInt64? = nil) {
        var mode = UInt32(S_IFDIR) | 0o755, size: UInt64 = 0
        switch node {
        case .folder: break
        case .file(let file): (mode, size) = (UInt32(S_IFREG) | file.mode, other ?? file.size)
        case .link(let target): (mode, size) = (UInt32(S_IFLNK) | 0o777, UInt64(target.utf8.count))
        }
        u64(number)
        u64(size)
        for _ in 0..<4 { u64(0) }
        for _ in 0..<3 { u32(0) }
        u32(mode)
        u32(1)
        u32(getuid())
        u32(getgid())
        u32(0)
        u32(4096)
        u32(0)
    }
}
