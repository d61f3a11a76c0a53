// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Memory that the device trees of a chip's boards set aside for the coprocessor.
public struct ReservedMemory: Equatable, Sendable {
    /// Whom it is for once the firmware runs.
    public enum Use: Sendable {
        /// Code and data of the coprocessor.
        case firmware
        /// Rings, buffers and other memory that both sides read and write.
        case shared
    }
    /// The node's, without its unit address.
    public var name: String
    public var range: PhysicalRange
    public var use: Use
    /// Whether Linux's node for the coprocessor lists it, too; OP-TEE's lists all.
    public var isLinux: Bool

    public init(_ name: String, _ start: UInt32, size: UInt32, _ use: Use, isLinux: Bool = true) {
        self.name = name
        range = PhysicalRange(start: PhysicalAddress(start), size: size)
        self.use = use
        self.isLinux = isLinux
    }
}

/// How a chip's device trees name what belongs to the coprocessor.
public struct DeviceTreeNames: Equatable, Sendable {
    /// The coprocessor's node for mainline's driver, for the one beside OP-TEE and for OP-TEE itself, and below OP-TEE's own node.
    public var coprocessor, secureCoprocessor, coprocessorBelowTEE: String
    public var mailbox: String
    /// The reset and clock controller's; other instances' begin with it.
    public var resetController: String
    /// What the names of the extended interrupt controller end with.
    public var interruptControllerSuffix: String
    /// The coprocessor's node on the boards of the chip: its name, and the address and size of its `reg`.
    public var node: String
    public var nodeRange: PhysicalRange

    /// What the coprocessor's node can be compatible with.
    public var coprocessorCompatibles: [String] { [coprocessor, secureCoprocessor, coprocessorBelowTEE] }

    public init(
        coprocessor: String, secureCoprocessor: String, coprocessorBelowTEE: String, mailbox: String, resetController: String,
        interruptControllerSuffix: String, node: String, nodeRange: PhysicalRange
    ) {
        self.coprocessor = coprocessor; self.secureCoprocessor = secureCoprocessor; self.coprocessorBelowTEE = coprocessorBelowTEE
        self.mailbox = mailbox; self.resetController = resetController; self.interruptControllerSuffix = interruptControllerSuffix
        self.node = node; self.nodeRange = nodeRange
    }
}
