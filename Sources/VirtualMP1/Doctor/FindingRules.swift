// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost

/// What the sanitizer and the kernel's side have found.
struct FindingRules {
    let seen: Observations
    init(_ seen: Observations) { self.seen = seen }

    /// Findings that explain what else is seen: who writes where only the other may, or gives back what it does not have.
    private static let explaining = [
        "descriptor-rewritten", "available-ring-rewritten", "used-id-out-of-range", "buffer-returned-twice", "buffer-never-given",
        "used-index-went-back", "used-index-beyond-available",
    ]

    /// Breaches of rpmsg's rules that keep nobody from an answer: Linux's driver reads neither field of the header.
    private static let harmless = ["header-flags", "header-reserved"]

    func judgeFindings(_ report: inout DoctorReport) {
        judgeTableRewriting(&report)
        var told: [String] = ["table-rewritten"]
        for (time, finding) in seen.system.linux.findings.kept where isWorthSaying(finding) && !told.contains(finding.name) {
            told.append(finding.name)
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
        return "'m4run help \(finding.name)' says what the rule is."
    }

    private func judgeTableRewriting(_ report: inout DoctorReport) {
        let rewrites = seen.tableRewrites
        guard let first = rewrites.first else { return }
        func number(_ bytes: [UInt8]) -> String { "0x" + String(bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }, radix: 16) }
        let fields = rewrites.prefix(4).map { "\($0.field) from \(number($0.was)) to \(number($0.evidence.bytes))" }
        let writer = first.evidence.writer.map { " by \(seen.place($0.pc))" } ?? ""
        let status = seen.system.linux.virtioDevices.first?.resource?.status ?? 0
        let isReset = rewrites.contains { $0.field == "vdev.status" } && status & 4 == 0
        report.problem(
            .tableRewritten,
            "The firmware has written to the vdev entry of its own resource table\(writer), after Linux had set it up: \(seen.list(fields))\(rewrites.count > 4 ? ", and more" : ""), found at \(first.time) s."
                + (isReset ? " DRIVER_OK (4) is gone with that: firmware that waits for it waits for ever." : "")
                + " \(seen.corePlace)",
            "leave the table as it was loaded: no copy of it and no memset at start-up; status, features and vring addresses are Linux's to write.")
    }
}
