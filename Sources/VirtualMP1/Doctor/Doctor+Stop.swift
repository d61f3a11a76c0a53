import CortexM
import M4Board
import MachineBase

/// What stopped the M4 for good.
extension Doctor {
    /// The RTOS' thread under way.
    var thread: RTOSThread? { RTOSThread.current(system.board, symbols) }

    mutating func judgeStop(_ reason: StopReason) {
        switch reason {
        case .fault(let fault), .lockup(let fault): judge(fault)
        case .resetRequest(let local):
            report.problem(
                .stopped, "The firmware asks for a reset of \(local ? "its core" : "the chip") after \(system.now) s (AIRCR.\(local ? "VECTRESET" : "SYSRESETREQ")). \(corePlace)",
                "on a board Linux holds the M4's boot: it stays in reset. Find who asks: 'm4run run --break NVIC_SystemReset', or that function's name.")
        case .exit(code: 0) where report.isWithoutRpmsg:
            report.note("ended", "The firmware has ended by semihosting after \(system.now) s, with exit code 0.")
        case .exit(let code):
            report.problem(.ended, "The firmware has ended by semihosting after \(system.now) s, with exit code \(code).", "none if it is done.")
        case .breakpoint(let halt):
            report.problem(
                .stopped, "The M4 stops at a BKPT of its own at \(place(halt.pc)) after \(system.now) s.", "a BKPT without a debugger is a fault on a board.")
        default:
            report.problem(.stopped, "The M4 stops after \(system.now) s: \(reason.name).", "'m4run run' says more about it.")
        }
    }

    private mutating func judge(_ fault: FaultReport) {
        let registers = fault.registers, inside = registers.exception
        if judgeVectors(fault) { return }
        let isEarly = symbols["main"] != nil && watch.entry("main") == nil
        var at = "The firmware faults at \(place(registers.pc)) after \(system.now) s"
        if inside.value != 0 { at += ", in \(title(inside))'s handler" }
        // Before its first thread an RTOS may have one in mind already.
        let thread = isEarly || inside.value == 0 && registers.control & 2 == 0 ? nil : thread
        let pointer = inside.value == 0 && registers.control & 2 == 0 ? registers.r[13] : registers.psp
        if let thread { at += ", \(inside.value == 0 && registers.control & 2 != 0 ? "in" : "with") \(thread)" }
        let overflow = thread.flatMap { $0.overflow(pointer) }
        let callers = system.callChain(of: registers, history: fault.history, symbols).text(limit: 8, symbols.name(of:)).map { "; \($0)" } ?? ""
        report.problem(
            isEarly ? .faultBeforeMain : .fault,
            "\(at): \(fault.summary)\(callers)" + (isEarly ? "; main was never called: it faults in start-up" : "") + (overflow.map { "; \($0)" } ?? "") + "." + greetingHint(before: system.now),
            overflow?.hasPrefix("stack overflow") == true
                ? "give that thread a larger stack." : "look at that instruction's address; 'm4run run --break' stops before it." + unmodelledHint)
    }

    /// An image that loads nothing where the M4 takes its first instruction from.
    private mutating func judgeVectors(_ fault: FaultReport) -> Bool {
        guard watch.entry("main") == nil, let stack = system.board.memoryWord(at: 0), let entry = system.board.memoryWord(at: 4), stack == 0, entry == 0 else { return false }
        let vectors = chip.memories.first { $0.deviceAddresses.contains(DeviceAddress(0)) }?.name ?? "no memory"
        report.problem(
            .noVectors,
            "The M4 takes its stack pointer and its first instruction from address 0 (\(vectors)), and the image loads nothing there: both are 0 (\(fault.summary)).",
            "link the vector table to \(vectors): a segment at address 0, as ST's linker scripts have it (.isr_vector); a debugger may have done without.")
        return true
    }

    /// A reset that the firmware asked for, where the run goes on after it.
    mutating func judgeReset() {
        guard system.board.isHeld, !report.has(.stopped) else { return }
        report.problem(
            .stopped, "The M4 is in reset: the firmware has asked for it (AIRCR.SYSRESETREQ), and Linux, which says running, holds its boot.",
            "find who asks: 'm4run run --break NVIC_SystemReset', or that function's name.")
    }

    /// What Linux took for a crash and recovered from: faults, and the M4's own watchdog.
    mutating func judgeCrashes() {
        let count = Int(system.linux.crashCount)
        guard count > 0 else { return }
        func times(_ count: Int) -> String { count == 1 ? "once" : "\(count) times" }
        let others = max(count - crashes, 0)
        if let crash {
            report.problem(
                .fault,
                "The firmware faulted at \(place(crash.fault.registers.pc)) after \(crash.time) s: \(crash.fault.summary)\(crash.callers). Linux was told of a fault \(times(crashes)), and started the firmware anew. \(corePlace)",
                "look at that instruction's address; without --recover the first fault ends the examination, with more to say of it." + unmodelledHint)
        }
        guard others > 0 else { return }
        report.problem(
            .watchdog, "The M4's window watchdog has reset it \(times(others)), and Linux started the firmware anew. \(corePlace)",
            "refresh WWDG1 in its window, or do not start it.")
    }
}
