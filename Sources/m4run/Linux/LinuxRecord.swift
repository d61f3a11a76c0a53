// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import LinuxGuest
import M4Board
import MP1Peripherals
import MachineBase
import RprocHost
import VirtualMP1

/// What is kept of one `m4run linux` for its verdict and its report, over all boots of the guest.
final class LinuxRecord {
    private(set) var boots = 0
    /// The firmware that Linux started last; nil for one that is not known.
    private(set) var firmware: KnownFirmware?
    private(set) var hasStarted = false
    /// Findings, the first thousand, with their names; and how many there were.
    private(set) var findings: [(time: VirtualTime, name: String, text: String)] = []
    private(set) var findingCount = 0
    /// Faults and lockups, watchdog resets.
    private(set) var faults: UInt32 = 0, watchdogs: UInt32 = 0
    /// The first fault or lockup.
    var fault: (report: FaultReport, place: CorePlace?)?
    /// The register that ended a strict run.
    private(set) var unmodelledStop: UnmodelledAccess?
    var output = OutputLines()
    private static let mostFindings = 1000

    var crashes: UInt32 { faults &+ watchdogs }

    func begins(_ first: KnownFirmware?) {
        boots += 1
        (firmware, hasStarted) = (first, false)
    }

    func add(_ event: GuestBoardEvent) {
        switch event {
        case .started(_, let known): (firmware, hasStarted) = (known, true)
        case .stopped(_, .fault), .stopped(_, .lockup): faults &+= 1
        case .board(_, .watchdogReset): watchdogs &+= 1
        case .board(let time, let event): if let finding = event.finding { add(time, finding.name, "\(finding)") }
        case .broken(let time, let finding): add(time, finding.name, "\(finding)")
        case .stoppedAt(_, let access): unmodelledStop = access
        default: break
        }
    }

    private func add(_ time: VirtualTime, _ name: String, _ text: String) {
        findingCount += 1
        if findings.count < Self.mostFindings { findings.append((time, name, text)) }
    }

    /// What `--strict` says of findings.
    var strictComplaint: String? {
        guard let first = findings.first else { return nil }
        return "--strict: \(findingCount) finding\(findingCount == 1 ? "" : "s"), the first at \(first.time) s: \(ForeignText.line(first.text))"
    }
}
