// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase

/// A LOAD_FW told check by check, in the TA's own order, with what the TA let through.
public struct LoadExplanation: Equatable, Sendable, Codable {
    public struct Table: Equatable, Sendable, Codable {
        public var physicalAddress: UInt32
        /// In bytes.
        public var size: UInt32
    }

    /// In bytes.
    public var size: Int
    /// The checks that were passed.
    public var passed: [LoadCheck] = []
    /// The check that refused; nil when the image loads.
    public var refusal: TEEFailure?
    /// Checks of which not one was made, because of the refusal.
    public var notReached: [TEEFailure.Check] = []
    public var warnings: [ImageReport.Warning] = []
    /// What GET_RSC_TABLE answers.
    public var resourceTable: Table?
    public var result: TEEResult { refusal?.result ?? .success }

    /// Lets the TA load `image` on memory of its own, and looks at it.
    public init(
        of image: [UInt8], signatures: SignaturePolicy, support: SignatureSupport = .rsaOnly, heapSize: Int = 4096
    ) {
        size = image.count
        var passed: [LoadCheck] = []
        let verdict = ImageJudge(signatures: signatures, support: support, heapSize: heapSize)
            .verdict(on: image) { passed.append($0) }
        self.passed = passed
        refusal = verdict.failure
        resourceTable = verdict.resourceTable.map { Table(physicalAddress: $0.start.value, size: $0.size) }
        if let refusal {
            // What stands before the refusing check and was not made had nothing to look at.
            let order = TEEFailure.Check.loadOrder, made = Set(passed.map(\.check))
            let place = order.firstIndex(of: refusal.check).map { $0 + 1 } ?? 0
            notReached = order[place...].filter { !made.contains($0) && $0 != .heap }
        }
        let report = ImageReport(image, signatures: signatures, support: support, heapSize: heapSize)
        warnings = report.warnings + Unauthenticated(image: image, report: report).warnings
    }
}

/// What of an image is under neither signature nor hash.
private struct Unauthenticated {
    let image: [UInt8]
    let report: ImageReport

    var warnings: [ImageReport.Warning] {
        guard report.kind == .signed else { return [] }
        return report.images.enumerated().flatMap { number, image in
            [headers(number, image), stripped(number, image)].compactMap { $0 }
        }
    }

    private func headers(_ number: Int, _ image: ImageReport.Image) -> ImageReport.Warning? {
        guard image.problem == nil else { return nil }
        let hashed = image.segments.filter { $0.isLoad && $0.fileSize > 0 }
            .map { PhysicalRange(start: PhysicalAddress($0.offset), size: $0.fileSize) }
        let covered = hashed.merged.reduce(0) { $0 + Int($1.size) }
        return ImageReport.Warning(
            .unauthenticated, at: image.offset,
            "image \(number): \(max(0, image.size - covered)) of \(image.size) bytes are under neither signature nor hash, among them the "
                + "ELF, program and section headers; of these the TA uses the segments' number, order and file offsets, which segments "
                + "are PT_LOAD, and the resource table's address and size")
    }

    private func stripped(_ number: Int, _ image: ImageReport.Image) -> ImageReport.Warning? {
        guard let header = ELFHeader(self.image, at: image.offset), header.hasMagic, header.sectionHeaderCount == 0 else { return nil }
        return ImageReport.Warning(
            .noSections, at: image.offset + 48,
            "image \(number): no section headers (e_shnum is 0: stripped?); the TA refuses it with TEE_ERROR_BAD_FORMAT, after it has "
                + "loaded the segments")
    }
}

extension LoadExplanation {
    /// For people: a line a check, what was not reached, the warnings; without the verdict.
    public var lines: [ReportLine] {
        var lines = passed.map { ReportLine(Self.line("ok", $0.offset, $0.check.title, "\($0.seen)", "allowed: \($0.allowed)"), .good) }
        if let refusal {
            lines.append(ReportLine(Self.line("NO", refusal.offset, refusal.check.title, refusal.reason, refusal.result.name), .bad))
            if !notReached.isEmpty { lines.append(ReportLine("not reached: " + notReached.map(\.title).joined(separator: ", "))) }
        }
        lines += warnings.map { ReportLine("warning: \($0.text)\($0.offset.map { " (offset 0x\(String($0, radix: 16)))" } ?? "")", .warning) }
        return lines
    }
    /// The same in one, ending in a newline.
    public var text: String { lines.text }

    private static func line(_ mark: String, _ offset: Int?, _ title: String, _ seen: String, _ allowed: String) -> String {
        let place = offset.map { offset in
            let digits = String(offset, radix: 16)
            return "0x" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
        }
        let padded = title + String(repeating: " ", count: max(0, 22 - title.count))
        return "  \(mark)  \(place ?? "        ")  \(padded)  \(seen); \(allowed)"
    }
}
