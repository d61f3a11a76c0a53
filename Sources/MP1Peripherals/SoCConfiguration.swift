// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// What the boot chain has decided before the coprocessor runs.
public struct SoCConfiguration: Equatable, Sendable {
    /// Where its clock comes from: one of the chip's.
    public var mcuClock: BootClock
    /// BOOT[2:0] as SYSCFG_BOOTR shows them.
    public var bootPins: UInt32
    /// RCC_TZCR.TZEN: hold boot and the MCU reset obey secure writes only.
    public var isRCCSecure: Bool

    /// - Parameters:
    ///   - mcuClock: nil for the chip's usual one.
    ///   - bootPins: nil for the chip's usual ones.
    public init(_ chip: SoCDescription = .stm32mp157, mcuClock: BootClock? = nil, bootPins: UInt32? = nil, isRCCSecure: Bool = true) {
        self.mcuClock = mcuClock ?? chip.usualClock
        self.bootPins = (bootPins ?? chip.bootPins.usual) & 7
        self.isRCCSecure = isRCCSecure
    }
}
