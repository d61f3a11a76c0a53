// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// Which of ST's drivers has bound the node. Its name is what log lines begin with.
public enum PlatformDriver: String, Sendable {
    /// Mainline's, and what the patch series makes of it up to version 19 and in version 22.
    case stm32Rproc = "stm32-rproc"
    /// The driver of its own that versions 20 and 21 of the series have: no reset lines, no system registers.
    case stm32RprocTEE = "stm32-rproc-tee"
}

/// Bits of a register that a driver reaches through another block's node (`st,syscfg-…`).
public typealias SystemRegister = Chips.SystemRegister

/// The registers outside of the M4's own block that `stm32_rproc` works on; nil is what the device tree does not have.
public struct SystemRegisters: Equatable, Sendable {
    /// `st,syscfg-holdboot`: 0 holds the M4's boot, 1 releases it.
    public var holdBoot: SystemRegister
    /// `resets`: write 1 to reset the M4.
    public var reset: SystemRegister
    /// `st,syscfg-pdds`: allow standby.
    public var powerDown: SystemRegister?
    /// `st,syscfg-m4-state`: the M4's state as boot stages hand it on.
    public var m4State: SystemRegister?
    /// `st,syscfg-rsc-tbl`: device address of the resource table, for attaching.
    public var resourceTable: SystemRegister?

    /// The chip's, all of them.
    public init(_ chip: SoCDescription = .stm32mp157) {
        let coprocessor = chip.coprocessor
        holdBoot = coprocessor.holdBoot
        reset = coprocessor.reset
        powerDown = coprocessor.standby
        m4State = coprocessor.state
        resourceTable = coprocessor.resourceTable
    }
}

/// Why the driver could not get a mailbox, as the mailbox core tells it.
public enum MailboxRefusal: Equatable, Sendable {
    /// `mbox-names` does not have the name.
    case notNamed
    /// `mboxes` has no entry for it.
    case notReferenced
    /// The controller has no such channel.
    case outOfRange
    /// The channel is another mailbox's already.
    case taken
}

/// `mboxes` by `mbox-names`: the IPCC's channel of each, counted from 0; nil is a mailbox that the driver could not get.
public struct MailboxChannels: Equatable, Sendable {
    public var vq0, vq1, shutdown, detach: Int?
    /// Why those that are nil are, by name; `notNamed` for what is not in it.
    public var refusals: [String: MailboxRefusal] = [:]

    /// Those that ST's device trees of the chip's boards have.
    public init(_ chip: SoCDescription = .stm32mp157) {
        let channels = chip.mailbox.channels
        (vq0, vq1, shutdown, detach) = (channels.vq0, channels.vq1, channels.shutdown, channels.detach)
    }

    /// In the order in which the driver asks for them.
    public var named: [(name: String, channel: Int?)] { [("vq0", vq0), ("vq1", vq1), ("shutdown", shutdown), ("detach", detach)] }
    /// The vring that a channel serves.
    func vring(_ channel: Int) -> Int? { channel == vq0 ? 0 : channel == vq1 ? 1 : nil }
    func channel(vring: UInt32) -> Int? { vring == 0 ? vq0 : vring == 1 ? vq1 : nil }
}
