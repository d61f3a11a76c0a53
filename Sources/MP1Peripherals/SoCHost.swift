// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// The machine around the SoC's peripherals: its clock and event queue, the M4's interrupt inputs, memory for DMA, resets; and who wants to know.
///
/// Owned by `MP1Peripherals` so that blocks run under any engine, or under none; a class, which is called without a table of a protocol's
/// and without counting references. Calls come from within `SoC.read`, `SoC.write` and event handlers; an override may read registers in
/// them, but a reset belongs after the access. What is not overridden answers as a machine would that has no such thing.
open class SoCHost {
    /// The Cortex-M4's clock; constant for the SoC's life.
    public final let coreClock: CoreClock
    public final let eventQueue: EventQueue

    public init(coreClock: CoreClock, eventQueue: EventQueue) {
        self.coreClock = coreClock
        self.eventQueue = eventQueue
    }

    /// Core cycles since the machine was created.
    open var nowCycles: UInt64 { 0 }

    /// The level of NVIC input `irq` of the Cortex-M4 changed.
    open func setInterrupt(_ irq: Int, level: Bool) {}
    /// RCC MP_GCR.BOOT_MCU changed: a core in reset leaves it only when `released`. A running core is not stopped by it.
    open func holdBootChanged(released: Bool) {}
    /// RCC was told to reset; the host resets the core, then calls `SoC.resetMCUDomain(cause:)` or `SoC.reset()`.
    open func resetRequested(_ request: ResetRequest) {}
    /// WWDG1 expired: the M4 must be reset, which the host does as for `resetRequested(.mcu)` with cause `.watchdog`.
    open func watchdogReset() {}
    /// An event for a core that waits in WFE (EXTI event mask, RM0436, EXTI).
    open func eventSignalled() {}
    /// Reads `width` bytes (1, 2, 4) of memory for the DMA controllers, at an address as the M4 sees it outside the peripheral
    /// region; nil is a bus error.
    open func dmaRead(_ address: UInt32, width: Int) -> UInt32? { nil }
    /// Writes as `dmaRead` reads; false is a bus error.
    open func dmaWrite(_ address: UInt32, _ value: UInt32, width: Int) -> Bool { false }
    /// Everything that the machine need not act on.
    open func report(_ event: SoCEvent) {}
}

/// Interrupts that end at the Cortex-A7s' GIC.
public enum ApplicationProcessorInterrupt: Hashable, Sendable {
    /// A mailbox channel is occupied by the coprocessor.
    case ipccReceive
    /// A mailbox channel of Linux's is free.
    case ipccTransmitFree
    /// HSEM interrupt 1.
    case hsem
    /// A configurable EXTI line that the A7s' mask lets through; one is the coprocessor's watchdog, which Linux takes for a crash.
    case exti(Int)
}

/// What RCC MP_GRSTCSETR asks for.
public enum ResetRequest: Equatable, Sendable {
    /// MCURST: the M4 and its window watchdog.
    case mcu
    /// MPSYSRST: everything but the backup domain.
    case system
}

/// The first access to something that has no model.
public struct UnmodelledAccess: Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Equatable, Sendable {
        /// A register with a name: it stores what is written and does nothing else.
        case register
        /// A word of a block where RM0436 has no register.
        case reservedWord
        /// No block decodes the address.
        case unmapped
    }
    public var kind: Kind
    /// Of the aligned word; for `.unmapped`, as accessed.
    public var address: UInt32
    public var isWrite: Bool
    /// What was written, or what the read gave.
    public var value: UInt32
    public var initiator: Initiator
    let map: RegisterMap
    /// Whether the block has a model, which lacks this register; else there is none of the whole block.
    public var isBlockModelled = false

    /// `QUADSPI.CR`, or nil when nothing decodes there.
    public var location: RegisterMap.Location? { map.location(at: address) }

    public var description: String {
        let what = isWrite ? "write of \(hex32(value)) to" : "read (\(hex32(value))) of"
        let name = location.map { "\($0) " } ?? ""
        switch kind {
        case .register: return "\(what) unmodelled register \(name)at \(hex32(address))"
        case .reservedWord: return "\(what) reserved word \(name)at \(hex32(address))"
        case .unmapped: return "\(what) \(hex32(address)), where no peripheral is"
        }
    }
}
