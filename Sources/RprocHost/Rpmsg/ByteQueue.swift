// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Bytes that wait, first in, first out, in one piece of memory that is used again.
///
/// Taking moves nothing; what was taken is moved over when it is half of what is held, so a byte is moved at most once on average.
public struct ByteQueue: Equatable, Sendable {
    private var storage: [UInt8] = []
    private var taken = 0

    public init() {}

    /// Whether the same bytes wait.
    public static func == (one: ByteQueue, other: ByteQueue) -> Bool {
        one.count == other.count && one.storage[one.taken...].elementsEqual(other.storage[other.taken...])
    }

    public var count: Int { storage.count &- taken }
    public var isEmpty: Bool { taken == storage.count }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) { storage.append(contentsOf: bytes) }

    /// Looks at all that waits. `bytes` is gone when the call returns.
    public func withBytes<Result>(_ body: (_ bytes: UnsafeRawBufferPointer) -> Result) -> Result {
        storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[taken...])) }
    }

    /// Takes the first `count` bytes, or all when there are fewer.
    public mutating func removeFirst(_ count: Int) {
        taken &+= min(max(0, count), self.count)
        if taken == storage.count {
            storage.removeAll(keepingCapacity: storage.count <= Self.keptCapacity)
            taken = 0
        } else if taken >= 4096, taken >= storage.count / 2 {
            storage.removeFirst(taken)
            taken = 0
        }
    }

    public mutating func removeAll() { removeFirst(count) }

    /// As much memory is kept when nothing waits.
    private static let keptCapacity = 1 << 17
}

/// Messages of at most 65535 bytes that wait, first in, first out; none has memory of its own.
struct MessageQueue: Equatable, Sendable {
    private var bytes = ByteQueue()
    private(set) var count = 0
    private static let prefixSize = 2

    /// Payload of all messages that wait.
    var byteCount: Int { bytes.count &- count &* Self.prefixSize }

    /// Size of the message that is the next; nil when none waits.
    var nextSize: Int? {
        guard count > 0 else { return nil }
        return bytes.withBytes { Int($0.loadUnaligned(as: UInt16.self)) }
    }

    mutating func append(_ message: UnsafeRawBufferPointer) {
        withUnsafeBytes(of: UInt16(truncatingIfNeeded: message.count)) { bytes.append($0) }
        bytes.append(UnsafeRawBufferPointer(rebasing: message.prefix(Int(UInt16.max))))
        count &+= 1
    }

    /// Takes the next message; nil when none waits. What `body` gets is gone when the call returns.
    mutating func takeFirst<Result>(_ body: (_ message: UnsafeRawBufferPointer) -> Result) -> Result? {
        guard let size = nextSize else { return nil }
        let result = bytes.withBytes { body(UnsafeRawBufferPointer(rebasing: $0[Self.prefixSize..<Self.prefixSize &+ size])) }
        bytes.removeFirst(Self.prefixSize &+ size)
        count &-= 1
        return result
    }
}
