import ELF32
import MachineBase
import RprocHost

/// What is wrong with the resource table itself, as the image has it.
extension Doctor {
    /// Whether Linux registers no vdev because of what the table says, wherever it is.
    mutating func judgeTableContents() -> Bool {
        judgeRefused(kernelErrors) || judgeEntries()
    }

    /// The same when Linux does not start the image because of it.
    mutating func judgeRefusedTable(_ kernelErrors: [String]) -> Bool {
        judgeRefused(kernelErrors) || kernelErrors.contains { $0.contains("Failed to process resources") } && judgeEntries()
    }

    private mutating func judgeRefused(_ kernelErrors: [String]) -> Bool {
        guard let said = kernelErrors.first(where: Self.isAboutTable) else { return false }
        if let empty = FirmwareImage.elfFiles(image).lazy.compactMap({ $0.section(named: ".resource_table") }).first, empty.size == 0 {
            report.problem(
                "no-table", rank: 10, "The image's .resource_table section is empty: Linux boots the firmware all the same, sets up no rpmsg, and no channel can appear.",
                "right for firmware that does not talk to Linux; else link a resource table with an rpmsg vdev into that section.")
            return true
        }
        report.problem(
            "table-refused", rank: 9, "Linux refuses the resource table: '\(said)'.",
            "a table has version 1, then its number of entries, two reserved words of 0, an offset for each entry, and lies in its section as a whole.")
        return true
    }

    private mutating func judgeEntries() -> Bool {
        for elf in FirmwareImage.elfFiles(image) {
            guard let section = elf.section(named: ".resource_table"), let bytes = elf.contents(of: section), let table = ResourceTable(Array(bytes)) else { continue }
            let kinds = table.entries.prefix(8).map { "type \($0.type)" }.joined(separator: ", ") + (table.entries.count > 8 ? ", ..." : "")
            let vdev = table.entries.lazy.compactMap { entry -> VdevResource? in if case .vdev(let vdev) = entry.content { vdev } else { nil } }.first
            guard let vdev else {
                report.problem(
                    "no-vdev", rank: 10,
                    "The resource table at \(hex32(section.address)) has \(table.entries.count) entr\(table.entries.count == 1 ? "y" : "ies") (\(kinds.isEmpty ? "none" : kinds)), and no complete vdev (type 3) is among them: Linux sets up no rpmsg.",
                    "add the vdev entry, and count it in the table's num (ST's rsc_table.c: VIRTIO_ROLE_REMOTE without LINUX_RPROC_MASTER leaves it out).")
                return true
            }
            guard vdev.vringCount <= 2 else {
                report.problem(
                    "no-vdev", rank: 10, "The vdev of the resource table at \(hex32(section.address)) has \(vdev.vringCount) vrings, and Linux takes 2 at most: it registers none.",
                    "give it two vrings: the first carries the firmware's messages, the second Linux's.")
                return true
            }
        }
        return false
    }

    private static func isAboutTable(_ message: String) -> Bool {
        ["unsupported fw ver", "non zero reserved bytes", "resource table incomplete", "resource table truncated", "header-less resource table", "rsc is truncated"].contains { message.contains($0) }
    }

    /// Why no rpmsg driver has bound the device.
    mutating func judgeDriverless(_ device: RemoteVirtioDevice) {
        let resource = device.resource
        let rings = resource?.vrings.map { "\($0.count) buffers" }.joined(separator: ", ") ?? "none"
        let (why, advice): (String, String) =
            if device.id != VdevResource.rpmsg {
                ("rpmsg's type is 7", "set the vdev's id to 7 (VIRTIO_ID_RPMSG).")
            } else if let resource, resource.vrings.count != 2 {
                ("rpmsg needs 2 vrings, and it has \(resource.vrings.count)", "give it two vrings: the first carries the firmware's messages, the second Linux's.")
            } else {
                ("the driver's probe failed: \(kernelErrors.first ?? "its rings, of \(rings), or its buffers do not fit")", "rings and buffers have to fit their regions.")
            }
        report.problem(
            "vdev-without-driver", rank: 15,
            "Linux has registered the vdev of type \(device.id), but no rpmsg driver is bound: \(why) (status 0x\(String(resource?.status ?? 0, radix: 16)), vrings: \(rings)).", advice)
    }
}
