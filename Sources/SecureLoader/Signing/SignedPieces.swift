// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A signed image as the pieces that make it up, in order: what is in front of the ELF files, and these as they are, so that an image
/// of hundreds of megabytes is in memory once.
public struct SignedPieces: SharedMemory {
    public let pieces: [[UInt8]]
    public let count: Int
    public let address: UInt32 = 0

    init(_ pieces: [[UInt8]]) {
        self.pieces = pieces.filter { !$0.isEmpty }
        count = pieces.reduce(0) { $0 + $1.count }
    }

    /// All of it in one piece.
    public var bytes: [UInt8] { read(at: 0, count: count) ?? [] }

    public func read(at offset: Int, count: Int) -> [UInt8]? {
        guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(count)
        var start = 0
        for piece in pieces where result.count < count {
            let skipped = offset + result.count - start
            if skipped < piece.count { result += piece[skipped..<min(piece.count, skipped + count - result.count)] }
            start += piece.count
        }
        return result
    }
}
