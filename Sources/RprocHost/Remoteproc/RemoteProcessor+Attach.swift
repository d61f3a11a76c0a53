import MachineBase

/// Attaching to firmware that a boot stage has started, and letting go of it.
extension RemoteProcessor {
    /// What the driver maps where the table is (RSC_TBL_SIZE): firmware reserves as much.
    static let attachedTableSize = 1024

    /// `rproc_attach`: no file, no ELF; the live table is worked on in place.
    func attachFirmware() throws(Errno) {
        progress = .preparing
        do throws(Errno) {
            try prepareDevice()
            progress = .parsing
            try takeLiveTable()
            progress = .loaded
            vdevCount = 0
            try handleResources()
            try allocateCarveouts()
            try attachCore()
        } catch {
            // The kernel cleans up only what fails after the table was found.
            switch progress {
            case .preparing: noteLeaks()
            case .parsing: findings.report(.kernelLeaves("the carveouts of the memory regions: an attach without a table is not followed by a clean-up"))
            case .loaded: break
            }
            cleanUpResources()
            forgetTable()
            throw error
        }
    }

    /// `rproc_set_rsc_table`
    private func takeLiveTable() throws(Errno) {
        do throws(Errno) {
            let address = try liveTable()
            let bytes = try onBus("reading the resource table") { () throws(BusError) in
                try bus.readBytes(address, count: Self.attachedTableSize)
            }
            // Only who can detach needs an untouched copy.
            cleanTable = configuration.bootSequence == .elf ? bytes : nil
            cachedTable = nil
            builtTable = bytes
            table = .memory(address)
            tableSize = Self.attachedTableSize
        } catch {
            // Once in `rproc_set_rsc_table`, once in `rproc_attach`.
            for _ in 0..<2 { self.error("can't load resource table: \(error.negative)") }
            throw error
        }
    }

    /// `stm32_rproc_get_loaded_rsc_table`: where the boot stage says that the table is. Asked once: the mapping stays.
    private func liveTable() throws(Errno) -> PhysicalAddress {
        if let attachedTable { return attachedTable }
        let device: UInt32
        do throws(BusError) { device = try bus.read32((configuration.registers.resourceTable ?? SystemRegister(0, mask: 0)).address) } catch {
            findings.report(.busError(error, during: "reading the resource table's address"))
            log.emit(.error, driverDevice, "failed to read rsc tbl addr")
            throw .invalid
        }
        guard device != 0 else { throw .noEntry }
        for entry in configuration.translations where device >= entry.device.value && device - entry.device.value < entry.size {
            let address = entry.physical.advanced(device - entry.device.value)
            attachedTable = address
            return address
        }
        log.emit(.error, driverDevice, "can't translate da \(hex(device))")
        throw .invalid
    }

    /// `__rproc_attach`: as in a boot the rings are zeroed and the status starts from 0, although the firmware runs.
    private func attachCore() throws(Errno) {
        do throws(Errno) { try attachOperation() } catch {
            self.error("can't attach to rproc \(configuration.name): \(error.negative)")
            throw error
        }
        do throws(Errno) { try startVirtioDevices() } catch {
            self.error("failed to probe subdevices for \(configuration.name): \(error.negative)")
            // The firmware that was not started here is stopped all the same.
            stopOperationIgnoringErrors()
            throw error
        }
        letPass(configuration.timing.virtioToUp)
        state = .attached
        info("remote processor \(configuration.name) is now attached")
    }

    /// `echo detach > state`: gives up one claim; the last one lets the firmware run on without Linux.
    /// - Throws: `invalid` unless attached, or when the driver cannot (neither TEE client can), or what detaching returns.
    public func detach() throws(Errno) {
        try withLock { () throws(Errno) in
            guard state == .attached else { throw .invalid }
            power -= 1
            guard power == 0 else { return }
            do throws(Errno) { try detachCore() } catch {
                power += 1
                throw error
            }
            cleanUpResources()
            forgetTable()
        }
    }

    /// `__rproc_detach`
    private func detachCore() throws(Errno) {
        guard configuration.bootSequence == .elf else { throw .invalid }
        for device in virtioDevices.reversed() { device.stop() }
        do throws(Errno) { try restoreLiveTable() } catch {
            self.error("can't reset resource table: \(error.negative)")
            throw error
        }
        do throws(Errno) { try detachOperation() } catch {
            self.error("can't detach from rproc: \(error.negative)")
            throw error
        }
        state = .detached
        info("detached remote processor \(configuration.name)")
    }

    /// `rproc_reset_rsc_table_on_detach`: the host goes on with a copy; the firmware's table, and whatever lies in the KiB with it,
    /// becomes what it was at the attach.
    private func restoreLiveTable() throws(Errno) {
        guard case .memory(let address) = table, let cleanTable else { return }
        let live = try onBus("copying the resource table") { () throws(BusError) in
            try bus.readBytes(address, count: tableSize)
        }
        noteOverwrittenBytes(live: live, clean: cleanTable)
        try onBus("writing back the resource table") { () throws(BusError) in try bus.writeBytes(address, cleanTable) }
        cachedTable = live
        table = .cached
        self.cleanTable = nil
    }

    private func noteOverwrittenBytes(live: [UInt8], clean: [UInt8]) {
        guard let size = ResourceTable(live)?.extent, size < live.count else { return }
        if let first = (size..<live.count).first(where: { live[$0] != clean[$0] }) {
            findings.report(.detachOverwrites(firstOffset: first, tableSize: size))
        }
    }
}
