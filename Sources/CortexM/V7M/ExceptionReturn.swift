// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// An EXC_RETURN value. Source: ARMv7-M ARM, table B1-8 and B1-9.
public struct ExceptionReturn: Equatable, Sendable {
    /// The frame is on the process stack.
    public let processStack: Bool
    /// The return is to thread mode.
    public let toThread: Bool
    /// The frame has the floating-point registers.
    public let extendedFrame: Bool

    public init(processStack: Bool, toThread: Bool, extendedFrame: Bool) {
        self.processStack = processStack; self.toThread = toThread; self.extendedFrame = extendedFrame
    }

    /// nil when the value is not one of the six legal ones.
    public init?(_ value: UInt32) {
        guard value & 0xFFFF_FFE0 == 0xFFFF_FFE0 else { return nil }
        extendedFrame = value & 0x10 == 0
        switch value & 0xF {
        case 0x1: toThread = false; processStack = false
        case 0x9: toThread = true; processStack = false
        case 0xD: toThread = true; processStack = true
        default: return nil
        }
    }

    public var value: UInt32 {
        0xFFFF_FFE1 | (extendedFrame ? 0 : 0x10) | (toThread ? 0x8 : 0) | (processStack ? 0x4 : 0)
    }
}
