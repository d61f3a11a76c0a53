// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import MP1Peripherals
import MachineBase

/// What the core is about: where it stands, and whether it gave up.
struct CoreRules {
    let seen: Observations
    init(_ seen: Observations) { self.seen = seen }

    func judgeCore(_ report: inout DoctorReport) {
        if judgeEnd(&report) { return }
        if HandlerRules(seen).judgeHandlers(&report) { return }
        if WaitRules(seen).judgeTick(&report) { return }
        WaitRules(seen).judgePolling(&report)
    }

    // MARK: Gave up

    private func judgeEnd(_ report: inout DoctorReport) -> Bool {
        guard let entry = seen.watch.end() else { return judgeReturn(&report) }
        let start = seen.symbols.functions([entry.function]).first { $0.function == entry.function }?.address
        let from = entry.handles.map { ", in the handler of \(seen.title($0))" } ?? seen.caller(returningTo: entry.returnAddress, entry: start), thread = entry.thread.map { ", in \($0)" } ?? ""
        if entry.function == "_exit" {
            report.problem(
                .ended, "The firmware has ended: _exit was called at \(entry.time) s\(from)\(thread). \(seen.corePlace)", "none if it is done; else main must not return.")
            return true
        }
        let greeting = seen.greetingHint(before: entry.time)
        report.problem(
            .errorHandler,
            "The firmware gave up in \(entry.function) at \(entry.time) s\(from)\(thread), and has not come back\(words(of: entry)).\(greeting) \(seen.corePlace)",
            greeting.isEmpty
                ? "look at the call before that: what it returned is why." + unservedHint(report) + seen.unmodelledHint
                : "say what the firmware expects: 'm4run run --send TEXT'; or look at the call before that.")
        return true
    }

    /// Who gives up may have waited for an answer on a channel that has no driver.
    private func unservedHint(_ report: DoctorReport) -> String {
        // Channels of one name are named once.
        let names = Set(report.channels.filter { $0.driver == nil }.map { ForeignText.quoted($0.name.bytes) }).sorted()
        return names.isEmpty ? "" : " Nobody in Linux answers on \(seen.list(names)), which \(names.count == 1 ? "has" : "have") no driver: it may have waited for that."
    }

    private func judgeReturn(_ report: inout DoctorReport) -> Bool {
        guard let time = seen.watch.mainReturned else { return false }
        report.problem(
            .ended, "main has returned, at \(time) s: the firmware is in what start-up code has behind that. \(seen.corePlace)",
            "none if it is done, or if interrupts do the rest; else main needs its endless loop.")
        return true
    }

    /// What an assertion was called with.
    private func words(of entry: EntryWatch.Entry) -> String {
        guard ["assert_failed", "__assert_func", "vAssertCalled"].contains(entry.function) else { return "" }
        let texts = [0, 2, 3].compactMap { $0 == 0 || entry.function == "__assert_func" ? text(at: entry.registers.r[$0]) : nil }
        guard !texts.isEmpty else { return "" }
        return " (" + texts.map { ForeignText.quoted(Array($0.utf8)) }.joined(separator: ", ") + ", line \(entry.registers.r[1]))"
    }

    private func text(at address: UInt32) -> String? {
        let text = MemoryText(seen.system.board, at: address, limit: 96).text
        return text.utf8.count > 2 ? text : nil
    }
}
