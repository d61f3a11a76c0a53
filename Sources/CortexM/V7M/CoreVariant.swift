// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What one core of the M profile has otherwise than another: what it says of itself, and which bits of its control registers exist.
///
/// A core of ARMv8-M is another value of this, and has other files in place of those in this folder: EXC_RETURN says from which security
/// state, its MPU has bases and limits, SAU and banked registers are added. Source: ARMv7-M ARM, B3.2 and B4.1; Cortex-M4 TRM, 4.
public struct CoreVariant: Sendable {
    /// CPUID.
    public var identification: UInt32
    /// ID_PFR0 to ID_ISAR4, 13 words from 0xD40 of the system control space on.
    public var features: [UInt32]
    /// MVFR0 and MVFR1.
    public var floatingPoint: (UInt32, UInt32)
    /// Offsets from the private peripheral bus's last page to words of the ROM table.
    public var romTable: [UInt32: UInt32]
    /// The bits of ACTLR, SCR, CCR, CPACR and FPCCR that can be written.
    public var writableAuxiliary, writableSystemControl, writableConfiguration, writableCoprocessorAccess, writableFPContext: UInt32

    /// Cortex-M4 r0p1 with FPU: ARMv7E-M.
    public static let cortexM4 = CoreVariant(
        identification: 0x410F_C241,
        features: [
            0x0000_0030, 0x0000_0200, 0x0010_0000, 0, 0x0000_0030, 0, 0x0100_0000, 0,
            0x0114_1110, 0x0211_2000, 0x2123_2231, 0x0111_1131, 0x0131_0102,
        ],
        floatingPoint: (0x1011_0021, 0x1100_0011),
        // SCS, DWT, FPB, ITM; TPIU and ETM are absent. Then the component ID.
        romTable: [
            0x000: 0xFFF0_F003, 0x004: 0xFFF0_2003, 0x008: 0xFFF0_3003, 0x00C: 0xFFF0_1003,
            0xFF0: 0x0D, 0xFF4: 0x10, 0xFF8: 0x05, 0xFFC: 0xB1,
        ],
        writableAuxiliary: 0x307, writableSystemControl: 0x16, writableConfiguration: 0x31B, writableCoprocessorAccess: 0x00F0_0000,
        writableFPContext: 0xC000_017B)
}
