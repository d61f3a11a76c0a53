// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// What a platform driver says of a vendor resource.
public enum VendorResourceVerdict: Sendable {
    case handled
    /// The kernel warns and goes on.
    case ignored
    /// Ends the boot.
    case failed(Errno)
}

/// What a boot makes of the resource table's entries: `rproc_handle_resources` and the handlers of each type.
final class ResourceHandler {
    /// A vendor resource (types 128 to 512) as the platform driver would handle it.
    var vendor: ((_ type: UInt32, _ payload: ArraySlice<UInt8>) -> VendorResourceVerdict)?
    struct State: Equatable, Sendable {
        /// In the table's order.
        var traces: [TraceResource] = []
    }
    var state = State()
    private(set) var traces: [TraceResource] { get { state.traces } set { state.traces = newValue } }
    private let kernel: KernelContext
    private let table: TableMemory
    private let carveouts: CarveoutList
    private let virtio: VirtioTransport

    init(_ kernel: KernelContext, table: TableMemory, carveouts: CarveoutList, virtio: VirtioTransport) {
        self.kernel = kernel; self.table = table; self.carveouts = carveouts; self.virtio = virtio
    }

    /// `rproc_handle_resources`, then the carveouts' memory.
    func handle() throws(Errno) {
        virtio.beginBoot()
        try handleTable()
        try carveouts.allocate(for: table)
        findTracesOutOfReach()
    }

    /// `rproc_resource_cleanup`: traces, carveouts, vdevs.
    func release() {
        traces = []
        carveouts.release()
        virtio.release()
    }

    private func handleTable() throws(Errno) {
        guard let bytes = table.bytes() else {
            if table.location == .none { return }
            throw processFailed(.fault)
        }
        do throws(Errno) { try handleEntries(bytes) } catch { throw processFailed(error) }
    }

    private func processFailed(_ errno: Errno) -> Errno {
        kernel.error("Failed to process resources: \(errno.negative)", .resources)
        return errno
    }

    private func handleEntries(_ bytes: [UInt8]) throws(Errno) {
        guard let count: UInt32 = bytes.littleEndian(at: 4) else { return }
        // What older kernels' loop has in its hand at its end: an entry of an unknown type leaves it as it was.
        var isIgnored = false
        for index in 0..<Int(count) {
            // The type word itself must be there; its place behind the header, and in it for older kernels, is the firmware's choice.
            guard let offset: UInt32 = bytes.littleEndian(at: ResourceTable.headerSize + 4 * index),
                offset >= ResourceTable.headerSize || !kernel.configuration.kernel.checksEntryOffsets, let type: UInt32 = bytes.littleEndian(at: Int(offset))
            else {
                if let offset: UInt32 = bytes.littleEndian(at: ResourceTable.headerSize + 4 * index) { noteNegative(offset, index, bytes.count) }
                kernel.error("rsc table is truncated")
                throw .invalid
            }
            let entry = ResourceEntry(type: type, payload: Int(offset) + 4, in: bytes, index: index)
            kernel.debug("rsc: type \(Int32(bitPattern: type))")
            if ResourceType(type) != .unknown { isIgnored = false }
            switch (ResourceType(type), entry.content) {
            case (.vendor, _): isIgnored = try handleVendor(entry, bytes)
            case (.unknown, _): kernel.warn("unsupported resource \(Int32(bitPattern: type))")
            case (_, .carveout(let resource)): try handleCarveout(resource, at: entry.payloadOffset)
            case (_, .devmem(let resource)): try handleDevmem(resource)
            case (_, .trace(let resource)): try handleTrace(resource)
            case (_, .vdev(let resource)):
                try handleVdev(resource, at: entry.payloadOffset, available: bytes.count - entry.payloadOffset)
            case (let kind, _):
                kernel.error("\(kind) rsc is truncated", .resourceTable)
                throw .invalid
            }
        }
        if isIgnored && kernel.configuration.kernel.ignoredResourceEndsBoot { throw .resourceIgnored }
    }

    /// Older kernels count in 32 signed bits what is left behind an entry, and go on where that is not negative.
    private func noteNegative(_ offset: UInt32, _ index: Int, _ size: Int) {
        let left = Int32(truncatingIfNeeded: size) &- Int32(bitPattern: offset) &- 4
        if !kernel.configuration.kernel.checksEntryOffsets, Int32(bitPattern: offset) < 0, left >= 0 { kernel.findings.report(.entryBeforeTable(index: index, offset: offset)) }
    }

