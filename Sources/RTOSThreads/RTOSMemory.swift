// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Memory as a debugger reads it: without side effects, and cut where nothing answers.
public protocol RTOSMemory {
    /// The beginning of `count` bytes from `address` on, as far as they can be read.
    func peek(_ address: UInt32, count: Int) -> [UInt8]
}

extension RTOSMemory {
    /// A little-endian word; nil where there is none.
    func word(_ address: UInt32) -> UInt32? { words(address, 1)?.first }

    /// All of `count` words, or nil.
    func words(_ address: UInt32, _ count: Int) -> [UInt32]? {
        let bytes = peek(address, count: count * 4)
        guard bytes.count == count * 4 else { return nil }
        return stride(from: 0, to: bytes.count, by: 4).map { at in
            let low = UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8, high = UInt32(bytes[at + 2]) | UInt32(bytes[at + 3]) << 8
            return low | high << 16
        }
    }

    func byte(_ address: UInt32) -> UInt8? { peek(address, count: 1).first }
    func halfword(_ address: UInt32) -> UInt16? {
        let bytes = peek(address, count: 2)
        return bytes.count == 2 ? UInt16(bytes[0]) | UInt16(bytes[1]) << 8 : nil
    }

    /// Printable ASCII up to a NUL within `limit` bytes; nil for anything else, and for nothing.
    func text(_ address: UInt32, limit: Int) -> String? {
        let bytes = peek(address, count: limit)
        guard let end = bytes.firstIndex(of: 0), end > 0, bytes[..<end].allSatisfy({ 0x20..<0x7F ~= $0 }) else { return nil }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}

/// What the firmware's file tells of itself: symbols, and the layout of structures where it has debug information.
public protocol RTOSProgram {
    /// A symbol's address, bit 0 clear, and its size in bytes, 0 where that is not told; nil for none of this name.
    func symbol(_ name: String) -> (address: UInt32, size: UInt32)?
    /// Where a member lies in a structure, and its size; nil without debug information, or where there is none such.
    func member(_ member: String, of structure: String) -> (offset: UInt32, size: UInt32)?
    /// A structure's size in bytes; nil as above.
    func size(of structure: String) -> UInt32?
    /// The data object at an address, by its name; nil where that is not known.
    func object(at address: UInt32) -> String?
}

extension RTOSProgram {
    func address(_ name: String) -> UInt32? { symbol(name)?.address }
    func offset(_ member: String, of structure: String) -> UInt32? { self.member(member, of: structure)?.offset }
}
