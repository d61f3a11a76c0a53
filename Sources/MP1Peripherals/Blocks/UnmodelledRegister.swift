// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A register without a model that was touched, and how: reserved words and addresses without a block, too.
public struct UnmodelledRegister: Equatable, Sendable {
    public let first: UnmodelledAccess
    /// The core's cycle of the first access.
    public let firstCycle: UInt64
    public internal(set) var reads: UInt64 = 0
    public internal(set) var writes: UInt64 = 0
    /// Reads since it was written last.
    var readsInARow: UInt64 = 0
    var lastRead: UInt64
    /// Cycles from one of the newest reads to the next, smoothed.
    var interval: UInt64 = 0

    init(_ first: UnmodelledAccess, at cycle: UInt64) {
        self.first = first
        firstCycle = cycle
        lastRead = cycle
    }

    /// `I2C5.ISR`, or the address where nothing is.
    public var name: String { first.location?.description ?? hex32(first.address) }

    mutating func count(isWrite: Bool, at cycle: UInt64) {
        if isWrite {
            writes &+= 1
            readsInARow = 0
        } else {
            reads &+= 1
            readsInARow &+= 1
            interval = (interval &* 7 &+ (cycle &- lastRead)) / 8
            lastRead = cycle
        }
    }

    /// Reads in a row from which on they are taken for a loop that waits.
    static let manyReads: UInt64 = 32
    /// Cycles that may pass in an interrupt between two of them.
    static let slack: UInt64 = 20_000

    /// Whether it is read again and again, up to `cycle`, without a write in between.
    public func isPolled(at cycle: UInt64) -> Bool {
        readsInARow >= Self.manyReads && cycle &- lastRead <= interval &* 16 &+ Self.slack
    }
}

/// All of them, in the order of their first access. Their number is bounded, since a guest chooses them.
struct UnmodelledRegisters: Equatable, Sendable {
    private(set) var list: [UnmodelledRegister] = []
    private var positions: [UInt32: Int] = [:]
    private var newest = 0
    private static let limit = 4096

    enum Verdict { case known, new, full }

    /// Counts an access; `key` is the word's address, or what stands for a page without a block.
    mutating func count(_ key: UInt32, isWrite: Bool, at cycle: UInt64, _ access: () -> UnmodelledAccess) -> Verdict {
        if newest < list.count, list[newest].first.address == key {
            list[newest].count(isWrite: isWrite, at: cycle)
            return .known
        }
        if let position = positions[key] {
            newest = position
            list[position].count(isWrite: isWrite, at: cycle)
            return .known
        }
        guard list.count < Self.limit else { return .full }
        newest = list.count
        positions[key] = newest
        list.append(UnmodelledRegister(access(), at: cycle))
        list[newest].count(isWrite: isWrite, at: cycle)
        return .new
    }
}
