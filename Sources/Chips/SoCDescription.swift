// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// One chip: where its memories, registers, interrupt lines and channels are for each of its masters, and what its boot chain leaves.
///
/// An address, an interrupt number or a channel of a chip stands in its description and nowhere else: board, OP-TEE's side, Linux's side and
/// the command ask it. A chip is a folder beside this file.
public struct SoCDescription: Equatable, Sendable {
    /// ST's, `STM32MP157`.
    public var name: String
    /// The family, `STM32MP15`: what its chips have in common has this name.
    public var family: String
    /// Names and places of all registers and interrupts.
    public var registers: RegisterMap
    /// Addresses of the coprocessor's at which peripherals answer, the same for all masters.
    public var peripherals: ClosedRange<UInt32> { registers.bank }
    /// The memories inside of the chip, in the order of a device tree's `dma-ranges`. No two windows of one side overlap.
    public var memories: [ChipMemory]
    /// The window of external memory that the coprocessor has, as large as the engine has room for.
    public var externalMemory: ChipMemory
    /// What folds the memories' alias windows.
    public let aliases: AliasMap
    public var coprocessor: Coprocessor
    public var mailbox: Mailbox
    public var wakeUpLines: WakeUpLines
    /// Of the multiplexer in front of the coprocessor's DMA controllers.
    public var dmaRequests: DMARequests
    public var oscillators: Oscillators
    public var kernelClocks: KernelClocks
    /// What a boot chain can have made of the clocks; the first is the usual one.
    public var usualClock: BootClock
    public var otherClocks: [BootClock]
    public var bootPins: BootPins
    /// As the device trees of ST's boards divide the memories, in their order.
    public var reservedMemory: [ReservedMemory]
    public var deviceTree: DeviceTreeNames
    /// Blocks that an interrupt belongs to, by the first part of the interrupt's name, where the vector table names them otherwise.
    public var interruptBlocks: [String: [String]]

    public init(
        name: String, family: String, registers: RegisterMap, memories: [ChipMemory], externalMemory: ChipMemory, coprocessor: Coprocessor,
        mailbox: Mailbox, wakeUpLines: WakeUpLines, dmaRequests: DMARequests, oscillators: Oscillators, kernelClocks: KernelClocks, usualClock: BootClock,
        otherClocks: [BootClock], bootPins: BootPins, reservedMemory: [ReservedMemory], deviceTree: DeviceTreeNames, interruptBlocks: [String: [String]]
    ) {
        self.name = name; self.family = family; self.registers = registers; self.memories = memories; self.externalMemory = externalMemory
        aliases = AliasMap(memories)
        self.coprocessor = coprocessor; self.mailbox = mailbox; self.wakeUpLines = wakeUpLines; self.dmaRequests = dmaRequests; self.oscillators = oscillators
        self.kernelClocks = kernelClocks
        self.usualClock = usualClock; self.otherClocks = otherClocks; self.bootPins = bootPins; self.reservedMemory = reservedMemory
        self.deviceTree = deviceTree; self.interruptBlocks = interruptBlocks
    }

    public var clocks: [BootClock] { [usualClock] + otherClocks }

    /// The blocks that interrupt line `line` belongs to, by its name: `I2C2_EVT` is I2C2's. Empty where none has such a name.
    public func peripherals(ofInterrupt line: Int) -> [RegisterMap.Peripheral] {
        guard let interrupt = registers.interruptName(line) else { return [] }
        let block = String(interrupt.split(separator: "_").first ?? "")
        return (interruptBlocks[block] ?? [interrupt, block]).compactMap { registers.peripheral(named: $0) }
    }
}
