// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The ITM: 32 stimulus ports that firmware prints to. Source: ARMv7-M ARM, C1.7; Cortex-M4 TRM, chapter 9.
///
/// Text comes out while DEMCR.TRCENA, TCR.ITMENA and the port's bit in TER are set. The lock of TER, TPR and TCR is open, as a
/// debugger leaves it; any other value than 0xC5ACCE55 in LAR closes it.
public struct InstrumentationTrace: Equatable, Sendable {
    private var enabledPorts: UInt32 = 0
    private var privilegedPorts: UInt32 = 0
    private var control: UInt32 = 0
    private var locked = false

    static let key: UInt32 = 0xC5AC_CE55

    mutating func reset() { self = InstrumentationTrace() }

    var unprivilegedPorts: UInt32 { ~privilegedPorts & 15 }
    /// TPR has a bit for eight ports; set, they are for privileged code.
    private func allows(_ port: Int, privileged: Bool) -> Bool { privileged || privilegedPorts >> UInt32(port >> 3) & 1 == 0 }
    private func isOpen(_ port: Int) -> Bool { control & 1 != 0 && enabledPorts >> UInt32(port & 31) & 1 != 0 }

    /// `offset` from 0xE0000000. An open stimulus port reads 1: its FIFO is never full.
    func read(_ offset: UInt32, tracing: Bool, privileged: Bool) -> UInt32 {
        switch offset {
        case 0x000..<0x080:
            let port = Int(offset >> 2)
            return tracing && isOpen(port) && allows(port, privileged: privileged) ? 1 : 0
        case _ where !privileged: return 0
        case 0xE00: return enabledPorts
        case 0xE40: return privilegedPorts
        case 0xE80: return control
        case 0xFB4: return locked ? 0b11 : 0b01
        default: return 0
        }
    }

    /// The stimulus port that the value is for, when it is open.
    mutating func write(_ offset: UInt32, _ value: UInt32, tracing: Bool, privileged: Bool) -> Int? {
        switch offset {
        case 0x000..<0x080:
            let port = Int(offset >> 2)
            return tracing && isOpen(port) && allows(port, privileged: privileged) ? port : nil
        case _ where !privileged: break
        case 0xFB0: locked = value != Self.key
        case _ where locked: break
        case 0xE00: enabledPorts = value
        case 0xE40: privilegedPorts = value & 15
        // BUSY, bit 23, is never set.
        case 0xE80: control = value & 0x007F_0F1F
        default: break
        }
        return nil
    }
}
