// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import RprocHost

/// The rings: whether the firmware reads them, announces itself, gives back what it takes, and rings.
struct RingRules {
    let seen: Observations
    init(_ seen: Observations) { self.seen = seen }

    func judgeRings(_ device: RemoteVirtioDevice, _ report: inout DoctorReport) {
        guard device.rings.count == 2, let vrings = device.resource?.vrings, vrings.count == 2 else { return }
        let input = device.rings[0], output = device.rings[1]
        for ring in [input, output] where ring.isBroken {
            report.problem(
                .ringBroken, "Linux has given up on the ring '\(ring.name)': its used ring names a descriptor that the firmware does not hold.",
                "the finding on that ring says which; a ring is handled by one context at a time.")
        }
        func isRead(_ ring: Int) -> Bool {
            guard let layout = VringLayout(count: vrings[ring].count, alignment: vrings[ring].alignment) else { return true }
            return seen.system.board.accesses(of: PhysicalAddress(vrings[ring].deviceAddress &+ layout.availableOffset)).anyReader != nil
        }
        if judgeEndpoint(&report) { return }
        if seen.system.sanitizing.recordsForDiagnosis, hasSeenStatus(report), !isRead(0), !isRead(1) {
            report.problem(
                .ringsNotUsed,
                "The firmware has seen DRIVER_OK, but has never read a ring: Linux's are at \(hex32(vrings[0].deviceAddress)) and \(hex32(vrings[1].deviceAddress)). \(seen.corePlace)",
                "take the addresses from the live table's vring da, after DRIVER_OK: not pa, not a constant of an older memory map.")
            return
        }
        judgeFromFirmware(input, output, &report)
        judgeToFirmware(output, &report)
    }

    /// open-amp reads no ring before its first endpoint: without one nothing can be said of the rings.
    private func judgeEndpoint(_ report: inout DoctorReport) -> Bool {
        guard let start = seen.watch.first(of: EntryWatch.starts), seen.watch.first(of: EntryWatch.endpoints) == nil, seen.system.linux.messageCounts.received == 0
        else { return false }
        let called = "The firmware has called \(start.function) at \(start.time) s\(seen.caller(returningTo: start.returnAddress))"
        // What waits for the status byte has that as its cause.
        if !seen.watch.hasReturned(start.function), !hasSeenStatus(report) { return false }
        if !seen.watch.hasReturned(start.function) {
            report.problem(
                .noEndpoint, "\(called), which has not returned: no endpoint can be created behind it. \(seen.corePlace)",
                "look what it waits for there: 'm4run run --json' has the call chain at the end, under the key m4.")
            return true
        }
        let known = EntryWatch.endpoints.filter { seen.symbols[$0] != nil }
        let isLite = seen.symbols["rpmsg_lite_remote_init"] != nil
        report.problem(
            .noEndpoint,
            "\(called), and has not created an endpoint: "
                + (known.isEmpty
                    ? "the image has none of the functions that m4run knows to create one (\(seen.list(EntryWatch.endpoints)))" : "\(seen.list(known)) \(known.count == 1 ? "was" : "were") never called")
                + ", and no message came. \(isLite ? "rpmsg-lite announces no service by itself" : "open-amp reads the rings and announces a service only then"). \(seen.corePlace)",
            isLite
                ? "create one with rpmsg_lite_create_ept, and announce it with rpmsg_ns_announce." : "create one: VIRT_UART_Init or OPENAMP_create_endpoint with a service name, after MX_OPENAMP_Init.")
        return true
    }

