// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import RprocHost
import SecureLoader
import VirtualMP1

// How a run is judged: its status, and why in a sentence.
extension RunSession {
    func neverSeen(_ text: String) -> ExitStatus {
        complaint = "no message, trace or other output and no channel's name shows \(ForeignText.quoted(text.utf8)) after \(system.now) s of virtual time. \(waitingFor)"
        topic = .page(.doctor)
        return .expectation
    }

    func cutShort(by cut: Supervisor.Cut) -> ExitStatus {
        complaint = "\(Supervisor.sentence(cut)), " + (isStopping ? "while Linux stopped the firmware, " : "") + "at \(system.now) s of virtual time. \(waitingFor)"
        topic = Supervisor.topic(cut)
        return Supervisor.status(cut)
    }

    func outOfTime(_ what: String) -> ExitStatus {
        complaint = ForeignText.line("no \(what) after \(system.now) s of virtual time. \(waitingFor)")
        topic = .page(.doctor)
        return .limit
    }

    private var waitingFor: String { FirmwareState(system, symbols).hint(image) }

    /// What a run that came to its end lacks of what was asked for.
    func judge() -> ExitStatus {
        if let expected = runLog.heard.missing(of: options.traffic.expect + [options.limits.until].compactMap { $0 }) {
            complaint = "the firmware never sent or printed \(ForeignText.quoted(expected.utf8))"
            topic = .page(.doctor)
            return .expectation
        }
        if options.limits.strict, let (complaint, topic) = strictComplaint {
            (self.complaint, self.topic) = (complaint, topic)
            return .findings
        }
        if let sentence = options.debug.neverReached {
            complaint = sentence
            return .notReached
        }
        // What was asked for and is lost is no success; `report` says why.
        return coredump?.problem == nil ? .fine : .usage
    }

    /// What `--strict` says of findings: Linux's, and what firmware asked of the chip that is not there.
    private var strictComplaint: (String, HelpTopic)? {
        let found = system.linux.findings.kept.map { ($0.time, $0.finding.description, HelpTopic.rule($0.finding.rule)) }
            + system.boardFindings.map { ($0.time, $0.finding.description, HelpTopic.boardRule($0.finding.rule)) }
        guard let first = found.min(by: { $0.0 < $1.0 }) else { return nil }
        let count = system.linux.findings.count + system.boardFindings.count
        return ("--strict: \(count) finding\(count == 1 ? "" : "s"), the first at \(first.0) s: \(ForeignText.line(first.1))", first.2)
    }

    func classify(_ error: SystemError) -> ExitStatus {
        switch error {
        case .refused(let failure):
            complaint = ForeignText.line("\(options.image): \(failure)")
            topic = .result(failure.result)
            return .refused
        case .linux where isCut, .timeout where isCut: return .limit
        case .linux(let doing, let errno):
            // Limits interrupt what Linux waits for.
            if system.limitReached { return outOfTime(doing) }
            if system.linux.probeFailure != nil {
                topic = .page(.dt)
                complaint = ForeignText.line("Linux's driver refuses the device: " + (runLog.firstError.map { "\($0): " } ?? "") + "\(errno)")
                return .usage
            }
            if system.linux.state == .offline {
                topic = .page(.doctor)
                let why = boot.usesTEE ? nil : SegmentMisfit(image, system.configuration.linux).map { ". \($0)" }
                complaint = ForeignText.line("\(options.image): Linux refuses it: " + (runLog.firstError.map { "\($0): " } ?? "") + "\(errno)" + (why ?? ""))
                return .refused
            }
            complaint = ForeignText.line("\(doing): \(errno)")
            return .expectation
        case .stopped(let reason): return classify(reason)
        case .timeout(let what, _): return outOfTime(what)
        }
    }

    func classify(_ reason: StopReason) -> ExitStatus {
        switch reason {
        case .breakpoint, .watchpoint, .exit: break
        case .hostRequest: topic = system.crashLoop != nil ? .stop(.fault) : .cause("unmodelled-register")
        default: topic = .stop(reason.kind)
        }
        switch reason {
        case .fault(let report), .lockup(let report):
            complaint = (system.crashLoop.map { "\($0): " } ?? "") + "the firmware faulted:\n" + report.text(callers: lastPlace?.callersText, backtrace: lastPlace?.backtrace ?? [], symbols.name)
            if options.serving.isOn, options.lifecycle.recover == nil { complaint? += "\nwith --recover N Linux hears of it as a crash, and the run goes on" }
            return .fault
        case .breakpoint(let report), .watchpoint(let report):
            complaint = report.text(callers: lastPlace?.callersText, backtrace: lastPlace?.backtrace ?? [], symbols.name)
            return .halted
        case .exit(let code):
            complaint = code == 0 ? nil : "the firmware ended with semihosting exit code \(code)"
            return code == 0 ? .fine : .expectation
        case .hostRequest:
            if let loop = system.crashLoop { complaint = "\(loop)" } else if let access = system.unmodelledStop { complaint = "--strict: \(access), pc in the block at \(symbols.place(system.board.core.registers.pc))" }
            return .fault
        case .resetRequest(local: true):
            complaint = "the firmware reset its core (AIRCR.VECTRESET)"
            return .fault
        case .resetRequest:
            complaint = "the firmware asked for a reset (AIRCR.SYSRESETREQ); with boot held the core stays in reset"
            return .fault
        default:
            complaint = "the M4 stopped: \(reason.name)"
            return .fault
        }
    }
}
