// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Reads numbers one behind the other; nil behind the end, and from then on.
struct ByteCursor {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position: Int
    let end: Int

    /// Of `range` of the bytes, as far as they go.
    init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        self.bytes = bytes
        end = min(max(0, range.upperBound), bytes.count)
        position = min(max(0, range.lowerBound), end)
    }

    var isAtEnd: Bool { position >= end }

    mutating func skip(_ count: UInt64) -> Bool {
        guard count <= UInt64(end - position) else {
            position = end
            return false
        }
        position += Int(count)
        return true
    }

    /// Passes a text and the NUL behind it.
    mutating func skipText() -> Bool {
        while let next = byte() {
            if next == 0 { return true }
        }
        return false
    }

    private mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
        guard end - position >= MemoryLayout<Number>.size else {
            position = end
            return nil
        }
        defer { position += MemoryLayout<Number>.size }
        return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Number.self))
    }
    mutating func byte() -> UInt8? { number(UInt8.self) }
    mutating func half() -> UInt16? { number(UInt16.self) }
    mutating func word() -> UInt32? { number(UInt32.self) }
    mutating func long() -> UInt64? { number(UInt64.self) }

    /// An unsigned LEB128; bits above the 64th are dropped.
    mutating func unsigned() -> UInt64? {
        var value: UInt64 = 0, shift: UInt64 = 0
        while let next = byte() {
            if shift < 64 { value |= UInt64(next & 0x7F) << shift }
            shift += 7
            if next & 0x80 == 0 { return value }
        }
        return nil
    }

    /// A signed LEB128; bits above the 64th are dropped.
    mutating func signed() -> Int64? {
        var value: UInt64 = 0, shift: UInt64 = 0
        while let next = byte() {
            if shift < 64 { value |= UInt64(next & 0x7F) << shift }
            shift += 7
            guard next & 0x80 == 0 else { continue }
            if next & 0x40 != 0, shift < 64 { value |= UInt64.max << shift }
            return Int64(bitPattern: value)
        }
        return nil
    }
}
