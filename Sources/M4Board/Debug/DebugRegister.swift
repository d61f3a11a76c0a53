// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A register of the core's, as an external debugger names it.
public enum DebugRegister: Hashable, Sendable {
    /// R0 to R12, the stack pointer in use, LR, and the address of the next instruction: 0 to 15.
    case r(Int)
    case xpsr
    case msp, psp
    case primask, basepri, faultmask, control
    /// D0 to D15.
    case d(Int)
    case fpscr
}
