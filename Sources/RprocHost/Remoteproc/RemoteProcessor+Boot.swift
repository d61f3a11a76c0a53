// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase

extension RemoteProcessor {
    /// `echo start > state`.
    ///
    /// - Throws: what the write would return, and the TA's refusal if that is why: `noEntry` (no file), `invalid` (bad ELF, segment or resource), `noMemory`
    ///   (carveout), `io` (the TA refused), `busy` (running, with old kernels), `noDevice` (deleted).
    public func start() throws(LinuxFailure) {
        if !configuration.kernel.startIsCounted && (state == .running || state == .attached) { throw LinuxFailure(.busy) }
        do throws(LinuxFailure) { try boot() } catch {
            kernel.error("Boot failed: \(error.errno.negative)")
            throw error
        }
    }

    /// Names the file, then starts.
    public func start(firmware name: String) throws(LinuxFailure) {
        try LinuxFailure.from { () throws(Errno) in try setFirmware(name) }
        try start()
    }

    /// `echo NAME > firmware`: up to the first newline or NUL; a carriage return before it belongs to the name.
    /// - Throws: `busy` unless offline, `invalid` when empty, or when it would wait for the lock for ever.
    public func setFirmware(_ name: String) throws(Errno) {
        if work.isLocked {
            kernel.log.emit(.error, kernel.driverDevice, "can't lock rproc \(configuration.name): \(Errno.interrupted.negative)")
            throw .invalid
        }
        guard state == .offline else {
            kernel.log.emit(.error, kernel.driverDevice, "can't change firmware while running")
            throw .busy
        }
        // By scalars: a carriage return and a newline are one Character.
        let file = String(name.unicodeScalars.prefix { $0 != "\n" && $0 != "\0" })
        guard !file.isEmpty else {
            kernel.log.emit(.error, kernel.driverDevice, "can't provide empty string for firmware name")
            throw .invalid
        }
        firmware = file
    }

    /// `rproc_boot`
    func boot() throws(LinuxFailure) {
        try work.withLock { () throws(LinuxFailure) in
            if state == .deleted {
                kernel.error("can't boot deleted rproc \(configuration.name)")
                throw LinuxFailure(.noDevice)
            }
            power += 1
            // Already powered: only the count changes, whatever the state has come to.
            if power > 1 { return }
            do throws(LinuxFailure) {
                if state == .detached {
                    kernel.info("attaching to \(configuration.name)")
                    try LinuxFailure.from { () throws(Errno) in try attachFirmware() }
                } else {
                    kernel.info("powering up \(configuration.name)")
                    try bootFirmware(try requestFirmware())
                }
            } catch {
                power -= 1
                throw error
            }
        }
    }

    /// `rproc_fw_boot`, and version 3's `rproc_alt_fw_boot`.
    private func bootFirmware(_ image: [UInt8]) throws(LinuxFailure) {
        switch configuration.bootSequence {
        case .elf:
            try LinuxFailure.from { () throws(Errno) in try elfLoader.sanityCheck(image) }
            kernel.info("Booting fw image \(firmware), size \(image.count)")
        case .teeOps: kernel.info("Booting fw image \(firmware), size \(image.count)")
        case .teeV3: kernel.info("Booting a private format image \(firmware), size \(image.count)")
        }
        noIOMMU()
        do throws(LinuxFailure) {
            progress = .preparing
            try LinuxFailure.from { () throws(Errno) in try carveoutList.addRegions() }
            progress = .parsing
            try findTable(image)
            progress = .loaded
            table.keepAsBuilt()
            try LinuxFailure.from { () throws(Errno) in try resources.handle() }
            try startCore(image)
        } catch {
            noteLeaks()
            resources.release()
            table.forget()
            tee.release()
            throw error
        }
    }

    /// What the kernel does not unwind after a boot that failed.
    func noteLeaks() {
        switch progress {
        case .preparing: kernel.findings.report(.kernelLeaves("the carveouts of the memory regions before the one that is not valid"))
        case .parsing where configuration.bootSequence == .teeV3:
            kernel.findings.report(.kernelLeaves("what the prepare step has registered: the series' version 3 returns from a failed load without unprepare"))
        case .parsing: kernel.findings.report(.kernelLeaves("the carveouts of the memory regions: a failed parse step is not followed by a clean-up"))
        case .loaded where configuration.bootSequence == .teeV3:
            if case .memory = table.location { kernel.findings.report(.kernelLeaves("table_ptr, which still points to the firmware's table")) }
            kernel.findings.report(.imageStaysLoaded)
        case .loaded: break
        }
    }

