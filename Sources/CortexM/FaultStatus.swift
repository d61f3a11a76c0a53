// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The fault status and address registers: CFSR, HFSR, MMFAR, BFAR. Source: ARMv7-M ARM, B3.2.15 to B3.2.18.
public struct FaultStatus: Equatable, Sendable {
    public var cfsr: UInt32 = 0
    public var hfsr: UInt32 = 0
    public var mmfar: UInt32 = 0
    public var bfar: UInt32 = 0
    public init() {}

    /// One bit of CFSR or HFSR: its name and what it means.
    public struct Flag: Sendable { public let mask: UInt32; public let name: String; public let meaning: String }

    public static let configurable: [Flag] = [
        Flag(mask: 1 << 0, name: "IACCVIOL", meaning: "instruction fetch from memory that the MPU or the memory map makes execute-never"),
        Flag(mask: 1 << 1, name: "DACCVIOL", meaning: "load or store that the MPU does not allow"),
        Flag(mask: 1 << 3, name: "MUNSTKERR", meaning: "MPU violation while unstacking at an exception return"),
        Flag(mask: 1 << 4, name: "MSTKERR", meaning: "MPU violation while stacking at an exception entry"),
        Flag(mask: 1 << 5, name: "MLSPERR", meaning: "MPU violation during lazy floating-point stacking"),
        Flag(mask: 1 << 7, name: "MMARVALID", meaning: "MMFAR holds the address"),
        Flag(mask: 1 << 8, name: "IBUSERR", meaning: "instruction fetch that the bus refused"),
        Flag(mask: 1 << 9, name: "PRECISERR", meaning: "load or store that the bus refused"),
        Flag(mask: 1 << 10, name: "IMPRECISERR", meaning: "earlier store that the bus refused"),
        Flag(mask: 1 << 11, name: "UNSTKERR", meaning: "bus error while unstacking at an exception return"),
        Flag(mask: 1 << 12, name: "STKERR", meaning: "bus error while stacking at an exception entry"),
        Flag(mask: 1 << 13, name: "LSPERR", meaning: "bus error during lazy floating-point stacking"),
        Flag(mask: 1 << 15, name: "BFARVALID", meaning: "BFAR holds the address"),
        Flag(mask: 1 << 16, name: "UNDEFINSTR", meaning: "undefined instruction"),
        Flag(mask: 1 << 17, name: "INVSTATE", meaning: "execution with xPSR.T clear (a branch to an even address)"),
        Flag(mask: 1 << 18, name: "INVPC", meaning: "illegal EXC_RETURN at an exception return"),
        Flag(mask: 1 << 19, name: "NOCP", meaning: "coprocessor or FPU instruction while CPACR denies access"),
        Flag(mask: 1 << 24, name: "UNALIGNED", meaning: "unaligned access"),
        Flag(mask: 1 << 25, name: "DIVBYZERO", meaning: "division by zero with CCR.DIV_0_TRP set"),
    ]
    public static let hard: [Flag] = [
        Flag(mask: 1 << 1, name: "VECTTBL", meaning: "the vector table could not be read"),
        Flag(mask: 1 << 30, name: "FORCED", meaning: "escalated: the fault's own handler is off or of too low a priority"),
        Flag(mask: 1 << 31, name: "DEBUGEVT", meaning: "debug event (BKPT) without a debugger"),
    ]

    /// The flags that are set, most significant meaning first as the registers have them.
    public var flags: [Flag] {
        Self.hard.filter { hfsr & $0.mask != 0 } + Self.configurable.filter { cfsr & $0.mask != 0 }
    }
    public var memoryFaultAddress: UInt32? { cfsr & 1 << 7 != 0 ? mmfar : nil }
    public var busFaultAddress: UInt32? { cfsr & 1 << 15 != 0 ? bfar : nil }
}

/// A synchronous fault: which exception it raises and how the status registers tell of it.
public struct Fault: Equatable, Sendable {
    public var exception: ExceptionNumber
    public var cfsr: UInt32 = 0
    public var hfsr: UInt32 = 0
    /// For MMFAR or BFAR.
    public var address: UInt32?

    public init(_ exception: ExceptionNumber, cfsr: UInt32 = 0, hfsr: UInt32 = 0, address: UInt32? = nil) {
        self.exception = exception; self.cfsr = cfsr; self.hfsr = hfsr; self.address = address
    }
    public static func preciseBus(_ address: UInt32?) -> Fault { Fault(.busFault, cfsr: 1 << 9, address: address) }
    public static let instructionBus = Fault(.busFault, cfsr: 1 << 8)
    public static let stackingBus = Fault(.busFault, cfsr: 1 << 12)
    public static let unstackingBus = Fault(.busFault, cfsr: 1 << 11)
    public static func dataAccess(_ address: UInt32?) -> Fault { Fault(.memManage, cfsr: 1 << 1, address: address) }
    public static let stackingAccess = Fault(.memManage, cfsr: 1 << 4)
    public static let unstackingAccess = Fault(.memManage, cfsr: 1 << 3)
    public static let deferredStackingAccess = Fault(.memManage, cfsr: 1 << 5)
    public static let deferredStackingBus = Fault(.busFault, cfsr: 1 << 13)
    public static let instructionAccess = Fault(.memManage, cfsr: 1 << 0)
    public static let undefinedInstruction = Fault(.usageFault, cfsr: 1 << 16)
    public static let invalidState = Fault(.usageFault, cfsr: 1 << 17)
    public static let invalidPC = Fault(.usageFault, cfsr: 1 << 18)
    public static let noCoprocessor = Fault(.usageFault, cfsr: 1 << 19)
    public static let unaligned = Fault(.usageFault, cfsr: 1 << 24)
    public static let divideByZero = Fault(.usageFault, cfsr: 1 << 25)
    public static let vectorTable = Fault(.hardFault, hfsr: 1 << 1)
    public static let debugEvent = Fault(.hardFault, hfsr: 1 << 31)
}
