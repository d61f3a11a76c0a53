// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import MP1Peripherals
import MachineBase

/// Handlers of exceptions that do not return.
struct HandlerRules {
    let seen: Observations
    init(_ seen: Observations) { self.seen = seen }

    func judgeHandlers(_ report: inout DoctorReport) -> Bool {
        let under = seen.system.board.handlersUnderWay()
        // One that came while this looked may yet return.
        guard let index = under.firstIndex(where: { $0.since <= seen.core.begin && seen.system.now - $0.since >= .milliseconds(20) }) else { return false }
        let handler = under[index]
        // RIOT has no idle thread: where nothing is to be done its scheduler sleeps in PendSV, from which every interrupt wakes it.
        if seen.core.sleepPlace != nil, index == 0, [.svCall, .pendSV].contains(handler.number) { return false }
        let activity = seen.system.board.activity(), at = seen.place(activity.registers.pc)
        if (2...6).contains(handler.number.value) {
            report.problem(
                .faultHandler,
                "The M4 is in the handler of \(handler.number) at \(at) since \(handler.since) s and stays there; \(interruption(handler)).",
                "run with --stop-at any to see the fault itself.")
            return true
        }
        let name = seen.title(handler.number)
        if let vector = self.handler(of: handler.number), seen.system.board.isEndlessLoop(at: vector) {
            // The mailbox's own is judged with its doorbells.
            if handler.number == .interrupt(seen.mailbox.receiveInterrupt) { return false }
            report.problem(
                .unhandledInterrupt,
                "\(name) came at \(handler.since) s, and its vector is \(seen.symbols["Default_Handler"]?.address == vector & ~1 ? "Default_Handler (\(hex32(vector & ~1)))" : seen.place(vector & ~1)), an endless loop: nobody has defined its handler. It \(interruption(handler)).",
                "define the handler, or do not enable the interrupt.")
            return true
        }
        report.problem(
            .handlerStuck,
            "\(name)'s handler\(self.handler(of: handler.number).flatMap { seen.symbols.name(at: $0 & ~1) }.map { " \($0)" } ?? "") has not returned since \(handler.since) s: it executes at \(at)\(loopWords). It \(interruption(handler))"
                + (index + 1 < under.count ? "; which \(under[(index + 1)...].map { "is the handler of \($0.number) since \($0.since) s, which \(interruption($0))" }.joined(separator: "; that "))" : "")
                + ". What it interrupted cannot go on: a lock that is held there, or a flag that is to be set there, never comes.",
            "wait in no handler for what the interrupted code has to do; disable the interrupt while the lock is held.")
        return true
    }

    private func interruption(_ handler: HandlerUnderWay) -> String {
        "interrupted \(seen.place(handler.interrupted))" + (handler.interruptedNumber.value == 0 ? "" : " in the handler of \(seen.title(handler.interruptedNumber))")
    }

    private var loopWords: String {
        let functions = seen.core.usualFunctions(4)
        return seen.core.isLooping && !functions.isEmpty ? ", in a loop of \(seen.list(functions))" : ""
    }

    private func handler(of number: ExceptionNumber) -> UInt32? { seen.system.board.interruptState(number.value - 16).handler }
}
