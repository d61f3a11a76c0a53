// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase

extension ImageReport {
    /// The report for people, one fact a line.
    public var lines: [ReportLine] {
        var lines = [ReportLine(title)]
        if let header {
            lines.append(
                ReportLine(
                    "  0x000000  header          20 bytes    version \(header.version), TLV area \(header.tlvLength), signature "
                        + "\(header.signatureLength), images \(header.imagesLength) bytes"))
        }
        for record in records {
            lines.append(ReportLine("  \(at(record.offset))  \(pad(record.name, 16))\(pad(bytes(record.length), 12))\(record.meaning)"))
        }
        if let signature {
            lines.append(
                ReportLine(
                    "  \(at(signature.offset))  \(pad("signature", 16))\(pad(bytes(signature.length), 12))\(describe(signature))",
                    signature.verification == .invalid ? .bad : .plain))
        }
        for (number, image) in images.enumerated() { lines += describe(image, number) }
        lines += warnings.map { ReportLine("warning: \($0.text)\($0.offset.map { " (offset 0x\(String($0, radix: 16)))" } ?? "")", .warning) }
        lines.append(ReportLine(verdict, tone))
        return lines
    }
    /// The same in one, ending in a newline.
    public var text: String { lines.text }

    /// A plain ELF is nothing that the TA could load, and not at fault.
    private var tone: ReportLine.Tone { loads ? (isSignatureChecked ? .good : .warning) : kind == .elf ? .plain : .bad }

    private var title: String {
        switch kind {
        case .signed: "signed image, \(size) bytes, \(images.count) ELF file\(images.count == 1 ? "" : "s")"
        case .elf: "ELF file, \(size) bytes, not signed"
        case .unknown: "\(size) bytes, neither a signed image nor an ELF file"
        }
    }

    private func describe(_ signature: Signature) -> String {
        let type = signature.type?.description ?? "unknown type"
        switch signature.verification {
        case .valid: return "\(type), by \(signature.key ?? "a trusted key")"
        case .invalid: return "\(type), NOT by a trusted key"
        case .notChecked: return "\(type), not checked: no key given"
        }
    }

    private func describe(_ image: Image, _ number: Int) -> [ReportLine] {
        let machine = image.machine == ELFHeader.machineARM ? "ARM" : "\(image.machine ?? 0)"
        let what = image.problem ?? "ELF32, machine \(machine), entry \(hex32(image.entry ?? 0))"
        var lines = [
            ReportLine(
                "  \(at(image.offset))  \(pad("image \(number)", 16))\(pad("\(image.size) bytes", 12))\(what)", image.problem == nil ? .plain : .bad)
        ]
        for (index, segment) in image.segments.enumerated() {
            let hash =
                switch segment.hash {
                case .matches: "hash ok"
                case .differs: "HASH DIFFERS"
                case .noRecord: "no hash record"
                case .outside: "outside the file"
                case .none: ""
                case .notHashed: "not hashed"
                }
            let sizes = "file 0x\(String(segment.fileSize, radix: 16)), memory 0x\(String(segment.memorySize, radix: 16))"
            let linked = segment.virtualAddress == segment.physicalAddress ? "" : "  linked at \(hex32(segment.virtualAddress))"
            let line =
                "    \(pad("\(index)", 4))\(pad(segment.name, 16))\(hex32(segment.physicalAddress))  "
                + "\(pad(sizes, 32))\(segment.flags)  \(hash)\(linked)"
            lines.append(ReportLine(line.trimmingTrailingSpaces, segment.hash == .differs ? .bad : .plain))
        }
        if let table = image.resourceTable {
            lines.append(
                ReportLine(
                    "    resource table at \(hex32(table.deviceAddress)), \(table.size) bytes, version \(table.content.version), "
                        + "\(table.content.count) entries"))
            lines += table.content.entries.map { ReportLine("      \($0.text)") }
        }
        return lines
    }

    private func at(_ offset: Int) -> String {
        let digits = String(offset, radix: 16)
        return "0x" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    private func bytes(_ count: UInt32) -> String { count == 1 ? "1 byte" : "\(count) bytes" }

    private func pad(_ text: String, _ width: Int) -> String {
        text.count < width ? text + String(repeating: " ", count: width - text.count) : text + " "
    }
}

extension ResourceTableSummary.Entry {
    /// One line.
    public var text: String {
        func place(_ address: UInt32) -> String { address == DeviceAddress.any.value ? "any address" : hex32(address) }
        func memory(_ kind: String, _ name: String, _ address: UInt32, _ size: UInt32) -> String {
            "\(kind) \"\(name)\" at \(place(address)), 0x\(String(size, radix: 16)) bytes"
        }
        switch self {
        case .carveout(let name, let address, let size): return memory("carveout", name, address, size)
        case .deviceMemory(let name, let address, let size): return memory("devmem", name, address, size)
        case .trace(let name, let address, let size): return memory("trace", name, address, size)
        case .virtioDevice(let identifier, let features, let vrings):
            let rings = vrings.map { "\($0.count) at \(place($0.deviceAddress)), align \($0.alignment)" }
            return "vdev \(identifier)\(identifier == 7 ? " (rpmsg)" : ""), features \(hex32(features)), vrings: "
                + "\(rings.joined(separator: "; "))"
        case .other(let type): return "unknown type \(type)"
        case .truncated(let offset): return "entry at 0x\(String(offset, radix: 16)) does not fit the table"
        }
    }
}

extension String {
    fileprivate var trimmingTrailingSpaces: String {
        var copy = self
        while copy.last == " " { copy.removeLast() }
        return copy
    }
}
