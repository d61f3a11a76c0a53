// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// A ``SecurePlatform`` in ordinary memory, for tests and for judging an image without a machine.
///
/// It has the memories of a chip unless told otherwise, keeps a list of what was done to the reset lines, and has a non-secure side on which protection
/// holds, as the board's bus does.
public final class InMemorySecurePlatform: SecurePlatform {
    /// What the driver did, in order.
    public enum Event: Equatable, Sendable {
        case holdBoot(Bool)
        case mcuReset
        case protect([PhysicalRange])
    }

    /// A block of memory and the windows it is seen through, all of its size.
    public struct Memory: Sendable {
        public var windows: [PhysicalAddress]
        public var bytes: [UInt8]
        /// What was written to since it was last all zero, and at most as much around it.
        fileprivate var touched: Range<Int> = 0..<0

        public init(windows: [PhysicalAddress], size: Int) {
            self.windows = windows
            bytes = Array(repeating: 0, count: max(0, size))
        }
    }

    public private(set) var events: [Event] = []
    /// As last set; ranges are in the terms of the first window of their memory.
    public private(set) var protected: [PhysicalRange] = []
    private var owner = ""
    private var memories: [Memory]

    public init(_ chip: SoCDescription = .stm32mp157, memories: [Memory]? = nil) {
        self.memories = memories ?? chip.memories.map { Memory(windows: $0.physicalAddresses, size: Int($0.size)) }
    }

    public func read(_ range: PhysicalRange) throws(BusError) -> [UInt8] {
        let place = try find(range.start, Int(range.size), isWrite: false)
        return Array(memories[place.memory].bytes[place.offset..<place.offset + Int(range.size)])
    }

    public func write(_ bytes: [UInt8], at address: PhysicalAddress) throws(BusError) {
        let place = try find(address, bytes.count, isWrite: true)
        let range = place.offset..<place.offset + bytes.count
        memories[place.memory].touch(range)
        memories[place.memory].bytes.replaceSubrange(range, with: bytes)
    }

    public func fill(_ range: PhysicalRange, with byte: UInt8) throws(BusError) {
        let place = try find(range.start, Int(range.size), isWrite: true)
        let bytes = place.offset..<place.offset + Int(range.size)
        memories[place.memory].touch(bytes)
        memories[place.memory].bytes.replaceSubrange(bytes, with: repeatElement(byte, count: bytes.count))
    }

    /// Makes it as new: all memory zero, nothing protected, no events. Takes as long as what was written to is large.
    public func reset() {
        for index in memories.indices { memories[index].clear() }
        events.removeAll(keepingCapacity: true)
        protected = []
        owner = ""
    }

    public func setHoldBoot(_ asserted: Bool) { events.append(.holdBoot(asserted)) }
    public func assertMCUReset() { events.append(.mcuReset) }

    public func protect(_ ranges: [PhysicalRange], owner: String) {
        events.append(.protect(ranges))
        protected = ranges.map(folded)
        self.owner = owner
    }

    /// A read by the non-secure world.
    public func nonSecureRead(_ range: PhysicalRange) throws(BusError) -> [UInt8] {
        try checkNonSecure(range, isWrite: false)
        return try read(range)
    }

    /// A write by the non-secure world.
    public func nonSecureWrite(_ bytes: [UInt8], at address: PhysicalAddress) throws(BusError) {
        let size = UInt32(clamping: bytes.count)
        try checkNonSecure(PhysicalRange(start: address, size: size), isWrite: true)
        try write(bytes, at: address)
    }

    private func checkNonSecure(_ range: PhysicalRange, isWrite: Bool) throws(BusError) {
        let seen = folded(range)
        guard !protected.contains(where: { $0.overlaps(seen) }) else {
            throw BusError(address: range.start, count: Int(range.size), isWrite: isWrite, cause: .protected(owner: owner))
        }
    }

    private func find(_ address: PhysicalAddress, _ count: Int, isWrite: Bool) throws(BusError) -> (memory: Int, offset: Int) {
        for (index, memory) in memories.enumerated() {
            for window in memory.windows
            where PhysicalRange(start: window, size: UInt32(clamping: memory.bytes.count)).contains(address, count: count) {
                return (index, Int(address.value &- window.value))
            }
        }
        throw BusError(address: address, count: count, isWrite: isWrite, cause: .unmapped)
    }

    private func folded(_ range: PhysicalRange) -> PhysicalRange {
        guard let place = try? find(range.start, Int(range.size), isWrite: false), let base = memories[place.memory].windows.first
        else { return range }
        return PhysicalRange(start: PhysicalAddress(base.value &+ UInt32(clamping: place.offset)), size: range.size)
    }
}

extension InMemorySecurePlatform.Memory {
    fileprivate mutating func touch(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        touched = touched.isEmpty ? range : min(touched.lowerBound, range.lowerBound)..<max(touched.upperBound, range.upperBound)
    }

    fileprivate mutating func clear() {
        guard !touched.isEmpty else { return }
        bytes.replaceSubrange(touched, with: repeatElement(0, count: touched.count))
        touched = 0..<0
    }
}
