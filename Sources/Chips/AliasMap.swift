// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Folds the alias windows of a chip's memories, so that each byte has one address: two ranges overlap where their folded ranges do.
///
/// Looked at on each access of Linux's to memory: nothing is allocated, counted or looped over.
@frozen public struct AliasMap: Equatable, Sendable {
    // An unused lane has size 0: no address is in it.
    @usableFromInline let starts: SIMD8<UInt32>
    @usableFromInline let sizes: SIMD8<UInt32>
    /// From the memory's own address to the window.
    @usableFromInline let distances: SIMD8<UInt32>
    /// As many windows as there is room for.
    public static let most = 8

    /// - Parameter memories: of which each physical window but the first is an alias. Their windows do not overlap; at most `most` are aliases.
    public init(_ memories: [ChipMemory]) {
        var starts = SIMD8<UInt32>(), sizes = starts, distances = starts
        var lane = 0
        for memory in memories {
            let addresses = memory.physicalAddresses
            guard let own = addresses.first else { continue }
            for alias in addresses.dropFirst() where lane < Self.most {
                starts[lane] = alias.value
                sizes[lane] = memory.size
                distances[lane] = alias.value &- own.value
                lane += 1
            }
        }
        (self.starts, self.sizes, self.distances) = (starts, sizes, distances)
    }

    /// The address outside of alias windows of what is at `address`; any other address is its own.
    @inlinable @inline(__always) public func folded(_ address: PhysicalAddress) -> PhysicalAddress {
        let isInside = (SIMD8(repeating: address.value) &- starts) .< sizes
        return PhysicalAddress(address.value &- distances.replacing(with: 0, where: .!isInside).wrappedSum())
    }

    /// The range by its first byte: a range that begins in a window is all of it there.
    @inlinable @inline(__always) public func folded(_ range: PhysicalRange) -> PhysicalRange {
        PhysicalRange(start: folded(range.start), size: range.size)
    }
}
