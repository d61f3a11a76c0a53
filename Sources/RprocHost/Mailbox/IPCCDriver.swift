import MachineBase

/// Linux's driver of the A7 side of the inter-processor mailbox: register accesses of `stm32-ipcc`, queues of the
/// mailbox core.
///
/// The A7 is processor 0 of the IPCC, so it owns the C1 registers. A flag in C1TOC2SR means "the A7 has sent and the M4
/// has not acknowledged". Source: RM0436 IPCC; Linux `stm32-ipcc.c`, `mailbox.c`.
final class IPCCDriver {
    static let base = PhysicalAddress(0x4C00_1000)
    static let control: UInt32 = 0x00, mask: UInt32 = 0x04, setClear: UInt32 = 0x08
    static let transmitStatus: UInt32 = 0x0C, receiveStatus: UInt32 = 0x1C
    static let hardwareConfiguration: UInt32 = 0x3F0, version: UInt32 = 0x3F4
    static let channelCount = 6
    /// MBOX_TX_QUEUE_LEN of the mailbox core.
    static let queueLength = 20

    private let bus: any NonSecureBus
    private let log: KernelLog
    private let findings: Findings
    /// A message arrived on a channel; the flag is cleared right after the call.
    var received: (_ channel: Int) -> Void = { _ in }

    private struct Channel {
        var queued = 0
        var isActive = false
        var completed: UInt64 = 0
    }
    // Every index into it is below `channelCount`. Not an array: a property's elements are checked for exclusivity at each access.
    private let channels = UnsafeMutablePointer<Channel>.allocate(capacity: channelCount)
    static let device = "stm32-ipcc 4c001000.mailbox"

    init(bus: any NonSecureBus, log: KernelLog, findings: Findings) {
        self.bus = bus; self.log = log; self.findings = findings
        channels.initialize(repeating: Channel(), count: Self.channelCount)
    }

    deinit { channels.deallocate() }

    /// Messages of a channel that were acknowledged.
    func completed(_ channel: Int) -> UInt64 { (0..<Self.channelCount).contains(channel) ? channels[channel].completed : 0 }

    /// Masks everything and lets both interrupts through.
    func probe() {
        access { () throws(BusError) in
            try bus.write32(Self.base.advanced(Self.mask), 0xFFFF_FFFF)
            let control = try bus.read32(Self.base.advanced(Self.control))
            try bus.write32(Self.base.advanced(Self.control), control | 1 | 1 << 16)
            let version = try bus.read32(Self.base.advanced(Self.version))
            let count = try bus.read32(Self.base.advanced(Self.hardwareConfiguration)) & 0xFF
            log.emit(
                .info, Self.device,
                "ipcc rev:\(version >> 4 & 0xF).\(version & 0xF) enabled, \(count == 0 ? UInt32(Self.channelCount) : count) chans, proc 0")
        }
    }

    /// Opens the receive side of a channel, as asking for a mailbox does.
    func open(_ channel: Int) {
        guard (0..<Self.channelCount).contains(channel) else { return }
        access { () throws(BusError) in try updateMask(clear: 1 << UInt32(channel)) }
    }

    /// Masks both directions of a channel, as giving a mailbox back does. What waits is not sent, and nobody acknowledges.
    func close(_ channel: Int) {
        guard (0..<Self.channelCount).contains(channel) else { return }
        access { () throws(BusError) in try updateMask(set: 1 << UInt32(channel) | 1 << UInt32(channel + 16)) }
        channels[channel].queued = 0
        channels[channel].isActive = false
    }

    // MARK: Sending

    /// Queues a doorbell and returns.
    /// - Throws: `noBuffers` when 20 wait already.
    func send(_ channel: Int) throws(Errno) {
        guard (0..<Self.channelCount).contains(channel) else { throw .invalid }
        guard channels[channel].queued < Self.queueLength else {
            log.emit(.error, Self.device, "Try increasing MBOX_TX_QUEUE_LEN")
            findings.report(.doorbellLost(channel: channel))
            throw .noBuffers
        }
        channels[channel].queued &+= 1
        submit(channel)
    }

    /// Whether doorbells wait for the M4's acknowledgement.
    func isBusy(_ channel: Int) -> Bool {
        (0..<Self.channelCount).contains(channel) && (channels[channel].isActive || channels[channel].queued > 0)
    }

    /// Gives up on the doorbell under way, as the mailbox core does when a blocking send times out.
    func abandon(_ channel: Int) {
        guard (0..<Self.channelCount).contains(channel) else { return }
        channels[channel].isActive = false
        submit(channel)
    }

    private func submit(_ channel: Int) {
        guard channels[channel].queued > 0, !channels[channel].isActive else { return }
        channels[channel].queued &-= 1
        channels[channel].isActive = true
        log.emit(.debug, Self.device, "stm32_ipcc_send_data: chan:\(channel)")
        access { () throws(BusError) in
            try bus.write32(Self.base.advanced(Self.setClear), 1 << UInt32(channel + 16))
            try updateMask(clear: 1 << UInt32(channel + 16))
        }
    }

    // MARK: Interrupt handlers

    /// Hands on, then acknowledges, every channel that the M4 occupies and that is not masked.
    func receiveInterrupt() {
        access { () throws(BusError) in
            let mask = try bus.read32(Self.base.advanced(Self.mask))
            let status = try bus.read32(Self.base.advanced(Self.receiveStatus)) & ~mask
            for channel in 0..<Self.channelCount where status & 1 << UInt32(channel) != 0 {
                log.emit(.debug, Self.device, "stm32_ipcc_rx_irq: chan:\(channel) rx")
                received(channel)
                try bus.write32(Self.base.advanced(Self.setClear), 1 << UInt32(channel))
            }
        }
    }

    /// Completes the doorbell of every unmasked channel that has become free, and sends the next.
    func transmitFreeInterrupt() {
        access { () throws(BusError) in
            let mask = try bus.read32(Self.base.advanced(Self.mask)) >> 16
            let free = ~(try bus.read32(Self.base.advanced(Self.transmitStatus))) & ~mask
            for channel in 0..<Self.channelCount where free & 1 << UInt32(channel) != 0 {
                log.emit(.debug, Self.device, "stm32_ipcc_tx_irq: chan:\(channel) tx")
                try updateMask(set: 1 << UInt32(channel + 16))
                guard channels[channel].isActive else { continue }
                channels[channel].isActive = false
                channels[channel].completed &+= 1
                submit(channel)
            }
        }
    }

    private func updateMask(set: UInt32 = 0, clear: UInt32 = 0) throws(BusError) {
        let old = try bus.read32(Self.base.advanced(Self.mask))
        try bus.write32(Self.base.advanced(Self.mask), (old | set) & ~clear)
    }

    private func access(_ body: () throws(BusError) -> Void) {
        do throws(BusError) { try body() } catch { findings.report(.busError(error, during: "stm32-ipcc")) }
    }
}
