// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM
import MachineBase

// Exceptions without leaving the engine, which with starting it again takes longer than all the rest of an exception. What
// happens, and in which order, is as in the run loop; what is less usual is left to it.
extension Core {
    /// The engine has come to an exception, and asks between two blocks. Nothing but the core itself may be touched here: an
    /// event of a peripheral or of the world outside might want to run the core, or change its translations.
    func carryOn(after stop: m4_stop) -> m4_course {
        let raw = engine.raw
        guard !wantsStep, !steps, !raw.pointee.is_step, !raw.pointee.has_range else { return M4_COURSE_STOP }
        switch stop {
        case M4_STOP_BOUNDARY:
            guard scs.runSysTick(upTo: raw.pointee.cycles) else { return M4_COURSE_STOP }
            nextPC = engine.r(15) | 1
        case M4_STOP_SVC:
            nextPC = engine.r(15) | 1
            supervisorCall()
        default: handle(stop)
        }
        if isLoopWanted { return M4_COURSE_SETTLED }
        if m4_engine_can_take(raw) {
            enter(scs.exceptions.next, returnTo: nextPC)
            if isLoopWanted || m4_engine_can_take(raw) { return M4_COURSE_SETTLED }
        }
        let now = raw.pointee.cycles, poll = own.pointee.pollAt, limit = derived.pointee.runDeadline
        guard now < limit, now < poll, nextPC & 1 != 0 else { return M4_COURSE_SETTLED }
        raw.pointee.deadline = min(limit, max(min(events.next, poll), now &+ 1))
        raw.pointee.resume_at = nextPC
        return M4_COURSE_ON
    }

    /// Whether something waits that the run loop sees to before the next instruction. Whatever can, interrupts.
    private var isLoopWanted: Bool {
        engine.raw.pointee.stop_requested || isInterrupted || !isRunning || events.next <= engine.raw.pointee.cycles
    }
}
