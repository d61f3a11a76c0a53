// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Registration, and its end.
extension RemoteProcessor {
    /// The rest of `stm32_rproc_probe`: whether a boot stage has started the M4, then `rproc_add`.
    func probe() {
        do throws(Errno) {
            if try operations.isRunningAtProbe() {
                // The TEE client of the newer proposals has no attach.
                guard configuration.bootSequence != .teeOps else {
                    kernel.log.emit(.error, kernel.driverDevice, "TEE support not yet compatible with attached state")
                    throw .invalid
                }
                state = .detached
            }
            kernel.info("\(configuration.name) is available")
            if configuration.autoBoot { work.scheduleSoon(.autoBoot) }
        } catch { failProbe(error) }
    }

    /// The driver core's line; nothing of the device is left.
    private func failProbe(_ errno: Errno) {
        probeFailure = errno
        operations.closeMailboxes()
        state = .deleted
        if configuration.kernel.namesDriverInProbeFailure {
            kernel.log.emit(.warning, kernel.driverDevice, "probe with driver \(configuration.driver.rawValue) failed with error \(errno.negative)")
        } else {
            kernel.log.emit(.warning, configuration.driver.rawValue, "probe of \(configuration.platformDevice) failed with error \(errno.negative)")
        }
    }

    /// `rproc_trigger_auto_boot`: attaches at once, or boots once the file is there. Only an attach that fails ends the probe.
    func runAutoBoot() {
        guard state == .offline || state == .detached else { return }
        let attaches = state == .detached
        do throws(LinuxFailure) { try boot() } catch { if attaches { failProbe(error.errno) } }
    }

    /// `echo 10000000.m4 > /sys/bus/platform/drivers/stm32-rproc/unbind`: stops what runs; the device is gone.
    public func remove() {
        guard state != .deleted else { return }
        kernel.calls &+= 1
        defer { kernel.calls &-= 1 }
        // Both wait for the lock, which a recovery has that waits for its dump.
        runRestOfRecovery()
        // The driver gives up one claim, `rproc_del` one more.
        for _ in 0..<2 where power > 0 { do throws(LinuxFailure) { try stop() } catch {} }
        operations.closeMailboxes()
        state = .deleted
        kernel.info("releasing \(configuration.name)")
    }

    /// Brings back a host whose recovery failed half way: offline, but still counted as powered, so that `start` does
    /// nothing and `stop` is refused; or crashed, with a core that would not stop. What was held is given back, and the TA forgets
    /// its image. Linux has no such action; there one reloads the driver.
    /// - Throws: `busy` unless the state is offline or crashed.
    public func resetAfterFailedRecovery() throws(LinuxFailure) {
        try work.withLock { () throws(LinuxFailure) in
            guard state == .offline || state == .crashed else { throw LinuxFailure(.busy) }
            virtio.stop()
            if state == .crashed { stopIgnoringErrors() }
            tee.reset()
            power = 0
            resources.release()
            table.forget()
            state = .offline
        }
    }
}
