/// A few Thumb instructions, enough to write a test's firmware in. Each is one instruction unless its name says otherwise.
enum Thumb {
    typealias Code = [UInt16]

    static let nop: Code = [0xBF00], yield: Code = [0xBF10], wfe: Code = [0xBF20], wfi: Code = [0xBF30], sev: Code = [0xBF40]
    static let cpsidI: Code = [0xB672], cpsieI: Code = [0xB662], cpsidF: Code = [0xB671], cpsieF: Code = [0xB661]
    static let bxLR: Code = [0x4770], undefined: Code = [0xDE00], isb: Code = [0xF3BF, 0x8F6F]
    /// A branch to itself.
    static let stay: Code = [0xE7FE]
    static func svc(_ n: UInt16) -> Code { [0xDF00 | n] }
    static func bkpt(_ n: UInt16) -> Code { [0xBE00 | n] }
    /// A branch to `offset` bytes from its own address.
    static func b(_ offset: Int) -> Code { [0xE000 | UInt16(truncatingIfNeeded: (offset - 4) >> 1) & 0x7FF] }
    static func bne(_ offset: Int) -> Code { [0xD100 | UInt16(truncatingIfNeeded: (offset - 4) >> 1) & 0xFF] }
    static func bx(_ rm: UInt16) -> Code { [0x4700 | rm << 3] }
    static func blx(_ rm: UInt16) -> Code { [0x4780 | rm << 3] }

    static func movs(_ rd: UInt16, _ imm: UInt16) -> Code { [0x2000 | rd << 8 | imm] }
    static func adds(_ rd: UInt16, _ imm: UInt16) -> Code { [0x3000 | rd << 8 | imm] }
    static func subs(_ rd: UInt16, _ imm: UInt16) -> Code { [0x3800 | rd << 8 | imm] }
    static func cmp(_ rn: UInt16, _ imm: UInt16) -> Code { [0x2800 | rn << 8 | imm] }
    static func mov(_ rd: UInt16, _ rm: UInt16) -> Code { [0x4600 | (rd & 8) << 4 | rm << 3 | rd & 7] }
    /// MOVW and MOVT: two instructions, 8 bytes.
    static func load(_ rd: UInt16, _ value: UInt32) -> Code {
        func half(_ opcode: UInt16, _ v: UInt16) -> Code {
            [opcode | (v >> 1 & 0x400) | (v >> 12), (v << 4 & 0x7000) | rd << 8 | v & 0xFF]
        }
        return half(0xF240, UInt16(truncatingIfNeeded: value)) + half(0xF2C0, UInt16(truncatingIfNeeded: value >> 16))
    }
    /// Low registers; `offset` a multiple of 4 below 128.
    static func ldr(_ rt: UInt16, _ rn: UInt16, _ offset: UInt16 = 0) -> Code { [0x6800 | offset << 4 | rn << 3 | rt] }
    static func str(_ rt: UInt16, _ rn: UInt16, _ offset: UInt16 = 0) -> Code { [0x6000 | offset << 4 | rn << 3 | rt] }
    static func strh(_ rt: UInt16, _ rn: UInt16) -> Code { [0x8000 | rn << 3 | rt] }
    static func strb(_ rt: UInt16, _ rn: UInt16) -> Code { [0x7000 | rn << 3 | rt] }
    /// `str rt, [rn, rm]`
    static func str(_ rt: UInt16, _ rn: UInt16, plus rm: UInt16) -> Code { [0x5000 | rm << 6 | rn << 3 | rt] }

    enum Special: UInt16 { case xpsr = 3, ipsr = 5, msp = 8, psp = 9, primask = 16, basepri = 17, basepriMax = 18, faultmask = 19, control = 20 }
    static func mrs(_ rd: UInt16, _ special: Special) -> Code { [0xF3EF, 0x8000 | rd << 8 | special.rawValue] }
    static func msr(_ special: Special, _ rn: UInt16) -> Code { [0xF380 | rn, 0x8800 | special.rawValue] }

    /// Five instructions: R0 the address, R1 the value.
    static func poke(_ address: UInt32, _ value: UInt32) -> Code { load(0, address) + load(1, value) + str(1, 0) }
    /// Where `log` keeps how many bytes it has written; the values follow.
    static let logAddress: UInt32 = 0x1000_0000
    /// Appends `value` to the log; uses R0 to R2.
    static func log(_ value: UInt16) -> Code { movs(2, value) + log(register: 2) }
    /// Appends a register other than R0 and R1.
    static func log(register: UInt16) -> Code { load(0, logAddress) + ldr(1, 0) + adds(1, 4) + str(1, 0) + str(register, 0, plus: 1) }
    static func log(_ special: Special) -> Code { mrs(2, special) + log(register: 2) }
}
