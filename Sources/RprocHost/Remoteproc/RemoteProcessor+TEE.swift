import MachineBase

/// The TEE client of remoteproc: each refusal is logged with its number and becomes EIO.
extension RemoteProcessor {
    private var teeDevice: String { "tee_remoteproc optee-ta-80a4c275-0a47-4905-8285-1486a9771a08" }

    private func tee<R>(_ command: String, _ body: (any TrustedFirmware) throws(TEEError) -> R) throws(Errno) -> R {
        guard let trustedFirmware else { throw .noDevice }
        do throws(TEEError) { return try body(trustedFirmware) } catch {
            lastTEEError = error
            switch configuration.bootSequence {
            case .teeOps:
                log.emit(.error, teeDevice, "TA_RPROC_CMD_\(command) invoke failed TEE err: 0x\(hex(error.code)), ret:0")
            case .teeV3, .elf:
                log.emit(.error, teeDevice, "TA_RPROC_FW_CMD_\(command) invoke failed TEE err: \(hex(error.code)), ret:0")
            }
            throw .io
        }
    }

    /// LOAD_FW, as the core's load step (which adds its own line) or inside the parse step.
    func teeLoad(_ image: [UInt8], isParse: Bool = false) throws(Errno) {
        if isParse { return try tee("LOAD_FW") { (firmware) throws(TEEError) in try firmware.load(image: image) } }
        try loadSegmentsLogged { () throws(Errno) in
            try tee("LOAD_FW") { (firmware) throws(TEEError) in try firmware.load(image: image) }
        }
    }

    func teeTable() throws(Errno) -> PhysicalRange? {
        do throws(Errno) {
            let range = try tee("GET_RSC_TABLE") { (firmware) throws(TEEError) in try firmware.resourceTable() }
            guard let range, range.size > 0 else { return nil }
            return range
        } catch {
            if configuration.bootSequence == .teeV3 { self.error("can't load resource table: \(error.negative)") }
            throw error
        }
    }

    func teeStart() throws(Errno) { try tee("START_FW") { (firmware) throws(TEEError) in try firmware.start() } }
    func teeStop() throws(Errno) { try tee("STOP_FW") { (firmware) throws(TEEError) in try firmware.stop() } }

    /// `release_fw`, which only the newer proposals have.
    func releaseFirmware() {
        guard configuration.bootSequence == .teeOps else { return }
        do throws(Errno) { try tee("RELEASE_FW") { (firmware) throws(TEEError) in try firmware.release() } } catch {}
    }
}
