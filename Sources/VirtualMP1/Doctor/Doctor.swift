// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import M4Board
import MachineBase
import RprocHost

/// Runs a firmware and says why no channel appears, or no answer comes: who waits for whom.
///
/// Says hello on each channel that a driver has bound, since firmware learns Linux's address from a message. What the firmware does in the
/// second half of its time is sampled; which functions it has called is known from breakpoints that nobody else sees. Observers gather
/// (`Examination`), rules conclude from their `Observations` and from what earlier rules have said.
public struct Doctor {
    private let system: MP1System
    private let image: FirmwareImage
    private let symbols: FirmwareSymbols
    private let watch: EntryWatch
    private let talk: Conversation

    /// - Parameter system: not yet started.
    public init(_ system: MP1System, image: FirmwareImage) {
        self.system = system; self.image = image
        symbols = FirmwareSymbols(of: image)
        // What was read before Linux attached is not on record.
        system.sanitizing.recordsForDiagnosis = M4Board.recordsAccesses && system.configuration.bootLoaderFirmware == nil
        talk = Conversation(system)
        watch = EntryWatch(system.board, symbols)
    }

    /// Boots the image, or attaches to it, lets `span` of virtual time pass, and looks.
    public func examine(name: String, span: VirtualTime) -> DoctorReport {
        var report = DoctorReport(), examination = Examination(system, image, symbols, watch, talk), refusal: SystemError?
        let begin = system.now
        do throws(SystemError) {
            try examination.run(name: name, span: span) {
                report.note(.accepted, accepted(name))
                report.hasStarted = true
            }
        } catch { refusal = error }
        report.span = system.now - begin
        let seen = examination.settle()
        if let refusal { RefusalRules(seen).judge(refusal, &report) }
        report.channels = talk.report
        report.isWithoutRpmsg = TableRules(seen).isWithoutRpmsg
        if let reason = system.stopReason { StopRules(seen).judgeStop(reason, &report) } else if isUp { ChainRules(seen).judgeChain(&report) }
        FindingRules(seen).judgeFindings(&report)
        admit(seen, &report)
        return report
    }

    private var isUp: Bool { system.linux.state == .running || system.linux.state == .attached }

    private func accepted(_ name: String) -> String {
        if system.configuration.bootLoaderFirmware != nil { return "\(name) runs, and Linux has attached to it." }
        return "\(name) is loaded" + (system.configuration.linux.bootSequence.usesTEE ? " by OP-TEE" : " by Linux") + " and started."
    }

    /// Says that it does not know, when nothing was found and nothing works.
    private func admit(_ seen: Observations, _ report: inout DoctorReport) {
        guard report.problems.isEmpty, !report.isFine else { return }
        report.problem(
            .unknown,
            "No channel answers after \(report.span) s, and m4run does not know why: image, table, mailbox and rings are as they should be. \(seen.corePlace)",
            (report.span < .milliseconds(100) ? "give it longer (--for 2s), or " : "") + "look at the run itself: 'm4run run --sanitize --log-level debug', or --break at what should happen next.")
    }
}
