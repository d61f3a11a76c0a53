// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CThumb

/// A Thumb instruction, decoded: its size, where it accesses memory, where execution goes.
///
/// The engine tells the page of a refused access, not the byte: MMFAR and BFAR come from decoding the instruction.
/// Source: ARMv7-M ARM, A5 and A7.
public struct ThumbInstruction: Equatable, Sendable {
    public let first: UInt16
    /// The second halfword; 0 for a 16-bit instruction.
    public let second: UInt16
    /// All that is known of it.
    public let decoded: thumb_instruction

    public init(first: UInt16, second: UInt16) {
        self.first = first
        self.second = Self.isWide(first) ? second : 0
        decoded = thumb_decode(first, second)
    }
    public static func == (a: Self, b: Self) -> Bool { a.first == b.first && a.second == b.second }

    public static func isWide(_ halfword: UInt16) -> Bool { thumb_is_wide(halfword) }
    /// In bytes.
    public var size: UInt32 { UInt32(decoded.size) }
    public var operation: thumb_operation { decoded.operation }
    /// ITSTATE behind this instruction, when it was `state` before. Source: ARMv7-M ARM, A7.3.3.
    public func itState(after state: UInt8) -> UInt8 { withUnsafePointer(to: decoded) { thumb_it_state($0, state) } }
    /// An instruction of coprocessors 10 and 11: the FPU.
    public var isFloatingPoint: Bool { withUnsafePointer(to: decoded) { thumb_is_fpu($0) } }

    /// `count` bytes from `address` on, ascending.
    public struct Access: Equatable, Sendable {
        public let address: UInt32
        public let count: UInt32
        public let isWrite: Bool
    }

    /// Where this instruction accesses memory with registers `r` (by number) and its own address `pc`; nil for one that does not.
    public func access(pc: UInt32, register r: (Int) -> UInt32) -> Access? {
        guard decoded.loads || decoded.stores else { return nil }
        let base = decoded.n == 15 ? (pc &+ 4) & ~3 : r(Int(decoded.n))
        let index = decoded.m < 0 ? 0 : r(Int(decoded.m)) << UInt32(decoded.shift)
        return Access(address: base &+ decoded.offset &+ index, count: UInt32(decoded.count), isWrite: decoded.stores)
    }
}
