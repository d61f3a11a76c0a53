// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import M4Board
import MachineBase
import RprocHost

/// The bus as Linux has it: the board's memory and registers, without what OP-TEE keeps for the M4.
final class NormalWorldBus: NonSecureBus {
    let board: M4Board
    struct State: Equatable, Sendable {
        /// Ranges that are out of reach, folded to one address of each memory; see `SecureWorld`.
        var protected: [PhysicalRange] = []
        var owner = ""
        /// Refused accesses since the start.
        var refusals: UInt64 = 0
    }
    var state = State()
    var protected: [PhysicalRange] { state.protected }
    var refusals: UInt64 { state.refusals }

    /// One memory has one protection, by whatever address it is reached.
    private let aliases: AliasMap

    init(board: M4Board) {
        self.board = board
        aliases = board.configuration.chip.aliases
    }

    func protect(_ ranges: [PhysicalRange], owner: String) {
        state.protected = ranges.map(aliases.folded)
        state.owner = owner
    }

    @inline(__always)
    private func check(_ address: PhysicalAddress, _ count: Int, isWrite: Bool) throws(BusError) {
        guard !state.protected.isEmpty else { return }
        let wanted = aliases.folded(PhysicalRange(start: address, size: UInt32(clamping: count)))
        for range in state.protected where range.overlaps(wanted) {
            state.refusals &+= 1
            throw BusError(address: address, count: count, isWrite: isWrite, cause: .protected(owner: state.owner))
        }
    }

    func read(_ address: PhysicalAddress, into buffer: UnsafeMutableRawBufferPointer) throws(BusError) {
        try check(address, buffer.count, isWrite: false)
        try board.read(address, into: buffer, secure: false)
    }

    func write(_ address: PhysicalAddress, from buffer: UnsafeRawBufferPointer) throws(BusError) {
        try check(address, buffer.count, isWrite: true)
        try board.write(address, from: buffer, secure: false)
    }

    func read32(_ address: PhysicalAddress) throws(BusError) -> UInt32 {
        try check(address, 4, isWrite: false)
        return try board.readWord(address, secure: false)
    }

    func write32(_ address: PhysicalAddress, _ value: UInt32) throws(BusError) {
        try check(address, 4, isWrite: true)
        try board.writeWord(address, value, secure: false)
    }
}
