import MachineBase

/// A vring of a vdev entry, as the kernel keeps it (`struct rproc_vring`).
final class RemoteVring {
    let index: Int
    let count, alignment: UInt32
    var notifyID: UInt32 = 0
    weak var device: RemoteVirtioDevice?
    var queue: VirtQueue?
    init(index: Int, count: UInt32, alignment: UInt32) { self.index = index; self.count = count; self.alignment = alignment }
}

/// A vdev entry of the resource table and the virtio device that the kernel makes of it.
///
/// Its configuration registers are the entry itself, in the M4's memory. Source: Linux `remoteproc_virtio.c`.
public final class RemoteVirtioDevice {
    /// Place among the table's vdev entries.
    public let index: Int
    /// virtio's device type; 7 is rpmsg.
    public let id: UInt32
    /// The rpmsg bus, while its driver is bound.
    public private(set) var rpmsg: RpmsgBus?
    /// The N of `virtioN`, while registered.
    public private(set) var number: Int?
    unowned let processor: RemoteProcessor
    let offset: Int
    let configLength: UInt32
    var vrings: [RemoteVring] = []
    private var features: UInt32 = 0
    /// A driver has it, or is trying.
    private var isBound = false
    private var bufferSpace: (start: PhysicalAddress, isDynamic: Bool)?

    init(processor: RemoteProcessor, index: Int, id: UInt32, offset: Int, configLength: UInt32) {
        self.processor = processor; self.index = index; self.id = id; self.offset = offset; self.configLength = configLength
    }

    var name: String { "virtio\(number ?? index)" }
    var driverDevice: String { "virtio_rpmsg_bus \(name)" }
    private var transportDevice: String {
        processor.configuration.kernel.vdevIsPlatformDevice
            ? "rproc-virtio rproc-virtio.\(index).auto" : " remoteproc\(processor.configuration.index)#vdev\(index)buffer"
    }

    // MARK: Resources

    /// `rproc_parse_vring` for all, then `rproc_alloc_vring` for each.
    func allocateVrings(_ resources: [VringResource]) throws(Errno) {
        for (i, resource) in resources.enumerated() {
            processor.debug("vdev rsc: vring\(i): da 0x\(hex(resource.deviceAddress)), qsz \(resource.count), align \(resource.alignment)")
            guard resource.count != 0, resource.alignment != 0 else {
                processor.error("invalid qsz (\(resource.count)) or alignment (\(resource.alignment))", .ring)
                throw .invalid
            }
        }
        for (i, resource) in resources.enumerated() {
            let vring = RemoteVring(index: i, count: resource.count, alignment: resource.alignment)
            let bytes = VringLayout.byteCount(count: resource.count, alignment: resource.alignment)
            let size = (bytes + 4095) & ~4095
            let carveoutName = "vdev\(index)vring\(i)"
            if let carveout = processor.carveout(named: carveoutName) {
                guard processor.check(carveout, deviceAddress: resource.deviceAddress, length: size) else { throw .noMemory }
            } else {
                guard size <= UInt64(UInt32.max) else { throw .noMemory }
                processor.carveouts.append(
                    Carveout(
                        name: carveoutName, length: UInt32(size), deviceAddress: DeviceAddress(resource.deviceAddress),
                        origin: .dynamic))
            }
            vring.device = self
            vring.notifyID = processor.allocateNotifyID(vring)
            vrings.append(vring)
            // Offered to the firmware by the table; what it wrote there itself is not looked at.
            try processor.storeInTable(vring.notifyID, at: vringOffset(i) + VringResource.notifyIDOffset)
        }
    }

    /// `rproc_free_vring`: the numbers go back, and the kernel's copy of the table forgets the addresses.
    func freeVrings() {
        for vring in vrings { free(vring) }
        vrings = []
    }

    private func vringOffset(_ i: Int) -> Int { offset + VdevResource.size + VringResource.size * i }

    // MARK: Registers (the entry in the table)

    /// virtio_add_status: reads, and sets bits.
    private func addStatus(_ bits: UInt8) throws(Errno) {
        let old = try processor.loadFromTable(UInt8.self, at: offset + VdevResource.statusOffset)
        try setStatus(old | bits)
    }

    private func setStatus(_ value: UInt8) throws(Errno) {
        try processor.storeInTable(value, at: offset + VdevResource.statusOffset)
        processor.log.emit(.debug, isBound ? driverDevice : "virtio \(name)", "status: \(value)")
    }

