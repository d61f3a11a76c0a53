// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What the architecture gives each address to, whatever the chip. Constants in the code of who asks. Source: ARMv7-M ARM, B3.1.
public enum SystemAddressMap {
    /// Peripherals: device memory, execute-never.
    @inlinable public static var peripherals: Range<UInt32> { 0x4000_0000..<0x6000_0000 }
    /// The private peripheral bus: the core's own registers, for privileged accesses.
    @inlinable public static var privatePeripherals: Range<UInt32> { 0xE000_0000..<0xE010_0000 }
    /// External devices and the system's addresses: execute-never from here on.
    @inlinable public static var externalDevices: UInt32 { 0xA000_0000 }
    /// A word for each bit of the first MiB of peripherals. Source: Cortex-M4 TRM, 3.7.
    @inlinable public static var peripheralBitBand: Range<UInt32> { 0x4200_0000..<0x4400_0000 }

    /// Whether the map without an MPU forbids to execute at `address`.
    @inlinable public static func isExecuteNever(_ address: UInt32) -> Bool { peripherals.contains(address) || address >= externalDevices }

    /// The bit of the first MiB of peripherals that a word of the bit-band alias stands for.
    @inlinable public static func bitBand(_ address: UInt32) -> (word: UInt32, bit: UInt32) {
        let offset = address &- peripheralBitBand.lowerBound
        return (peripherals.lowerBound &+ (offset >> 5 & ~3), offset >> 2 & 31)
    }
}
