// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// How a stretch of the M4's addresses lies in the device tree's memory regions: why `rproc_da_to_va` finds it, or does not.
public enum RegionFit: Equatable, Sendable, CustomStringConvertible {
    case inside(DeviceRegion)
    /// Begins in the region, and ends `excess` bytes beyond its end.
    case overruns(DeviceRegion, excess: UInt64)
    /// Lies in memory that the kernel keeps for message buffers and does not map.
    case unmapped(DeviceRegion)
    case outside([DeviceRegion])

    /// A memory region by the addresses that the M4 has it at.
    public struct DeviceRegion: Equatable, Sendable, CustomStringConvertible {
        public var name: String
        public var start: DeviceAddress
        public var size: UInt32
        /// `mcuram2 FIRST-LAST`
        public var description: String { "\(printable(name)) \(hex32(start.value))-\(hex32(start.value &+ (size &- 1)))" }
    }

    /// A predicate: what follows "the segment" or "the buffer".
    public var description: String {
        switch self {
        case .inside(let region): "lies in \(region)"
        case .overruns(let region, let excess): "begins in \(region) and ends 0x\(String(excess, radix: 16)) bytes beyond its end"
        case .unmapped(let region): "lies in \(region), message buffers that the kernel does not map"
        case .outside(let regions):
            "lies in none of the device tree's regions, as the M4 sees them: " + regions.map(\.description).joined(separator: ", ")
        }
    }
}

extension HostConfiguration {
    /// The memory regions by the M4's addresses, in device tree order; without those that `dma-ranges` do not reach.
    public var deviceRegions: [RegionFit.DeviceRegion] { memoryRegions.compactMap(deviceRegion) }

    private func deviceRegion(_ region: MemoryRegion) -> RegionFit.DeviceRegion? {
        for range in translations {
            let offset = region.range.start.value &- range.physical.value
            guard offset < range.size else { continue }
            return RegionFit.DeviceRegion(name: region.name, start: DeviceAddress(range.device.value &+ offset), size: region.range.size)
        }
        return nil
    }

    /// The region of that name, by the M4's addresses.
    public func deviceRegion(named name: String) -> RegionFit.DeviceRegion? {
        memoryRegions.first { $0.name == name }.flatMap(deviceRegion)
    }

    /// Where `count` bytes at `address` lie. Of an address in two regions the one that holds more counts.
    public func fit(of address: DeviceAddress, count: UInt64) -> RegionFit {
        var best: RegionFit?, leastExcess = UInt64.max
        for region in memoryRegions {
            guard let place = deviceRegion(region), address.value &- place.start.value < place.size else { continue }
            let end = UInt64(address.value &- place.start.value) + count
            if end > UInt64(place.size) {
                guard end - UInt64(place.size) < leastExcess else { continue }
                leastExcess = end - UInt64(place.size)
                best = .overruns(place, excess: leastExcess)
            } else if region.isBufferPool {
                best = best ?? .unmapped(place)
            } else {
                return .inside(place)
            }
        }
        return best ?? .outside(deviceRegions)
    }
}
