// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc

/// The bytes of an open file or pipe, read in order straight to where they stay.
struct FileBytes {
    private let descriptor: Int32
    private static let chunk = 1 << 20

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// The next `count` bytes, or as many as are left, behind those of `prefix`; nil when they cannot be read: `errno`.
    ///
    /// - Parameters:
    ///   - enough: from so many bytes on, those of `prefix` counted, no more are waited for.
    ///   - goesOn: called before each read, which may wait; false ends it with what has come.
    mutating func next(_ count: Int, behind prefix: ArraySlice<UInt8> = [], enough: Int = .max, _ goesOn: () -> Bool = { true }) -> [UInt8]? {
        var failed = false
        let capacity = prefix.count + count
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, filled in
            _ = buffer.initialize(from: prefix)
            filled = prefix.count
            while filled < min(capacity, enough), goesOn() {
                let got = read(descriptor, buffer.baseAddress.map { $0 + filled }, capacity - filled)
                if got < 0 && errno == EINTR { continue }
                failed = got < 0
                guard got > 0 else { return }
                filled += got
            }
        }
        return failed ? nil : bytes
    }

    /// What is left, `limit` bytes of it at most; nil when they cannot be read: `errno`.
    ///
    /// - Parameter expecting: how many there probably are, which decides how much memory is asked for at first.
    mutating func rest(_ limit: Int, expecting size: Int) -> [UInt8]? {
        // One more, so that the end is seen without another look.
        guard var bytes = next(min(limit, size + 1)) else { return nil }
        guard bytes.count > size else { return bytes }
        while bytes.count < limit {
            guard let more = next(min(Self.chunk, limit - bytes.count)) else { return nil }
            if more.isEmpty { break }
            bytes += more
        }
        return bytes
    }
}
