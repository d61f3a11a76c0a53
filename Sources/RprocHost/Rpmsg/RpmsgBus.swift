import MachineBase

/// An endpoint: a local address and what happens with messages for it.
public final class RpmsgEndpoint {
    public typealias Receive = (_ payload: UnsafeRawBufferPointer, _ source: UInt32) -> Void
    public let address: UInt32
    let receive: Receive
    init(address: UInt32, receive: @escaping Receive) { self.address = address; self.receive = receive }
}

/// Linux's virtio rpmsg bus: two rings, the message buffers, endpoints and channels.
///
/// Vring 0 (`input`) carries the firmware's messages, vring 1 (`output`) the host's. Buffers are one block of shared
/// memory, first half for input. Source: Linux `virtio_rpmsg_bus.c`.
public final class RpmsgBus {
    unowned let device: RemoteVirtioDevice
    let kernel: KernelContext
    unowned let host: RpmsgHost
    let input: VirtQueue
    let output: VirtQueue
    /// Channels in the order of their announcement.
    public internal(set) var channels: [RpmsgChannel] = []
    /// The channel that the firmware destroyed last.
    public internal(set) var withdrawn: (name: ForeignName, address: UInt32)?
    /// Messages taken from the firmware, whether somebody wanted them or not.
    public var messagesReceived: UInt64 { received }
    /// Messages given to the firmware.
    public var messagesSent: UInt64 { sent }
    /// False once the virtio device is gone.
    public var isAlive: Bool { lives }
    // Kept out of other modules' sight: what only this one can touch is not checked for exclusivity at each message.
    var received: UInt64 = 0
    var sent: UInt64 = 0
    private var lives = true
    /// VIRTIO_RPMSG_F_NS was agreed on.
    let hasNameService: Bool

    let memory: any NonSecureBus
    let bufferBase: PhysicalAddress
    /// Input and output together.
    let bufferCount: UInt32
    var endpoints: [UInt32: RpmsgEndpoint] = [:]
    /// Output buffers that were never used yet are taken in order.
    var freshOutput: UInt32 = 0
    var sleepers = 0
    var senderWoken = false
    /// A channel was refused for there being too many; said once.
    var refusedChannel = false
    var noRecipientLimit = RateLimit()
    /// A message's bytes on their way in, and on their way out.
    let inbound: UnsafeMutableRawBufferPointer
    let outbound: UnsafeMutableRawBufferPointer

    var deviceName: String { device.driverDevice }

    init(
        device: RemoteVirtioDevice, input: VirtQueue, output: VirtQueue, hasNameService: Bool,
        allocate: (UInt32) throws(Errno) -> PhysicalAddress
    ) throws(Errno) {
        self.device = device
        kernel = device.kernel
        host = device.rpmsgHost
        memory = device.kernel.bus
        self.input = input
        self.output = output
        self.hasNameService = hasNameService
        if input.layout.count != output.layout.count {
            kernel.findings.report(.ringSizesDiffer(input: UInt32(input.layout.count), output: UInt32(output.layout.count)))
        }
        let ring = UInt32(input.layout.count)
        bufferCount = ring < Rpmsg.maximumBuffers / 2 ? ring * 2 : Rpmsg.maximumBuffers
        bufferBase = try allocate(bufferCount * UInt32(Rpmsg.bufferSize))
        inbound = .allocate(byteCount: Rpmsg.bufferSize, alignment: 8)
        outbound = .allocate(byteCount: Rpmsg.bufferSize, alignment: 8)
        if hasNameService {
            endpoints[Rpmsg.nameServiceAddress] = RpmsgEndpoint(address: Rpmsg.nameServiceAddress) { [unowned self] payload, source in
                announcementReceived(payload, from: source)
            }
        }
    }

    deinit {
        inbound.deallocate()
        outbound.deallocate()
    }

    /// Posts the input buffers, sets DRIVER_OK, rings once.
    func start() throws(Errno) {
        for i in 0..<bufferCount / 2 { post(bufferBase.advanced(i * UInt32(Rpmsg.bufferSize))) }
        if kernel.configuration.kernel.suppressesTransmitComplete { output.disableCallbacks() }
        let mustNotify = input.kickPrepare()
        try device.setDriverOK()
        if mustNotify { input.notify() }
        kernel.log.emit(.info, deviceName, "rpmsg host is online")
    }

    /// Takes the device's children away in the order in which they were made: rpmsg_ctrl, the name service, the channels
    /// (`rpmsg_remove`).
    ///
    /// The device was reset before, but its rings still work: the end of a channel that the host had announced is still told.
    func remove() {
        host.raw.controlRemoved(self)
        endpoints[Rpmsg.nameServiceAddress] = nil
        while let channel = channels.first { removeChannel(channel) }
        lives = false
        endpoints.removeAll()
    }

    /// The host itself is gone: what somebody still holds of the bus only refuses.
    func orphan() {
        lives = false
        for channel in channels {
            channel.bus = nil
            channel.endpoint = nil
            (channel.port, channel.node) = (nil, nil)
        }
        channels = []
    }

    @discardableResult func post(_ buffer: PhysicalAddress) -> Bool {
        do throws(Errno) {
            try input.add(buffer, length: UInt32(Rpmsg.bufferSize), deviceWrites: true)
            return true
        } catch {
            kernel.log.emit(.error, deviceName, "failed to add a virtqueue buffer: \(error.negative)")
            return false
        }
    }

    func queueInterrupt(_ queue: VirtQueue) {
        if queue === input { receive() } else { transmitDone() }
    }

    // MARK: Endpoints

    /// Whether the endpoint at `address` is there because the host wanted it: of a channel that it announced, or made by a program.
    /// Firmware answers it from an address that it need not announce.
    func isHostMade(_ address: UInt32) -> Bool {
        guard address != Rpmsg.nameServiceAddress, endpoints[address] != nil else { return false }
        return channels.first { $0.source == address }?.isAnnounced ?? true
    }

    /// Makes an endpoint with the lowest free address from 1024, or with exactly `address`.
    /// - Throws: `noSpace` when the address is taken, `invalid` from 0x80000000 on (the kernel's idr has none there), `noDevice` when
    ///   the bus is gone.
    public func createEndpoint(address: UInt32 = Rpmsg.anyAddress, receive: @escaping RpmsgEndpoint.Receive) throws(Errno) -> RpmsgEndpoint {
        try createEndpoint(address: address, for: deviceName, receive: receive)
    }

    /// `device` is what the log line of a refusal names.
    func createEndpoint(address: UInt32, for device: @autoclosure () -> String, receive: @escaping RpmsgEndpoint.Receive) throws(Errno) -> RpmsgEndpoint {
        guard isAlive else { throw .noDevice }
        var chosen = address
        if address == Rpmsg.anyAddress {
            chosen = Rpmsg.firstDynamicAddress
            while endpoints[chosen] != nil { chosen &+= 1 }
        } else if address > UInt32(Int32.max) || endpoints[address] != nil {
            let error = address > UInt32(Int32.max) ? Errno.invalid : .noSpace
            kernel.log.emit(.error, device(), "idr_alloc failed: \(error.negative)")
            throw error
        }
        let endpoint = RpmsgEndpoint(address: chosen, receive: receive)
        endpoints[chosen] = endpoint
        return endpoint
    }

    public func destroyEndpoint(_ endpoint: RpmsgEndpoint) {
        if endpoints[endpoint.address] === endpoint { endpoints[endpoint.address] = nil }
    }
}
