// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM

// Registers as a debugger reads and writes them while the core stands, whatever its privilege. Source: ARMv7-M ARM, C1.6.3, DCRSR.
extension Core {
    func value(of register: DebugRegister) -> UInt64 {
        switch register {
        case .r(15): UInt64(nextPC & ~1)
        case .r(let n): 0...14 ~= n ? UInt64(engine.r(n)) : 0
        // Whether the next instruction is Thumb is a part of its address here.
        case .xpsr: UInt64(engine.xpsr & ~Self.thumbState | (nextPC & 1) << 24)
        case .msp: UInt64(engine.privileged(UC_ARM_REG_MSP))
        case .psp: UInt64(engine.privileged(UC_ARM_REG_PSP))
        case .primask: UInt64(engine.privileged(UC_ARM_REG_PRIMASK))
        case .basepri: UInt64(engine.privileged(UC_ARM_REG_BASEPRI))
        case .faultmask: UInt64(engine.privileged(UC_ARM_REG_FAULTMASK))
        case .control: UInt64(engine.control)
        // While an exception's frame waits for them, they are still the interrupted code's.
        case .d(let n): 0...15 ~= n ? UInt64(singlePrecision[2 * n]) | UInt64(singlePrecision[2 * n + 1]) << 32 : 0
        case .fpscr: UInt64(engine.read(UC_ARM_REG_FPSCR))
        }
    }

    /// - Returns: false where there is no such register, in reset, and for an xPSR with another exception's number, which no debugger can change.
    func set(_ register: DebugRegister, to value: UInt64) -> Bool {
        guard phase != .held else { return false }
        let word = UInt32(truncatingIfNeeded: value)
        switch register {
        case .r(15): goOn(at: word)
        case .r(13): engine.setR(13, word & ~3)
        case .r(let n):
            guard 0...14 ~= n else { return false }
            engine.setR(n, word)
        case .xpsr: return setStatus(word)
        case .msp: m4_engine_privileged_write(engine.raw, Int32(UC_ARM_REG_MSP.rawValue), word & ~3)
        case .psp: m4_engine_privileged_write(engine.raw, Int32(UC_ARM_REG_PSP.rawValue), word & ~3)
        case .primask: m4_engine_privileged_write(engine.raw, Int32(UC_ARM_REG_PRIMASK.rawValue), word & 1)
        case .basepri: m4_engine_privileged_write(engine.raw, Int32(UC_ARM_REG_BASEPRI.rawValue), word & 0xFF)
        case .faultmask: m4_engine_privileged_write(engine.raw, Int32(UC_ARM_REG_FAULTMASK.rawValue), word & 1)
        case .control: m4_engine_write_control(engine.raw, word & 7)
        case .d(let n):
            guard 0...15 ~= n else { return false }
            var registers = singlePrecision
            registers[2 * n] = word
            registers[2 * n + 1] = UInt32(truncatingIfNeeded: value >> 32)
            m4_engine_write_s(engine.raw, registers, engine.read(UC_ARM_REG_FPSCR))
        case .fpscr: engine.write(UC_ARM_REG_FPSCR, word & 0xF7C0_009F)
        }
        switch register {
        case .primask, .basepri, .faultmask, .control:
            // What may be taken now, and whether the MPU is in force.
            m4_engine_update_limit(engine.raw)
            if scs.isMPUOn { prioritySignChanged() }
        default: break
        }
        return true
    }

    private static let thumbState: UInt32 = 1 << 24
    private var singlePrecision: [UInt32] { singlePrecisionRegisters }

    /// A debugger's halt ends waiting and a lockup; where to go on is a decision of its own.
    private func goOn(at address: UInt32) {
        nextPC = address & ~1 | nextPC & 1
        own.pointee.passedBKPT = nil
        engine.raw.pointee.pass_address = UInt32(M4_NOWHERE)
        if phase == .lockedUp {
            own.pointee.lockupReport = nil
            nextPC |= 1
        }
        phase = .running
        if own.pointee.sleepsDeeply { setDeepSleep(false) }
    }

    /// Flags, GE, IT and T; the exception's number is that of the mode.
    private func setStatus(_ value: UInt32) -> Bool {
        let exception = engine.xpsr & 0x1FF
        guard value & 0x1FF == exception else { return false }
        engine.write(UC_ARM_REG_XPSR_NZCVQG, value & ~(1 << 9) | Self.thumbState)
        engine.modeChanged()
        nextPC = nextPC & ~1 | value >> 24 & 1
        return true
    }
}
