// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import CortexM
import M4Board
import MP1Peripherals
import MachineBase
import RprocHost

/// What was observed, as rules ask for it and say it.
extension Observations {
    var chip: SoCDescription { system.configuration.chip }

    var mailboxes: MailboxChannels { system.configuration.linux.mailboxes }

    /// The chip's.
    var mailbox: Mailbox { system.configuration.chip.mailbox }

    /// `IPCC channel 1`, counted as the reference manual does.
    func channelName(_ vring: Int) -> String {
        (vring == 0 ? mailboxes.vq0 : mailboxes.vq1).map { "\(mailbox.block) channel \($0 + 1)" } ?? "vq\(vring)'s mailbox, which the device tree does not have"
    }

    /// The kernel's first words about `cause`.
    func said(_ cause: KernelLogCause) -> String? { kernelErrors.first { $0.cause == cause }?.message }

    /// The RTOS' thread under way.
    var thread: RunningThread? { RunningThread.current(system.board, symbols) }

    /// Where the core stands, in a sentence.
    var corePlace: String {
        let activity = system.board.activity()
        switch activity.state {
        case .held: return "The M4 is held in reset."
        case .lockedUp: return "The M4 is locked up at \(place(activity.registers.pc))."
        case .asleep, .running: break
        }
        if let sleeps = core.sleepPlace { return "The M4 sleeps (WFI or WFE) at \(place(sleeps))." }
        let functions = core.usualFunctions(5)
        if functions.isEmpty { return "The M4 executes at \(place(activity.registers.pc))." }
        return core.isLooping ? "The M4 goes round a loop in \(list(functions))." : "The M4 is busy, in \(list(functions)) above all."
    }

    /// `IRQ 30 (TIM4)`, `SysTick`.
    func title(_ number: ExceptionNumber) -> String {
        guard number.value >= 16 else { return "\(number)" }
        return "IRQ \(number.value - 16)" + (system.configuration.chip.registers.interruptName(number.value - 16).map { " (\($0))" } ?? "")
    }

    /// `a, b and c`
    func list(_ names: [String]) -> String {
        names.count < 2 ? names.joined() : names.dropLast().joined(separator: ", ") + " and " + (names.last ?? "")
    }

    /// Whether the register was touched, and has no model.
    func isUnmodelled(_ address: UInt32) -> Bool { unmodelled.contains { $0.address & ~3 == address & ~3 } }

    /// Features that modelled blocks lack, and the firmware has switched on.
    var unmodelledFeatures: [UnsupportedFeature] {
        system.boardFindings.compactMap { if case .unsupported(let feature) = $0.finding { feature } else { nil } }
    }

    /// Blocks of which registers without a model were used.
    var unmodelledBlocks: [String] {
        unmodelled.reduce(into: []) { names, access in
            guard access.kind != .unmapped, let name = access.location?.peripheral, !names.contains(name) else { return }
            names.append(name)
        }
    }

    /// Said where something failed and registers without a model were touched before.
    var unmodelledHint: String {
        let names = unmodelledBlocks, features = unmodelledFeatures.map { "\($0.place)'s \($0.feature)" }
        return (names.isEmpty ? "" : " m4run has no model of \(list(names)), which the firmware has used: a board may answer there.")
            + (features.isEmpty ? "" : " Switched on, and not modelled: \(list(features)).")
    }

    /// Names of the enabled interrupts that have never come.
    var neverTaken: [String] {
        system.board.interruptsNeverTaken.map { [chip] in chip.registers.interruptName($0) ?? "interrupt \($0)" }
    }

    /// What is said of them: lines of pins get nothing from outside.
    var neverTakenWords: String {
        let names = neverTaken
        guard !names.isEmpty else { return "" }
        return " Interrupts that are enabled and have never come: \(list(names))."
            + pinWords
    }

    var pinWords: String {
        neverTaken.contains { $0.hasPrefix("EXTI") } ? " Nothing is at the pins here: where one of them is a button, nobody presses it." : ""
    }

    /// `, called from ...`, as far as it is certain.
    var chain: String { system.callChain(symbols).text(limit: 4, symbols.place(of:)).map { ", " + $0 } ?? "" }

    /// Whether the firmware has written to its vdev entry after Linux had: most often a copy of the whole table, or a memset.
    var hasRewrittenTable: Bool { tableRewrites.contains { $0.field == "vdev.status" || $0.field == "vdev.gfeatures" || $0.field.hasPrefix("vring") } }

    var tableRewrites: [(time: VirtualTime, field: String, was: [UInt8], evidence: Evidence)] {
        system.linux.findings.kept.compactMap { time, finding in
            if case .tableRewritten(let evidence, let was) = finding { (time, evidence.field, was, evidence) } else { nil }
        }
    }

    /// `fault_id+0x4 (ADDRESS)`.
    func place(_ address: UInt32) -> String { symbols.place(address) }

    /// What Linux had said shortly before `time`: firmware may not have expected it. Empty when it had said nothing.
    func greetingHint(before time: VirtualTime) -> String {
        guard let last = talk.greetings.last(where: { $0.time <= time }), time - last.time < .milliseconds(100) else { return "" }
        return " Shortly before, at \(last.time) s, Linux had said \(ForeignText.quoted(last.text)) on \(last.place), as the doctor does to hear an answer: the firmware may take other words."
    }

    /// `, called from main+0x12 (ADDRESS)` for what returns to `address`; nothing when no call is there.
    ///
    /// - Parameter entry: of the function that was entered so. A tail call leaves the LR of the function that made it.
    func caller(returningTo address: UInt32, entry: UInt32? = nil) -> String {
        guard let call = system.board.call(returningTo: address) else { return "" }
        if let entry, let target = call.target, target & ~1 != entry & ~1, let between = symbols.name(at: target & ~1) {
            return ", called from \(between) or what that calls, which \(place(call.instruction)) called"
        }
        return ", called from \(place(call.instruction))"
    }
}
