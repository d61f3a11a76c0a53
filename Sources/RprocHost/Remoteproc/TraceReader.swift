// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc
import MachineBase

/// The text of one trace buffer, line by line as it comes, for who looks at the buffer's memory again and again.
public struct TraceReader: Equatable, Sendable {
    /// What the buffer held at the last look.
    private var last: [UInt8]
    /// Where the firmware goes on writing: there is no NUL before it, and what is after it is older.
    private var position = 0
    /// What came since the last newline.
    private var unfinished: [UInt8] = []
    /// A line that is longer is shown in pieces.
    private static let longestLine = 4096

    /// - Parameter size: of the buffer, in bytes; it is taken for empty.
    public init(size: Int) { last = [UInt8](repeating: 0, count: size) }
    public var size: Int { last.count }

    /// Whether anything is not as at the last look; costs one comparison of memory.
    public func differs(from bytes: UnsafeRawBufferPointer) -> Bool {
        guard let now = bytes.baseAddress, bytes.count == last.count else { return false }
        return memcmp(now, last, bytes.count) != 0
    }

    /// The lines that are whole with what is new in `bytes`, which are as many as `last`.
    ///
    /// Nothing says where the firmware writes: the new is what differs from the last look, from `position` on, and from the
    /// buffer's beginning once the firmware has gone back to it. New text whose last bytes are what lay there before is only seen
    /// with the next.
    public mutating func take(_ bytes: UnsafeRawBufferPointer) -> [String] {
        guard let now = bytes.baseAddress else { return [] }
        let tail = position..<bytes.count, head = 0..<position
        let tailEnd = endOfChange(now, tail), headEnd = endOfChange(now, head)
        let nul = Self.offset(of: 0, in: bytes, from: position, to: bytes.count) ?? bytes.count
        var lines: [String] = []
        if headEnd == 0 {
            position = min(nul, tailEnd)
            add(bytes[tail.lowerBound..<position], to: &lines)
        } else {
            if tailEnd > position { add(bytes[position..<nul], to: &lines) }
            position = Self.offset(of: 0, in: bytes, from: 0, to: headEnd) ?? headEnd
            // The buffer was cleared.
            if position == 0 { unfinished = [] }
            add(bytes[..<position], to: &lines)
        }
        last.withUnsafeMutableBytes { last in
            guard let last = last.baseAddress else { return }
            memcpy(last + tail.lowerBound, now + tail.lowerBound, tailEnd - tail.lowerBound)
            memcpy(last, now, headEnd)
        }
        return lines
    }

    /// The offset behind the last byte in `range` that is not as it was; the range's beginning when all are.
    private func endOfChange(_ now: UnsafeRawPointer, _ range: Range<Int>) -> Int {
        last.withUnsafeBytes { last in
            guard let last = last.baseAddress else { return range.lowerBound }
            var end = range.upperBound
            while end - range.lowerBound >= 64, memcmp(now + end - 64, last + end - 64, 64) == 0 { end -= 64 }
            while end > range.lowerBound, now.load(fromByteOffset: end - 1, as: UInt8.self) == last.load(fromByteOffset: end - 1, as: UInt8.self) { end -= 1 }
            return end
        }
    }

    private mutating func add(_ bytes: Slice<UnsafeRawBufferPointer>, to lines: inout [String]) {
        for byte in bytes {
            if byte != 0x0A { unfinished.append(byte) }
            guard byte == 0x0A || unfinished.count == Self.longestLine else { continue }
            if unfinished.last == 0x0D { unfinished.removeLast() }
            lines.append(ForeignText.text(unfinished))
            unfinished.removeAll(keepingCapacity: true)
        }
    }

    private static func offset(of byte: Int32, in bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int? {
        guard start < end, let base = bytes.baseAddress, let found = memchr(base + start, byte, end - start) else { return nil }
        return UnsafeRawPointer(found) - base
    }
}
