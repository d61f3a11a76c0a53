// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn

// The core's own memory accesses (stacking, vectors): RAM directly, registers as the engine does it.

extension Engine {
    /// The host's bytes of `count` bytes of RAM at device address `address`; nil when they are not all in one bank.
    @inline(__always)
    func memory(_ address: UInt32, count: UInt32) -> UnsafeMutablePointer<UInt8>? {
        guard let region = m4_engine_region(raw, address), let host = region.pointee.host else { return nil }
        let offset = address &- region.pointee.start
        guard count <= region.pointee.size, offset <= region.pointee.size &- count else { return nil }
        return host + Int(offset)
    }

    /// Whether registers answer at `address`.
    private func hasRegister(_ address: UInt32) -> Bool {
        guard let region = m4_engine_region(raw, address) else { return false }
        return region.pointee.host == nil
    }

    /// A word of a register; nil where none is.
    func readRegister(_ address: UInt32) -> UInt32? {
        hasRegister(address) ? raw.pointee.read_register?(raw.pointee.bus, address, 4) : nil
    }

    /// False where no register is.
    func writeRegister(_ address: UInt32, _ value: UInt32) -> Bool {
        guard hasRegister(address), let write = raw.pointee.write_register else { return false }
        write(raw.pointee.bus, address, 4, value)
        return true
    }
}
