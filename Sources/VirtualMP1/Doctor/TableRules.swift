// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import M4Board
import MachineBase
import RprocHost

/// The resource table: whether Linux finds one, and what is wrong with it as the image has it.
struct TableRules {
    let seen: Observations
    init(_ seen: Observations) { self.seen = seen }

    /// What belongs to rpmsg in an image, by the beginnings of its functions' names.
    private static let rpmsgCode = ["MX_OPENAMP_", "OPENAMP_", "rpmsg_", "virtqueue_", "rproc_virtio_"]

    /// Whether the image asks Linux for no rpmsg: it has neither a vdev in its table nor the code for it.
    var isWithoutRpmsg: Bool {
        let vdevs = seen.image.tables.contains { section in
            guard !section.isEmpty else { return false }
            guard let table = section.content else { return true }
            return table.entries.contains { if case .vdev = $0.content { true } else { $0.type == 3 } }
        }
        return !vdevs && seen.system.linux.virtioDevices.isEmpty && !seen.symbols.hasFunction(beginning: Self.rpmsgCode)
    }

    /// The device that rpmsg runs on; nil when there is none, and why is said.
    func judgeTable(_ report: inout DoctorReport) -> RemoteVirtioDevice? {
        if let placement = seen.system.tablePlacement { report.note(.tablePlaced, "\(placement).") }
        if let device = seen.system.linux.virtioDevices.first {
            judgeFeatures(device, &report)
            return device
        }
        if RefusalRules(seen).judgeRings(&report) { return nil }
        let sections = seen.image.tables
        if report.isWithoutRpmsg, seen.said(.resourceTable) == nil || sections.allSatisfy(\.isEmpty) {
            let what = sections.contains { !$0.isEmpty } ? "The resource table has no vdev entry" : "The image has no resource table"
            report.note(
                .noRpmsg, "\(what), and \(seen.symbols.isEmpty ? "no symbols to tell by" : "no code for rpmsg"): it does not talk to Linux. Right for firmware that has nothing to say to it.")
            return nil
        }
        if judgeTableContents(&report) { return nil }
        guard let section = sections.first(where: { !$0.isEmpty })?.header else {
            report.problem(
                .noTable,
                "The image has code for rpmsg and \(sections.isEmpty ? "no .resource_table section" : "an empty .resource_table section"): Linux boots the firmware all the same, sets up no rpmsg, and no channel can appear.",
                "link a resource table with an rpmsg vdev into the section .resource_table, and keep its section header.")
            return nil
        }
        let why = TablePlacement(image: seen.image).map { ": the segment loads it at \($0.loaded), and OP-TEE does not move it" } ?? ""
        let entries = seen.system.linux.resourceTable?.entries.count ?? 0
        report.problem(
            .tableNotFound,
            "The image has a resource table of \(section.size) bytes for \(hex32(section.address)), but Linux finds no vdev there (\(entries) entries)\(why)."
                + (statusReader.map { " The firmware reads its status byte there, at \(seen.place($0)), and waits for ever." } ?? ""),
            "give .resource_table a segment of its own in the linker script, loaded where it is used (p_paddr = p_vaddr).")
        return nil
    }

    private func judgeFeatures(_ device: RemoteVirtioDevice, _ report: inout DoctorReport) {
        if device.rpmsg == nil {
            judgeDriverless(device, &report)
        } else if let features = device.resource?.deviceFeatures, features & 1 == 0 {
            report.problem(
                .noNameService,
                "The vdev's dfeatures are 0x\(String(features, radix: 16)), without VIRTIO_RPMSG_F_NS (bit 0): Linux listens to no announcement, so no channel appears.",
                "set dfeatures to 1 (RPMSG_IPU_C0_FEATURES) in the resource table.")
        }
    }

    /// The instruction that read the status byte of the first vdev in the section, as the image has the table.
    private var statusReader: UInt32? {
        for section in seen.image.tables {
            guard let start = section.range(seen.chip)?.start, let table = section.content else { continue }
            for entry in table.entries {
                guard case .vdev = entry.content else { continue }
                return seen.system.board.accesses(of: PhysicalAddress(start.value &+ UInt32(truncatingIfNeeded: entry.payloadOffset) &+ 20)).anyReader
            }
        }
        return nil
    }

    /// Whether Linux registers no vdev because of what the table says, wherever it is.
    func judgeTableContents(_ report: inout DoctorReport) -> Bool {
        judgeRefused(&report) || judgeEntries(&report)
    }

    /// The same when Linux does not start the image because of it.
    func judgeRefusedTable(_ report: inout DoctorReport) -> Bool {
        judgeRefused(&report) || seen.said(.resources) != nil && judgeEntries(&report)
    }

