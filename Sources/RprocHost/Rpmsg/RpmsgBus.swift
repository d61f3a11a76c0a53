// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// An endpoint: a local address and what happens with messages for it.
public final class RpmsgEndpoint {
    public typealias Receive = (_ payload: UnsafeRawBufferPointer, _ source: UInt32) -> Void
    public let address: UInt32
    let receive: Receive
    /// Made by a program in Swift: who hears its messages is not the kernel's to know.
    let isPrograms: Bool
    init(address: UInt32, isPrograms: Bool = false, receive: @escaping Receive) { self.address = address; self.isPrograms = isPrograms; self.receive = receive }
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
    public var withdrawn: (name: ForeignName, address: UInt32)? { own.withdrawn.map { ($0.name, $0.address) } }
    /// Messages taken from the firmware, whether somebody wanted them or not.
    public var messagesReceived: UInt64 { received }
    /// Messages given to the firmware.
    public var messagesSent: UInt64 { sent }
    /// False once the virtio device is gone.
    public var isAlive: Bool { lives }
    /// What changes besides rings, channels and endpoints.
    struct OwnState: Equatable, Sendable {
        struct Withdrawn: Equatable, Sendable {
            var name: ForeignName
            var address: UInt32
        }
        var received: UInt64 = 0
        var sent: UInt64 = 0
        var withdrawn: Withdrawn?
        /// Output buffers that were never used yet are taken in order.
        var freshOutput: UInt32 = 0
        var sleepers = 0
        var senderWoken = false
        /// A channel was refused for there being too many; said once.
        var refusedChannel = false
        var noRecipientLimit = RateLimit()
    }
    // Kept out of other modules' sight: what only this one can touch is not checked for exclusivity at each message.
    var own = OwnState()
    var received: UInt64 { get { own.received } set { own.received = newValue } }
    var sent: UInt64 { get { own.sent } set { own.sent = newValue } }
    var freshOutput: UInt32 { get { own.freshOutput } set { own.freshOutput = newValue } }
    var sleepers: Int { get { own.sleepers } set { own.sleepers = newValue } }
    var senderWoken: Bool { get { own.senderWoken } set { own.senderWoken = newValue } }
    private var lives = true
    /// VIRTIO_RPMSG_F_NS was agreed on.
    let hasNameService: Bool

    let memory: any NonSecureBus
    let bufferBase: PhysicalAddress
    /// Input and output together.
    let bufferCount: UInt32
    var endpoints: [UInt32: RpmsgEndpoint] = [:]
    /// A message's bytes on their way in, and on their way out.
    let inbound: UnsafeMutableRawBufferPointer
    let outbound: UnsafeMutableRawBufferPointer

    var deviceName: String { device.driverDevice }

    convenience init(
        device: RemoteVirtioDevice, input: VirtQueue, output: VirtQueue, hasNameService: Bool,
        allocate: (UInt32) throws(Errno) -> PhysicalAddress
    ) throws(Errno) {
        if input.layout.count != output.layout.count {
            device.kernel.findings.report(.ringSizesDiffer(input: UInt32(input.layout.count), output: UInt32(output.layout.count)))
        }
        let ring = UInt32(input.layout.count), count = ring < Rpmsg.maximumBuffers / 2 ? ring * 2 : Rpmsg.maximumBuffers
        let base = try allocate(count * UInt32(Rpmsg.bufferSize))
        self.init(device: device, input: input, output: output, hasNameService: hasNameService, bufferBase: base, bufferCount: count)
        if hasNameService { endpoints[Rpmsg.nameServiceAddress] = nameServiceEndpoint }
    }

    /// Without endpoints.
    init(device: RemoteVirtioDevice, input: VirtQueue, output: VirtQueue, hasNameService: Bool, bufferBase: PhysicalAddress, bufferCount: UInt32) {
        self.device = device
        kernel = device.kernel
        host = device.rpmsgHost
        memory = device.kernel.bus
        self.input = input
        self.output = output
        self.hasNameService = hasNameService
        self.bufferBase = bufferBase
        self.bufferCount = bufferCount
        inbound = .allocate(byteCount: Rpmsg.bufferSize, alignment: 8)
        outbound = .allocate(byteCount: Rpmsg.bufferSize, alignment: 8)
    }

    var nameServiceEndpoint: RpmsgEndpoint {
        RpmsgEndpoint(address: Rpmsg.nameServiceAddress) { [unowned self] payload, source in announcementReceived(payload, from: source) }
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

    /// The host has this bus no more: what somebody still holds of it only refuses. Its channels may be another's by now.
    func abandon() {
        lives = false
        endpoints = [:]
        channels = []
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
        try createEndpoint(address: address, isPrograms: true, for: deviceName, receive: receive)
    }

    /// `device` is what the log line of a refusal names.
    func createEndpoint(
        address: UInt32, isPrograms: Bool = false, for device: @autoclosure () -> String, receive: @escaping RpmsgEndpoint.Receive
    ) throws(Errno) -> RpmsgEndpoint {
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
        let endpoint = RpmsgEndpoint(address: chosen, isPrograms: isPrograms, receive: receive)
        endpoints[chosen] = endpoint
        return endpoint
    }

    public func destroyEndpoint(_ endpoint: RpmsgEndpoint) {
        if endpoints[endpoint.address] === endpoint { endpoints[endpoint.address] = nil }
    }
}
