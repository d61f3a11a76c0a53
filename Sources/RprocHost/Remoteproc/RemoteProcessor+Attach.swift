// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Attaching to firmware that a boot stage has started, and letting go of it.
extension RemoteProcessor {
    /// `rproc_attach`: no file, no ELF; the live table is worked on in place.
    func attachFirmware() throws(Errno) {
        progress = .preparing
        do throws(Errno) {
            try carveoutList.addRegions()
            progress = .parsing
            try takeLiveTable()
            progress = .loaded
            try resources.handle()
            try attachCore()
        } catch {
            // The kernel cleans up only what fails after the table was found.
            switch progress {
            case .preparing: noteLeaks()
            case .parsing: kernel.findings.report(.kernelLeaves("the carveouts of the memory regions: an attach without a table is not followed by a clean-up"))
            case .loaded: break
            }
            resources.release()
            table.forget()
            throw error
        }
    }

    /// `rproc_set_rsc_table`
    private func takeLiveTable() throws(Errno) {
        do throws(Errno) {
            try table.useLive(at: try operations.loadedTable(), keepsClean: configuration.bootSequence == .elf)
        } catch {
            // Once in `rproc_set_rsc_table`, once in `rproc_attach`.
            for _ in 0..<2 { kernel.error("can't load resource table: \(error.negative)") }
            throw error
        }
    }

    /// `__rproc_attach`: as in a boot the rings are zeroed and the status starts from 0, although the firmware runs.
    private func attachCore() throws(Errno) {
        do throws(Errno) { try operations.attach() } catch {
            kernel.error("can't attach to rproc \(configuration.name): \(error.negative)")
            throw error
        }
        do throws(Errno) { try virtio.start() } catch {
            kernel.error("failed to probe subdevices for \(configuration.name): \(error.negative)")
            // The firmware that was not started here is stopped all the same.
            stopIgnoringErrors()
            throw error
        }
        kernel.letPass(configuration.timing.virtioToUp)
        state = .attached
        kernel.info("remote processor \(configuration.name) is now attached")
    }

    /// `echo detach > state`: gives up one claim; the last one lets the firmware run on without Linux.
    /// - Throws: `invalid` unless attached, or when the driver cannot (neither TEE client can), or what detaching returns.
    public func detach() throws(LinuxFailure) {
        try work.withLock { () throws(LinuxFailure) in
            guard state == .attached else { throw LinuxFailure(.invalid) }
            power -= 1
            guard power == 0 else { return }
            do throws(Errno) { try detachCore() } catch {
                power += 1
                throw LinuxFailure(error)
            }
            resources.release()
            table.forget()
        }
    }

    /// `__rproc_detach`
    private func detachCore() throws(Errno) {
        guard configuration.bootSequence == .elf else { throw .invalid }
        virtio.stop()
        do throws(Errno) { try table.restoreLive() } catch {
            kernel.error("can't reset resource table: \(error.negative)")
            throw error
        }
        do throws(Errno) { try operations.detach() } catch {
            kernel.error("can't detach from rproc: \(error.negative)")
            throw error
        }
        state = .detached
        kernel.info("detached remote processor \(configuration.name)")
    }
}
