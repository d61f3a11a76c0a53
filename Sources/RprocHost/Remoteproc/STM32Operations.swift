import MachineBase

/// `stm32_rproc`'s operations on the core itself.
extension RemoteProcessor {
    func startOperation() throws(Errno) {
        if configuration.bootSequence.usesTEE { return try teeStart() }
        try registerAccess("failed to clear pdds") { () throws(BusError) in try registers.setPowerDown(false) }
        try registerAccess("failed to set hold boot") { () throws(BusError) in try registers.setBootMCU(true) }
        // Held again at once: the running core is not affected, a reset of its own finds boot held.
        do throws(Errno) {
            try registerAccess("failed to set hold boot") { () throws(BusError) in try registers.setBootMCU(false) }
        } catch {
            findings.report(.kernelLeaves("the M4, which runs: boot was released, could not be held again, and nobody stops it"))
            throw error
        }
    }

    func stopOperation() throws(Errno) {
        if state != .offline && state != .crashed {
            ask(configuration.mailboxes.shutdown, within: configuration.timing.shutdownTimeout, complaint: "warning: remote FW shutdown without ack")
        }
        if configuration.bootSequence.usesTEE {
            try teeStop()
        } else {
            try registerAccess("failed to set hold boot") { () throws(BusError) in try registers.setBootMCU(false) }
            try registerAccess("failed to assert the reset") { () throws(BusError) in try registers.assertReset() }
        }
        try registerAccess("failed to set pdds") { () throws(BusError) in try registers.setPowerDown(true) }
        try registerAccess("failed to set copro state") { () throws(BusError) in try registers.setStateOff() }
    }

    func stopOperationIgnoringErrors() { do throws(Errno) { try stopOperation() } catch {} }

    /// `stm32_rproc_attach`: boot is held, so that a reset of the core's own is noticed. The version 3 TEE client does nothing.
    func attachOperation() throws(Errno) {
        guard !configuration.bootSequence.usesTEE else { return }
        try registerAccess("failed to set hold boot") { () throws(BusError) in try registers.setBootMCU(false) }
    }

    /// `stm32_rproc_detach`: tells the firmware, and lets it start again by itself.
    func detachOperation() throws(Errno) {
        ask(configuration.mailboxes.detach, within: configuration.timing.detachTimeout, complaint: "warning: remote FW detach without ack")
        try registerAccess("failed to set hold boot") { () throws(BusError) in try registers.setBootMCU(true) }
    }

    /// Rings a mailbox that the firmware has to acknowledge, and gives it `span`. Nothing without that mailbox.
    private func ask(_ mailbox: Int?, within span: VirtualTime, complaint: String) {
        guard let channel = mailbox else { return }
        var acknowledged = false
        do throws(Errno) {
            let before = ipcc.completed(channel)
            try ipcc.send(channel)
            let outcome = platform.wait(until: platform.now + span) {
                ipcc.completed(channel) != before
            }
            acknowledged = outcome == .conditionMet
            if !acknowledged { ipcc.abandon(channel) }
        } catch {}
        if !acknowledged { warn(complaint) }
    }

    private func registerAccess(_ complaint: String, _ body: () throws(BusError) -> Void) throws(Errno) {
        do throws(BusError) { try body() } catch {
            findings.report(.busError(error, during: complaint))
            self.error(complaint)
            throw .io
        }
    }

    /// `stm32_rproc_kick`: the notifyid is the mailbox's number.
    func kick(_ notifyID: UInt32) {
        debug("kicking vq index: \(notifyID)")
        guard notifyID < 2 else { return findings.report(.kickWithoutMailbox(notifyID: notifyID)) }
        ringDoorbell(Int(notifyID))
    }

    func sendDoorbell(_ id: Int) {
        sanitizer?.kicked(UInt32(truncatingIfNeeded: id))
        guard let channel = configuration.mailboxes.channel(vring: UInt32(truncatingIfNeeded: id)) else { return }
        do throws(Errno) { try ipcc.send(channel) } catch {
            self.error("stm32_rproc_kick: failed (vq\(id), err:\(error.negative))")
        }
    }
}
