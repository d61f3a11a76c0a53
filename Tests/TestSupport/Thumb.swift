// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// An assembler for tests: Thumb instructions by name, as halfwords. Each is one instruction unless its comment says otherwise.
public enum Thumb {
    public typealias Code = [UInt16]

    public static let nop: Code = [0xBF00], yield: Code = [0xBF10], wfe: Code = [0xBF20], wfi: Code = [0xBF30], sev: Code = [0xBF40]
    public static let cpsidI: Code = [0xB672], cpsieI: Code = [0xB662], cpsidF: Code = [0xB671], cpsieF: Code = [0xB661]
    public static let isb: Code = [0xF3BF, 0x8F6F], dsb: Code = [0xF3BF, 0x8F4F]
    public static let bxLR: Code = [0x4770], undefined: Code = [0xDE00]
    /// A branch to itself.
    public static let stay: Code = [0xE7FE]
    public static let semihosting = bkpt(0xAB)
    public static func svc(_ n: UInt16) -> Code { [0xDF00 | n] }
    public static func bkpt(_ n: UInt16) -> Code { [0xBE00 | n] }
    /// A branch to `offset` bytes from its own address.
    public static func b(_ offset: Int) -> Code { [0xE000 | UInt16(truncatingIfNeeded: (offset - 4) >> 1) & 0x7FF] }
    public static func bne(_ offset: Int) -> Code { [0xD100 | UInt16(truncatingIfNeeded: (offset - 4) >> 1) & 0xFF] }
    public static func bx(_ rm: UInt16) -> Code { [0x4700 | rm << 3] }
    public static func blx(_ rm: UInt16) -> Code { [0x4780 | rm << 3] }

    public static func movs(_ rd: UInt16, _ imm: UInt16) -> Code { [0x2000 | rd << 8 | imm] }
    public static func adds(_ rd: UInt16, _ imm: UInt16) -> Code { [0x3000 | rd << 8 | imm] }
    public static func subs(_ rd: UInt16, _ imm: UInt16) -> Code { [0x3800 | rd << 8 | imm] }
    public static func cmp(_ rn: UInt16, _ imm: UInt16) -> Code { [0x2800 | rn << 8 | imm] }
    public static func mov(_ rd: UInt16, _ rm: UInt16) -> Code { [0x4600 | (rd & 8) << 4 | rm << 3 | rd & 7] }

    /// MOVW and, unless its half is 0, MOVT.
    public static func load(_ rd: UInt16, _ value: UInt32) -> Code { value >> 16 == 0 ? half(0xF240, rd, value) : load32(rd, value) }
    /// MOVW and MOVT: two instructions, 8 bytes, whatever the value.
    public static func load32(_ rd: UInt16, _ value: UInt32) -> Code { half(0xF240, rd, value) + half(0xF2C0, rd, value >> 16) }
    private static func half(_ opcode: UInt16, _ rd: UInt16, _ value: UInt32) -> Code {
        let v = UInt16(truncatingIfNeeded: value)
        return [opcode | (v >> 1 & 0x400) | (v >> 12), (v << 4 & 0x7000) | rd << 8 | v & 0xFF]
    }

    /// Low registers; `offset` a multiple of 4 below 128.
    public static func ldr(_ rt: UInt16, _ rn: UInt16, _ offset: UInt16 = 0) -> Code { [0x6800 | offset << 4 | rn << 3 | rt] }
    public static func str(_ rt: UInt16, _ rn: UInt16, _ offset: UInt16 = 0) -> Code { [0x6000 | offset << 4 | rn << 3 | rt] }
    public static func strh(_ rt: UInt16, _ rn: UInt16) -> Code { [0x8000 | rn << 3 | rt] }
    public static func strb(_ rt: UInt16, _ rn: UInt16) -> Code { [0x7000 | rn << 3 | rt] }
    /// `str rt, [rn, rm]`
    public static func str(_ rt: UInt16, _ rn: UInt16, plus rm: UInt16) -> Code { [0x5000 | rm << 6 | rn << 3 | rt] }
    /// `ldr.w` and `str.w`: any register, an offset in bytes below 4096.
    public static func ldrW(_ rt: UInt16, _ rn: UInt16, _ offset: UInt16 = 0) -> Code { [0xF8D0 | rn, rt << 12 | offset] }
    public static func strW(_ rt: UInt16, _ rn: UInt16, _ offset: UInt16 = 0) -> Code { [0xF8C0 | rn, rt << 12 | offset] }

    public enum Special: UInt16, Sendable { case xpsr = 3, ipsr = 5, msp = 8, psp = 9, primask = 16, basepri = 17, basepriMax = 18, faultmask = 19, control = 20 }
    public static func mrs(_ rd: UInt16, _ special: Special) -> Code { [0xF3EF, 0x8000 | rd << 8 | special.rawValue] }
    public static func msr(_ special: Special, _ rn: UInt16) -> Code { [0xF380 | rn, 0x8800 | special.rawValue] }

    /// Stores `value` at `address`; five instructions, uses R0 and R1.
    public static func poke(_ address: UInt32, _ value: UInt32) -> Code { load32(0, address) + load32(1, value) + str(1, 0) }
    /// Adds 1 to the word at `address`; uses R0 and R1.
    public static func count(_ address: UInt32) -> Code { load(0, address) + ldr(1, 0) + adds(1, 1) + str(1, 0) }

    /// Where `log` keeps how many bytes it has written; the values follow.
    public static let logAddress: UInt32 = 0x1000_0000
    /// Appends `value` to the log; uses R0 to R2.
    public static func log(_ value: UInt16) -> Code { movs(2, value) + log(register: 2) }
    /// Appends a register other than R0 and R1.
    public static func log(register: UInt16) -> Code { load32(0, logAddress) + ldr(1, 0) + adds(1, 4) + str(1, 0) + str(register, 0, plus: 1) }
    public static func log(_ special: Special) -> Code { mrs(2, special) + log(register: 2) }
}
