// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Bits of a register that a driver reaches through another block's node (`st,syscfg-…`).
public struct SystemRegister: Equatable, Sendable {
    public var address: PhysicalAddress
    public var mask: UInt32
    public init(_ address: UInt32, mask: UInt32) { self.address = PhysicalAddress(address); self.mask = mask }
}

extension RegisterMap {
    /// Bits of a register by its name. A chip's description names registers of its own tables; one that is not in them is a mistake in
    /// the description, and a test reads each.
    public func bits(_ peripheral: String, _ register: String, _ mask: UInt32 = .max) -> SystemRegister {
        let found = address(peripheral, register)
        assert(found != nil, "no register \(peripheral).\(register) in the register map")
        return SystemRegister(found ?? 0, mask: mask)
    }

    /// The NVIC line of the interrupt `name`; as above.
    public func line(_ name: String) -> Int {
        let found = interrupt(named: name)
        assert(found != nil, "no interrupt \(name) in the register map")
        return found ?? 0
    }
}
