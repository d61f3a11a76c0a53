// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The remote processor's carveouts, in the kernel's order, and the pool that its coherent allocator takes from.
final class CarveoutList {
    private(set) var all: [Carveout] = []
    private(set) var pool: DynamicPool?
    private let kernel: KernelContext

    init(_ kernel: KernelContext) {
        self.kernel = kernel
        pool = kernel.configuration.dynamicPool.map(DynamicPool.init)
    }

    struct State: Equatable, Sendable {
        var carveouts: [Carveout.State]
        var pool: DynamicPool?
    }
    /// Restored, a carveout of the same memory stays the object that it is; nothing is mapped or allocated.
    var state: State {
        get { State(carveouts: all.map(\.state), pool: pool) }
        set {
            var present = all
            all = newValue.carveouts.map { state in
                guard let index = present.firstIndex(where: { $0.restore(state) }) else { return Carveout(state) }
                return present.remove(at: index)
            }
            pool = newValue.pool
        }
    }

    func append(_ carveout: Carveout) { all.append(carveout) }

    func named(_ name: String) -> Carveout? { all.first { $0.name.utf8.elementsEqual(name.utf8) } }

    /// `rproc_da_to_va`, with the physical address in place of the virtual: the first carveout that holds all of it.
    func physicalAddress(_ address: DeviceAddress, count: UInt64) -> PhysicalAddress? {
        for carveout in all {
            if let physical = carveout.physical(address, count: count) { return physical }
        }
        return nil
    }

    /// `rproc_pa_to_va` of the TEE series: a table in no mapped carveout cannot be written.
    func maps(_ range: PhysicalRange) -> Bool {
        all.contains { carveout in
            guard carveout.isMapped, let start = carveout.physicalAddress else { return false }
            return PhysicalRange(start: start, size: carveout.length).contains(range.start, count: Int(range.size))
        }
    }

    /// `rproc_check_carveout_da`
    func check(_ carveout: Carveout, deviceAddress: UInt32, length: UInt64) -> Bool {
        let any = DeviceAddress.any.value
        let base = carveout.deviceAddress.value
        guard length <= UInt64(carveout.length) else {
            kernel.error("Registered carveout doesn't fit len request", .ring)
            return false
        }
        if deviceAddress == any { return true }
        if base == any { return false }
        // The kernel's difference is an int: what lies 2 GiB or more above is below to it.
        let delta = deviceAddress &- base
        guard Int32(bitPattern: delta) >= 0 else {
            kernel.error("Registered carveout doesn't fit da request", .ring)
            return false
        }
        guard UInt64(delta) + length <= UInt64(carveout.length) else {
            kernel.error("Registered carveout doesn't fit len request", .ring)
            return false
        }
        return true
    }

    /// `stm32_rproc_prepare`: the device tree's memory regions become carveouts.
    func addRegions() throws(Errno) {
        let configuration = kernel.configuration
        for region in configuration.memoryRegions {
            guard region.isReserved else {
                kernel.log.emit(.error, kernel.driverDevice, "unable to acquire memory-region")
                kernel.error("can't prepare rproc \(configuration.name): \(Errno.invalid.negative)")
                throw .invalid
            }
            guard let device = deviceAddress(of: region.range.start) else {
                kernel.log.emit(.error, kernel.driverDevice, "memory region not valid \(region.range.start)")
                kernel.error("can't prepare rproc \(configuration.name): \(Errno.invalid.negative)")
                throw .invalid
            }
            kernel.log.emit(.debug, kernel.driverDevice, "pa \(region.range.start) to da \(hex(device.value))")
            all.append(
                Carveout(
                    name: region.name, length: region.range.size, deviceAddress: device,
                    origin: region.isBufferPool ? .bufferPool(region) : .region(region)))
        }
    }

    private func deviceAddress(of address: PhysicalAddress) -> DeviceAddress? {
        for entry in kernel.configuration.translations {
            let range = PhysicalRange(start: entry.physical, size: entry.size)
            if range.contains(address, count: 1) {
                return DeviceAddress(entry.device.value &+ (address.value &- entry.physical.value))
            }
        }
        return nil
    }

    /// `rproc_alloc_registered_carveouts`: maps or allocates each, and tells the table where those it names have come to lie.
    func allocate(for table: TableMemory) throws(Errno) {
        for carveout in all {
            do throws(Errno) {
                try allocate(carveout)
                guard let offset = carveout.resourceOffset else { continue }
                try table.store(carveout.physicalAddress?.value ?? 0, at: offset + 4)
                try table.store(carveout.deviceAddress.value, at: offset)
                try table.store(carveout.length, at: offset + 8)
            } catch {
                kernel.error("Unable to allocate carveout \(printable(carveout.name)): \(error.negative)", .missingMemory(carveout: carveout.name))
                kernel.error("Failed to allocate associated carveouts: \(Errno.noMemory.negative)")
                throw .noMemory
            }
        }
    }

    private func allocate(_ carveout: Carveout) throws(Errno) {
        switch carveout.origin {
        case .bufferPool: break
        case .region(let region):
            kernel.log.emit(.debug, kernel.driverDevice, "map memory: \(region.range.start)+\(hex(carveout.length))")
            carveout.physicalAddress = region.range.start
        case .dynamic:
            guard let start = pool?.allocate(carveout.length) else {
                if pool == nil { kernel.findings.report(.noMemoryRegion(name: carveout.name, length: carveout.length)) }
                kernel.log.emit(.error, kernel.driverDevice, "failed to allocate dma memory: len 0x\(hex(carveout.length))")
                throw .noMemory
            }
            carveout.physicalAddress = start
            if carveout.deviceAddress == .any {
                carveout.deviceAddress = DeviceAddress(start.value)
            } else if carveout.deviceAddress.value != start.value {
                kernel.warn("Allocated carveout doesn't fit device address request")
            }
        }
    }

    /// Memory of the pool for message buffers.
    func allocateBuffers(_ size: UInt32) -> PhysicalAddress? { pool?.allocate(size) }
    func freeBuffers(_ start: PhysicalAddress) { pool?.free(start) }

    /// Unmaps and frees all.
    func release() {
        for carveout in all {
            guard let start = carveout.physicalAddress else { continue }
            switch carveout.origin {
            case .dynamic: pool?.free(start)
            case .region: kernel.log.emit(.debug, kernel.driverDevice, "unmap memory: \(start)")
            case .bufferPool: break
            }
        }
        all = []
    }
}
