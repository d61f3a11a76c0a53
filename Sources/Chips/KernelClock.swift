// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A clock of the chip's clock tree.
public enum ClockSource: Equatable, Sendable {
    case lsi, lse, csi, hse, hsi
    /// An output of PLL 3 or 4.
    case pll3(PLLOutput), pll4(PLLOutput)
    /// What peripherals share, `ck_per`.
    case peripheral
    /// Of the bus with this number: `pclk1` to `pclk5`.
    case bus(Int)
    /// What timers on bus 1 or 2 count.
    case timers(bus: Int)
    /// Of the AXI bus, and the coprocessor's own.
    case axi, core
    /// From outside of the chip, or from another block: nothing drives it here.
    case outside
}

/// An output of a PLL, each with a divider of its own.
public enum PLLOutput: Equatable, Sendable { case p, q, r }

/// What a block's kernel may be clocked by, and which field of the clock controller selects.
public struct KernelClock: Equatable, Sendable {
    /// The field's bits; nil where there is no choice.
    public var selector: SystemRegister?
    /// By the field's value, from 0 on; what lies beyond is the first.
    public var sources: [ClockSource]
    public init(_ selector: SystemRegister?, _ sources: [ClockSource]) { (self.selector, self.sources) = (selector, sources) }
}

/// The kernel clocks of a chip's blocks.
public struct KernelClocks: Equatable, Sendable {
    /// Blocks that share a clock, by the reference manual's names.
    public struct Row: Equatable, Sendable {
        public var blocks: [String]
        public var clock: KernelClock
        public init(_ blocks: [String], _ clock: KernelClock) { (self.blocks, self.clock) = (blocks, clock) }
    }
    public let rows: [Row]
    public init(_ rows: [Row]) { self.rows = rows }

    /// A block's; nil where the chip's description has none.
    public func clock(of block: String) -> KernelClock? { rows.first { $0.blocks.contains(block) }?.clock }
}
