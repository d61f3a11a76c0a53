// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The cores of chips that this program has a model of.
public enum CoreKind: String, Sendable {
    case cortexM4 = "Cortex-M4"
}

/// The chip's coprocessor, and what holds, starts and tells of it.
public struct Coprocessor: Equatable, Sendable {
    public var core: CoreKind
    /// How many of a priority's eight bits the NVIC has, from the highest down.
    public var priorityBits: Int
    /// Its number for OP-TEE's remoteproc service.
    public var teeProcessor: UInt32
    /// Clear holds the boot: a core that is reset stays in reset. Set releases it. Linux's driver knows bit 0 only, whatever the mask.
    public var holdBoot: SystemRegister
    /// Written 1, resets the core.
    public var reset: SystemRegister
    /// Lets the core's power domain go to standby.
    public var standby: SystemRegister
    /// Set, the registers that hold and reset the core obey secure writes only.
    public var secureControl: SystemRegister
    /// Where boot stages leave the core's state, and its resource table's device address, for Linux.
    public var state, resourceTable: SystemRegister
    /// The reset by its window watchdog, as the application processors hear of it.
    public var watchdogReset: EdgeLine

    public init(
        core: CoreKind, priorityBits: Int, teeProcessor: UInt32, holdBoot: SystemRegister, reset: SystemRegister, standby: SystemRegister,
        secureControl: SystemRegister, state: SystemRegister, resourceTable: SystemRegister, watchdogReset: EdgeLine
    ) {
        self.core = core; self.priorityBits = priorityBits; self.teeProcessor = teeProcessor; self.holdBoot = holdBoot; self.reset = reset
        self.standby = standby; self.secureControl = secureControl; self.state = state; self.resourceTable = resourceTable
        self.watchdogReset = watchdogReset
    }

    /// The bits of a priority that the NVIC has.
    public var priorityMask: UInt8 { UInt8(truncatingIfNeeded: 0xFF << (8 - max(0, min(8, priorityBits)))) }
}

/// A line of the extended interrupt controller that detects edges, with the application processors' registers for it.
/// Source: RM0436, EXTI.
public struct EdgeLine: Equatable, Sendable {
    /// Counted from 0 over all banks.
    public var number: UInt32
    /// Its bit in RTSR, RPR and C1IMR of its bank: looks for rising edges, has seen one, is let through.
    public var rising, pending, mask: SystemRegister

    /// - Parameter block: the controller, with 32 lines a bank.
    public init(_ number: UInt32, of block: String, in map: RegisterMap) {
        let bank = number / 32 + 1, bit = UInt32(1) << (number % 32)
        self.number = number
        rising = map.bits(block, "RTSR\(bank)", bit)
        pending = map.bits(block, "RPR\(bank)", bit)
        mask = map.bits(block, "C1IMR\(bank)", bit)
    }
}

/// The lines of the extended interrupt controller that the coprocessor has.
public struct WakeUpLines: Equatable, Sendable {
    /// A line and the NVIC inputs behind it.
    public struct Line: Equatable, Sendable {
        public var number: Int
        public var interrupts: [Int]
        public init(_ number: Int, _ interrupts: [Int]) { (self.number, self.interrupts) = (number, interrupts) }
    }
    /// The lines that detect edges, a word for each bank of 32.
    public var configurable: [UInt32]
    /// Those of them that interrupt the coprocessor, each by one input.
    public var edges: [Line]
    /// Lines that only wake it: a block's interrupts, whose levels are the line's.
    public var direct: [Line]

    public init(configurable: [UInt32], edges: [Line], direct: [Line]) { (self.configurable, self.edges, self.direct) = (configurable, edges, direct) }
}