    private func judgeRefused(_ report: inout DoctorReport) -> Bool {
        guard let said = seen.said(.resourceTable) else { return false }
        guard !seen.image.tables.allSatisfy(\.isEmpty) else { return false }
        report.problem(
            .tableRefused, "Linux refuses the resource table: '\(said)'.",
            "a table has version 1, then its number of entries, two reserved words of 0, an offset for each entry, and lies in its section as a whole.")
        return true
    }

    private func judgeEntries(_ report: inout DoctorReport) -> Bool {
        for section in seen.image.tables {
            guard let table = section.content else { continue }
            let address = hex32(section.header.address)
            let kinds = table.entries.prefix(8).map { "type \($0.type)" }.joined(separator: ", ") + (table.entries.count > 8 ? ", ..." : "")
            let vdev = table.entries.lazy.compactMap { entry -> VdevResource? in if case .vdev(let vdev) = entry.content { vdev } else { nil } }.first
            guard let vdev else {
                report.problem(
                    .noVdev,
                    "The resource table at \(address) has \(table.entries.count) entr\(table.entries.count == 1 ? "y" : "ies") (\(kinds.isEmpty ? "none" : kinds)), and no complete vdev (type 3) is among them: Linux sets up no rpmsg.",
                    "add the vdev entry, and count it in the table's num (ST's rsc_table.c: VIRTIO_ROLE_REMOTE without LINUX_RPROC_MASTER leaves it out).")
                return true
            }
            guard vdev.vringCount <= 2 else {
                report.problem(
                    .noVdev, "The vdev of the resource table at \(address) has \(vdev.vringCount) vrings, and Linux takes 2 at most: it registers none.",
                    "give it two vrings: the first carries the firmware's messages, the second Linux's.")
                return true
            }
        }
        return false
    }

    /// Why no rpmsg driver has bound the device.
    func judgeDriverless(_ device: RemoteVirtioDevice, _ report: inout DoctorReport) {
        let resource = device.resource
        let rings = resource?.vrings.map { "\($0.count) buffers" }.joined(separator: ", ") ?? "none"
        let status = "0x\(String(resource?.status ?? 0, radix: 16))"
        if device.id == VdevResource.rpmsg, let resource, resource.vrings.count == 2, judgeBuffers(resource, device.index, status, &report) { return }
        let (why, advice): (String, String) =
            if device.id != VdevResource.rpmsg {
                ("rpmsg's type is 7", "set the vdev's id to 7 (VIRTIO_ID_RPMSG).")
            } else if let resource, resource.vrings.count != 2 {
                ("rpmsg needs 2 vrings, and it has \(resource.vrings.count)", "give it two vrings: the first carries the firmware's messages, the second Linux's.")
            } else {
                ("the driver's probe failed: \(seen.kernelErrors.first?.message ?? "its rings, of \(rings), or its buffers do not fit")", "rings and buffers have to fit their regions.")
            }
        report.problem(
            .vdevWithoutDriver,
            "Linux has registered the vdev of type \(device.id), but no rpmsg driver is bound: \(why) (status \(status), vrings: \(rings)).", advice)
    }

    /// The message buffers: twice the first ring's number, 512 at most, of 512 bytes each (`rpmsg_probe`).
    private func judgeBuffers(_ resource: VdevResource, _ index: Int, _ status: String, _ report: inout DoctorReport) -> Bool {
        let name = "vdev\(index)buffer"
        let half = min(resource.vrings[0].count, 256), bytes = UInt64(half) * 2 * UInt64(Rpmsg.bufferSize)
        let region = seen.system.configuration.linux.memoryRegions.first { $0.name == name }
        if let region, bytes <= UInt64(region.range.size) { return false }
        let said = seen.kernelErrors.last.map { ", '\($0.message)'" } ?? ""
        report.problem(
            .bufferSize,
            "The rpmsg driver has no room for its message buffers: 2 x \(half) buffers of \(Rpmsg.bufferSize) bytes are \(bytes) bytes, "
                + (region.map { "and the region \(name) has \($0.range.size)" } ?? "and the device tree has no region \(name) to take them from")
                + ". Its probe fails (-12\(said)), so DRIVER_OK is not set: the status is \(status).",
            "give the vrings fewer buffers (num of the resource table: \(region.map { String($0.range.size / 1024) } ?? "16") at most), or the device tree a larger \(name).")
        return true
    }
}

extension TableSection {
    /// As Linux reads it; nil when it is none, or not all in the file.
    var content: ResourceTable? { bytes.flatMap { ResourceTable(Array($0)) } }
}
