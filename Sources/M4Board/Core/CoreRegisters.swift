// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import MachineBase

/// The core's registers at one moment.
public struct CoreRegisters: Equatable, Sendable {
    /// R0 to R15; R13 is the stack pointer in use.
    public var r: [UInt32]
    public var xpsr: UInt32
    public var msp: UInt32, psp: UInt32
    public var primask: UInt32, basepri: UInt32, faultmask: UInt32, control: UInt32
    public var fpscr: UInt32

    public var pc: UInt32 { r[15] }
    public var exception: ExceptionNumber { ExceptionNumber(Int(xpsr & 0x1FF)) }

    /// Six lines, as a fault report prints them.
    public var text: String {
        var lines: [String] = []
        for row in 0..<4 {
            lines.append((0..<4).map { column in
                let n = row * 4 + column
                let name = n == 13 ? "sp" : n == 14 ? "lr" : n == 15 ? "pc" : "r\(n)"
                return String(repeating: " ", count: max(0, 4 - name.count)) + name + " " + hex32(r[n])
            }.joined(separator: " "))
        }
        lines.append("xpsr \(hex32(xpsr))  msp \(hex32(msp))  psp \(hex32(psp))")
        lines.append("primask \(primask) basepri \(hex32(basepri)) faultmask \(faultmask) control \(control) fpscr \(hex32(fpscr)) (\(exception))")
        return lines.joined(separator: "\n")
    }
}
