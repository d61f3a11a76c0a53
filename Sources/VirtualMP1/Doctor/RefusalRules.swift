// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import SecureLoader

/// Why the image is not started, or its vdev not set up: what does not fit the device tree, with the numbers.
struct RefusalRules {
    let seen: Observations
    init(_ seen: Observations) { self.seen = seen }

    func judge(_ error: SystemError, _ report: inout DoctorReport) {
        switch error {
        case .refused(let failure):
            report.problem(
                .imageRefused, "OP-TEE refuses the image: \(failure)",
                "'m4run verify --explain' walks through the TA's checks; sign the image anew with the key that OP-TEE trusts.")
        case .linux(let doing, let errno):
            let said = seen.kernelErrors.prefix(3).map { "'\($0.message)'" }.joined(separator: ", ")
            guard !judgeRings(&report), !judgeMissingRegion(&report), !TableRules(seen).judgeRefusedTable(&report) else { return }
            report.problem(
                .linuxRefused, "Linux refuses the boot: \(doing): \(errno)" + (said.isEmpty ? "." : ", after \(said)."),
                "compare the image's segments and table with the device tree's memory regions.")
        case .stopped: break
        case .timeout(let what, _): report.problem(.timeout, "Linux waited for \(what) in vain.", "run with --log-level debug.")
        }
    }

    // MARK: Rings

    /// Whether Linux has refused a vring: too large for its region, or at an address outside of it, or no ring at all.
    func judgeRings(_ report: inout DoctorReport) -> Bool {
        guard let said = seen.said(.ring) else { return false }
        let linux = seen.system.configuration.linux
        for (name, vring) in vrings {
            if vring.count == 0 || vring.alignment == 0 {
                report.problem(
                    .ringSize, "Linux sets up no vdev: \(name) has \(vring.count) buffers at an alignment of \(vring.alignment) ('\(said)').",
                    "give both vrings of the resource table a num, 16 say, and an align of 16.")
                return true
            }
            let need = VringLayout.byteCount(count: vring.count, alignment: vring.alignment)
            guard let region = linux.deviceRegion(named: name) else { continue }
            // The kernel reckons in pages.
            let pages = (need + 4095) & ~4095
            if pages > UInt64(region.size) {
                report.problem(
                    .ringSize,
                    "Linux sets up no vdev: \(name) with \(vring.count) buffers at align \(vring.alignment) needs \(need) bytes (\(pages) in pages), and its region \(region) has \(region.size) ('\(said)').",
                    "give the ring fewer buffers (num), or the device tree a larger region \(name).")
                return true
            }
            if vring.deviceAddress != DeviceAddress.any.value, vring.deviceAddress < region.start.value || UInt64(vring.deviceAddress &- region.start.value) + pages > UInt64(region.size) {
                report.problem(
                    .ringAddress,
                    "Linux sets up no vdev: the table wants \(name) at da \(hex32(vring.deviceAddress)), with \(pages) bytes in pages, and its region is \(region) ('\(said)').",
                    "give the table's vring da 0xffffffff (any), or the region's beginning, as the M4 sees it: \(hex32(region.start.value)).")
                return true
            }
        }
        report.problem(
            .ringAddress, "Linux sets up no vdev: a vring or carveout of the table does not fit its region ('\(said)').",
            "compare the table with the device tree's regions; 'm4run inspect' and 'm4run dt' show them.")
        return true
    }

    /// The image's own vrings by the names of their regions.
    private var vrings: [(name: String, vring: VringResource)] {
        var found: [(String, VringResource)] = [], vdev = 0
        for section in seen.image.tables {
            guard let table = section.content else { continue }
            for entry in table.entries {
                guard case .vdev(let resource) = entry.content else { continue }
                for (index, vring) in resource.vrings.enumerated() { found.append(("vdev\(vdev)vring\(index)", vring)) }
                vdev += 1
            }
        }
        return found
    }

    // MARK: Segments

    /// Whether Linux has no memory region for a ring, or for a segment.
    private func judgeMissingRegion(_ report: inout DoctorReport) -> Bool {
        for record in seen.kernelErrors {
            guard case .missingMemory(let name) = record.cause else { continue }
            report.problem(
                .regionMissing,
                "Linux refuses the boot: '\(record.message)'. The device tree's memory-region names no \(ForeignText.ascii(name)); it has \(seen.system.configuration.linux.deviceRegions.map(\.description).joined(separator: ", ")).",
                "add a reserved-memory node \(ForeignText.ascii(name)) (no-map, shared-dma-pool) to the node's memory-region.")
            return true
        }
        guard let said = seen.said(.segment) else { return false }
        let misfit = SegmentMisfit(seen.image, seen.system.configuration.linux)
        report.problem(
            .segmentOutside, "Linux refuses the boot: '\(said)'. \(misfit?.description ?? "That segment lies in none of the device tree's regions.")",
            "make the linker script's memory map and the device tree's memory-region agree.")
        return true
    }
}
