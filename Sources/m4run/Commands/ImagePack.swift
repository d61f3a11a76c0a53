// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc
import MachineBase

/// Many images in one file: {label length u32, image length u32, label, image}, again and again. Read as it is needed: one image is in
/// memory at a time, once.
struct ImagePack {
    private let path: String
    private let descriptor: Int32
    private var file: FileBytes
    /// Of the file, from `offset - position` on.
    private var buffer: [UInt8] = []
    /// Of the first byte in `buffer` that was not handed out.
    private var position = 0
    /// Of the same byte in the file.
    private var offset = 0

    private static let chunk = 1 << 20
    private static let longestLabel = 1 << 16

    init(_ path: String) throws {
        self.path = path
        descriptor = path == "-" ? STDIN_FILENO : try InputFile.open(path)
        file = FileBytes(descriptor)
    }

    /// How much of a file is read, 0 to 1; nil for a pipe, of which nobody knows.
    var part: Double? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 else { return nil }
        return Double(offset) / Double(status.st_size)
    }

    /// The next case; nil at the end, and when nobody is left to read what is said of it.
    mutating func next() throws -> (label: [UInt8], image: [UInt8])? {
        let start = offset
        guard let lengths = try take(8) else { return nil }
        guard !lengths.isEmpty else { return nil }
        guard lengths.count == 8 else {
            throw broken(start, "\(lengths.count) bytes are left; a case begins with two lengths of 4 bytes")
        }
        let labelLength = Int(lengths.littleEndian(UInt32.self, at: 0) ?? 0)
        let imageLength = Int(lengths.littleEndian(UInt32.self, at: 4) ?? 0)
        guard labelLength <= Self.longestLabel else {
            throw broken(start, "a label of \(labelLength) bytes is announced; up to \(Self.longestLabel) are taken")
        }
        guard imageLength <= InputFile.largest else {
            throw broken(start + 4, "an image of \(imageLength) bytes is announced; up to \(InputFile.largest) are taken")
        }
        guard let label = try take(labelLength) else { return nil }
        guard label.count == labelLength else {
            throw broken(start, "a label of \(labelLength) bytes is announced, and \(label.count) bytes are left")
        }
        guard let image = try take(imageLength) else { return nil }
        guard image.count == imageLength else {
            throw broken(start + 4, "an image of \(imageLength) bytes is announced, and \(image.count) bytes are left")
        }
        return (label, image)
    }

    private func broken(_ offset: Int, _ what: String) -> UsageError {
        UsageError("\(path == "-" ? "standard input" : path): offset 0x\(String(offset, radix: 16)): \(what)")
    }

    /// The next `count` bytes, or as many as there are; nil when nobody waits for them any more.
    private mutating func take(_ count: Int) throws -> [UInt8]? {
        if buffer.count - position < count, count < Self.chunk {
            guard let more = try read(Self.chunk, behind: buffer[position...], enough: count) else { return nil }
            buffer = more
            position = 0
        }
        let buffered = buffer[position..<min(buffer.count, position + count)]
        // What is larger than the buffer goes past it.
        guard let bytes = buffered.count < count && count >= Self.chunk ? try read(count - buffered.count, behind: buffered) : Array(buffered) else { return nil }
        position += buffered.count
        offset += bytes.count
        return bytes
    }

    /// - Parameter enough: more may come much later, from who waits for the verdict on these first.
    private mutating func read(_ count: Int, behind prefix: ArraySlice<UInt8>, enough: Int = .max) throws -> [UInt8]? {
        var isAbandoned = false
        let bytes = file.next(count, behind: prefix, enough: enough) {
            isAbandoned = !Console.hasReader(whileWaitingFor: descriptor)
            return !isAbandoned
        }
        guard let bytes else { throw broken(offset, "cannot be read: \(String(cString: strerror(errno)))") }
        return isAbandoned ? nil : bytes
    }
}
