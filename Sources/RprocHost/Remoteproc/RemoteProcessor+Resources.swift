import MachineBase

/// What a platform driver says of a vendor resource.
public enum VendorResourceVerdict: Sendable {
    case handled
    /// The kernel warns and goes on.
    case ignored
    /// Ends the boot.
    case failed(Errno)
}

/// `rproc_handle_resources` and the handlers of each type.
extension RemoteProcessor {
    func handleResources() throws(Errno) {
        guard let bytes = tableBytes() else {
            if table == .none { return }
            throw processFailed(.fault)
        }
        do throws(Errno) { try handleEntries(bytes) } catch { throw processFailed(error) }
    }

    private func processFailed(_ errno: Errno) -> Errno {
        error("Failed to process resources: \(errno.negative)", .resources)
        return errno
    }

    private func handleEntries(_ bytes: [UInt8]) throws(Errno) {
        guard let count: UInt32 = bytes.littleEndian(at: 4) else { return }
        // What older kernels' loop has in its hand at its end: an entry of an unknown type leaves it as it was.
        var isIgnored = false
        for index in 0..<Int(count) {
            // The type word itself must be there; its place behind the header, and in it for older kernels, is the firmware's choice.
            guard let offset: UInt32 = bytes.littleEndian(at: ResourceTable.headerSize + 4 * index),
                offset >= ResourceTable.headerSize || !configuration.kernel.checksEntryOffsets, let type: UInt32 = bytes.littleEndian(at: Int(offset))
            else {
                if let offset: UInt32 = bytes.littleEndian(at: ResourceTable.headerSize + 4 * index) { noteNegative(offset, index, bytes.count) }
                error("rsc table is truncated")
                throw .invalid
            }
            let entry = ResourceEntry(type: type, payload: Int(offset) + 4, in: bytes, index: index)
            debug("rsc: type \(Int32(bitPattern: type))")
            if ResourceType(type) != .unknown { isIgnored = false }
            switch (ResourceType(type), entry.content) {
            case (.vendor, _): isIgnored = try handleVendor(entry, bytes)
            case (.unknown, _): warn("unsupported resource \(Int32(bitPattern: type))")
            case (_, .carveout(let resource)): try handleCarveout(resource, at: entry.payloadOffset)
            case (_, .devmem(let resource)): try handleDevmem(resource)
            case (_, .trace(let resource)): try handleTrace(resource)
            case (_, .vdev(let resource)):
                try handleVdev(resource, at: entry.payloadOffset, available: bytes.count - entry.payloadOffset)
            case (let kind, _):
                error("\(kind) rsc is truncated", .resourceTable)
                throw .invalid
            }
        }
        if isIgnored && configuration.kernel.ignoredResourceEndsBoot { throw .resourceIgnored }
    }

    /// Older kernels count in 32 signed bits what is left behind an entry, and go on where that is not negative.
    private func noteNegative(_ offset: UInt32, _ index: Int, _ size: Int) {
        let left = Int32(truncatingIfNeeded: size) &- Int32(bitPattern: offset) &- 4
        if !configuration.kernel.checksEntryOffsets, Int32(bitPattern: offset) < 0, left >= 0 { findings.report(.entryBeforeTable(index: index, offset: offset)) }
    }

    /// - Returns: whether nobody wanted it.
    private func handleVendor(_ entry: ResourceEntry, _ bytes: [UInt8]) throws(Errno) -> Bool {
        switch vendorResourceHandler?(entry.type, bytes[entry.payloadOffset...]) ?? .ignored {
        case .handled: return false
        case .ignored:
            warn("unsupported vendor resource \(entry.type)")
            return true
        case .failed(let errno): throw errno
        }
    }

    /// `rproc_handle_carveout`: a region of the same name, or memory of the pool.
    private func handleCarveout(_ resource: MemoryResource, at offset: Int) throws(Errno) {
        guard resource.reserved == 0 else {
            error("carveout rsc has non zero reserved bytes", .resourceTable)
            throw .invalid
        }
        debug("carveout rsc: name: \(printable(resource.name)), da 0x\(hex(resource.deviceAddress)), pa 0x\(hex(resource.physicalAddress)), len 0x\(hex(resource.length)), flags 0x\(hex(resource.flags))")
        if let carveout = carveout(named: resource.name) {
            guard carveout.resourceOffset == nil else {
                error("Carveout already associated to resource table")
                throw .noMemory
            }
            guard check(carveout, deviceAddress: resource.deviceAddress, length: UInt64(resource.length)) else { throw .noMemory }
            carveout.resourceOffset = offset
            return
        }
        let carveout = Carveout(
            name: resource.name, length: resource.length, deviceAddress: DeviceAddress(resource.deviceAddress), origin: .dynamic)
        carveout.resourceOffset = offset
        carveouts.append(carveout)
    }

    /// Needs an IOMMU, which the STM32MP15's M4 has not.
    private func handleDevmem(_ resource: MemoryResource) throws(Errno) { throw .invalid }

    private func handleTrace(_ resource: TraceResource) throws(Errno) {
        guard resource.reserved == 0 else {
            error("trace rsc has non zero reserved bytes", .resourceTable)
            throw .invalid
        }
        traces.append(resource)
        debug("trace\(traces.count - 1) added: da 0x\(hex(resource.deviceAddress)), len 0x\(hex(resource.length))")
    }

