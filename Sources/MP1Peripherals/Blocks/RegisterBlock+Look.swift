// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CRegisterMap

// Registers as a debugger looks at them: what the M4 would read, and nothing changes by it.
extension RegisterBlock {
    /// The word at `offset`, a multiple of four below the block's size. Nothing is reported; a block that nobody has touched stays so.
    final func look(at offset: UInt32) -> UInt32 {
        let wasTouched = isTouched
        defer { if !wasTouched { forget() } }
        switch reading(of: offset) {
        case .beyond: return RegisterBlock.valueAtReset(offset, of: index, in: interconnect)
        case .acts: return peek(offset)
        case .writeOnly: return 0
        case .stored: return self[offset]
        }
    }

    /// What a register that nobody has written gives; 0 where there is none.
    static func valueAtReset(_ offset: UInt32, of index: Int, in interconnect: Interconnect) -> UInt32 {
        let place = Int(register_map_register_at(interconnect.map, UInt32(index), offset))
        guard place >= 0 else { return 0 }
        let register = interconnect.map.pointee.registers + place
        return Int(register_map_access(register)) == Int(REGISTER_WRITE_ONLY) ? 0 : register.pointee.reset_value
    }

    /// `body`'s answer; what it changes in this block's registers and state is as before. For what only works out what has come of the time that has passed.
    final func withoutTrace(_ body: () -> UInt32) -> UInt32 {
        let words = (0..<UInt32(wordCount)).map { self[$0 * 4] }, state = ownState
        defer {
            for (word, value) in words.enumerated() { self[UInt32(word) * 4] = value }
            ownState = state
        }
        return body()
    }
}

extension SoC {
    /// The word at `address`, a multiple of four, as the M4 would read it, without what a read does: no flag is cleared, no FIFO is emptied, nothing is
    /// reported. A semaphore that a read would take is as it is. nil where no block decodes.
    public func look(at address: UInt32) -> UInt32? {
        let index = Int(register_map_peripheral_at(interconnect.map, address))
        guard index >= 0 else { return nil }
        let base = interconnect.map.pointee.peripherals[index].base
        guard let block = interconnect.blocks[index] else { return RegisterBlock.valueAtReset(address &- base, of: index, in: interconnect) }
        return block._withUnsafeGuaranteedRef { $0.look(at: address &- base) }
    }
}
