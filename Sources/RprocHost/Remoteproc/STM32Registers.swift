import MachineBase

/// The registers that `stm32_rproc` works on, with regmap's way of changing bits: read, and write only what differs.
struct STM32Registers {
    /// RCC_MP_GCR, bit 0 BOOT_MCU: 0 holds the M4's boot, 1 releases it (RM0436 RCC).
    static let holdBoot = PhysicalAddress(0x5000_010C)
    /// RCC_MP_GRSTCSETR, bit 1 MCURST: write 1 to reset the M4.
    static let globalReset = PhysicalAddress(0x5000_0404)
    /// PWR_MCUCR, bit 0 PDDS: allow standby.
    static let powerDownDeepSleep = PhysicalAddress(0x5000_1014)
    /// TAMP_BKP17R: device address of the resource table, for attaching.
    static let resourceTable = PhysicalAddress(0x5C00_A144)
    /// TAMP_BKP18R: the M4's state as boot stages hand it on.
    static let m4State = PhysicalAddress(0x5C00_A148)
    static let m4StateOff: UInt32 = 0
    /// CRUN: a boot stage has started the M4.
    static let m4StateRunning: UInt32 = 2

    let bus: any NonSecureBus

    func update(_ register: PhysicalAddress, mask: UInt32, value: UInt32) throws(BusError) {
        let old = try bus.read32(register)
        let new = (old & ~mask) | (value & mask)
        if new != old { try bus.write32(register, new) }
    }

    func setBootMCU(_ released: Bool) throws(BusError) { try update(Self.holdBoot, mask: 1, value: released ? 1 : 0) }
    func assertReset() throws(BusError) { try bus.write32(Self.globalReset, 1 << 1) }
    func setPowerDown(_ on: Bool) throws(BusError) { try update(Self.powerDownDeepSleep, mask: 1, value: on ? 1 : 0) }
    func setStateOff() throws(BusError) { try update(Self.m4State, mask: .max, value: Self.m4StateOff) }
}
