// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

extension RemoteProcessor {
    /// `rproc_report_crash`: the core is found dead. Recovery follows as work.
    public func reportCrash(_ type: CrashType) {
        kernel.during {
            kernel.error("crash detected in \(configuration.name): type \(type.rawValue)")
            events.publish(.crashReported(type))
            work.scheduleSoon(.recovery)
        }
    }

    /// `echo WORD > recovery`: `enabled` also recovers a crashed core at once.
    public func setRecovery(enabled: Bool) {
        recoveryEnabled = enabled
        if enabled { recover() }
    }

    /// `echo recover > recovery`: recovers a crashed core once, whatever the setting. What goes wrong is only logged.
    public func recover() { do throws(LinuxFailure) { try triggerRecovery() } catch {} }

    /// `rproc_crash_handler_work`
    func runRecoveryWork() {
        // Handles the first crash only; an offline core cannot crash.
        guard state != .crashed, state != .offline else { return }
        state = .crashed
        crashCount &+= 1
        kernel.error("handling crash #\(crashCount) in \(configuration.name)")
        if recoveryEnabled { recover() }
    }

    /// `rproc_trigger_recovery` with `rproc_boot_recovery`: what the first boot parsed and allocated is used again.
    private func triggerRecovery() throws(LinuxFailure) {
        let waits = try work.withLock { () throws(LinuxFailure) -> Bool in
            guard state == .crashed else { return false }
            kernel.error("recovering \(configuration.name)")
            try stopCore(crashed: true)
            if takeCoredump() { return true }
            try startAgain()
            return false
        }
        guard waits else { return }
        work.suspendRecovery(until: kernel.now + configuration.timing.coredumpTimeout)
    }

    /// An inline dump was freed, or nobody did so for five minutes.
    func runRestOfRecovery() {
        guard work.resumeRecovery() else { return }
        do throws(LinuxFailure) { try work.withLock { () throws(LinuxFailure) in try startAgain() } } catch {}
    }

    private func startAgain() throws(LinuxFailure) {
        let image = try requestFirmware()
        do throws(LinuxFailure) { try startCore(image, isRecovery: true) } catch {
            tee.release()
            throw error
        }
    }
}