    private func reset() throws(Errno) {
        try processor.storeInTable(UInt8(0), at: offset + VdevResource.statusOffset)
        processor.log.emit(.debug, isBound ? driverDevice : "virtio \(name)", "reset !")
    }

    // MARK: The device's life

    /// `rproc_vdev_do_start`: registers the virtio device; its driver probes at once.
    /// - Throws: `fault` when the bus refuses the table. A driver that fails to probe is no error.
    func start() throws(Errno) {
        if let pool = processor.carveout(named: "vdev\(index)buffer"), case .bufferPool(let region) = pool.origin {
            guard region.isPool else {
                processor.log.emit(.error, transportDevice, "Can't associate reserved memory")
                throw .invalid
            }
            processor.log.emit(.info, transportDevice, "assigned reserved memory node \(region.nodeName)")
        }
        number = processor.allocateVirtioNumber(self)
        do throws(Errno) {
            try reset()
            try addStatus(Virtio.statusAcknowledge)
            if id == VdevResource.rpmsg { try probeRpmsg() }
        } catch {
            processor.freeVirtioNumber(self)
            number = nil
            throw error
        }
        processor.log.emit(.info, transportDevice, "registered \(name) (type \(Int32(bitPattern: id)))")
    }

    /// `virtio_dev_probe` with `rpmsg_probe`.
    private func probeRpmsg() throws(Errno) {
        isBound = true
        defer { isBound = rpmsg != nil }
        try addStatus(Virtio.statusDriver)
        do throws(Errno) {
            let offered = try processor.loadFromTable(UInt32.self, at: offset + 8)
            features = offered & (Virtio.featureNameService | Virtio.featureIndirect | Virtio.featureEventIndex)
            try processor.storeInTable(features, at: offset + VdevResource.guestFeaturesOffset)
            let input = try findQueue(0, "input")
            let output = try findQueue(1, "output")
            let bus = try RpmsgBus(
                device: self, input: input, output: output, hasNameService: features & Virtio.featureNameService != 0,
                allocate: { (size) throws(Errno) in try self.allocateBuffers(size) })
            rpmsg = bus
            try bus.start()
            processor.sanitizer?.started(self, bus)
        } catch {
            releaseQueues()
            try addStatus(Virtio.statusFailed)
            if processor.configuration.kernel.namesDriverInProbeFailure {
                processor.log.emit(.error, driverDevice, "probe with driver virtio_rpmsg_bus failed with error \(error.negative)")
            } else {
                processor.log.emit(.warning, "virtio_rpmsg_bus", "probe of \(name) failed with error \(error.negative)")
            }
        }
    }

    /// `rp_find_vq`: the ring lies at its carveout's start, whatever address the firmware had asked for inside it.
    private func findQueue(_ i: Int, _ queueName: String) throws(Errno) -> VirtQueue {
        guard let carveout = processor.carveout(named: "vdev\(index)vring\(i)"), let base = carveout.physicalAddress,
            carveout.isMapped
        else { throw .noMemory }
        guard i < vrings.count else {
            processor.findings.report(.vringMissing(index: i))
            throw .noMemory
        }
        let vring = vrings[i]
        guard let layout = VringLayout(count: vring.count, alignment: vring.alignment) else {
            try refuse(vring, queueName, base)
            throw .noMemory
        }
        if vring.count & (vring.count - 1) != 0 { processor.findings.report(.ringSizeOdd(queue: queueName, count: vring.count)) }
        let queue = try processor.onBus("zeroing vring\(i)") { () throws(BusError) in
            try VirtQueue(
                name: queueName, notifyID: vring.notifyID, layout: layout, base: base,
                eventIndex: features & Virtio.featureEventIndex != 0,
                keepsCallbacksAfterEvent: processor.configuration.kernel.keepsCallbacksAfterEvent, bus: processor.bus)
        }
        queue.owner = self
        if let sanitizer = processor.sanitizer {
            queue.check = RingCheck(sanitizer, name: "vring\(i)", layout: layout, base: base, bus: processor.bus)
        }
        vring.queue = queue
        try processor.storeInTable(carveout.deviceAddress.value, at: vringOffset(i))
        return queue
    }

    /// A ring whose books the kernel cannot allocate: zeroed all the same, and its entry has neither address nor number any more
    /// (`rproc_free_vring`).
    private func refuse(_ vring: RemoteVring, _ queueName: String, _ base: PhysicalAddress) throws(Errno) {
        let size = Int(VringLayout.byteCount(count: vring.count, alignment: vring.alignment))
        try processor.onBus("zeroing vring\(vring.index)") { () throws(BusError) in try processor.bus.zero(base, count: size) }
        processor.error("vring_new_virtqueue \(queueName) failed")
        free(vring)
    }

