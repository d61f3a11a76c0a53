// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A root file system as the kernel unpacks it: a "newc" archive made in memory.
///
/// Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst. Times are 0, owners root: the same files make the same bytes.
public struct Initramfs: Sendable {
    private var bytes: [UInt8] = []
    private var count: UInt32 = 0
    private var folders: Set<String> = []

    public init() {}

    /// A file, with the folders above it.
    /// - Parameters:
    ///   - path: relative to the root, as `lib/firmware/a.elf`.
    ///   - mode: its permissions.
    public mutating func file(_ path: String, _ content: some Collection<UInt8>, mode: UInt32 = 0o644) {
        entry(path, type: 0o100000, mode: mode, content)
    }
    public mutating func folder(_ path: String, mode: UInt32 = 0o755) {
        guard folders.insert(path).inserted else { return }
        entry(path, type: 0o040000, mode: mode, [])
    }
    public mutating func link(_ path: String, to target: String) { entry(path, type: 0o120000, mode: 0o777, Array(target.utf8)) }
    /// A character device.
    public mutating func device(_ path: String, _ major: UInt32, _ minor: UInt32, mode: UInt32 = 0o600) {
        entry(path, type: 0o020000, mode: mode, [], device: (major, minor))
    }

    /// The archive: what was added, and the entry that ends it.
    public var archive: [UInt8] {
        var whole = self
        whole.append("TRAILER!!!", mode: 0, [UInt8](), device: (0, 0))
        return whole.bytes + [UInt8](repeating: 0, count: (512 - whole.bytes.count % 512) % 512)
    }

    private mutating func entry(_ path: String, type: UInt32, mode: UInt32, _ content: some Collection<UInt8>, device: (UInt32, UInt32) = (0, 0)) {
        let parts = path.split(separator: "/")
        for depth in parts.indices.dropFirst() { folder(parts[..<depth].joined(separator: "/")) }
        append(parts.joined(separator: "/"), mode: type | mode & 0o7777, content, device: device)
    }

    private mutating func append(_ name: String, mode: UInt32, _ content: some Collection<UInt8>, device: (UInt32, UInt32)) {
        count += 1
        let links: UInt32 = mode & 0o170000 == 0o040000 ? 2 : 1
        let fields: [UInt32] = [
            count, mode, 0, 0, links, 0, UInt32(clamping: content.count), 0, 0, device.0, device.1, UInt32(clamping: name.utf8.count + 1), 0,
        ]
        bytes += Array("070701".utf8)
        for field in fields { bytes += hex32(field).utf8.dropFirst(2) }
        bytes += Array(name.utf8) + [0]
        pad()
        bytes += content
        pad()
    }

    private mutating func pad() { bytes += [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4) }
}
