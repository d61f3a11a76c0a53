// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The TEE client of remoteproc: each refusal is logged with its number and becomes EIO.
final class TEEClient {
    private static let device = "tee_remoteproc optee-ta-80a4c275-0a47-4905-8285-1486a9771a08"
    private let kernel: KernelContext
    private let firmware: (any TrustedFirmware)?

    init(_ kernel: KernelContext, _ firmware: (any TrustedFirmware)?) { self.kernel = kernel; self.firmware = firmware }

    private func call<R>(_ command: String, _ body: (any TrustedFirmware) throws(TEEError) -> R) throws(LinuxFailure) -> R {
        guard let firmware else { throw LinuxFailure(.noDevice) }
        do throws(TEEError) { return try body(firmware) } catch {
            switch kernel.configuration.bootSequence {
            case .teeOps:
                kernel.log.emit(.error, Self.device, "TA_RPROC_CMD_\(command) invoke failed TEE err: 0x\(hex(error.code)), ret:0")
            case .teeV3, .elf:
                kernel.log.emit(.error, Self.device, "TA_RPROC_FW_CMD_\(command) invoke failed TEE err: \(hex(error.code)), ret:0")
            }
            throw LinuxFailure(.io, cause: error)
        }
    }

    func load(_ image: [UInt8]) throws(LinuxFailure) { try call("LOAD_FW") { (firmware) throws(TEEError) in try firmware.load(image: image) } }

    func table() throws(LinuxFailure) -> PhysicalRange? {
        do throws(LinuxFailure) {
            let range = try call("GET_RSC_TABLE") { (firmware) throws(TEEError) in try firmware.resourceTable() }
            guard let range, range.size > 0 else { return nil }
            return range
        } catch {
            if kernel.configuration.bootSequence == .teeV3 { kernel.error("can't load resource table: \(error.errno.negative)") }
            throw error
        }
    }

    func start() throws(LinuxFailure) { try call("START_FW") { (firmware) throws(TEEError) in try firmware.start() } }
    func stop() throws(LinuxFailure) { try call("STOP_FW") { (firmware) throws(TEEError) in try firmware.stop() } }

    /// `release_fw`, which only the newer proposals have.
    func release() {
        guard kernel.configuration.bootSequence == .teeOps else { return }
        do throws(LinuxFailure) { try call("RELEASE_FW") { (firmware) throws(TEEError) in try firmware.release() } } catch {}
    }

    /// Makes the TA forget its image, without a word in the log.
    func reset() {
        guard let firmware, kernel.configuration.bootSequence.usesTEE else { return }
        do throws(TEEError) { try firmware.stop() } catch {}
        do throws(TEEError) { try firmware.release() } catch {}
    }
}
