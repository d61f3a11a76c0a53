import MachineBase

/// `stm32_rproc`'s operations on the core itself.
extension RemoteProcessor {
    /// Shutdown is the mailbox's third channel.
    static let shutdownChannel = 2

    func startOperation() throws(Errno) {
        if configuration.bootSequence.usesTEE { return try teeStart() }
        try registerAccess("failed to clear pdds") { () throws(BusError) in try registers.setPowerDown(false) }
        try registerAccess("failed to set hold boot") { () throws(BusError) in try registers.setBootMCU(true) }
        // Held again at once: the running core is not affected, a reset of its own finds boot held.
        try registerAccess("failed to set hold boot") { () throws(BusError) in try registers.setBootMCU(false) }
    }

    func stopOperation() throws(Errno) {
        if state != .offline && state != .crashed { requestShutdown() }
        if configuration.bootSequence.usesTEE {
            try teeStop()
        } else {
            try registerAccess("failed to set hold boot") { () throws(BusError) in try registers.setBootMCU(false) }
            try registerAccess("failed to assert the reset") { () throws(BusError) in try registers.assertReset() }
        }
        try registerAccess("failed to set pdds") { () throws(BusError) in try registers.setPowerDown(true) }
        try registerAccess("failed to set M4 state") { () throws(BusError) in try registers.setStateOff() }
    }

    func stopOperationIgnoringErrors() { do throws(Errno) { try stopOperation() } catch {} }

    /// Asks the firmware to finish, and gives it half a second to acknowledge.
    private func requestShutdown() {
        let channel = Self.shutdownChannel
        var acknowledged = false
        do throws(Errno) {
            let before = ipcc.completed[channel]
            try ipcc.send(channel)
            let outcome = platform.wait(until: platform.now + configuration.timing.shutdownTimeout) {
                ipcc.completed[channel] != before
            }
            acknowledged = outcome == .conditionMet
            if !acknowledged { ipcc.abandon(channel) }
        } catch {}
        if !acknowledged { warn("warning: remote FW shutdown without ack") }
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
        guard notifyID < 2 else { return findings.report(.kickWithoutMailbox(notifyID: notifyID)) }
        ringDoorbell(Int(notifyID))
    }

    func sendDoorbell(_ id: Int) {
        sanitizer?.kicked(UInt32(truncatingIfNeeded: id))
        do throws(Errno) { try ipcc.send(id) } catch {
            self.error("stm32_rproc_kick: failed (vq\(id), err:\(error.negative))")
        }
    }
}