    private func free(_ vring: RemoteVring) {
        processor.freeNotifyID(vring)
        do throws(Errno) {
            try processor.storeInTable(UInt32(0), at: vringOffset(vring.index))
            try processor.storeInTable(UInt32.max, at: vringOffset(vring.index) + VringResource.notifyIDOffset)
        } catch {}
    }

    /// The message buffers: from the device's own pool, else from the kernel's.
    private func allocateBuffers(_ size: UInt32) throws(Errno) -> PhysicalAddress {
        if let pool = processor.carveout(named: "vdev\(index)buffer"), case .bufferPool(let region) = pool.origin {
            guard size <= region.range.size else { throw .noMemory }
            bufferSpace = (region.range.start, false)
            return region.range.start
        }
        guard let start = processor.dynamicPool?.allocate(size) else { throw .noMemory }
        bufferSpace = (start, true)
        return start
    }

    func setDriverOK() throws(Errno) { try addStatus(Virtio.statusDriverOK) }

    /// `rproc_vdev_do_stop`: reset, channels gone, rings gone; afterwards the virtio core acknowledges the device again.
    func stop() {
        guard number != nil else { return }
        // A device without a driver is not reset. A bus that refuses has been reported; the rest must go all the same.
        if let bus = rpmsg {
            processor.sanitizer?.stopping(self)
            do throws(Errno) { try reset() } catch {}
            bus.remove()
            releaseQueues()
            do throws(Errno) { try addStatus(Virtio.statusAcknowledge) } catch {}
        }
        isBound = false
        processor.freeVirtioNumber(self)
        number = nil
    }

    private func releaseQueues() {
        if let rpmsg {
            processor.pastMessageCounts.received &+= rpmsg.messagesReceived
            processor.pastMessageCounts.sent &+= rpmsg.messagesSent
        }
        rpmsg = nil
        for vring in vrings { vring.queue = nil }
        if let space = bufferSpace, space.isDynamic { processor.dynamicPool?.free(space.start) }
        bufferSpace = nil
    }

    /// The second half of `vring_interrupt`: the ring has used buffers and is in order.
    func queueInterrupt(_ queue: VirtQueue) {
        queue.interrupted()
        rpmsg?.queueInterrupt(queue)
    }

    /// What the entry says now, read from where the table lies.
    public var resource: VdevResource? { processor.tableBytes().flatMap { VdevResource($0, at: offset) } }
    /// Both rings as they are now.
    public var rings: [VirtQueue.Snapshot] { vrings.compactMap { $0.queue?.snapshot } }
}

extension RemoteVirtioDevice: VirtQueueOwner {
    package func queue(_ queue: VirtQueue, broke message: String) { processor.log.emit(.error, driverDevice, "\(queue.name):\(message)") }
    package func queue(_ queue: VirtQueue, found finding: Finding) { processor.findings.report(finding) }
    package func queueKicked(_ queue: VirtQueue) { processor.kick(queue.notifyID) }
}

extension RemoteProcessor {
    func startVirtioDevices() throws(Errno) {
        for (i, device) in virtioDevices.enumerated() {
            do throws(Errno) { try device.start() } catch {
                for started in virtioDevices[..<i].reversed() { started.stop() }
                throw error
            }
        }
    }

    /// The smallest free number, for this vring.
    func allocateNotifyID(_ vring: RemoteVring) -> UInt32 {
        if let free = notifyIDs.firstIndex(where: { $0 == nil }) {
            notifyIDs[free] = vring
            return UInt32(free)
        }
        notifyIDs.append(vring)
        return UInt32(notifyIDs.count - 1)
    }

    func freeNotifyID(_ vring: RemoteVring) {
        if let index = notifyIDs.firstIndex(where: { $0 === vring }) { notifyIDs[index] = nil }
    }

    /// The lowest number that no registered virtio device has.
    func allocateVirtioNumber(_ device: RemoteVirtioDevice) -> Int {
        var number = 0
        while virtioNames.contains(number) { number &+= 1 }
        virtioNames.append(number)
        return number
    }

    func freeVirtioNumber(_ device: RemoteVirtioDevice) { virtioNames.removeAll { $0 == device.number } }
}
