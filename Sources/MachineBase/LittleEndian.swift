// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

extension RandomAccessCollection<UInt8> where Index == Int {
    /// The little-endian number of type `T` at `offset` from the start, nil when it does not fit.
    @inlinable public func littleEndian<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type = T.self, at offset: Int) -> T? {
        let size = T.bitWidth / 8
        guard offset >= 0, offset <= count - size else { return nil }
        var value: T = 0
        for i in 0..<size { value |= T(truncatingIfNeeded: self[startIndex + offset + i]) << T(truncatingIfNeeded: i * 8) }
        return value
    }
}

extension Array where Element == UInt8 {
    @inlinable public mutating func appendLittleEndian<T: FixedWidthInteger>(_ value: T) {
        for i in 0..<(T.bitWidth / 8) { append(UInt8(truncatingIfNeeded: value >> T(truncatingIfNeeded: i * 8))) }
    }
    /// Overwrites at `offset`; nothing happens when it does not fit.
    @inlinable public mutating func storeLittleEndian<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        let size = T.bitWidth / 8
        guard offset >= 0, offset <= count - size else { return }
        for i in 0..<size { self[offset + i] = UInt8(truncatingIfNeeded: value >> T(truncatingIfNeeded: i * 8)) }
    }
}
