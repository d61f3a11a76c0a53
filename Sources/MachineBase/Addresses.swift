// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// An address as the coprocessor, a Cortex-M, sees it.
public struct DeviceAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var value: UInt32
    @inlinable public init(_ value: UInt32) { self.value = value }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
    public var description: String { hex32(value) }
    /// The resource table's "any address".
    public static let any = DeviceAddress(0xFFFF_FFFF)
}

/// An address as the application processors see it.
public struct PhysicalAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var value: UInt32
    @inlinable public init(_ value: UInt32) { self.value = value }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
    public var description: String { hex32(value) }
}

/// A run of physical memory: `start`, and `size` bytes from it. Never wraps: see `contains`.
public struct PhysicalRange: Hashable, Sendable, CustomStringConvertible {
    public var start: PhysicalAddress
    /// In bytes.
    public var size: UInt32
    @inlinable public init(start: PhysicalAddress, size: UInt32) { self.start = start; self.size = size }

    /// Whether `[address, address + count)` lies inside; false for any range that would wrap.
    @inlinable public func contains(_ address: PhysicalAddress, count: Int) -> Bool {
        guard count >= 0, address >= start else { return false }
        let offset = UInt64(address.value &- start.value)
        return offset + UInt64(count) <= UInt64(size)
    }

    public func overlaps(_ other: PhysicalRange) -> Bool {
        UInt64(start.value) < UInt64(other.start.value) + UInt64(other.size)
            && UInt64(other.start.value) < UInt64(start.value) + UInt64(size)
    }

    public var description: String { "\(start)+0x\(String(size, radix: 16))" }
}

/// A device address range and the physical range behind it (a `dma-ranges` entry).
public struct AddressTranslation: Hashable, Sendable {
    public var device: DeviceAddress
    public var physical: PhysicalAddress
    /// In bytes.
    public var size: UInt32
    public init(device: DeviceAddress, physical: PhysicalAddress, size: UInt32) {
        self.device = device; self.physical = physical; self.size = size
    }
}

/// `0x` and eight lower-case hex digits.
public func hex32(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
}
