// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// Linux's driver of the A7 side of the inter-processor mailbox: register accesses of `stm32-ipcc`, queues of the
/// mailbox core.
///
/// The A7 is processor 0 of the IPCC, so it owns the C1 registers. A flag in C1TOC2SR means "the A7 has sent and the M4
/// has not acknowledged". Source: RM0436 IPCC; Linux `stm32-ipcc.c`, `mailbox.c`.
final class IPCCDriver {
    private let control: PhysicalAddress, mask: PhysicalAddress, setClear: PhysicalAddress
    private let transmitStatus: PhysicalAddress, receiveStatus: PhysicalAddress
    private let hardwareConfiguration: PhysicalAddress, version: PhysicalAddress
    let channelCount: Int
    /// MBOX_TX_QUEUE_LEN of the mailbox core.
    static let queueLength = 20

    private let bus: any NonSecureBus
    private let log: KernelLog
    private let findings: Findings
    /// A message arrived on a channel; the flag is cleared right after the call.
    var received: (_ channel: Int) -> Void = { _ in }

    struct Channel: Equatable, Sendable {
        var queued = 0
        var isActive = false
        var completed: UInt64 = 0
    }
    // Every index into it is below `channelCount`. Not an array: a property's elements are checked for exclusivity at each access.
    private let channels: UnsafeMutablePointer<Channel>
    let device: String

    init(_ mailbox: Mailbox, bus: any NonSecureBus, log: KernelLog, findings: Findings) {
        self.bus = bus; self.log = log; self.findings = findings
        let offsets = mailbox.offsets
        (control, mask, setClear) = (mailbox.address(offsets.c1CR), mailbox.address(offsets.c1MR), mailbox.address(offsets.c1SCR))
        (transmitStatus, receiveStatus) = (mailbox.address(offsets.c1ToC2SR), mailbox.address(offsets.c2ToC1SR))
        (hardwareConfiguration, version) = (mailbox.address(offsets.hwcfgr), mailbox.address(offsets.verr))
        channelCount = mailbox.channelCount
        device = "stm32-ipcc \(String(mailbox.base.value, radix: 16)).mailbox"
        channels = .allocate(capacity: mailbox.channelCount)
        channels.initialize(repeating: Channel(), count: channelCount)
    }

    deinit { channels.deallocate() }

    struct State: Equatable, Sendable {
        /// By number.
        var channels: [Channel]
    }
    var state: State {
        get { State(channels: (0..<channelCount).map { channels[$0] }) }
        set { for (number, channel) in newValue.channels.prefix(channelCount).enumerated() { channels[number] = channel } }
    }

    /// Messages of a channel that were acknowledged.
    func completed(_ channel: Int) -> UInt64 { (0..<channelCount).contains(channel) ? channels[channel].completed : 0 }

    /// Masks everything and lets both interrupts through.
    func probe() {
        access { () throws(BusError) in
            try bus.write32(mask, 0xFFFF_FFFF)
            try bus.write32(control, try bus.read32(control) | 1 | 1 << 16)
            let revision = try bus.read32(version)
            let count = try bus.read32(hardwareConfiguration) & 0xFF
            log.emit(
                .info, device,
                "ipcc rev:\(revision >> 4 & 0xF).\(revision & 0xF) enabled, \(count == 0 ? UInt32(channelCount) : count) chans, proc 0")
        }
    }

    /// Opens the receive side of a channel, as asking for a mailbox does.
    func open(_ channel: Int) {
        guard (0..<channelCount).contains(channel) else { return }
        access { () throws(BusError) in try updateMask(clear: 1 << UInt32(channel)) }
    }

    /// Masks both directions of a channel, as giving a mailbox back does. What waits is not sent, and nobody acknowledges.
    func close(_ channel: Int) {
        guard (0..<channelCount).contains(channel) else { return }
        access { () throws(BusError) in try updateMask(set: 1 << UInt32(channel) | 1 << UInt32(channel + 16)) }
        channels[channel].queued = 0
        channels[channel].isActive = false
    }

    // MARK: Sending

    /// Queues a doorbell and returns.
    /// - Throws: `noBuffers` when 20 wait already.
    func send(_ channel: Int) throws(Errno) {
        guard (0..<channelCount).contains(channel) else { throw .invalid }
        guard channels[channel].queued < Self.queueLength else {
            log.emit(.error, device, "Try increasing MBOX_TX_QUEUE_LEN")
            findings.report(.doorbellLost(channel: channel))
            throw .noBuffers
        }
        channels[channel].queued &+= 1
        submit(channel)
    }

    /// Whether doorbells wait for the M4's acknowledgement.
    func isBusy(_ channel: Int) -> Bool {
        (0..<channelCount).contains(channel) && (channels[channel].isActive || channels[channel].queued > 0)
    }

    /// Gives up on the doorbell under way, as the mailbox core does when a blocking send times out.
    func abandon(_ channel: Int) {
        guard (0..<channelCount).contains(channel) else { return }
        channels[channel].isActive = false
        submit(channel)
    }

    private func submit(_ channel: Int) {
        guard channels[channel].queued > 0, !channels[channel].isActive else { return }
        channels[channel].queued &-= 1
        channels[channel].isActive = true
        log.emit(.debug, device, "stm32_ipcc_send_data: chan:\(channel)")
        access { () throws(BusError) in
            try bus.write32(setClear, 1 << UInt32(channel + 16))
            try updateMask(clear: 1 << UInt32(channel + 16))
        }
    }

    // MARK: Interrupt handlers

    /// Hands on, then acknowledges, every channel that the M4 occupies and that is not masked.
    func receiveInterrupt() {
        access { () throws(BusError) in
            let masked = try bus.read32(mask)
            let status = try bus.read32(receiveStatus) & ~masked
            for channel in 0..<channelCount where status & 1 << UInt32(channel) != 0 {
                log.emit(.debug, device, "stm32_ipcc_rx_irq: chan:\(channel) rx")
                received(channel)
                try bus.write32(setClear, 1 << UInt32(channel))
            }
        }
    }

    /// Completes the doorbell of every unmasked channel that has become free, and sends the next.
    func transmitFreeInterrupt() {
        access { () throws(BusError) in
            let masked = try bus.read32(mask) >> 16
            let free = ~(try bus.read32(transmitStatus)) & ~masked
            for channel in 0..<channelCount where free & 1 << UInt32(channel) != 0 {
                log.emit(.debug, device, "stm32_ipcc_tx_irq: chan:\(channel) tx")
                try updateMask(set: 1 << UInt32(channel + 16))
                guard channels[channel].isActive else { continue }
                channels[channel].isActive = false
                channels[channel].completed &+= 1
                submit(channel)
            }
        }
    }

    private func updateMask(set: UInt32 = 0, clear: UInt32 = 0) throws(BusError) {
        let old = try bus.read32(mask)
        try bus.write32(mask, (old | set) & ~clear)
    }

    private func access(_ body: () throws(BusError) -> Void) {
        do throws(BusError) { try body() } catch { findings.report(.busError(error, during: "stm32-ipcc")) }
    }
}
