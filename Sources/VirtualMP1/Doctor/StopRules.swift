// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import MachineBase

/// What stopped the M4 for good.
struct StopRules {
    let seen: Observations
    init(_ seen: Observations) { self.seen = seen }

    func judgeStop(_ reason: StopReason, _ report: inout DoctorReport) {
        switch reason {
        case .fault(let fault), .lockup(let fault): judge(fault, &report)
        case .resetRequest(let local):
            report.problem(
                .stopped, "The firmware asks for a reset of \(local ? "its core" : "the chip") after \(seen.system.now) s (AIRCR.\(local ? "VECTRESET" : "SYSRESETREQ")). \(seen.corePlace)",
                "on a board Linux holds the M4's boot: it stays in reset. Find who asks: 'm4run run --break NVIC_SystemReset', or that function's name.")
        case .exit(code: 0) where report.isWithoutRpmsg:
            report.note(.ended, "The firmware has ended by semihosting after \(seen.system.now) s, with exit code 0.")
        case .exit(let code):
            report.problem(.ended, "The firmware has ended by semihosting after \(seen.system.now) s, with exit code \(code).", "none if it is done.")
        case .breakpoint(let halt):
            report.problem(
                .stopped, "The M4 stops at a BKPT of its own at \(seen.place(halt.pc)) after \(seen.system.now) s.", "a BKPT without a debugger is a fault on a board.")
        default:
            report.problem(.stopped, "The M4 stops after \(seen.system.now) s: \(reason.name).", "'m4run run' says more about it.")
        }
    }

    private func judge(_ fault: FaultReport, _ report: inout DoctorReport) {
        let registers = fault.registers, inside = registers.exception
        if judgeVectors(fault, &report) { return }
        let isEarly = seen.symbols["main"] != nil && seen.watch.entry("main") == nil
        var at = "The firmware faults at \(seen.place(registers.pc)) after \(seen.system.now) s"
        if inside.value != 0 { at += ", in \(seen.title(inside))'s handler" }
        // Before its first thread an RTOS may have one in mind already.
        let thread = isEarly || inside.value == 0 && registers.control & 2 == 0 ? nil : seen.thread
        let pointer = inside.value == 0 && registers.control & 2 == 0 ? registers.r[13] : registers.psp
        if let thread { at += ", \(inside.value == 0 && registers.control & 2 != 0 ? "in" : "with") \(thread)" }
        let overflow = thread.flatMap { $0.overflow(pointer) }
        let callers = seen.system.callChain(of: registers, history: fault.history, seen.symbols).text(limit: 8, seen.symbols.place(of:)).map { "; \($0)" } ?? ""
        report.problem(
            isEarly ? .faultBeforeMain : .fault,
            "\(at): \(fault.summary)\(callers)" + (isEarly ? "; main was never called: it faults in start-up" : "") + (overflow.map { "; \($0)" } ?? "") + "." + seen.greetingHint(before: seen.system.now),
            overflow?.hasPrefix("stack overflow") == true
                ? "give that thread a larger stack." : "look at that instruction's address; 'm4run run --break' stops before it." + seen.unmodelledHint)
    }

    /// An image that loads nothing where the M4 takes its first instruction from.
    private func judgeVectors(_ fault: FaultReport, _ report: inout DoctorReport) -> Bool {
        guard seen.watch.entry("main") == nil, let stack = seen.system.board.memoryWord(at: 0), let entry = seen.system.board.memoryWord(at: 4), stack == 0, entry == 0 else { return false }
        let vectors = seen.chip.memories.first { $0.deviceAddresses.contains(DeviceAddress(0)) }?.name ?? "no memory"
        report.problem(
            .noVectors,
            "The M4 takes its stack pointer and its first instruction from address 0 (\(vectors)), and the image loads nothing there: both are 0 (\(fault.summary)).",
            "link the vector table to \(vectors): a segment at address 0, as ST's linker scripts have it (.isr_vector); a debugger may have done without.")
        return true
    }

    /// A reset that the firmware asked for, where the run goes on after it.
    func judgeReset(_ report: inout DoctorReport) {
        guard seen.system.board.isHeld, !report.has(.stopped) else { return }
        report.problem(
            .stopped, "The M4 is in reset: the firmware has asked for it (AIRCR.SYSRESETREQ), and Linux, which says running, holds its boot.",
            "find who asks: 'm4run run --break NVIC_SystemReset', or that function's name.")
    }

    /// What Linux took for a crash and recovered from: faults, and the M4's own watchdog.
    func judgeCrashes(_ report: inout DoctorReport) {
        let count = Int(seen.system.linux.crashCount)
        guard count > 0 else { return }
        func times(_ count: Int) -> String { count == 1 ? "once" : "\(count) times" }
        let others = max(count - seen.crashes, 0)
        if let crash = seen.crash {
            report.problem(
                .fault,
                "The firmware faulted at \(seen.place(crash.fault.registers.pc)) after \(crash.time) s: \(crash.fault.summary)\(crash.callers). Linux was told of a fault \(times(seen.crashes)), and started the firmware anew. \(seen.corePlace)",
                "look at that instruction's address; without --recover the first fault ends the examination, with more to say of it." + seen.unmodelledHint)
        }
        guard others > 0 else { return }
        report.problem(
            .watchdog, "The M4's window watchdog has reset it \(times(others)), and Linux started the firmware anew. \(seen.corePlace)",
            "refresh WWDG1 in its window, or do not start it.")
    }
}
