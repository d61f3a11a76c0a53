// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import LinuxGuest
import M4Board
import MachineBase
import RprocHost
import VirtualMP1

/// How far firmware and a real Linux came with each other, link by link, from what both have left in the memory they share.
///
/// Names are those of `m4run doctor`, where it has the same. It looks and says nothing to the firmware: programs in the guest do that.
struct LinuxDoctor {
    /// What can be in the way, beside findings.
    enum Cause: String, CaseIterable {
        case notStarted = "not-started", fault, unmodelledRegister = "unmodelled-register", noTable = "no-table", noVdev = "no-vdev"
        case linuxNotReady = "linux-not-ready", nothingSent = "nothing-sent", noAnnouncement = "no-announcement", notTaken = "not-taken"
        case doorbellUnanswered = "doorbell-unanswered"
    }
    /// Links that hold.
    enum Note: String, CaseIterable { case accepted, driverOK = "driver-ok", channels, core }

    struct Entry {
        let name: String, isProblem: Bool, sentence: String
        var advice: String?
    }
    private(set) var entries: [Entry] = []
    private static let driverOK: UInt8 = 4

    init(_ boot: LinuxBoot, _ record: LinuxRecord) {
        let board = boot.board.board, progress = boot.board.watch.lastProgress
        guard record.hasStarted || boot.hasAttached else {
            problem(.notStarted, "Linux has not started the firmware in this boot", "echo start >/sys/class/remoteproc/remoteproc0/state, and dmesg says why it does not.")
            return
        }
        note(.accepted, "Linux has started \(record.firmware?.name ?? "a firmware that m4run does not know")")
        if let (report, place) = record.fault {
            problem(.fault, "\(report.summary { boot.symbols.name(at: $0) })" + (boot.symbols.source(at: report.registers.pc).map { ", \($0)" } ?? "") + (place?.callersPlaces.map { ", \($0)" } ?? ""), "--coredump keeps the core as it was; --recover N lets Linux recover.")
        }
        for gap in board.waitsFor { problem(.unmodelledRegister, gap.lastLine, "m4run lacks it; what waits for it goes no further.") }
        judge(progress)
        if let flags = boot.board.pendingDoorbells {
            problem(.doorbellUnanswered, "doorbells of Linux's that the firmware has not acknowledged, IPCC channels: \(flags)", "look at IPCC_RX1's handler, and whether it clears the channel's flag.")
        }
        for name in Set(record.findings.map(\.name)).sorted() {
            guard let first = record.findings.first(where: { $0.name == name }) else { continue }
            problem(named: name, first.text.hasPrefix(name + ": ") ? String(first.text.dropFirst(name.count + 2)) : first.text, "'m4run help \(name)' says what the rule is.")
        }
        if let place = boot.place { note(.core, place.sentence) }
    }

    private mutating func judge(_ progress: SharedMemoryWatch.Progress) {
        guard progress.hasTable else {
            return problem(.noTable, "no resource table of the firmware's is in memory", "link a section .resource_table into the image, at an address in its segments.")
        }
        guard progress.hasVdev else { return problem(.noVdev, "the resource table has no vdev of rpmsg's type", "add a vdev entry of type 7.") }
        guard progress.status & Self.driverOK != 0 else {
            return problem(
                .linuxNotReady, "the vdev's status is 0x\(String(progress.status, radix: 16)): Linux's rpmsg driver has not come up, or has gone",
                "dmesg says why: memory for rings and buffers, a ring's size, or a missing module virtio_rpmsg_bus.")
        }
        note(.driverOK, "Linux's rpmsg driver is up, and has posted \(progress.posted) buffers")
        if progress.received == 0 {
            problem(.nothingSent, "the firmware has sent nothing: no channel is announced", "see where it stands; 'm4run doctor --boot elf' follows it step by step.")
        } else if progress.channels.isEmpty {
            problem(.noAnnouncement, "the firmware has sent \(progress.received) messages, and no channel is announced now", "announce a service by name: rpmsg's address 53.")
        } else {
            note(.channels, "announced: \(progress.channels.map(\.description).joined(separator: ", "))")
        }
        // Firmware that gives back what it was never given is ahead of Linux; a finding of its own says so.
        let left = Int16(truncatingIfNeeded: progress.sent &- progress.taken)
        if left > 0 { problem(.notTaken, "\(left) of \(progress.sent) messages of Linux's are not taken", "the firmware has to look at vring1 when channel 2 rings.") }
    }

    private mutating func note(_ note: Note, _ sentence: String) { entries.append(Entry(name: note.rawValue, isProblem: false, sentence: sentence)) }
    private mutating func problem(_ cause: Cause, _ sentence: String, _ advice: String) { problem(named: cause.rawValue, sentence, advice) }
    private mutating func problem(named name: String, _ sentence: String, _ advice: String) {
        entries.append(Entry(name: name, isProblem: true, sentence: sentence, advice: advice))
    }

    /// As `m4run doctor` has them.
    var lines: [ReportLine] {
        let problems = entries.filter(\.isProblem)
        var lines = [ReportLine("doctor: " + (problems.first.map { "\($0.name). \($0.sentence)" } ?? "nothing is in the way"), problems.isEmpty ? .good : .bad)]
        if let advice = problems.first?.advice { lines.append(ReportLine("  what to do: \(advice)")) }
        for entry in entries where entry.name != problems.first?.name || entry.sentence != problems.first?.sentence {
            lines.append(ReportLine("  \(entry.isProblem ? "!" : "-") \(entry.name): \(entry.sentence)", entry.isProblem ? .warning : .plain))
        }
        return lines
    }
}
