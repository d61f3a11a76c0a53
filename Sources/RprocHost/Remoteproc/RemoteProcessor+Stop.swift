// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

extension RemoteProcessor {
    /// `echo stop > state`: gives up one user's claim; the last one stops the core.
    /// - Throws: `invalid` unless running or attached (nor crashed, with newer kernels), or what stopping returns.
    public func stop() throws(LinuxFailure) {
        try work.withLock { () throws(LinuxFailure) in
            guard state == .running || state == .attached || state == .crashed && configuration.kernel.stopsCrashed else { throw LinuxFailure(.invalid) }
            power -= 1
            guard power == 0 else { return }
            do throws(LinuxFailure) { try stopCore(crashed: false) } catch {
                power += 1
                guard configuration.kernel.stopReturnsStatus else { return }
                throw error
            }
            resources.release()
            tee.release()
            table.forget()
        }
    }

    /// `rproc_stop`. The virtio devices go first, so the firmware sees its status byte fall to 0 (and then 1) in its own
    /// memory before it is asked to shut down.
    func stopCore(crashed: Bool) throws(LinuxFailure) {
        virtio.stop()
        do throws(Errno) { try table.leaveFirmware() } catch {
            kernel.error("can't reset resource table: \(error.negative)")
            throw LinuxFailure(error)
        }
        do throws(LinuxFailure) { try stopOperation() } catch {
            kernel.error("can't stop rproc: \(error.errno.negative)")
            throw error
        }
        state = .offline
        kernel.info("stopped remote processor \(configuration.name)")
    }

    private func stopOperation() throws(LinuxFailure) { try operations.stop(asksFirst: state != .offline && state != .crashed) }

    func stopIgnoringErrors() { do throws(LinuxFailure) { try stopOperation() } catch {} }
}