    /// `rproc_handle_vdev`, then the platform device's probe.
    private func handleVdev(_ resource: VdevResource, at offset: Int, available: Int) throws(Errno) {
        let need = UInt64(VdevResource.size) + UInt64(resource.vringCount) * UInt64(VringResource.size) + UInt64(resource.configLength)
        guard need <= UInt64(max(available, 0)) else {
            error("vdev rsc is truncated", .resourceTable)
            throw .invalid
        }
        guard resource.reserved == [0, 0] else {
            error("vdev rsc has non zero reserved bytes", .resourceTable)
            throw .invalid
        }
        debug("vdev rsc: id \(resource.id), dfeatures 0x\(hex(resource.deviceFeatures)), cfg len \(resource.configLength), \(resource.vringCount) vrings")
        guard resource.vringCount <= 2 else {
            error("too many vrings: \(resource.vringCount)")
            throw .invalid
        }
        guard vdevCount < Self.vdevLimit else {
            error("failed to create rproc-virtio device")
            throw .noMemory
        }
        let device = RemoteVirtioDevice(
            processor: self, index: vdevCount, id: resource.id, offset: offset, configLength: resource.configLength)
        vdevCount += 1
        do throws(Errno) {
            try device.allocateVrings(resource.vrings)
            virtioDevices.append(device)
        } catch {
            device.freeVrings()
            guard configuration.kernel.vdevIsPlatformDevice else { throw error }
            // The platform device stays without a driver; nobody tells the remote processor's boot.
            let message =
                configuration.kernel.namesDriverInProbeFailure
                ? ("rproc-virtio rproc-virtio.\(device.index).auto", "probe with driver rproc-virtio failed with error \(error.negative)")
                : ("rproc-virtio", "probe of rproc-virtio.\(device.index).auto failed with error \(error.negative)")
            log.emit(.warning, message.0, message.1)
        }
    }

    /// Platform devices this host makes of one table; the mailboxes serve the first one only.
    static let vdevLimit = 32

    func carveout(named name: String) -> Carveout? { carveouts.first { $0.name.utf8.elementsEqual(name.utf8) } }

    /// `rproc_check_carveout_da`
    func check(_ carveout: Carveout, deviceAddress: UInt32, length: UInt64) -> Bool {
        let any = DeviceAddress.any.value
        let base = carveout.deviceAddress.value
        guard length <= UInt64(carveout.length) else {
            error("Registered carveout doesn't fit len request", .ring)
            return false
        }
        if deviceAddress == any { return true }
        if base == any { return false }
        // The kernel's difference is an int: what lies 2 GiB or more above is below to it.
        let delta = deviceAddress &- base
        guard Int32(bitPattern: delta) >= 0 else {
            error("Registered carveout doesn't fit da request", .ring)
            return false
        }
        guard UInt64(delta) + length <= UInt64(carveout.length) else {
            error("Registered carveout doesn't fit len request", .ring)
            return false
        }
        return true
    }

    /// `rproc_alloc_registered_carveouts`: maps or allocates each, and tells the table where those it names have come to lie.
    func allocateCarveouts() throws(Errno) {
        for carveout in carveouts {
            do throws(Errno) {
                try allocate(carveout)
                guard let offset = carveout.resourceOffset else { continue }
                try storeInTable(carveout.physicalAddress?.value ?? 0, at: offset + 4)
                try storeInTable(carveout.deviceAddress.value, at: offset)
                try storeInTable(carveout.length, at: offset + 8)
            } catch {
                self.error("Unable to allocate carveout \(printable(carveout.name)): \(error.negative)", .missingMemory(carveout: carveout.name))
                self.error("Failed to allocate associated carveouts: \(Errno.noMemory.negative)")
                throw .noMemory
            }
        }
        findTracesOutOfReach()
    }

    /// The kernel looks when somebody reads the trace, and has only an excuse then.
    private func findTracesOutOfReach() {
        for (index, trace) in traces.enumerated() where physicalAddress(DeviceAddress(trace.deviceAddress), count: UInt64(trace.length)) == nil {
            let fit = configuration.fit(of: DeviceAddress(trace.deviceAddress), count: UInt64(trace.length))
            findings.report(.traceOutOfReach(index: index, address: trace.deviceAddress, size: trace.length, fit: fit))
        }
    }

    private func allocate(_ carveout: Carveout) throws(Errno) {
        switch carveout.origin {
        case .bufferPool: break
        case .region(let region):
            log.emit(.debug, driverDevice, "map memory: \(region.range.start)+\(hex(carveout.length))")
            carveout.physicalAddress = region.range.start
        case .dynamic:
            guard let start = dynamicPool?.allocate(carveout.length) else {
                if dynamicPool == nil { findings.report(.noMemoryRegion(name: carveout.name, length: carveout.length)) }
                log.emit(.error, driverDevice, "failed to allocate dma memory: len 0x\(hex(carveout.length))")
                throw .noMemory
            }
            carveout.physicalAddress = start
            if carveout.deviceAddress == .any {
                carveout.deviceAddress = DeviceAddress(start.value)
            } else if carveout.deviceAddress.value != start.value {
                warn("Allocated carveout doesn't fit device address request")
            }
        }
    }
}
