// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A buffer that the trusted application is handed but does not own: registered shared memory of Linux.
///
/// Its owner may change it between two reads. What must not change between check and use is read once and kept.
public protocol SharedMemory: Sendable {
    /// In bytes.
    var count: Int { get }
    /// The address of the first byte, of which only the alignment matters.
    var address: UInt32 { get }
    /// The bytes `[offset, offset + count)` as they are now; nil when they do not all lie inside.
    func read(at offset: Int, count: Int) -> [UInt8]?
}

/// A part of a buffer, as a memory reference into it; reads go to the buffer.
struct SharedMemoryPart: SharedMemory {
    let whole: any SharedMemory
    /// Of the part's first byte, and how many there are.
    let offset, count: Int

    var address: UInt32 { whole.address &+ UInt32(truncatingIfNeeded: offset) }

    func read(at offset: Int, count: Int) -> [UInt8]? {
        guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else { return nil }
        return whole.read(at: self.offset + offset, count: count)
    }
}

/// A buffer that nobody changes: a file's bytes.
public struct ImageBuffer: SharedMemory {
    public var bytes: [UInt8]
    public var address: UInt32

    public init(_ bytes: [UInt8], address: UInt32 = 0) { self.bytes = bytes; self.address = address }

    public var count: Int { bytes.count }

    public func read(at offset: Int, count: Int) -> [UInt8]? {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else { return nil }
        return Array(bytes[offset..<offset + count])
    }
}
