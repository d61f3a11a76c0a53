// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What the MPU lets an access do. Source: ARMv7-M ARM, B3.5.
extension MemoryProtection {
    public struct Permission: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let read = Permission(rawValue: 1), write = Permission(rawValue: 2), execute = Permission(rawValue: 4)
        public static let all: Permission = [.read, .write, .execute]
    }

    /// CTRL.HFNMIENA: in force at negative priorities, too.
    public var appliesToHardFault: Bool { control & 2 != 0 }

    /// For one byte.
    public func permission(at address: UInt32, privileged: Bool) -> Permission {
        // The private peripheral bus has the default map whatever the regions say.
        guard isOn, !SystemAddressMap.privatePeripherals.contains(address) else { return Self.defaultMap(address) }
        for number in region.indices.reversed() where region[number].covers(address) { return region[number].permission(privileged: privileged) }
        return privileged && control & 4 != 0 ? Self.defaultMap(address) : []
    }

    /// What the 1024 bytes at an aligned address allow: a bit for each granule of 32 bytes, lowest address first.
    public struct Division: Equatable, Sendable {
        public private(set) var read: UInt32, write: UInt32, execute: UInt32

        fileprivate init(_ permission: Permission) {
            read = permission.contains(.read) ? .max : 0
            write = permission.contains(.write) ? .max : 0
            execute = permission.contains(.execute) ? .max : 0
        }
        fileprivate mutating func overlay(_ granules: UInt32, _ permission: Permission) {
            read = read & ~granules | (permission.contains(.read) ? granules : 0)
            write = write & ~granules | (permission.contains(.write) ? granules : 0)
            execute = execute & ~granules | (permission.contains(.execute) ? granules : 0)
        }
    }
    public static let pageSize: UInt32 = 1024

    /// For all bytes of the page of `pageSize` at `page`, which is not on the private peripheral bus. Not `isInForce`, the default
    /// map is all there is.
    public func division(ofPage page: UInt32, privileged: Bool, isInForce: Bool = true) -> Division {
        guard isOn, isInForce else { return Division(Self.defaultMap(page)) }
        var division = Division(privileged && control & 4 != 0 ? Self.defaultMap(page) : [])
        for region in region {
            let granules = region.granules(inPage: page)
            if granules != 0 { division.overlay(granules, region.permission(privileged: privileged)) }
        }
        return division
    }

    /// Whether `count` bytes from `address` on allow `wanted`. An access never spans more than two regions' worth of granules here:
    /// regions are 32 bytes or more.
    public func allows(_ wanted: Permission, at address: UInt32, count: UInt32, privileged: Bool) -> Bool {
        guard isOn, count > 0 else { return true }
        let last = address &+ (min(count, 256) &- 1)
        var at = address
        while true {
            guard permission(at: at, privileged: privileged).isSuperset(of: wanted) else { return false }
            let rest = last &- at
            if rest == 0 { return true }
            at = at &+ min(rest, 32)
        }
    }

    /// Execute-never are peripherals, external devices and the system's addresses.
    private static func defaultMap(_ address: UInt32) -> Permission {
        SystemAddressMap.isExecuteNever(address) ? [.read, .write] : .all
    }
}

extension MemoryProtection.Region {
    var isEnabled: Bool { attributes & 1 != 0 }
    /// log2 of its bytes; at least 5.
    private var sizeBits: UInt32 { max(5, (attributes >> 1 & 31) + 1) }
    private var disabledSubregions: UInt32 { sizeBits >= 8 ? attributes >> 8 & 0xFF : 0 }

    /// The addresses between its ends, whether a subregion has them or not; nil when it is disabled.
    public var addresses: ClosedRange<UInt32>? {
        guard isEnabled else { return nil }
        let mask: UInt32 = sizeBits == 32 ? .max : 1 << sizeBits - 1
        return base & ~mask...base | mask
    }

    private func contains(_ address: UInt32) -> Bool { sizeBits == 32 || (address ^ base) >> sizeBits == 0 }

    func covers(_ address: UInt32) -> Bool {
        guard isEnabled, contains(address) else { return false }
        return disabledSubregions >> (address >> (sizeBits - 3) & 7) & 1 == 0
    }

    /// Whether a boundary of it lies inside a page.
    func divides(_ page: UInt32, size: UInt32) -> Bool {
        guard isEnabled else { return false }
        let granule = disabledSubregions != 0 ? sizeBits - 3 : sizeBits
        guard granule < 32, UInt32(1) << granule < size else { return false }
        return contains(page) || (base ^ page) & ~(size &- 1) == 0
    }

    /// Which granules of 32 bytes of a page of 1 KiB it covers.
    func granules(inPage page: UInt32) -> UInt32 {
        guard divides(page, size: MemoryProtection.pageSize) else { return covers(page) ? .max : 0 }
        return (0..<32).reduce(0) { covers(page &+ $1 &* 32) ? $0 | 1 << $1 : $0 }
    }

    func permission(privileged: Bool) -> MemoryProtection.Permission {
        let data: MemoryProtection.Permission = switch attributes >> 24 & 7 {
        case 1: privileged ? [.read, .write] : []
        case 2: privileged ? [.read, .write] : .read
        case 3: [.read, .write]
        case 5: privileged ? .read : []
        case 6, 7: .read
        default: []
        }
        return attributes & 1 << 28 == 0 && data.contains(.read) ? data.union(.execute) : data
    }
}