    private func judgeFromFirmware(_ input: VirtQueue.Snapshot, _ output: VirtQueue.Snapshot, _ report: inout DoctorReport) {
        let waiting = input.usedIndex &- input.lastUsedIndex, spare = input.availableIndex &- input.usedIndex
        let malformed = seen.system.linux.findings.kept.filter { ["used-length-too-short", "used-length-below-header"].contains($0.finding.name) }
        let received = seen.system.linux.messageCounts.received
        if input.usedIndex == 0 && received == 0 {
            if hasSeenStatus(report) {
                report.problem(
                    .nothingSent,
                    "DRIVER_OK is set and \(input.availableIndex) buffers are posted, but the firmware has sent nothing: it has announced no service. \(seen.corePlace)",
                    "create the endpoint with a service name: OPENAMP_create_endpoint sends the announcement.")
            }
        } else if let first = malformed.first, !input.isBroken {
            // Linux ends its batch at such a message, and never posts its buffer again: what lies behind it is not for want of a doorbell.
            report.problem(
                .malformedMessage,
                "Linux has dropped \(malformed.count) message(s) or more, the first at \(first.time) s (\(first.finding)), and stops reading there: \(waiting) of later ones lie in vring0.",
                "give back header and payload as the used length: 16 + header.len.")
        } else if waiting != 0, !input.isBroken, output.usedIndex == 0, hasRungForNothing {
            report.problem(
                .wrongChannel,
                "\(waiting) message(s) lie in vring0, and the firmware has rung for vring1, where it has given nothing back: the device tree has \(seen.channelName(0)) for vring0 and \(seen.channelName(1)) for vring1.",
                "use the channels of the device tree's mboxes, or change those.")
        } else if waiting != 0 && !input.isBroken, received == 0 || seen.system.linux.findings.kept.contains(where: { $0.finding.name == "missing-kick" }) {
            // Of firmware that sends all the time some are always on their way.
            report.problem(
                .noKick, "\(waiting) message(s) lie in vring0 (used index \(input.usedIndex), Linux has taken \(input.lastUsedIndex)) without a doorbell on \(seen.channelName(0)).",
                seen.mailboxes.vq0.map { "write bit \($0 + 16) of IPCC_C2SCR (channel \($0 + 1)) after each message." } ?? "give the device tree's node a mailbox vq0.")
        } else if seen.system.linux.channels.isEmpty, let last = seen.system.linux.withdrawnChannel {
            report.problem(
                .channelWithdrawn,
                "The firmware announced '\(last.name)' at \(hex32(last.address)) and has destroyed it again, after \(received) message(s): no channel is left. \(seen.corePlace)",
                "none if it is done; else keep the endpoint: rpmsg_destroy_ept (OPENAMP_destroy_ept) announces its end.")
        } else if seen.system.linux.channels.isEmpty {
            report.problem(
                .noAnnouncement, "\(received) message(s) came, but none of them created a channel that still exists.", "send the 40-byte announcement to address 53 first.")
        }
        if spare == 0 && input.count > 0 && !input.isBroken {
            report.problem(
                .noReceiveBuffers,
                "All \(input.count) buffers of vring0 are used up and none is posted (available index \(input.availableIndex), used index \(input.usedIndex)): the firmware's next send waits (OpenAMP: 15 s). \(seen.corePlace)",
                malformed.isEmpty ? "ring for what lies in vring0: Linux posts a buffer again when it has read it." : "Linux loses the buffers of malformed messages, \(malformed.count) here; see malformed-message.")
        }
    }

    private func judgeToFirmware(_ output: VirtQueue.Snapshot, _ report: inout DoctorReport) {
        let unread = output.availableIndex &- output.usedIndex
        if unread > 0 {
            report.problem(
                .notTaken,
                "\(unread) of \(output.availableIndex) message(s) from Linux lie in vring1 and have not been given back (used index \(output.usedIndex)). \(seen.corePlace)"
                    + (unread >= output.count ? " The ring is full: Linux's next send waits 15 s." : ""),
                "call OPENAMP_check_for_message (rproc_virtio_notified) when \(seen.channelName(1)) has rung.")
        } else if seen.system.linux.messageCounts.sent == 0, !seen.system.linux.channels.isEmpty {
            report.note(.neverSpokenTo, "Linux has sent nothing on these channels, so the firmware does not know its address yet: rpmsg's peers learn it from the first message.")
        }
    }

    /// Whether the firmware has got as far as the rings.
    private func hasSeenStatus(_ report: DoctorReport) -> Bool { !report.has(.statusNeverRead) && !report.has(.driverOKNotSeen) && !seen.hasRewrittenTable }

    /// Whether a doorbell came for vring1 with nothing new in it.
    private var hasRungForNothing: Bool {
        seen.system.linux.findings.kept.contains { $0.finding.name == "spurious-kick" && $0.finding.evidence?.place == "vring1" }
    }
}