    /// - Returns: whether nobody wanted it.
    private func handleVendor(_ entry: ResourceEntry, _ bytes: [UInt8]) throws(Errno) -> Bool {
        switch vendor?(entry.type, bytes[entry.payloadOffset...]) ?? .ignored {
        case .handled: return false
        case .ignored:
            kernel.warn("unsupported vendor resource \(entry.type)")
            return true
        case .failed(let errno): throw errno
        }
    }

    /// `rproc_handle_carveout`: a region of the same name, or memory of the pool.
    private func handleCarveout(_ resource: MemoryResource, at offset: Int) throws(Errno) {
        guard resource.reserved == 0 else {
            kernel.error("carveout rsc has non zero reserved bytes", .resourceTable)
            throw .invalid
        }
        kernel.debug("carveout rsc: name: \(printable(resource.name)), da 0x\(hex(resource.deviceAddress)), pa 0x\(hex(resource.physicalAddress)), len 0x\(hex(resource.length)), flags 0x\(hex(resource.flags))")
        if let carveout = carveouts.named(resource.name) {
            guard carveout.resourceOffset == nil else {
                kernel.error("Carveout already associated to resource table")
                throw .noMemory
            }
            guard carveouts.check(carveout, deviceAddress: resource.deviceAddress, length: UInt64(resource.length)) else { throw .noMemory }
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
            kernel.error("trace rsc has non zero reserved bytes", .resourceTable)
            throw .invalid
        }
        state.traces.append(resource)
        kernel.debug("trace\(traces.count - 1) added: da 0x\(hex(resource.deviceAddress)), len 0x\(hex(resource.length))")
    }

    /// `rproc_handle_vdev`, then the platform device's probe.
    private func handleVdev(_ resource: VdevResource, at offset: Int, available: Int) throws(Errno) {
        let need = UInt64(VdevResource.size) + UInt64(resource.vringCount) * UInt64(VringResource.size) + UInt64(resource.configLength)
        guard need <= UInt64(max(available, 0)) else {
            kernel.error("vdev rsc is truncated", .resourceTable)
            throw .invalid
        }
        guard resource.reserved == [0, 0] else {
            kernel.error("vdev rsc has non zero reserved bytes", .resourceTable)
            throw .invalid
        }
        kernel.debug("vdev rsc: id \(resource.id), dfeatures 0x\(hex(resource.deviceFeatures)), cfg len \(resource.configLength), \(resource.vringCount) vrings")
        guard resource.vringCount <= 2 else {
            kernel.error("too many vrings: \(resource.vringCount)")
            throw .invalid
        }
        guard let index = virtio.nextEntry() else {
            kernel.error("failed to create rproc-virtio device")
            throw .noMemory
        }
        let device = RemoteVirtioDevice(virtio, index: index, id: resource.id, offset: offset, configLength: resource.configLength)
        do throws(Errno) {
            try device.allocateVrings(resource.vrings)
            virtio.append(device)
        } catch {
            device.freeVrings()
            guard kernel.configuration.kernel.vdevIsPlatformDevice else { throw error }
            // The platform device stays without a driver; nobody tells the remote processor's boot.
            let message =
                kernel.configuration.kernel.namesDriverInProbeFailure
                ? ("rproc-virtio rproc-virtio.\(device.index).auto", "probe with driver rproc-virtio failed with error \(error.negative)")
                : ("rproc-virtio", "probe of rproc-virtio.\(device.index).auto failed with error \(error.negative)")
            kernel.log.emit(.warning, message.0, message.1)
        }
    }

    /// The kernel looks when somebody reads the trace, and has only an excuse then.
    private func findTracesOutOfReach() {
        for (index, trace) in traces.enumerated() where carveouts.physicalAddress(DeviceAddress(trace.deviceAddress), count: UInt64(trace.length)) == nil {
            let fit = kernel.configuration.fit(of: DeviceAddress(trace.deviceAddress), count: UInt64(trace.length))
            kernel.findings.report(.traceOutOfReach(index: index, address: trace.deviceAddress, size: trace.length, fit: fit))
        }
    }
}
