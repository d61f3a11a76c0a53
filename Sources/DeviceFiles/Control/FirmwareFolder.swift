// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import RprocHost

/// `/lib/firmware` of a served run: the folder's own `lib/firmware` first, then the folder that the image came from.
public struct FirmwareFolder {
    private let folders: [String]
    /// Larger than any firmware that fits the M4's memories and DDR window.
    private static let largest = 256 << 20

    /// In memory as it is.
    private let known: [UInt8]
    private static let piece = 1 << 20

    /// - Parameters:
    ///   - folders: looked in in this order; without a slash at the end.
    ///   - known: what is in memory anyway: a file that has the same bytes still takes no more.
    public init(_ folders: [String], known: [UInt8] = []) { (self.folders, self.known) = (folders, known) }

    /// - Throws: `noEntry` when no folder has the file, `invalid` for a name that leaves the folder, `fileTooBig`, `io`.
    public func read(_ name: String) throws(Errno) -> [UInt8] {
        let parts = name.split(separator: "/")
        guard !parts.isEmpty, !parts.contains(".."), !name.utf8.contains(0) else { throw .invalid }
        for folder in folders {
            let descriptor = open("\(folder)/\(parts.joined(separator: "/"))", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            var info = stat()
            guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { continue }
            guard info.st_size <= Self.largest else { throw .fileTooBig }
            if info.st_size == known.count, isKnown(descriptor) { return known }
            return try bytes(of: descriptor, Int(info.st_size))
        }
        throw .noEntry
    }

    private func bytes(of descriptor: Int32, _ size: Int) throws(Errno) -> [UInt8] {
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw .io }
        var bytes = [UInt8](repeating: 0, count: size)
        var done = 0
        while done < bytes.count {
            let offset = done
            let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress.map { $0 + offset }, $0.count - offset) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .io }
            done += count
        }
        return bytes
    }

    /// Whether an open file has the bytes that are known. It is read for that, piece by piece: its times tell little of what was written
    /// within one tick of the clock.
    private func isKnown(_ descriptor: Int32) -> Bool {
        var piece = [UInt8](repeating: 0, count: min(Self.piece, known.count))
        var done = 0
        while done < known.count {
            let count = Glibc.read(descriptor, &piece, min(piece.count, known.count - done))
            if count < 0 && errno == EINTR { continue }
            guard count > 0, piece[..<count] == known[done..<done + count] else { return false }
            done += count
        }
        return true
    }
}
