// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The doorbells of vrings 0 and 1, from Linux and to it: `stm32_rproc_kick` and the mailbox's callback.
class DoorbellLink {
    let kernel: KernelContext
    let mailbox: IPCCDriver
    let work: WorkQueue
    /// Hears of every doorbell, once it is on.
    var sanitizer: RpmsgSanitizer?

    init(_ kernel: KernelContext, mailbox: IPCCDriver, work: WorkQueue) {
        self.kernel = kernel; self.mailbox = mailbox; self.work = work
        mailbox.received = { [unowned self] channel in
            guard let vring = self.kernel.configuration.mailboxes.vring(channel) else { return }
            sanitizer?.doorbell(vring)
            received(vring)
        }
    }

    /// `stm32_rproc_kick`: the notifyid is the mailbox's number.
    final func kick(_ notifyID: UInt32) {
        kernel.debug("kicking vq index: \(notifyID)")
        guard notifyID < 2 else { return kernel.findings.report(.kickWithoutMailbox(notifyID: notifyID)) }
        ring(Int(notifyID))
    }

    /// Linux rings for vring `id`.
    func ring(_ id: Int) { send(id) }

    /// The firmware's doorbell for vring `id` was acknowledged.
    func received(_ id: Int) { work.scheduleSoon(Self.work(id)) }

    final func send(_ id: Int) {
        sanitizer?.kicked(UInt32(truncatingIfNeeded: id))
        guard let channel = kernel.configuration.mailboxes.channel(vring: UInt32(truncatingIfNeeded: id)) else { return }
        do throws(Errno) { try mailbox.send(channel) } catch {
            kernel.error("stm32_rproc_kick: failed (vq\(id), err:\(error.negative))")
        }
    }

    /// The work that looks at vring `id`.
    static func work(_ id: Int) -> WorkQueue.Kind { id == 0 ? .vring0 : .vring1 }
}

/// Doorbells some of which are lost or late, by `HostConfiguration.kickFaults`. Without such rules there is no object of it.
final class FaultyDoorbellLink: DoorbellLink {
    private let injector: KickFaultInjector
    /// Runs whenever a rule has acted on a doorbell.
    var injected: ((VirtualTime, KickFault.Event) -> Void)?
    struct State: Equatable, Sendable {
        var rules: [KickFaultInjector.Rule]
        /// How often one has acted.
        var count: UInt64
    }
    var state: State {
        get { State(rules: injector.rules, count: count) }
        set { (injector.rules, count) = (newValue.rules, newValue.count) }
    }
    /// How often one has.
    private(set) var count: UInt64 = 0

    init(_ kernel: KernelContext, mailbox: IPCCDriver, work: WorkQueue, injector: KickFaultInjector) {
        self.injector = injector
        super.init(kernel, mailbox: mailbox, work: work)
    }

    override func ring(_ id: Int) {
        switch verdict(.toFirmware, id) {
        case .passes: send(id)
        case .isLost: break
        case .isLate(let span): work.schedule(id == 0 ? .lateKick0 : .lateKick1, at: kernel.now + span)
        }
    }

    override func received(_ id: Int) {
        switch verdict(.toLinux, id) {
        case .passes: super.received(id)
        case .isLost: break
        case .isLate(let span): work.schedule(Self.work(id), at: kernel.now + kernel.configuration.timing.workLatency + span)
        }
    }

    private func verdict(_ direction: KickFault.Direction, _ id: Int) -> KickFaultInjector.Verdict {
        let (verdict, event) = injector.judge(direction, ring: id)
        if let event {
            count &+= 1
            injected?(kernel.now, event)
        }
        return verdict
    }
}
