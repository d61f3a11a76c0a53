// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The DWT: cycle counter and four comparators. Source: ARMv7-M ARM, C1.8; Cortex-M4 TRM, chapter 8.
///
/// Comparators match instruction addresses and data accesses, with MASK; comparator 1 matches data values on the address of
/// another. CYCMATCH, the profiling counters, trace packets and PC sampling into the trace port are absent: their registers and
/// bits store, the counters read 0.
public struct DataWatchpointTrace: Equatable, Sendable {
    static let comparatorCount = 4
    /// MASK has four bits that matter: at most 32 KiB.
    static let largestMask: UInt32 = 15
    /// Matches of instructions look at 64 bytes at most: each of them costs a hook.
    static let largestInstructionMask: UInt32 = 6

    struct Comparator: Equatable, Sendable {
        var value: UInt32 = 0
        var mask: UInt32 = 0
        /// FUNCTION without MATCHED.
        var function: UInt32 = 0
        var matched = false

        /// Address bits that are not compared.
        var ignored: UInt32 { 1 << mask &- 1 }
        var action: UInt32 { function & 15 }
        var matchesValues: Bool { function & 1 << 8 != 0 }
        var matchesCycles: Bool { function & 1 << 7 != 0 }
        /// Comparators whose address a data value match is for.
        var linked: (Int, Int) { (Int(function >> 12 & 3), Int(function >> 16 & 3)) }
        /// A watchpoint, and not only a match for the trace.
        var isEvent: Bool { (4...7).contains(action) }
        var matchesInstructions: Bool {
            (action == 4 || action == 8) && !matchesCycles && !matchesValues && mask <= largestInstructionMask
        }
        var reads: Bool { action == 5 || action == 7 || action == 9 || action == 11 }
        var writes: Bool { action == 6 || action == 7 || action == 10 || action == 11 }
    }

    private var control: UInt32 = 0x4000_0000  // NUMCOMP
    private var cycleBase: UInt64 = 0
    private var frozenCycles: UInt32 = 0
    private(set) var comparators = [Comparator](repeating: Comparator(), count: comparatorCount)

    mutating func reset() { self = DataWatchpointTrace() }

    // MARK: Cycles

    private func counts(_ tracing: Bool) -> Bool { control & 1 != 0 && tracing }
    private func cycleCount(_ now: UInt64, _ tracing: Bool) -> UInt32 {
        counts(tracing) ? UInt32(truncatingIfNeeded: now &- cycleBase) : frozenCycles
    }
    /// Starts and stops the counter without losing what it holds.
    mutating func setTracing(_ tracing: Bool, was: Bool, now: UInt64) { hold(cycleCount(now, was), at: now) }
    private mutating func hold(_ count: UInt32, at now: UInt64) {
        frozenCycles = count
        cycleBase = now &- UInt64(count)
    }

    // MARK: Registers

    /// `offset` from 0xE0001000. Reading FUNCTION clears its MATCHED.
    mutating func read(_ offset: UInt32, now: UInt64, tracing: Bool, pc: () -> UInt32) -> UInt32 {
        switch offset {
        case 0x000: return control
        case 0x004: return cycleCount(now, tracing)
        case 0x01C: return tracing ? pc() : 0xFFFF_FFFF
        case 0x020..<0x060:
            let n = Int(offset - 0x20) >> 4
            switch offset & 0xC {
            case 0x0: return comparators[n].value
            case 0x4: return comparators[n].mask
            case 0x8:
                defer { comparators[n].matched = false }
                return comparators[n].function | (comparators[n].matched ? 1 << 24 : 0) | (n == 1 ? 1 << 9 : 0)
            default: return 0
            }
        default: return 0
        }
    }

    /// True when what is matched may have changed.
    mutating func write(_ offset: UInt32, _ value: UInt32, now: UInt64, tracing: Bool) -> Bool {
        switch offset {
        case 0x000:
            let count = cycleCount(now, tracing)
            control = 0x4000_0000 | value & 0x007F_1FFF
            hold(count, at: now)
        case 0x004: hold(value, at: now)
        case 0x020..<0x060:
            let n = Int(offset - 0x20) >> 4
            switch offset & 0xC {
            case 0x0: comparators[n].value = value
            case 0x4: comparators[n].mask = min(value & 31, Self.largestMask)
            // CYCMATCH is comparator 0's, data values are comparator 1's; LNK1ENA is read-only.
            case 0x8: comparators[n].function = value & (0xF | 1 << 5 | (n == 0 ? 1 << 7 : 0) | (n == 1 ? 0xF_FD00 : 0))
            default: return false
            }
            return true
        default: break
        }
        return false
    }

    // MARK: Matching

    /// Ranges of data addresses whose accesses some comparator looks at: first and last byte.
    var watchedRanges: [(first: UInt32, last: UInt32)] {
        comparators.indices.compactMap { n in
            let comparator = comparators[n]
            guard comparator.reads || comparator.writes || linksTo(n) else { return nil }
            guard !comparator.matchesValues else { return nil }
            return (comparator.value & ~comparator.ignored, comparator.value | comparator.ignored)
        }
    }
    /// Whether comparator `n` has the address for comparator 1's value.
    private func linksTo(_ n: Int) -> Bool {
        let one = comparators[1]
        return n != 1 && one.matchesValues && one.action != 0 && (one.linked.0 == n || one.linked.1 == n)
    }

    /// Instruction addresses that match, and the bits of them that do not count.
    var instructionMatches: [(address: UInt32, ignored: UInt32)] {
        comparators.filter(\.matchesInstructions).map { ($0.value & ~$0.ignored, $0.ignored) }
    }

    /// Notes the execution of the instruction at `address`; true when it is a debug event.
    mutating func matchInstruction(_ address: UInt32) -> Bool {
        var event = false
        for n in comparators.indices where comparators[n].matchesInstructions && (address ^ comparators[n].value) & ~comparators[n].ignored == 0 {
            comparators[n].matched = true
            event = event || comparators[n].isEvent
        }
        return event
    }

    /// Notes an access of `count` bytes at `address`; `value` is what was read or written, nil when unknown. True when it is a
    /// debug event.
    mutating func matchAccess(_ address: UInt32, count: UInt32, isWrite: Bool, value: UInt32?) -> Bool {
        var event = false
        for n in comparators.indices {
            let comparator = comparators[n]
            guard isWrite ? comparator.writes : comparator.reads else { continue }
            if comparator.matchesValues {
                let places = [comparator.linked.0, comparator.linked.1]
                guard n == 1, let value, places.contains(where: { $0 != 1 && covers($0, address, count) }), comparator.matches(value, size: count)
                else { continue }
            } else {
                guard covers(n, address, count) else { continue }
            }
            comparators[n].matched = true
            event = event || comparator.isEvent
        }
        return event
    }

    private func covers(_ n: Int, _ address: UInt32, _ count: UInt32) -> Bool {
        let first = comparators[n].value & ~comparators[n].ignored, last = comparators[n].value | comparators[n].ignored
        return address <= last && first <= address &+ (max(1, count) &- 1)
    }
}

extension DataWatchpointTrace.Comparator {
    /// DATAVSIZE says how much of the value is compared: a byte, a halfword, a word.
    fileprivate func matches(_ other: UInt32, size: UInt32) -> Bool {
        let bytes: UInt32 = 1 << min(2, function >> 10 & 3)
        guard size == bytes else { return false }
        let compared: UInt32 = bytes == 4 ? .max : 1 << (bytes * 8) &- 1
        return (other ^ value) & compared == 0
    }
}
