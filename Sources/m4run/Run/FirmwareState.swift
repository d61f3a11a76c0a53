// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import M4Board
import MachineBase
import RprocHost
import SecureLoader
import VirtualMP1

/// Where the firmware stands when nothing more happens: who waits for whom.
struct FirmwareState {
    private let system: MP1System
    private let symbols: FirmwareSymbols
    init(_ system: MP1System, _ symbols: FirmwareSymbols) { (self.system, self.symbols) = (system, symbols) }

    /// A sentence or two for a run of `image` that came to its limit.
    func hint(_ image: FirmwareImage) -> String {
        let linux = system.linux
        guard let core = CorePlace(system.board, symbols)?.sentence else { return "The M4 is held in reset." }
        guard linux.state == .running || linux.state == .attached else { return "\(core); to Linux it is \(linux.state.rawValue)." }
        guard let device = linux.virtioDevices.first else {
            let report = ImageReport(image, signatures: .unverified, support: .rsaAndECDSA)
            let why = report.warnings.first { $0.subject == .resourceTableAddress }.map { " (\($0.text))" } ?? ""
            return "\(core); Linux found no vdev in a resource table\(why), so it set up no rpmsg."
        }
        return "\(core); \(rpmsg(device))."
    }

    /// How far rpmsg has come.
    private func rpmsg(_ device: RemoteVirtioDevice) -> String {
        let linux = system.linux
        let status = device.resource.map { UInt32($0.status) }, shown = status.map { "0x" + String($0, radix: 16) } ?? "unknown"
        guard device.rpmsg != nil else {
            return device.id == VdevResource.rpmsg
                ? "Linux's rpmsg driver did not take the vdev: its probe failed (status \(shown))"
                : "Linux has no driver for the vdev: its type is \(device.id), and rpmsg's is \(VdevResource.rpmsg)"
        }
        if !linux.channels.isEmpty {
            let names = linux.channels.map { "\($0.name) at 0x\(String($0.destination, radix: 16))" + ($0.driver == nil ? " (no driver)" : "") }
            return "channels: \(names.joined(separator: ", "))"
        }
        if let last = linux.withdrawnChannel {
            return "no channel is left: the firmware has destroyed its last one, \(last.name) at 0x\(String(last.address, radix: 16))"
        }
        if let status, status & Self.driverOK == 0 {
            return "Linux had set DRIVER_OK in the table's status byte, and the firmware reads \(shown) there now; it has announced no channel"
        }
        if let broken = device.rings.first(where: \.isBroken) { return "Linux has given up on the ring '\(broken.name)', and no channel is there" }
        if let features = device.resource?.deviceFeatures, features & Self.nameService == 0 {
            return "the vdev's dfeatures (0x\(String(features, radix: 16))) lack name service, so Linux listens to no announcement"
        }
        guard let posted = device.rings.first?.availableIndex, posted != 0 else { return "Linux has set DRIVER_OK and posted no buffer; no channel is announced" }
        return linux.messageCounts.received == 0
            ? "Linux has set DRIVER_OK and posted \(posted) buffers, and waits for the firmware to announce a channel"
            : "Linux has taken \(linux.messageCounts.received) messages from the firmware, none of which announced a channel"
    }

    /// VIRTIO_CONFIG_S_DRIVER_OK and VIRTIO_RPMSG_F_NS.
    private static let driverOK: UInt32 = 4, nameService: UInt32 = 1
}
