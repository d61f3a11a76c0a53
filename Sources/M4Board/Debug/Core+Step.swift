// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM

// A debugger's steps. Source: ARMv7-M ARM, C1.5: Debug stepping.
extension Core {
    /// Executes one instruction, in an IT block, too. What DHCSR.C_STEP does: an exception that is due is entered in its place, and one that the
    /// instruction itself raises, as an SVC, with it; the step then ends at the handler's first instruction. A WFI or WFE ends it, asleep;
    /// the next step begins when the core awakes. Breakpoints at the instruction itself do not stop it.
    ///
    /// With the system's libunicorn the instructions of an IT block behind the IT are one step with it.
    ///
    /// - Parameter deadline: the cycle at which waiting ends with `.stopped(.deadline)`; nothing has been executed then.
    func step(until deadline: UInt64) -> StepEnd {
        let raw = engine.raw
        derived.pointee.runDeadline = deadline
        // No rounds of a loop are counted in a step.
        derived.pointee.wakefulRound = WakefulRound()
        var isFirst = true
        while true {
            switch settle(deadline) {
            case .stop(let reason): return .stopped(reason)
            case .again: continue
            case .exception:
                enter(scs.exceptions.next, returnTo: nextPC)
                return takeStop().map(StepEnd.stopped) ?? .stepped
            case .execute: break
            }
            if isFirst { pass(nextPC & ~1, kinds: Self.hostBreak) }
            isFirst = false
            let pc = nextPC, exception = engine.exception, begin = raw.pointee.cycles
            executeOne()
            if let reason = takeStop() { return .stopped(reason) }
            // Else what had to come first has been done: a page that is watched has been opened, the FPU's registers have been stacked.
            if raw.pointee.cycles != begin || nextPC != pc || engine.exception != exception || !isRunning { return .stepped }
        }
    }

    /// What the instruction that has just been executed ends a run with.
    func takeStop() -> StopReason? {
        if let reason = own.pointee.resetRequest { own.pointee.resetRequest = nil; return reason }
        guard let reason = own.pointee.pendingStop else { return nil }
        own.pointee.pendingStop = nil
        return reason
    }
}
