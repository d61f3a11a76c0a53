// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The FPB: six breakpoints in code below 0x20000000. Source: ARMv7-M ARM, C1.11; Cortex-M4 TRM, chapter 8.
///
/// Remapping is absent and says so in FP_REMAP: comparators that ask for it, and the two for literals, store and do nothing.
public struct FlashPatch: Equatable, Sendable {
    private var enabled = false
    private var comparators = [UInt32](repeating: 0, count: 8)
    static let instructionComparators = 6

    mutating func reset() { self = FlashPatch() }

    /// `offset` from 0xE0002000.
    func read(_ offset: UInt32) -> UInt32 {
        switch offset {
        case 0x000: 0x260 | (enabled ? 1 : 0)  // two literal and six instruction comparators
        case 0x008..<0x028: comparators[Int(offset - 8) >> 2]
        default: 0
        }
    }

    /// True when breakpoints may have changed.
    mutating func write(_ offset: UInt32, _ value: UInt32) -> Bool {
        switch offset {
        case 0x000:
            // A write without KEY is ignored.
            guard value & 2 != 0 else { return false }
            enabled = value & 1 != 0
        case 0x008..<0x028:
            let n = Int(offset - 8) >> 2
            comparators[n] = value & (n < Self.instructionComparators ? 0xDFFF_FFFD : 0x1FFF_FFFD)
        default: return false
        }
        return true
    }

    /// Addresses of instructions that are breakpoints.
    var breakpoints: [UInt32] {
        guard enabled else { return [] }
        return comparators.prefix(Self.instructionComparators).filter { $0 & 1 != 0 }.flatMap { comparator -> [UInt32] in
            let word = comparator & 0x1FFF_FFFC
            return switch comparator >> 30 {
            case 1: [word]
            case 2: [word | 2]
            case 3: [word, word | 2]
            default: []
            }
        }
    }
}
