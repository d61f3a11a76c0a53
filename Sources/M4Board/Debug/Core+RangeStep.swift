// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM

// Steps through a range of addresses, as the code of a source line, at the speed of a run: the engine looks at each block of instructions whether it lies
// in the range, and a block ends where the range does.
extension Core {
    /// A step through a range that is not over.
    struct RangeStep: Equatable {
        let range: ClosedRange<UInt32>
        /// Its first instruction has been executed.
        var hasBegun = false
        /// Where an exception has interrupted it.
        var interruption: Interruption?

        /// The code that goes on when the exception's handlers are done, and perhaps other threads: where, with which stack pointer, in which handler.
        struct Interruption: Equatable {
            let pc: UInt32, stack: UInt32, exception: ExceptionNumber
            /// It goes on.
            var isOver = false
        }
    }

    /// Executes at least one instruction, and goes on until the next one lies outside of `range`. Exceptions that interrupt it (not an SVC, nor a fault,
    /// which are the code's own) run up to their end, with other threads that they switch to: a step over a line does not land in SysTick's handler.
    ///
    /// With the system's libunicorn it goes an instruction at a time, and ends in the handler of an exception that interrupts it.
    ///
    /// - Parameters:
    ///   - range: addresses of code, first and last byte.
    ///   - deadline: the cycle at which it ends with `.stopped(.deadline)`; with the same range it goes on from there the next time.
    func step(within range: ClosedRange<UInt32>, until deadline: UInt64) -> StepEnd {
        if !m4_engine_is_own() { return stepSlowly(within: range, until: deadline) }
        if derived.pointee.rangeStep?.range != range {
            endRangeStep()
            derived.pointee.rangeStep = RangeStep(range: range)
        }
        let end = goOn(within: range, until: deadline)
        switch end {
        case .stopped(.deadline), .stopped(.hostRequest): break
        default: endRangeStep()
        }
        return end
    }

    /// Nothing is left of it.
    func endRangeStep() {
        let wasInterrupted = derived.pointee.rangeStep?.interruption != nil
        derived.pointee.rangeStep = nil
        if wasInterrupted { debugChanged() }
    }

    /// A run has come to where the code that is stepped through was interrupted: that code itself, or another thread's, or a call below it.
    func interruptedCodeReached(at address: UInt32) {
        guard let place = derived.pointee.rangeStep?.interruption, place.pc == address, place.stack == engine.r(13), place.exception == engine.exception
        else { return }
        derived.pointee.rangeStep?.interruption?.isOver = true
        pendingStop = .hostRequest
    }

    private func goOn(within range: ClosedRange<UInt32>, until deadline: UInt64) -> StepEnd {
        let raw = engine.raw
        while true {
            if derived.pointee.rangeStep?.interruption != nil {
                let reason = runToStop(deadline)
                guard derived.pointee.rangeStep?.interruption?.isOver == true else { return .stopped(reason) }
                derived.pointee.rangeStep?.interruption = nil
                debugChanged()
            }
            let hasBegun = derived.pointee.rangeStep?.hasBegun ?? true
            if hasBegun, isRunning, !range.contains(nextPC & ~1) { return .stepped }
            derived.pointee.runDeadline = deadline
            switch settle(deadline) {
            case .stop(let reason): return .stopped(reason)
            case .again: continue
            case .exception:
                derived.pointee.rangeStep?.interruption = RangeStep.Interruption(pc: nextPC & ~1, stack: engine.r(13), exception: engine.exception)
                debugChanged()
                enter(scs.exceptions.next, returnTo: nextPC)
                continue
            case .execute: break
            }
            if !hasBegun || wantsStep || steps {
                let pc = nextPC, begin = raw.pointee.cycles
                if !hasBegun { pass(pc & ~1, kinds: Self.hostBreak) }
                executeOne()
                if raw.pointee.cycles != begin || nextPC != pc { derived.pointee.rangeStep?.hasBegun = true }
            } else {
                m4_engine_begin_range(raw, range.lowerBound, range.upperBound)
                let stop = m4_engine_run(raw, nextPC)
                m4_engine_end_range(raw)
                if stop != M4_STOP_SETTLED { handle(stop) }
            }
            if let reason = takeStop() { return .stopped(reason) }
        }
    }

    private func stepSlowly(within range: ClosedRange<UInt32>, until deadline: UInt64) -> StepEnd {
        while true {
            let end = step(until: deadline)
            guard end == .stepped, isRunning, range.contains(nextPC & ~1), !isInterrupted else { return end }
        }
    }
}
