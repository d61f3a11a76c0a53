// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The frequencies that the chip's clock controller starts from, in hertz.
public struct Oscillators: Equatable, Sendable {
    public var lsi, lse, csi, hse, hsi: UInt64
    public init(lsi: UInt64, lse: UInt64, csi: UInt64, hse: UInt64, hsi: UInt64) { (self.lsi, self.lse, self.csi, self.hse, self.hsi) = (lsi, lse, csi, hse, hsi) }
}

/// Where the coprocessor's clock comes from, and the rest of the clock controller with it, as a boot chain leaves it.
public struct BootClock: Equatable, Sendable {
    /// A word of the clock controller.
    public struct Setting: Equatable, Sendable {
        /// Bytes from the block's base.
        public var offset: UInt32
        public var value: UInt32
        public init(_ offset: UInt32, _ value: UInt32) { (self.offset, self.value) = (offset, value) }
    }
    /// What a user calls it.
    public var name: String
    /// The coprocessor's.
    public var coreClock: CoreClock
    /// What differs from the reset values.
    public var settings: [Setting]

    public init(_ name: String, hertz: UInt64, settings: [Setting]) { (self.name, coreClock, self.settings) = (name, CoreClock(hertz: hertz), settings) }
}

/// What the boot pins tell, as the system controller shows them.
public struct BootPins: Equatable, Sendable {
    /// A boot from a medium, with a boot chain on the application processors.
    public var usual: UInt32
    /// Engineering boot: the firmware is alone, and sets up clocks.
    public var engineering: UInt32
    public init(usual: UInt32, engineering: UInt32) { (self.usual, self.engineering) = (usual, engineering) }
}
