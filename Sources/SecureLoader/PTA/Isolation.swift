// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// What the non-secure world loses of the coprocessor's memory while firmware is loaded.
///
/// OP-TEE's driver leaves this for a firewall to do and says so in its log; boards differ in what theirs does.
public enum Isolation: String, Sendable, CaseIterable {
    /// What segments were loaded to, but for shared memory and the resource table.
    case segments
    /// Every firmware region that a segment was loaded to, whole, as the SoC's firewall does: what lies inside, the resource table
    /// and trace buffers with it, is out of reach too. The coprocessor, for its part, has the processor's regions and no other
    /// memory. Firmware for such a board has its table in shared memory.
    case banks
    /// Nothing, as in OP-TEE itself.
    case none

    /// The ranges to protect, in ascending order and apart from each other, by addresses outside alias windows.
    func ranges(loaded: [PhysicalRange], shared: [PhysicalRange], memory: ProcessorMemory) -> [PhysicalRange] {
        let loaded = loaded.map(memory.folded), shared = shared.map(memory.folded)
        let firmware = memory.regions.filter { $0.use == .firmware }.map { memory.folded($0.physical) }
        let taken: [PhysicalRange]
        switch self {
        case .none: return []
        case .segments: taken = loaded.filter { range in firmware.contains { $0.overlaps(range) } }
        case .banks: taken = firmware.filter { bank in loaded.contains { bank.overlaps($0) } }
        }
        let given = (self == .banks ? [] : shared) + memory.regions.filter { $0.use == .shared }.map { memory.folded($0.physical) }
        return taken.merged.subtracting(given)
    }
}

extension [PhysicalRange] {
    /// The same bytes as ascending ranges that neither overlap nor touch; empty ranges vanish.
    var merged: [PhysicalRange] {
        var result: [PhysicalRange] = []
        for range in filter({ $0.size > 0 }).sorted(by: { ($0.start, $0.size) < ($1.start, $1.size) }) {
            if let last = result.last, UInt64(range.start.value) <= last.end {
                result[result.count - 1] = PhysicalRange(from: last.start.value, to: Swift.max(last.end, range.end))
            } else {
                result.append(range)
            }
        }
        return result
    }

    /// What is left of these ranges, each apart from the others, without the bytes of `holes`.
    func subtracting(_ holes: [PhysicalRange]) -> [PhysicalRange] {
        var left = self
        for hole in holes where hole.size > 0 {
            left = left.flatMap { range -> [PhysicalRange] in
                guard range.overlaps(hole) else { return [range] }
                return [
                    PhysicalRange(from: range.start.value, to: UInt64(Swift.max(hole.start, range.start).value)),
                    PhysicalRange(from: UInt32(truncatingIfNeeded: Swift.min(hole.end, range.end)), to: range.end),
                ].filter { $0.size > 0 }
            }
        }
        return left
    }
}

extension PhysicalRange {
    /// One past the last byte.
    var end: UInt64 { UInt64(start.value) + UInt64(size) }

    /// `[from, to)`; empty when `to` is not above `from`.
    init(from: UInt32, to: UInt64) {
        self.init(start: PhysicalAddress(from), size: UInt32(clamping: to > UInt64(from) ? to - UInt64(from) : 0))
    }
}
