import MachineBase
import RprocHost

/// What the sanitizer and the kernel's side have found.
extension Doctor {
    /// Findings that explain what else is seen: who writes where only the other may, or gives back what it does not have.
    private static let explaining = [
        "descriptor-rewritten", "available-ring-rewritten", "used-id-out-of-range", "buffer-returned-twice", "buffer-never-given",
        "used-index-went-back", "used-index-beyond-available",
    ]

    /// Breaches of rpmsg's rules that keep nobody from an answer: Linux's driver reads neither field of the header.
    private static let harmless = ["header-flags", "header-reserved"]

    mutating func judgeFindings() {
        judgeTableRewriting()
        var seen: [String] = ["table-rewritten"]
        for (time, finding) in system.linux.findings.kept where isWorthSaying(finding) && !seen.contains(finding.name) {
            seen.append(finding.name)
            if Self.harmless.contains(finding.name) {
                report.note(finding.name, "At \(time) s, \(finding). Linux's driver does not read it.")
                continue
            }
            let cause = Self.explaining.contains(finding.name) ? DoctorCause.explainingFinding : .finding
            report.problem(finding.name, rank: cause.rank, "At \(time) s, \(finding).", advice(finding))
        }
    }

    private func isWorthSaying(_ finding: Finding) -> Bool {
        if case .traceOutOfReach = finding { return true }
        return finding.evidence != nil
    }

    private func advice(_ finding: Finding) -> String {
        if case .traceOutOfReach = finding { return "put the trace buffer into one of these regions in the linker script; nothing else needs it." }
        return "see the sanitizer's rules in the README."
    }

    /// Whether the firmware has written to its vdev entry after Linux had: most often a copy of the whole table, or a memset.
    var hasRewrittenTable: Bool { rewrites.contains { $0.field == "vdev.status" || $0.field == "vdev.gfeatures" || $0.field.hasPrefix("vring") } }

    private var rewrites: [(time: VirtualTime, field: String, was: [UInt8], evidence: Evidence)] {
        system.linux.findings.kept.compactMap { time, finding in
            if case .tableRewritten(let evidence, let was) = finding { (time, evidence.field, was, evidence) } else { nil }
        }
    }

    private mutating func judgeTableRewriting() {
        let rewrites = rewrites
        guard let first = rewrites.first else { return }
        func number(_ bytes: [UInt8]) -> String { "0x" + String(bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }, radix: 16) }
        let fields = rewrites.prefix(4).map { "\($0.field) from \(number($0.was)) to \(number($0.evidence.bytes))" }
        let writer = first.evidence.writer.map { " by \(place($0.pc))" } ?? ""
        let status = system.linux.virtioDevices.first?.resource?.status ?? 0
        let isReset = rewrites.contains { $0.field == "vdev.status" } && status & 4 == 0
        report.problem(
            .tableRewritten,
            "The firmware has written to the vdev entry of its own resource table\(writer), after Linux had set it up: \(list(fields))\(rewrites.count > 4 ? ", and more" : ""), found at \(first.time) s."
                + (isReset ? " DRIVER_OK (4) is gone with that: firmware that waits for it waits for ever." : "")
                + " \(corePlace)",
            "leave the table as it was loaded: no copy of it and no memset at start-up; status, features and vring addresses are Linux's to write.")
    }
}
