// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CGnuTLS

/// SHA-256, by GnuTLS. Source: FIPS 180-4.
///
/// Where GnuTLS cannot be loaded (see `CryptoLibrary`) its digests equal none, not even one another: nothing is believed then.
public struct SHA256: ~Copyable {
    /// 32 bytes, or none where nothing could be hashed.
    public struct Digest: Sequence, Equatable, Sendable {
        public static let byteCount = Int(M4_SHA256_SIZE)
        let bytes: [UInt8]
        fileprivate static let none = Digest(unchecked: [])
        fileprivate init(unchecked bytes: [UInt8]) { self.bytes = bytes }

        /// A digest that arrives as bytes; nil unless they are 32.
        public init?(_ bytes: [UInt8]) {
            guard bytes.count == Self.byteCount else { return nil }
            self.bytes = bytes
        }

        public func makeIterator() -> IndexingIterator<[UInt8]> { bytes.makeIterator() }
        public static func == (left: Digest, right: Digest) -> Bool { !left.bytes.isEmpty && left.bytes == right.bytes }
    }

    private let hash: OpaquePointer?

    public init() { hash = m4_hash_begin() }
    deinit { m4_hash_end(hash, nil) }

    public mutating func update(data: some Collection<UInt8>) {
        Self.withBytes(data) { m4_hash_add(hash, $0.baseAddress, $0.count) }
    }

    public consuming func finalize() -> Digest {
        let hash = hash
        discard self
        guard let hash else { return .none }
        return Digest(unchecked: Self.filled { m4_hash_end(hash, $0) })
    }

    /// Of bytes that are all there.
    public static func hash(data: some Collection<UInt8>) -> Digest {
        var isDone = false
        let bytes = filled { digest in withBytes(data) { isDone = m4_sha256($0.baseAddress, $0.count, digest) } }
        return isDone ? Digest(unchecked: bytes) : .none
    }

    private static func filled(_ body: (UnsafeMutablePointer<UInt8>?) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Digest.byteCount) { digest, count in
            digest.initialize(repeating: 0)
            body(digest.baseAddress)
            count = Digest.byteCount
        }
    }

    private static func withBytes(_ data: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) -> Void) {
        guard data.withContiguousStorageIfAvailable({ body(UnsafeRawBufferPointer($0)) }) == nil else { return }
        Array(data).withUnsafeBytes(body)
    }
}
