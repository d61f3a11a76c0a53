// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A memory of the chip, and the addresses at which its masters have it.
public struct ChipMemory: Equatable, Sendable {
    /// All of the memory at one address; one that only one side has is nil for the other.
    public struct Window: Equatable, Sendable {
        /// For the coprocessor.
        public var device: DeviceAddress?
        /// For the application processors and what else is on their buses.
        public var physical: PhysicalAddress?
        public init(device: UInt32?, physical: UInt32?) {
            self.device = device.map(DeviceAddress.init)
            self.physical = physical.map(PhysicalAddress.init)
        }
    }

    /// The reference manual's, `RETRAM`.
    public var name: String
    /// In bytes; a multiple of 4096.
    public var size: UInt32
    /// The first of each side is the memory's own address; any other is an alias of it.
    public var windows: [Window]

    public init(_ name: String, size: UInt32, windows: [Window]) { self.name = name; self.size = size; self.windows = windows }

    public var deviceAddresses: [DeviceAddress] { windows.compactMap(\.device) }
    public var physicalAddresses: [PhysicalAddress] { windows.compactMap(\.physical) }

    /// The memory by all addresses that the application processors have for it, its own first.
    public var physicalRanges: [PhysicalRange] { physicalAddresses.map { PhysicalRange(start: $0, size: size) } }

    /// Its windows that both sides have, as `dma-ranges` of a device tree lists them.
    var translations: [AddressTranslation] {
        windows.compactMap { window in
            guard let device = window.device, let physical = window.physical else { return nil }
            return AddressTranslation(device: device, physical: physical, size: size)
        }
    }
}
