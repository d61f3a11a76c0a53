import ELF32
import MachineBase

extension RemoteProcessor {
    /// `echo start > state`.
    ///
    /// - Throws: what the write would return: `noEntry` (no file), `invalid` (bad ELF, segment or resource), `noMemory`
    ///   (carveout), `io` (the TA refused), `busy` (running, with old kernels), `noDevice` (deleted).
    public func start() throws(Errno) {
        if !configuration.kernel.startIsCounted && (state == .running || state == .attached) { throw .busy }
        do throws(Errno) { try boot() } catch {
            self.error("Boot failed: \(error.negative)")
            throw error
        }
    }

    /// Names the file, then starts.
    public func start(firmware name: String) throws(Errno) {
        try setFirmware(name)
        try start()
    }

    /// `echo NAME > firmware`: up to the first newline or NUL; a carriage return before it belongs to the name.
    /// - Throws: `busy` unless offline, `invalid` when empty, or when it would wait for the lock for ever.
    public func setFirmware(_ name: String) throws(Errno) {
        if isLocked {
            log.emit(.error, driverDevice, "can't lock rproc \(configuration.name): \(Errno.interrupted.negative)")
            throw .invalid
        }
        guard state == .offline else {
            log.emit(.error, driverDevice, "can't change firmware while running")
            throw .busy
        }
        // By scalars: a carriage return and a newline are one Character.
        let file = String(name.unicodeScalars.prefix { $0 != "\n" && $0 != "\0" })
        guard !file.isEmpty else {
            log.emit(.error, driverDevice, "can't provide empty string for firmware name")
            throw .invalid
        }
        firmware = file
    }

    /// `rproc_boot`
    func boot() throws(Errno) {
        try withLock { () throws(Errno) in
            if state == .deleted {
                error("can't boot deleted rproc \(configuration.name)")
                throw .noDevice
            }
            power += 1
            // Already powered: only the count changes, whatever the state has come to.
            if power > 1 { return }
            do throws(Errno) {
                if state == .detached {
                    info("attaching to \(configuration.name)")
                    try attachFirmware()
                } else {
                    info("powering up \(configuration.name)")
                    try bootFirmware(try requestFirmware())
                }
            } catch {
                power -= 1
                throw error
            }
        }
    }

    func requestFirmware() throws(Errno) -> [UInt8] {
        do throws(Errno) { return try firmwareSource(firmware) } catch {
            // The firmware loader's own word, `drivers/base/firmware_loader/main.c`.
            if firmware.split(separator: "/").contains("..") {
                warn("Firmware load for '\(printable(firmware))' refused, path contains '..' component")
            } else {
                warn("Direct firmware load for \(printable(firmware)) failed with error \(error.negative)")
            }
            self.error("request_firmware failed: \(error.negative)")
            throw error
        }
    }

    /// `rproc_fw_boot`, and version 3's `rproc_alt_fw_boot`.
    private func bootFirmware(_ image: [UInt8]) throws(Errno) {
        switch configuration.bootSequence {
        case .elf:
            try sanityCheck(image)
            info("Booting fw image \(firmware), size \(image.count)")
        case .teeOps: info("Booting fw image \(firmware), size \(image.count)")
        case .teeV3: info("Booting a private format image \(firmware), size \(image.count)")
        }
        noIOMMU()
        do throws(Errno) {
            progress = .preparing
            try prepareDevice()
            progress = .parsing
            try findTable(image)
            progress = .loaded
            vdevCount = 0
            builtTable = tableBytes()
            try handleResources()
            try allocateCarveouts()
            try startCore(image)
        } catch {
            noteLeaks()
            cleanUpResources()
            forgetTable()
            releaseFirmware()
            throw error
        }
    }

    /// What the kernel does not unwind after a boot that failed.
    func noteLeaks() {
        switch progress {
        case .preparing: findings.report(.kernelLeaves("the carveouts of the memory regions before the one that is not valid"))
        case .parsing where configuration.bootSequence == .teeV3:
            findings.report(.kernelLeaves("what the prepare step has registered: the series' version 3 returns from a failed load without unprepare"))
        case .parsing: findings.report(.kernelLeaves("the carveouts of the memory regions: a failed parse step is not followed by a clean-up"))
        case .loaded where configuration.bootSequence == .teeV3:
            if case .memory = table { findings.report(.kernelLeaves("table_ptr, which still points to the firmware's table")) }
            findings.report(.imageStaysLoaded)
        case .loaded: break
        }
    }

    /// `rproc_enable_iommu`
    func noIOMMU() { log.emit(.debug, driverDevice, "iommu not present") }

    /// `stm32_rproc_prepare`: the device tree's memory regions become carveouts.
    func prepareDevice() throws(Errno) {
        for region in configuration.memoryRegions {
            guard region.isReserved else {
                log.emit(.error, driverDevice, "unable to acquire memory-region")
                error("can't prepare rproc \(configuration.name): \(Errno.invalid.negative)")
                throw .invalid
            }
            guard let device = deviceAddress(of: region.range.start) else {
                log.emit(.error, driverDevice, "memory region not valid \(region.range.start)")
                error("can't prepare rproc \(configuration.name): \(Errno.invalid.negative)")
                throw .invalid
            }
            log.emit(.debug, driverDevice, "pa \(region.range.start) to da \(hex(device.value))")
            carveouts.append(
                Carveout(
                    name: region.name, length: region.range.size, deviceAddress: device,
                    origin: region.isBufferPool ? .bufferPool(region) : .region(region)))
        }
    }

