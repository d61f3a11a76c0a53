// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import RprocHost

/// The chain, link by link: table, status, rings, announcement, driver, traffic; beside it the mailbox and the core.
struct ChainRules {
    let seen: Observations
    init(_ seen: Observations) { self.seen = seen }

    func judgeChain(_ report: inout DoctorReport) {
        StopRules(seen).judgeCrashes(&report)
        StopRules(seen).judgeReset(&report)
        CoreRules(seen).judgeCore(&report)
        if let device = TableRules(seen).judgeTable(&report) {
            judgeStatus(device, &report)
            RingRules(seen).judgeRings(device, &report)
            MailboxRules(seen).judgeMailbox(&report)
            judgeChannels(&report)
        }
        // What is there when nothing else says why.
        if !report.channels.contains(where: \.answers), report.problems.isEmpty { WaitRules(seen).judgeIdleLoop(&report) }
        WaitRules(seen).judgeFeatures(&report)
        if !seen.unmodelledBlocks.isEmpty { report.note(.unmodelled, "The firmware has used registers that m4run has no model of: \(seen.list(seen.unmodelledBlocks)).") }
        guard report.isWithoutRpmsg, report.problems.isEmpty else { return }
        report.note(.runs, seen.corePlace + seen.neverTakenWords)
    }

    // MARK: Status

    /// Where the status byte of the first vdev lies in the live table, as the image's section says.
    private var statusAddress: PhysicalAddress? {
        guard let start = seen.image.tables.lazy.compactMap({ $0.range(seen.chip) }).first?.start else { return nil }
        for entry in seen.system.linux.resourceTable?.entries ?? [] {
            if case .vdev = entry.content { return PhysicalAddress(start.value &+ UInt32(truncatingIfNeeded: entry.payloadOffset) &+ 20) }
        }
        return nil
    }

    private func judgeStatus(_ device: RemoteVirtioDevice, _ report: inout DoctorReport) {
        guard device.rpmsg != nil, !seen.hasRewrittenTable, seen.system.sanitizing.recordsForDiagnosis, let address = statusAddress, let status = device.resource?.status else { return }
        let accesses = seen.system.board.accesses(of: address)
        let value = "0x\(String(status, radix: 16))"
        if accesses.anyReader == nil {
            report.problem(
                .statusNeverRead,
                "The firmware has never read the vdev's status byte at \(hex32(address.value)), which is \(value): it does not wait for Linux, and has not begun rpmsg\(uncalled). \(seen.corePlace)",
                "call the rpmsg start-up (OPENAMP_Init or MX_OPENAMP_Init), which polls this byte for DRIVER_OK (4).")
        } else if accesses.reader == nil {
            report.problem(
                .driverOKNotSeen,
                "The firmware read the status byte at \(hex32(address.value)) last at \(seen.place(accesses.anyReader ?? 0)), before Linux set DRIVER_OK (it is \(value) now), and not since. \(seen.corePlace)",
                "poll the byte, or look again after the doorbell that Linux rings on \(seen.channelName(0)) right after DRIVER_OK.")
        } else if status & 4 != 0 {
            report.note(.status, "The firmware has seen DRIVER_OK: it read \(value) at \(seen.place(accesses.reader ?? 0)).")
        }
    }

    /// What would begin it, is in the image, and was not called.
    private var uncalled: String {
        guard seen.watch.first(of: EntryWatch.starts) == nil, let start = EntryWatch.starts.first(where: { seen.symbols[$0] != nil }) else { return "" }
        return " (\(start) is in the image and was never called)"
    }

    // MARK: Channels

    private func judgeChannels(_ report: inout DoctorReport) {
        for channel in report.channels {
            let title = "'\(channel.name)' at 0x\(String(channel.address, radix: 16))"
            guard let driver = channel.driver else {
                report.problem(
                    .noDriver,
                    "The firmware announced \(title), and no driver of Linux's has that name: no endpoint exists, and the firmware never learns Linux's address.",
                    "name it as a driver is named (rpmsg-tty, rpmsg-raw, rpmsg-client-sample\(channel.name == "rpmsg-tty-channel" ? "; rpmsg-tty-channel was ST's before Linux 5.16" : "")), "
                        + "or load the driver for it: '--bind \(channel.name)=rpmsg-tty' stands for an older or out-of-tree one, '--to \(channel.name)' binds it and speaks to it. "
                        + "From user space: 'm4run ctl FOLDER rpmsg_ctrl0 create-endpoint \(channel.name) any 0x\(String(channel.address, radix: 16))' in a run with --control FOLDER.")
                continue
            }
            let device = channel.device.map { " (\($0))" } ?? ""
            let state = switch channel.reply {
            case .answers: "it answers."
            case .taken: "it takes messages, no answer yet."
            case .notTaken: "up, and what Linux said is not taken."
            case .notSpokenTo: "up; nothing was said on it."
            }
            report.note(.channel, "\(title)\(device), bound to \(driver): \(state)")
        }
        let spoken = report.channels.filter { $0.reply == .taken }
        guard !spoken.isEmpty, !report.channels.contains(where: \.answers) else { return }
        report.problem(
            .noAnswer,
            "The firmware takes messages on \(seen.list(spoken.map { $0.device ?? $0.name.description })), and has sent nothing back: Linux said \"hello\" and the device's name. m4run does not know whether it should answer that.",
            "send what it expects: 'm4run run --send TEXT --to \(spoken.first.map { $0.device ?? $0.name.description } ?? "ttyRPMSG0")'.")
    }
}
