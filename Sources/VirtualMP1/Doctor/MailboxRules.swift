// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import M4Board
import MachineBase
import RprocHost

/// The mailbox, by the channels that the device tree gives the vrings: why a doorbell of Linux's was not answered, or one of the
/// firmware's not heard. Source: RM0436 IPCC.
struct MailboxRules {
    let seen: Observations
    init(_ seen: Observations) { self.seen = seen }

    private func register(_ offset: UInt32) -> UInt32 { (try? seen.system.board.readWord(seen.mailbox.address(offset), secure: true)) ?? 0 }

    /// Numbers of the channels in the low bits, counted from 1.
    private func channels(_ bits: UInt32) -> [Int] { (0..<seen.mailbox.channelCount).filter { bits & 1 << UInt32($0) != 0 }.map { $0 + 1 } }

    func judgeMailbox(_ report: inout DoctorReport) {
        for (name, channel) in seen.mailboxes.named.prefix(2) where channel == nil {
            report.problem(
                .mailboxMissing, "The device tree's node has no mailbox \(name): Linux rings no doorbell for vring\(name.suffix(1)), and hears none.",
                "add \(name) to mboxes and mbox-names; 'm4run dt' shows what Linux makes of them.")
        }
        let served = [seen.mailboxes.vq0, seen.mailboxes.vq1].compactMap { $0 }.reduce(UInt32(0)) { $0 | 1 << UInt32($1 & 31) }
        judgeWrongChannel(served, &report)
        judgeDoorbells(register(seen.mailbox.offsets.c1ToC2SR) & served, &report)
    }

    /// A flag of the firmware's that stays up is on a channel that Linux has not opened.
    private func judgeWrongChannel(_ served: UInt32, _ report: inout DoctorReport) {
        let unheard = register(seen.mailbox.offsets.c2ToC1SR) & seen.mailbox.channelMask & ~served
        guard unheard != 0 else { return }
        report.problem(
            .wrongChannel,
            "The firmware has rung \(seen.mailbox.block) channel \(list(channels(unheard))) (\(seen.mailbox.block)_C2TOC1SR \(hex32(unheard))), and Linux does not listen there: the device tree has \(seen.channelName(0)) for vring0 and \(seen.channelName(1)) for vring1.",
            "use the channels of the device tree's mboxes, or change those.")
    }

    /// The interrupt that a doorbell of Linux's raises: `interrupt 103`.
    private var receiver: String { "interrupt \(seen.mailbox.receiveInterrupt)" }

    private func list(_ channels: [Int]) -> String { channels.map(String.init).joined(separator: " and ") }

    private func judgeDoorbells(_ waiting: UInt32, _ report: inout DoctorReport) {
        guard waiting != 0 else { return }
        let control = register(seen.mailbox.offsets.c2CR), mask = register(seen.mailbox.offsets.c2MR)
        let bits = channels(waiting)
        let rung = "Linux has rung \(seen.mailbox.block) channel \(list(bits))"
        let interrupt = seen.system.board.interruptState(seen.mailbox.receiveInterrupt)
        let activity = seen.system.board.activity()
        // Firmware that polls the flag needs no interrupt; it clears the flag all the same.
        if control & 1 == 0 {
            report.problem(
                .mailboxOff, "\(rung) and got no answer: \(seen.mailbox.block)_C2CR is \(hex32(control)), RXOIE (bit 0) is clear, so no interrupt comes. \(seen.corePlace)",
                "call HAL_IPCC_Init and HAL_IPCC_ActivateNotification, or poll \(seen.mailbox.block)_C1TOC2SR.")
        } else if mask & waiting != 0 {
            let open = channels(~mask & seen.mailbox.channelMask)
            let masked = channels(mask & waiting)
            report.problem(
                .mailboxMasked,
                "\(rung) and got no answer: \(seen.mailbox.block)_C2MR is \(hex32(mask)), which masks it"
                    + (open.isEmpty ? "." : "; the firmware listens to channel \(list(open)), and the device tree has \(seen.channelName(0)) for vring0 and \(seen.channelName(1)) for vring1."),
                "clear bit \(masked.map { String($0 - 1) }.joined(separator: " and ")) of \(seen.mailbox.block)_C2MR (HAL_IPCC_ActivateNotification)"
                    + (open.isEmpty ? "." : ", or give the device tree's mboxes the channels that the firmware uses."))
        } else if !interrupt.isEnabled {
            report.problem(
                .irqDisabled, "\(rung) and got no answer: \(receiver) (\(seen.mailbox.receiveName)) \(interrupt.isPending ? "is pending but " : "")is not enabled in the NVIC.",
                "call HAL_NVIC_EnableIRQ(\(seen.mailbox.receiveName)_IRQn).")
        } else if let handler = interrupt.handler, activity.registers.xpsr & 0x1FF == UInt32(16 + seen.mailbox.receiveInterrupt), seen.system.board.isEndlessLoop(at: handler) {
            judgeHandler(handler, rung, &report)
        } else if isHeldBack(interrupt, activity) {
            report.problem(
                .priorityMasked,
                "\(rung) and got no answer: \(receiver) is pending with priority 0x\(String(interrupt.priority, radix: 16)), and BASEPRI is 0x\(String(activity.registers.basepri, radix: 16)), \(activity.registers.exception): it is not urgent enough. \(seen.corePlace)",
                "leave the handler or lower BASEPRI; give \(receiver) a more urgent priority.")
        } else if activity.registers.primask & 1 != 0 || activity.registers.faultmask & 1 != 0 {
            report.problem(
                .interruptsOff, "\(rung) and got no answer: PRIMASK is \(activity.registers.primask) and FAULTMASK \(activity.registers.faultmask), so \(receiver) waits. \(seen.corePlace)",
                "enable interrupts (cpsie i) before waiting, and before sleeping for good.")
        } else if let handler = interrupt.handler, seen.system.board.isEndlessLoop(at: handler) {
            judgeHandler(handler, rung, &report)
        } else {
            report.problem(
                .doorbellUnanswered, "\(rung), and the firmware has not cleared the flag (\(seen.mailbox.block)_C1TOC2SR 0x\(String(waiting, radix: 16))). \(seen.corePlace)",
                "clear it in the handler of \(receiver) (bit in \(seen.mailbox.block)_C2SCR).")
        }
    }

    private func judgeHandler(_ handler: UInt32, _ rung: String, _ report: inout DoctorReport) {
        report.problem(
            .defaultHandler, "\(rung): the vector of \(receiver) is \(seen.place(handler & ~1)), an endless loop.",
            "define \(seen.mailbox.receiveName)_IRQHandler and call HAL_IPCC_RX_IRQHandler in it.")
    }

    /// Whether priority keeps a pending interrupt back, whatever PRIMASK is.
    ///
    /// WFI ends with PRIMASK set, too, for an interrupt that would be taken without it (ARM DDI 0403E.e B1.5.19): one that does not
    /// end a sleep is not urgent enough.
    private func isHeldBack(_ interrupt: (isEnabled: Bool, isPending: Bool, priority: Int32, handler: UInt32?), _ activity: CoreActivity) -> Bool {
        guard interrupt.isPending, activity.registers.faultmask & 1 == 0 else { return false }
        if activity.registers.primask & 1 != 0 { return activity.state == .asleep }
        return interrupt.priority >= activity.priority
    }
}
