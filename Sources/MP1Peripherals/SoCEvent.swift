// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What the peripherals tell the world outside of the M4: each message stands here, and nowhere else. See `SoCHost.report`.
public enum SoCEvent {
    /// The level of an interrupt to the Cortex-A7s changed.
    case applicationProcessorInterrupt(ApplicationProcessorInterrupt, level: Bool)
    /// First touch of a register without a model, or of an address where nothing is.
    indirect case unmodelled(UnmodelledAccess)
    /// Firmware has switched on what a block's model lacks; each once.
    indirect case unsupported(UnsupportedFeature)
    /// Output levels of a GPIO port changed, a bit a pin; see `GPIO.outputLevels`.
    case outputs(GPIO.Port, levels: UInt16, changed: UInt16)
    /// A UART sent a character of up to nine bits.
    case transmitted(UART.Instance, UInt16)
}
