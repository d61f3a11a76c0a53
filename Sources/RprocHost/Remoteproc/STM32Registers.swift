// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The registers that `stm32_rproc` works on, with regmap's way of changing bits: read, and write only what differs.
package struct STM32Registers {
    static let m4StateOff: UInt32 = 0
    /// CRUN: a boot stage has started the M4.
    package static let m4StateRunning: UInt32 = 2

    let bus: any NonSecureBus
    let map: SystemRegisters

    func update(_ register: SystemRegister, value: UInt32) throws(BusError) {
        let old = try bus.read32(register.address)
        let new = (old & ~register.mask) | (value & register.mask)
        if new != old { try bus.write32(register.address, new) }
    }

    func setBootMCU(_ released: Bool) throws(BusError) { try update(map.holdBoot, value: released ? 1 : 0) }
    func assertReset() throws(BusError) { try bus.write32(map.reset.address, map.reset.mask) }
    func setPowerDown(_ on: Bool) throws(BusError) { if let register = map.powerDown { try update(register, value: on ? 1 : 0) } }
    func setStateOff() throws(BusError) { if let register = map.m4State { try update(register, value: Self.m4StateOff) } }
}
