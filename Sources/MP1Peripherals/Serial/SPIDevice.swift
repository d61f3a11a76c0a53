// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What hangs on an SPI bus. Its state is its own and not the SoC's.
open class SPIDevice {
    /// Which line, when low, selects a device.
    public enum Selection: Equatable, Sendable {
        case always
        /// The SPI's own NSS, which it drives with CFG2.SSOE, from CSTART to the transfer's end.
        case nss
        /// A pin (0-15) that firmware drives as an output.
        case pin(GPIO.Port, Int)
    }

    public init() {}

    /// The device is selected, or no longer: a command begins, or ends.
    open func select(_ isSelected: Bool) {}

    /// A frame of `bits` (4-32) bits from the master, and the answer in the same clocks. The most significant bit is the first on the wire.
    open func exchange(_ frame: UInt32, bits: Int) -> UInt32 { 0 }
}

/// MISO wired to MOSI.
public final class SPILoopback: SPIDevice {
    public override func exchange(_ frame: UInt32, bits: Int) -> UInt32 { frame }
}

/// A device with 128 registers of eight bits, as many sensors have them. The first frame of a command is the register's number, with bit 7
/// for reading; each frame after it is that register's content, or what is written to it, and goes to the next register.
public final class SPIRegisterFile: SPIDevice {
    public var registers: [UInt8]
    private var address: Int?
    private var isReading = false

    /// - Parameter registers: from register 0 on; what is missing is 0.
    public init(_ registers: [UInt8] = []) { self.registers = Array((registers + [UInt8](repeating: 0, count: 128)).prefix(128)) }

    public override func select(_ isSelected: Bool) { address = nil }

    public override func exchange(_ frame: UInt32, bits: Int) -> UInt32 {
        let byte = UInt8(truncatingIfNeeded: frame)
        guard let register = address else {
            address = Int(byte & 0x7F)
            isReading = byte & 0x80 != 0
            return 0
        }
        address = (register + 1) & 0x7F
        if isReading { return UInt32(registers[register]) }
        registers[register] = byte
        return 0
    }
}
