// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips

/// Counts the M4's loads from registers of the SoC in thread mode, when asked to: what a loop waits for, and not what handlers look at.
/// Its stores to pins beside them: a loop that drives pins does more than wait.
public final class RegisterReads {
    public struct Reads: Equatable, Sendable {
        public var count: UInt64 = 0
        /// What the last load gave.
        public var value: UInt32
        /// Whether all gave the same.
        public var isConstant = true
    }
    /// By the address that was loaded from; bounded, since a guest chooses them.
    public private(set) var counts: [UInt32: Reads] = [:]
    /// Stores to the output registers of ports.
    public private(set) var pinStores: UInt64 = 0
    private static let limit = 4096
    // Looked at on each access: not a property, which would be checked for exclusivity.
    private let flag = UnsafeMutablePointer<Bool>.allocate(capacity: 1)

    private let map: RegisterMap

    init(_ map: RegisterMap) {
        self.map = map
        flag.initialize(to: false)
    }
    deinit { flag.deallocate() }

    @inline(__always) var isOn: Bool { flag.pointee }

    /// Begins anew.
    public func begin() {
        counts = [:]
        pinStores = 0
        flag.pointee = true
    }
    public func end() { flag.pointee = false }

    private lazy var pinRegisters = Set(
        map.peripherals.filter { $0.group == "GPIO" }.flatMap { port in
            map.registers(of: port).filter { ["ODR", "BSRR", "BRR"].contains($0.name) }.map { port.base &+ $0.offset }
        })

    @inline(never) func noteStore(_ address: UInt32) {
        if pinRegisters.contains(address & ~3) { pinStores &+= 1 }
    }

    @inline(never) func note(_ address: UInt32, _ value: UInt32) {
        guard var reads = counts[address] else {
            if counts.count < Self.limit { counts[address] = Reads(count: 1, value: value) }
            return
        }
        reads.count &+= 1
        if reads.value != value { reads.isConstant = false }
        reads.value = value
        counts[address] = reads
    }
}
