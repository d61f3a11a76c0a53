// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Interrupt handlers and work: what the platform calls.
extension RemoteProcessor {
    /// An interrupt line of the A7 has risen. Takes a note; the handler runs one interrupt latency later.
    public func interrupt(_ line: HostInterrupt) {
        switch line {
        // A driver that asked for no line of the EXTI, or for another, hears nothing.
        case .watchdog: if configuration.watchdogInterrupt == configuration.chip.coprocessor.watchdogReset.number { reportCrash(.watchdog) }
        case .mailboxReceive:
            sanitizer?.raised()
            raise(.receiveInterrupt)
        case .mailboxTransmitFree: raise(.transmitFreeInterrupt)
        }
    }

    private func raise(_ kind: WorkQueue.Kind) {
        work.queue(kind, at: kernel.now + configuration.timing.interruptLatency)
        if configuration.timing.interruptLatency == .zero, !isHandlingInterrupt { runInterrupts() }
        work.arrange()
    }

    /// The time given to `HostPlatform.scheduleWork(at:)` has come.
    public func workDue() {
        kernel.calls &+= 1
        defer { kernel.calls &-= 1 }
        runInterrupts()
        // Each kind at most once a call: what queues itself again waits for the next.
        for _ in WorkQueue.Kind.allCases {
            guard let kind = work.takeDue() else { break }
            run(kind)
        }
        work.arrange()
    }

    private func runInterrupts() {
        isHandlingInterrupt = true
        defer { isHandlingInterrupt = false }
        for _ in 0..<4 {
            guard let kind = work.takeDueInterrupt() else { break }
            run(kind)
        }
    }

    private func run(_ kind: WorkQueue.Kind) {
        switch kind {
        case .receiveInterrupt: doorbells.mailbox.receiveInterrupt()
        case .transmitFreeInterrupt: doorbells.mailbox.transmitFreeInterrupt()
        case .vring0: work.runTask { runVringWork(0) }
        case .vring1: work.runTask { runVringWork(1) }
        case .recovery: runRecoveryWork()
        case .autoBoot: runAutoBoot()
        case .restOfRecovery: runRestOfRecovery()
        // Unless its ring is gone by now.
        case .lateKick0: if virtio.queue(0) != nil { doorbells.send(0) }
        case .lateKick1: if virtio.queue(1) != nil { doorbells.send(1) }
        }
    }

    /// `stm32_rproc_mb_vq_work`
    private func runVringWork(_ id: Int) {
        // Kernels whose work does not take the lock do not look at the state either.
        let hears = state == .running || state == .attached && configuration.kernel.hearsDoorbellsWhileAttached
        guard hears || !configuration.kernel.vringWorkTakesLock else { return }
        kernel.debug("vq index \(id) is interrupted")
        guard let queue = virtio.queue(id), queue.hasUsed else {
            kernel.debug("no message found in vq\(id)")
            return
        }
        if !queue.isBroken { virtio.device(ofRing: id)?.queueInterrupt(queue) }
    }
}
