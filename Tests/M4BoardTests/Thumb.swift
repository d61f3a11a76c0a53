/// Thumb instructions by name, as halfwords: enough of an assembler for a test's program to be read.
enum Thumb {
    static let nop: [UInt16] = [0xBF00]
    static let wfi: [UInt16] = [0xBF30], wfe: [UInt16] = [0xBF20], sev: [UInt16] = [0xBF40]
    static let isb: [UInt16] = [0xF3BF, 0x8F6F], dsb: [UInt16] = [0xF3BF, 0x8F4F]
    static let returnToLink: [UInt16] = [0x4770]  // bx lr
    static let undefined: [UInt16] = [0xDE00]
    static let loop: [UInt16] = [0xE7FE]  // b .
    static let disableInterrupts: [UInt16] = [0xB672], enableInterrupts: [UInt16] = [0xB662]  // cpsid i, cpsie i
    static let disableFaults: [UInt16] = [0xB671], enableFaults: [UInt16] = [0xB661]  // cpsid f, cpsie f
    static let semihosting: [UInt16] = [0xBEAB]

    /// `bkpt`: where a test's program ends.
    static let stop: [UInt16] = [0xBE00]
    static func svc(_ n: UInt16) -> [UInt16] { [0xDF00 | n] }
    static func adds(_ r: UInt16, _ n: UInt16) -> [UInt16] { [0x3000 | r << 8 | n] }
    static func mov(_ r: UInt16, from m: UInt16) -> [UInt16] { [0x4600 | (r & 8) << 4 | m << 3 | r & 7] }

    /// `movw` and, unless its half is 0, `movt`.
    static func load(_ r: UInt16, _ value: UInt32) -> [UInt16] {
        func half(_ first: UInt16, _ v: UInt16) -> [UInt16] {
            [first | (v >> 11 & 1) << 10 | v >> 12, (v >> 8 & 7) << 12 | r << 8 | v & 0xFF]
        }
        let low = half(0xF240, UInt16(truncatingIfNeeded: value))
        return value >> 16 == 0 ? low : low + half(0xF2C0, UInt16(truncatingIfNeeded: value >> 16))
    }
    /// `ldr t, [n, #offset]` and `str t, [n, #offset]`, `offset` in bytes.
    static func ldr(_ t: UInt16, _ n: UInt16, _ offset: UInt16 = 0) -> [UInt16] { [0xF8D0 | n, t << 12 | offset] }
    static func str(_ t: UInt16, _ n: UInt16, _ offset: UInt16 = 0) -> [UInt16] { [0xF8C0 | n, t << 12 | offset] }
    /// Stores `value` at `address`; uses R0 and R1.
    static func poke(_ address: UInt32, _ value: UInt32) -> [UInt16] { load(0, address) + load(1, value) + str(1, 0) }
    /// Adds 1 to the word at `address`; uses R0 and R1.
    static func count(_ address: UInt32) -> [UInt16] { load(0, address) + ldr(1, 0) + adds(1, 1) + str(1, 0) }

    enum Special: UInt16 { case msp = 8, psp = 9, primask = 16, basepri = 17, faultmask = 19, control = 20 }
    static func msr(_ special: Special, _ r: UInt16) -> [UInt16] { [0xF380 | r, 0x8800 | special.rawValue] }
    static func mrs(_ r: UInt16, _ special: Special) -> [UInt16] { [0xF3EF, 0x8000 | r << 8 | special.rawValue] }
}
