// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A vring of a vdev entry, as the kernel keeps it (`struct rproc_vring`).
final class RemoteVring {
    let index: Int
    let count, alignment: UInt32
    /// The lowest that was free when it was made; whether it has it still is the transport's to say.
    var notifyID: UInt32 = 0
    weak var device: RemoteVirtioDevice?
    var queue: VirtQueue?
    init(index: Int, count: UInt32, alignment: UInt32) { self.index = index; self.count = count; self.alignment = alignment }

    struct State: Equatable, Sendable {
        var index: Int
        var count, alignment: UInt32
        var notifyID: UInt32
        var queue: VirtQueue.State?
    }
    var state: State { State(index: index, count: count, alignment: alignment, notifyID: notifyID, queue: queue?.state) }
    /// Without its device and its queue.
    convenience init(_ state: State) { self.init(index: state.index, count: state.count, alignment: state.alignment) }
    func isSame(_ state: State) -> Bool { (index, count, alignment) == (state.index, state.count, state.alignment) }
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
    /// What changes besides rings and bus.
    struct OwnState: Equatable, Sendable {
        struct BufferSpace: Equatable, Sendable {
            var start: PhysicalAddress
            var isDynamic: Bool
        }
        var number: Int?
        var features: UInt32 = 0
        /// A driver has it, or is trying.
        var isBound = false
        var bufferSpace: BufferSpace?
    }
    private(set) var own = OwnState()
    /// The N of `virtioN`, while registered.
    public private(set) var number: Int? { get { own.number } set { own.number = newValue } }
    let kernel: KernelContext
    let doorbells: DoorbellLink
    let rpmsgHost: RpmsgHost
    private let table: TableMemory
    private let carveouts: CarveoutList
    private unowned let transport: VirtioTransport
    let offset: Int
    let configLength: UInt32
    var vrings: [RemoteVring] = []
    private var features: UInt32 { get { own.features } set { own.features = newValue } }
    private var isBound: Bool { get { own.isBound } set { own.isBound = newValue } }
    private var bufferSpace: OwnState.BufferSpace? { get { own.bufferSpace } set { own.bufferSpace = newValue } }

    init(_ transport: VirtioTransport, index: Int, id: UInt32, offset: Int, configLength: UInt32) {
        self.transport = transport; self.index = index; self.id = id; self.offset = offset; self.configLength = configLength
        (kernel, doorbells, rpmsgHost) = (transport.kernel, transport.doorbells, transport.rpmsgHost)
        (table, carveouts) = (transport.table, transport.carveouts)
    }

    var name: String { "virtio\(number ?? index)" }
    var driverDevice: String { "virtio_rpmsg_bus \(name)" }
    private var transportDevice: String {
        kernel.configuration.kernel.vdevIsPlatformDevice
            ? "rproc-virtio rproc-virtio.\(index).auto" : " remoteproc\(kernel.configuration.index)#vdev\(index)buffer"
    }

    // MARK: State

    /// Becomes the device of that state: registers, rings and memory are as they are. Channels come out of `objects` where they are there.
    func restore(_ state: State, among objects: inout RpmsgObjects) {
        own = state.own
        if vrings.count != state.vrings.count || !zip(vrings, state.vrings).allSatisfy({ $0.isSame($1) }) { vrings = state.vrings.map { RemoteVring($0) } }
        for (vring, saved) in zip(vrings, state.vrings) {
            vring.device = self
            vring.notifyID = saved.notifyID
            vring.queue = saved.queue.map { queue($0, of: vring) }
        }
        let before = rpmsg
        rpmsg = nil
        if let saved = state.rpmsg, vrings.count > 1, let input = vrings[0].queue, let output = vrings[1].queue {
            let bus =
                if let before, before.isSame(saved, input: input, output: output) { before } else {
                    RpmsgBus(
                        device: self, input: input, output: output, hasNameService: saved.hasNameService, bufferBase: saved.bufferBase,
                        bufferCount: saved.bufferCount)
                }
            bus.restore(saved, among: &objects)
            rpmsg = bus
        }
        if let before, before !== rpmsg { before.abandon() }
    }

    private func queue(_ state: VirtQueue.State, of vring: RemoteVring) -> VirtQueue {
        let queue =
            if let present = vring.queue, present.restore(state) { present } else {
                VirtQueue(state, keepsCallbacksAfterEvent: kernel.configuration.kernel.keepsCallbacksAfterEvent, bus: kernel.bus)
            }
        queue.owner = self
        guard let sanitizer = rpmsgHost.sanitizer, let saved = state.check else {
            queue.check = nil
            return queue
        }
        let check = queue.check ?? RingCheck(sanitizer, name: "vring\(vring.index)", layout: queue.layout, base: queue.base, bus: kernel.bus)
        check.state = saved
        queue.check = check
        return queue
    }

    // MARK: Resources

