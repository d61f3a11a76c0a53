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
        guard isOn, address &- 0xE000_0000 >= 0x10_0000 else { return Self.defaultMap(address) }
        for number in region.indices.reversed() where region[number].covers(address) { return region[number].permission(privileged: privileged) }
        return privileged && control & 4 != 0 ? Self.defaultMap(address) : []
    }

    /// Whether there is anything to refuse by pages of `size`; regions smaller than that count only when `exact`.
    public func matters(pageSize size: UInt32, exact: Bool) -> Bool {
        isOn && (exact || control & 4 == 0 || region.contains { $0.isEnabled && !$0.isSmaller(than: size) })
    }

    /// For all bytes of a power-of-two `size` at `page`: what each of them allows to be read and written, or unless `exact` any of
    /// them, and what any of them allows to be executed.
    public func permission(ofPage page: UInt32, size: UInt32, privileged: Bool, exact: Bool) -> Permission {
        guard isOn, region.contains(where: { $0.divides(page, size: size) }) else { return permission(at: page, privileged: privileged) }
        var data: Permission = exact ? .all : [], execute: Permission = []
        for offset in stride(from: 0, to: size, by: 32) {
            let one = permission(at: page &+ offset, privileged: privileged)
            if exact { data.formIntersection(one) } else { data.formUnion(one) }
            execute.formUnion(one.intersection(.execute))
        }
        return data.subtracting(.execute).union(execute)
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
        (0x4000_0000..<0x6000_0000).contains(address) || address >= 0xA000_0000 ? [.read, .write] : .all
    }
}

extension MemoryProtection.Region {
    var isEnabled: Bool { attributes & 1 != 0 }
    /// log2 of its bytes; at least 5.
    private var sizeBits: UInt32 { max(5, (attributes >> 1 & 31) + 1) }
    private var disabledSubregions: UInt32 { sizeBits >= 8 ? attributes >> 8 & 0xFF : 0 }

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

    func isSmaller(than size: UInt32) -> Bool { sizeBits < 32 && UInt32(1) << sizeBits < size }

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
