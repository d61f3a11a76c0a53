// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import RprocHost

/// The board as the guest's Linux has it, for looks. Stores come from the guest alone.
final class GuestBus: NonSecureBus {
    private unowned let board: M4Board
    init(_ board: M4Board) { self.board = board }

    func read(_ address: PhysicalAddress, into buffer: UnsafeMutableRawBufferPointer) throws(BusError) {
        // Registers have `read32`; a ring that firmware has put there is none.
        let isMemory = board.withMemory(address, count: buffer.count) { source in
            buffer.copyMemory(from: source)
            return true
        }
        guard isMemory != nil else { throw BusError(address: address, count: buffer.count, isWrite: false, cause: .unmapped) }
    }
    func read32(_ address: PhysicalAddress) throws(BusError) -> UInt32 { try board.readWord(address, secure: true) }
    func write(_ address: PhysicalAddress, from buffer: UnsafeRawBufferPointer) throws(BusError) {
        throw BusError(address: address, count: buffer.count, isWrite: true, cause: .unmapped)
    }
    func write32(_ address: PhysicalAddress, _ value: UInt32) throws(BusError) {
        throw BusError(address: address, count: 4, isWrite: true, cause: .unmapped)
    }
}