    /// `rproc_parse_vring` for all, then `rproc_alloc_vring` for each.
    func allocateVrings(_ resources: [VringResource]) throws(Errno) {
        for (i, resource) in resources.enumerated() {
            kernel.debug("vdev rsc: vring\(i): da 0x\(hex(resource.deviceAddress)), qsz \(resource.count), align \(resource.alignment)")
            guard resource.count != 0, resource.alignment != 0 else {
                kernel.error("invalid qsz (\(resource.count)) or alignment (\(resource.alignment))", .ring)
                throw .invalid
            }
        }
        for (i, resource) in resources.enumerated() {
            let vring = RemoteVring(index: i, count: resource.count, alignment: resource.alignment)
            let bytes = VringLayout.byteCount(count: resource.count, alignment: resource.alignment)
            let size = (bytes + 4095) & ~4095
            let carveoutName = "vdev\(index)vring\(i)"
            if let carveout = carveouts.named(carveoutName) {
                guard carveouts.check(carveout, deviceAddress: resource.deviceAddress, length: size) else { throw .noMemory }
            } else {
                guard size <= UInt64(UInt32.max) else { throw .noMemory }
                carveouts.append(
                    Carveout(
                        name: carveoutName, length: UInt32(size), deviceAddress: DeviceAddress(resource.deviceAddress),
                        origin: .dynamic))
            }
            vring.device = self
            vring.notifyID = transport.allocateNotifyID(vring)
            vrings.append(vring)
            // Offered to the firmware by the table; what it wrote there itself is not looked at.
            try table.store(vring.notifyID, at: vringOffset(i) + VringResource.notifyIDOffset)
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
        let old = try table.load(UInt8.self, at: offset + VdevResource.statusOffset)
        try setStatus(old | bits)
    }

    private func setStatus(_ value: UInt8) throws(Errno) {
        try table.store(value, at: offset + VdevResource.statusOffset)
        kernel.log.emit(.debug, isBound ? driverDevice : "virtio \(name)", "status: \(value)")
    }

    private func reset() throws(Errno) {
        try table.store(UInt8(0), at: offset + VdevResource.statusOffset)
        kernel.log.emit(.debug, isBound ? driverDevice : "virtio \(name)", "reset !")
    }

    // MARK: The device's life

    /// `rproc_vdev_do_start`: registers the virtio device; its driver probes at once.
    /// - Throws: `fault` when the bus refuses the table. A driver that fails to probe is no error.
    func start() throws(Errno) {
        if let pool = carveouts.named("vdev\(index)buffer"), case .bufferPool(let region) = pool.origin {
            guard region.isPool else {
                kernel.log.emit(.error, transportDevice, "Can't associate reserved memory")
                throw .invalid
            }
            kernel.log.emit(.info, transportDevice, "assigned reserved memory node \(region.nodeName)")
        }
        number = transport.allocateNumber()
        do throws(Errno) {
            try reset()
            try addStatus(Virtio.statusAcknowledge)
            if id == VdevResource.rpmsg { try probeRpmsg() }
        } catch {
            transport.freeNumber(number)
            number = nil
            throw error
        }
        kernel.log.emit(.info, transportDevice, "registered \(name) (type \(Int32(bitPattern: id)))")
    }

    /// `virtio_dev_probe` with `rpmsg_probe`.
    private func probeRpmsg() throws(Errno) {
        isBound = true
        defer { isBound = rpmsg != nil }
        try addStatus(Virtio.statusDriver)
        do throws(Errno) {
            let offered = try table.load(UInt32.self, at: offset + 8)
            features = offered & (Virtio.featureNameService | Virtio.featureIndirect | Virtio.featureEventIndex)
            try table.store(features, at: offset + VdevResource.guestFeaturesOffset)
            let input = try findQueue(0, "input")
            let output = try findQueue(1, "output")
            let bus = try RpmsgBus(
                device: self, input: input, output: output, hasNameService: features & Virtio.featureNameService != 0,
                allocate: { (size) throws(Errno) in try self.allocateBuffers(size) })
            rpmsg = bus
            try bus.start()
            rpmsgHost.sanitizer?.started(self, bus)
        } catch {
            releaseQueues()
            try addStatus(Virtio.statusFailed)
            if kernel.configuration.kernel.namesDriverInProbeFailure {
                kernel.log.emit(.error, driverDevice, "probe with driver virtio_rpmsg_bus failed with error \(error.negative)")
            } else {
                kernel.log.emit(.warning, "virtio_rpmsg_bus", "probe of \(name) failed with error \(error.negative)")
            }
        }
    }

    /// `rp_find_vq`: the ring lies at its carveout's start, whatever address the firmware had asked for inside it.
    private func findQueue(_ i: Int, _ queueName: String) throws(Errno) -> VirtQueue {
        guard let carveout = carveouts.named("vdev\(index)vring\(i)"), let base = carveout.physicalAddress,
            carveout.isMapped
        else { throw .noMemory }
        guard i < vrings.count else {
            kernel.findings.report(.vringMissing(index: i))
            throw .noMemory
        }
        let vring = vrings[i]
        guard let layout = VringLayout(count: vring.count, alignment: vring.alignment) else {
            try refuse(vring, queueName, base)
            throw .noMemory
        }
        if vring.count & (vring.count - 1) != 0 { kernel.findings.report(.ringSizeOdd(queue: queueName, count: vring.count)) }
        let queue = try kernel.onBus("zeroing vring\(i)") { () throws(BusError) in
            try VirtQueue(
                name: queueName, notifyID: vring.notifyID, layout: layout, base: base,
                eventIndex: features & Virtio.featureEventIndex != 0,
                keepsCallbacksAfterEvent: kernel.configuration.kernel.keepsCallbacksAfterEvent, bus: kernel.bus)
        }
        queue.owner = self
        if let sanitizer = rpmsgHost.sanitizer {
            queue.check = RingCheck(sanitizer, name: "vring\(i)", layout: layout, base: base, bus: kernel.bus)
        }
        vring.queue = queue
        try table.store(carveout.deviceAddress.value, at: vringOffset(i))
        return queue
    }

    /// A ring whose books the kernel cannot allocate: zeroed all the same, and its entry has neither address nor number any more
    /// (`rproc_free_vring`).
    private func refuse(_ vring: RemoteVring, _ queueName: String, _ base: PhysicalAddress) throws(Errno) {
        let size = Int(VringLayout.byteCount(count: vring.count, alignment: vring.alignment))
        try kernel.onBus("zeroing vring\(vring.index)") { () throws(BusError) in try kernel.bus.zero(base, count: size) }
        kernel.error("vring_new_virtqueue \(queueName) failed")
        free(vring)
    }

    private func free(_ vring: RemoteVring) {
        transport.freeNotifyID(vring)
        do throws(Errno) {
            try table.store(UInt32(0), at: vringOffset(vring.index))
            try table.store(UInt32.max, at: vringOffset(vring.index) + VringResource.notifyIDOffset)
        } catch {}
    }

    /// The message buffers: from the device's own pool, else from the kernel's.
    private func allocateBuffers(_ size: UInt32) throws(Errno) -> PhysicalAddress {
        if let pool = carveouts.named("vdev\(index)buffer"), case .bufferPool(let region) = pool.origin {
            guard size <= region.range.size else { throw .noMemory }
            bufferSpace = OwnState.BufferSpace(start: region.range.start, isDynamic: false)
            return region.range.start
        }
        guard let start = carveouts.allocateBuffers(size) else { throw .noMemory }
        bufferSpace = OwnState.BufferSpace(start: start, isDynamic: true)
        return start
    }

    func setDriverOK() throws(Errno) { try addStatus(Virtio.statusDriverOK) }

    /// `rproc_vdev_do_stop`: reset, channels gone, rings gone; afterwards the virtio core acknowledges the device again.
    func stop() {
        guard number != nil else { return }
        // A device without a driver is not reset. A bus that refuses has been reported; the rest must go all the same.
        if let bus = rpmsg {
            rpmsgHost.sanitizer?.stopping(self)
            do throws(Errno) { try reset() } catch {}
            bus.remove()
            releaseQueues()
            do throws(Errno) { try addStatus(Virtio.statusAcknowledge) } catch {}
        }
        isBound = false
        transport.freeNumber(number)
        number = nil
    }

    private func releaseQueues() {
        if let rpmsg { transport.count(rpmsg) }
        rpmsg = nil
        for vring in vrings { vring.queue = nil }
        if let space = bufferSpace, space.isDynamic { carveouts.freeBuffers(space.start) }
        bufferSpace = nil
    }

    /// The second half of `vring_interrupt`: the ring has used buffers and is in order.
    func queueInterrupt(_ queue: VirtQueue) {
        queue.interrupted()
        rpmsg?.queueInterrupt(queue)
    }

    /// What the entry says now, read from where the table lies.
    public var resource: VdevResource? { table.bytes().flatMap { VdevResource($0, at: offset) } }
    /// Both rings as they are now.
    public var rings: [VirtQueue.Snapshot] { vrings.compactMap { $0.queue?.snapshot } }
}

/// What its queues tell it.
extension RemoteVirtioDevice {
    /// The ring is out of order; the queue is broken from now on. `message` is the kernel's, without the queue's name.
    func queue(_ queue: VirtQueue, broke message: String) { kernel.log.emit(.error, driverDevice, "\(queue.name):\(message)") }
    func queue(_ queue: VirtQueue, found finding: Finding) { kernel.findings.report(finding) }
    func queueKicked(_ queue: VirtQueue) { doorbells.kick(queue.notifyID) }
}
