// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import RprocHost
import SecureLoader

/// The board as OP-TEE's driver has it: all of memory, the reset lines, and the firewall in front of Linux.
final class SecureWorld: SecurePlatform {
    private let board: M4Board
    private let normalWorld: NormalWorldBus

    init(board: M4Board, normalWorld: NormalWorldBus) {
        self.board = board
        self.normalWorld = normalWorld
    }

    func read(_ range: PhysicalRange) throws(BusError) -> [UInt8] {
        guard let bytes = board.withMemory(range.start, count: Int(range.size), { Array($0) }) else {
            throw BusError(address: range.start, count: Int(range.size), isWrite: false, cause: .unmapped)
        }
        return bytes
    }

    func write(_ bytes: [UInt8], at address: PhysicalAddress) throws(BusError) { try board.write(address, bytes) }
    func fill(_ range: PhysicalRange, with byte: UInt8) throws(BusError) {
        try board.fill(range.start, count: Int(range.size), with: byte)
    }

    func setHoldBoot(_ asserted: Bool) { board.setHoldBoot(released: !asserted) }
    func assertMCUReset() { board.resetMCU() }
    func protect(_ ranges: [PhysicalRange], owner: String) { normalWorld.protect(ranges, owner: owner) }
}

/// The TEE client that Linux's driver uses, on the TA's session.
final class TrustedFirmwareClient: TrustedFirmware {
    let session: RemoteprocSession
    /// Called when an image was loaded, before Linux asks for its resource table.
    var onLoaded: (() -> Void)?

    init(_ session: RemoteprocSession) { self.session = session }

    private func call<R>(_ body: () throws(TEEFailure) -> R) throws(TEEError) -> R {
        do throws(TEEFailure) {
            return try body()
        } catch {
            throw TEEError(code: error.result.rawValue, name: Self.shortName(error.result), detail: error.reason, refusal: error)
        }
    }

    private static func shortName(_ result: TEEResult) -> String {
        let prefix = "TEE_ERROR_"
        return result.name.hasPrefix(prefix) ? String(result.name.dropFirst(prefix.count)) : result.name
    }

    func load(image: [UInt8]) throws(TEEError) {
        try call { () throws(TEEFailure) in try session.loadFirmware(image) }
        onLoaded?()
    }
    func resourceTable() throws(TEEError) -> PhysicalRange? { try call { () throws(TEEFailure) in try session.resourceTable() } }
    func start() throws(TEEError) { try call { () throws(TEEFailure) in try session.start() } }
    func stop() throws(TEEError) { try call { () throws(TEEFailure) in try session.stop() } }
    func release() throws(TEEError) { try call { () throws(TEEFailure) in try session.release() } }
}