    private func deviceAddress(of address: PhysicalAddress) -> DeviceAddress? {
        for entry in configuration.translations {
            let range = PhysicalRange(start: entry.physical, size: entry.size)
            if range.contains(address, count: 1) {
                return DeviceAddress(entry.device.value &+ (address.value &- entry.physical.value))
            }
        }
        return nil
    }

    /// Where each boot sequence gets its table: the ELF's section, or the TA.
    private func findTable(_ image: [UInt8]) throws(Errno) {
        switch configuration.bootSequence {
        case .elf:
            bootAddress = ELFHeader(image)?.entry ?? 0
            if let section = resourceTableSection(image) {
                cachedTable = Array(image[section.range])
                tableSize = section.range.count
                table = .cached
            } else {
                warn("no resource table found for this firmware")
            }
        case .teeV3:
            try teeLoad(image)
            progress = .loaded
            guard let range = try teeTable() else { return }
            table = .memory(range.start)
            tableSize = min(Int(range.size), Self.tableLimit)
        case .teeOps:
            try teeLoad(image, isParse: true)
            guard let range = try teeTable() else { return }
            tableSize = min(Int(range.size), Self.tableLimit)
            cachedTable = try onBus("reading the resource table") { () throws(BusError) in
                try bus.readBytes(range.start, count: tableSize)
            }
            table = .cached
        }
    }

    /// `rproc_start`: loads (except where the TA has done so), puts the table in place, releases the core, starts the vdevs.
    func startCore(_ image: [UInt8], isRecovery: Bool = false) throws(Errno) {
        switch configuration.bootSequence {
        case .elf: try loadSegmentsLogged { () throws(Errno) in try loadELF(image) }
        case .teeV3: if isRecovery { try teeLoad(image) }
        case .teeOps: try teeLoad(image)
        }
        if let loaded = try loadedTable(image) {
            if let cachedTable {
                try onBus("writing the resource table") { () throws(BusError) in try bus.writeBytes(loaded, cachedTable) }
            }
            table = .memory(loaded)
        }
        do throws(Errno) { try startOperation() } catch {
            self.error("can't start rproc \(configuration.name): \(error.negative)")
            table = .cached
            throw error
        }
        // The firmware runs for a while before its rings exist.
        letPass(configuration.timing.startToVirtio)
        do throws(Errno) { try startVirtioDevices() } catch {
            self.error("failed to probe subdevices for \(configuration.name): \(error.negative)")
            stopOperationIgnoringErrors()
            table = .cached
            throw error
        }
        letPass(configuration.timing.virtioToUp)
        state = .running
        info("remote processor \(configuration.name) is now up")
    }

    func letPass(_ span: VirtualTime) {
        if span > .zero { _ = platform.wait(until: platform.now + span, or: { false }) }
    }

    func loadSegmentsLogged(_ body: () throws(Errno) -> Void) throws(Errno) {
        do throws(Errno) { try body() } catch {
            self.error("Failed to load program segments: \(error.negative)")
            throw error
        }
    }

    /// `rproc_find_loaded_rsc_table`: where the table is in the M4's memory.
    private func loadedTable(_ image: [UInt8]) throws(Errno) -> PhysicalAddress? {
        switch configuration.bootSequence {
        case .elf:
            guard let section = resourceTableSection(image, isSecondLook: true) else { return nil }
            guard let address = physicalAddress(DeviceAddress(section.address), count: UInt64(section.range.count)) else {
                findings.report(.tableNotInMemory(address: section.address, size: section.range.count))
                return nil
            }
            compareWithBuiltTable(Array(image[section.range]))
            return address
        case .teeV3, .teeOps:
            guard let range = try teeTable() else { return nil }
            if configuration.bootSequence == .teeOps && !isInMappedCarveout(range) {
                findings.report(.tableNotInMemory(address: range.start.value, size: Int(range.size)))
                return nil
            }
            if cachedTable != nil {
                compareWithBuiltTable(
                    try onBus("reading the resource table") { () throws(BusError) in
                        try bus.readBytes(range.start, count: min(Int(range.size), Self.tableLimit))
                    })
            }
            return range.start
        }
    }

    /// `rproc_da_to_va`, with the physical address in place of the virtual: the first carveout that holds all of it.
    public func physicalAddress(_ address: DeviceAddress, count: UInt64) -> PhysicalAddress? {
        for carveout in carveouts {
            if let physical = carveout.physical(address, count: count) { return physical }
        }
        return nil
    }

    /// Recovery reads the file again, but not its table: the first boot's goes to the new one's place.
    private func compareWithBuiltTable(_ table: [UInt8]) {
        guard let builtTable, cachedTable != nil, table != builtTable else { return }
        findings.report(.staleCachedTable(cachedSize: builtTable.count, imageSize: table.count))
    }

    /// `rproc_pa_to_va` of the TEE series: a table in no mapped carveout cannot be written.
    private func isInMappedCarveout(_ range: PhysicalRange) -> Bool {
        carveouts.contains { carveout in
            guard carveout.isMapped, let start = carveout.physicalAddress else { return false }
            return PhysicalRange(start: start, size: carveout.length).contains(range.start, count: Int(range.size))
        }
    }

    /// Runs bus accesses; a refusal becomes a finding and EFAULT, where the real kernel would take an external abort.
    func onBus<R>(_ what: String, _ body: () throws(BusError) -> R) throws(Errno) -> R {
        do throws(BusError) { return try body() } catch {
            findings.report(.busError(error, during: what))
            throw .fault
        }
    }
}
