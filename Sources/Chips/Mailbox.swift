// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The inter-processor mailbox that Linux and the coprocessor ring each other by: an instance of the IPCC.
///
/// Linux is processor 1 of it, the coprocessor processor 2. Source: RM0436, IPCC.
public struct Mailbox: Equatable, Sendable {
    /// Bytes from the block's base to a register. C1 is Linux's side, C2 the coprocessor's; HWCFGR has the number of channels.
    public struct Offsets: Equatable, Sendable {
        public var c1CR, c1MR, c1SCR, c1ToC2SR: UInt32
        public var c2CR, c2MR, c2SCR, c2ToC1SR: UInt32
        public var hwcfgr, verr: UInt32
    }
    /// The channels that ST's firmware and device trees have, counted from 0.
    public struct Channels: Equatable, Sendable {
        public var vq0, vq1, shutdown, detach: Int
        public init(vq0: Int, vq1: Int, shutdown: Int, detach: Int) {
            (self.vq0, self.vq1, self.shutdown, self.detach) = (vq0, vq1, shutdown, detach)
        }
    }

    /// In the register map.
    public var block: String
    public var base: PhysicalAddress
    /// Bytes that Linux maps.
    public var size: UInt32
    public var offsets: Offsets
    /// At most 16: a register has half a word for each direction.
    public var channelCount: Int
    /// VERR: the block's revision, major in bits 7:4.
    public var version: UInt32
    public var channels: Channels
    /// NVIC lines of the coprocessor: a channel is occupied by Linux, and one of its own is free again.
    public var receiveInterrupt, transmitInterrupt: Int
    /// The name of `receiveInterrupt`'s handler less `_IRQHandler`, as ST's vector tables have it.
    public var receiveName: String

    /// An instance as the register map has it.
    /// - Parameters:
    ///   - receive, transmit: names of the coprocessor's interrupts.
    ///   - size: in bytes.
    public init(_ block: String, of map: RegisterMap, receive: String, transmit: String, channels: Channels, size: UInt32 = 0x400) {
        let base = map.peripheral(named: block)?.base ?? 0
        func offset(_ register: String) -> UInt32 { map.bits(block, register).address.value &- base }
        self.block = block
        self.base = PhysicalAddress(base)
        self.size = size
        offsets = Offsets(
            c1CR: offset("C1CR"), c1MR: offset("C1MR"), c1SCR: offset("C1SCR"), c1ToC2SR: offset("C1TOC2SR"), c2CR: offset("C2CR"),
            c2MR: offset("C2MR"), c2SCR: offset("C2SCR"), c2ToC1SR: offset("C2TOC1SR"), hwcfgr: offset("HWCFGR"), verr: offset("VER"))
        channelCount = min(16, Int(map.resetValue(block, "HWCFGR") ?? 0) & 0xFF)
        version = map.resetValue(block, "VER") ?? 0
        self.channels = channels
        receiveInterrupt = map.line(receive)
        transmitInterrupt = map.line(transmit)
        receiveName = receive
    }

    /// The address of what lies `offset` bytes behind the block's base: one of `offsets`.
    public func address(_ offset: UInt32) -> PhysicalAddress { PhysicalAddress(base.value &+ offset) }

    /// A bit for each channel.
    public var channelMask: UInt32 { (1 << UInt32(channelCount)) - 1 }
    /// Whether an address is one of the block's.
    public func contains(_ address: UInt32) -> Bool { address &- base.value < size }
}