    /// `rproc_enable_iommu`
    private func noIOMMU() { kernel.log.emit(.debug, kernel.driverDevice, "iommu not present") }

    /// Where each boot sequence gets its table: the ELF's section, or the TA.
    private func findTable(_ image: [UInt8]) throws(LinuxFailure) {
        switch configuration.bootSequence {
        case .elf:
            bootAddress = ELFHeader(image)?.entry ?? 0
            if let section = elfLoader.resourceTableSection(image) {
                table.useCopy(Array(image[section.range]))
            } else {
                kernel.warn("no resource table found for this firmware")
            }
        case .teeV3:
            try loadSegmentsLogged { () throws(LinuxFailure) in try tee.load(image) }
            progress = .loaded
            if let range = try tee.table() { table.useInPlace(range) }
        case .teeOps:
            try tee.load(image)
            if let range = try tee.table() { try LinuxFailure.from { () throws(Errno) in try table.useCopy(of: range) } }
        }
    }

    /// `rproc_start`: loads (except where the TA has done so), puts the table in place, releases the core, starts the vdevs.
    func startCore(_ image: [UInt8], isRecovery: Bool = false) throws(LinuxFailure) {
        switch configuration.bootSequence {
        case .elf: try loadSegmentsLogged { () throws(LinuxFailure) in try LinuxFailure.from { () throws(Errno) in try elfLoader.load(image) } }
        case .teeV3: if isRecovery { try loadSegmentsLogged { () throws(LinuxFailure) in try tee.load(image) } }
        case .teeOps: try loadSegmentsLogged { () throws(LinuxFailure) in try tee.load(image) }
        }
        if let loaded = try loadedTable(image) { try LinuxFailure.from { () throws(Errno) in try table.place(at: loaded) } }
        do throws(LinuxFailure) { try operations.start() } catch {
            kernel.error("can't start rproc \(configuration.name): \(error.errno.negative)")
            table.returnToCopy()
            throw error
        }
        // The firmware runs for a while before its rings exist.
        kernel.letPass(configuration.timing.startToVirtio)
        do throws(Errno) { try virtio.start() } catch {
            kernel.error("failed to probe subdevices for \(configuration.name): \(error.negative)")
            stopIgnoringErrors()
            table.returnToCopy()
            throw LinuxFailure(error)
        }
        kernel.letPass(configuration.timing.virtioToUp)
        state = .running
        kernel.info("remote processor \(configuration.name) is now up")
    }

    private func loadSegmentsLogged(_ body: () throws(LinuxFailure) -> Void) throws(LinuxFailure) {
        do throws(LinuxFailure) { try body() } catch {
            kernel.error("Failed to load program segments: \(error.errno.negative)")
            throw error
        }
    }

    /// `rproc_find_loaded_rsc_table`: where the table is in the M4's memory.
    private func loadedTable(_ image: [UInt8]) throws(LinuxFailure) -> PhysicalAddress? {
        switch configuration.bootSequence {
        case .elf:
            guard let section = elfLoader.resourceTableSection(image, isSecondLook: true) else { return nil }
            guard let address = physicalAddress(DeviceAddress(section.address), count: UInt64(section.range.count)) else {
                kernel.findings.report(.tableNotInMemory(address: section.address, size: section.range.count))
                return nil
            }
            table.compareWithBuilt(Array(image[section.range]))
            return address
        case .teeV3, .teeOps:
            guard let range = try tee.table() else { return nil }
            if configuration.bootSequence == .teeOps && !carveoutList.maps(range) {
                kernel.findings.report(.tableNotInMemory(address: range.start.value, size: Int(range.size)))
                return nil
            }
            try LinuxFailure.from { () throws(Errno) in try table.compareWithBuilt(range) }
            return range.start
        }
    }

    /// Where memory of the M4's lies, as the first carveout that holds all of it has it (`rproc_da_to_va`); nil when none does.
    public func physicalAddress(_ address: DeviceAddress, count: UInt64) -> PhysicalAddress? {
        carveoutList.physicalAddress(address, count: count)
    }
}
