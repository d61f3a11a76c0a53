// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM

/// The engine with a core's register names. Owns the C engine; nothing else opens or closes it.
final class Engine {
    let raw: UnsafeMutablePointer<m4_engine>

    init() throws(BoardError) {
        var error = UC_ERR_OK
        guard let engine = m4_engine_open(&error) else { throw .engine(doing: "open a Cortex-M4", Engine.describe(error)) }
        raw = engine
    }
    deinit { m4_engine_close(raw) }

    func add(_ region: m4_region) throws(BoardError) {
        let error = m4_engine_add_region(raw, region)
        guard error == UC_ERR_OK else {
            throw .engine(doing: "map \(region.size) bytes at \(String(region.start, radix: 16))", Engine.describe(error))
        }
    }

    func arm() throws(BoardError) {
        let error = m4_engine_arm(raw)
        guard error == UC_ERR_OK else { throw .engine(doing: "install hooks", Engine.describe(error)) }
    }

    static func describe(_ error: uc_err) -> String {
        uc_strerror(error).map { String(cString: $0) } ?? "error \(error.rawValue)"
    }

    /// `2.1.4`, as the loaded library says it.
    static var libraryVersion: String { version(m4_library_version()) }
    static var headerVersion: String { version(m4_header_version()) }
    private static func version(_ packed: UInt32) -> String { "\(packed >> 16).\(packed >> 8 & 0xFF).\(packed & 0xFF)" }

    @inline(__always) func read(_ register: uc_arm_reg) -> UInt32 { m4_reg_read(raw, Int32(register.rawValue)) }
    @inline(__always) func write(_ register: uc_arm_reg, _ value: UInt32) { m4_reg_write(raw, Int32(register.rawValue), value) }

    /// R0 to R12, SP, LR, PC by number.
    @inline(__always) func r(_ n: Int) -> UInt32 { m4_core_register(raw, Int32(n)) }
    /// Not PC.
    @inline(__always) func setR(_ n: Int, _ value: UInt32) { m4_set_core_register(raw, Int32(n), value) }
    var floatingPoint: FloatingPointRegisters {
        get {
            var registers = FloatingPointRegisters()
            var fpscr: UInt32 = 0
            withUnsafeMutableBytes(of: &registers) { m4_engine_read_fp(raw, $0.bindMemory(to: UInt32.self).baseAddress, &fpscr) }
            registers.fpscr = fpscr
            return registers
        }
        set {
            withUnsafeBytes(of: newValue) { m4_engine_write_fp(raw, $0.bindMemory(to: UInt32.self).baseAddress, newValue.fpscr) }
        }
    }

    /// A register that unprivileged code reads as 0.
    func privileged(_ register: uc_arm_reg) -> UInt32 { m4_engine_privileged_read(raw, Int32(register.rawValue)) }

    var control: UInt32 { read(UC_ARM_REG_CONTROL) }
    var exception: ExceptionNumber { ExceptionNumber(Int(read(UC_ARM_REG_IPSR) & 0x1FF)) }
    var xpsr: UInt32 { read(UC_ARM_REG_XPSR) }

    /// ITSTATE: EPSR[15:10,26:25]. Source: ARMv7-M ARM, A7.3.3.
    var itState: UInt8 {
        let epsr = xpsr
        return UInt8(truncatingIfNeeded: epsr >> 8 & 0xFC | epsr >> 25 & 3)
    }
    func setITState(_ state: UInt8) {
        let bits = UInt32(state)
        write(UC_ARM_REG_EPSR, 1 << 24 | (bits & 0xFC) << 8 | (bits & 3) << 25)
    }

    /// Mode, privilege and stack are in place: lets the engine rebuild what it derived from them. Nothing else does on
    /// these versions.
    func modeChanged() {
        write(UC_ARM_REG_APSR_NZCV, read(UC_ARM_REG_APSR_NZCV))
    }
}

/// S0 to S15 and FPSCR, as an extended frame has them.
struct FloatingPointRegisters {
    var s: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    var fpscr: UInt32 = 0
}
