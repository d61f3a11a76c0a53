// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CThumb
import CortexM
import MachineBase

/// Follows frames from the innermost function outwards: return addresses that its code has kept, exception frames, and nothing that
/// only looks like one.
///
/// A return address counts when the code between a function's first instruction and the one under way keeps it, on every way through it,
/// where it is found (a LR that a call or a load has overwritten since is no caller), and when there is a call before it that leads to
/// that function. Source: AAPCS32 §6.1 for who keeps what; ARMv7-M ARM, B1.5.6 to B1.5.8 for exception frames.
struct StackUnwinder {
    let code: CodeReader
    let functions: any FunctionMap
    /// Where reset enters.
    let resetEntry: UInt32?
    /// The process stack's pointer.
    let processStack: UInt32

    private struct Frame {
        /// R0 to R14; nil for what is not known.
        var r: [UInt32?]
        /// The instruction under way; the states before it hold.
        var place: UInt32
        /// Handlers' number, 0 in a thread.
        var exception: Int
        /// Whether LR is as the instruction before left it: not in a caller, whose call has changed it.
        var isExact: Bool
    }

    private let mostFrames = 64
    private var analyses: [UInt32: FrameAnalysis] = [:]
    /// Instructions that may still be looked at, for the whole chain: symbols and code may be anybody's.
    private var steps = 200_000

    init(code: CodeReader, functions: any FunctionMap, resetEntry: UInt32?, processStack: UInt32) {
        (self.code, self.functions, self.resetEntry, self.processStack) = (code, functions, resetEntry, processStack)
    }

    private mutating func analysis(of function: FunctionExtent) -> FrameAnalysis {
        if let known = analyses[function.start] { return known }
        let analysis = FrameAnalysis(function, code, mostSteps: steps)
        steps = max(0, steps - analysis.steps)
        analyses[function.start] = analysis
        return analysis
    }

    /// - Parameter history: starts of the newest blocks of instructions, oldest first.
    mutating func chain(from registers: CoreRegisters, history: [UInt32]) -> CallChain {
        var chain = CallChain()
        var frame = Frame(
            r: registers.r.prefix(15).map { $0 }, place: registers.pc, exception: Int(registers.xpsr & 0x1FF), isExact: true)
        if functions.function(at: frame.place) == nil {
            guard let caller = callerThatJumpedAstray(registers, history) else { return chain }
            chain.callers.append(caller)
            frame.place = caller.place
            frame.isExact = false
            frame.r = frame.r.enumerated().map { [0, 1, 2, 3, 12, 14].contains($0.offset) ? nil : $0.element }
        }
        while chain.callers.count < mostFrames {
            guard let function = functions.function(at: frame.place) else { return chain }
            if function.start == resetEntry.map({ $0 & ~1 }), frame.exception == 0 {
                chain.isComplete = true
                return chain
            }
            guard let state = analysis(of: function).states[frame.place], let stack = stackAtEntry(frame, state),
                let link = value(of: 14, in: frame, state, stack)
            else { return chain }
            let outer = callerRegisters(frame, state, stack)
            if frame.exception != 0, let exceptionReturn = ExceptionReturn(link) {
                guard let interrupted = interrupted(frame, exceptionReturn, outer, stack) else { return chain }
                chain.callers.append(
                    CallChain.Caller(address: interrupted.place, place: interrupted.place, interruptedBy: ExceptionNumber(frame.exception)))
                frame = interrupted
                skipServiceCall(&frame, chain.callers.last?.interruptedBy)
            } else if link == 0xFFFF_FFFF, frame.exception == 0 {
                chain.isComplete = true
                return chain
            } else {
                guard let call = code.call(returningTo: link), leads(call.target, to: function.start) else { return chain }
                chain.callers.append(CallChain.Caller(address: link & ~1, place: call.place, interruptedBy: nil))
                frame = Frame(r: outer, place: call.place, exception: frame.exception, isExact: false)
            }
        }
        return chain
    }

    // MARK: One frame

    /// The stack pointer at the function's entry, when all registers that tell agree.
    private func stackAtEntry(_ frame: Frame, _ state: FrameState) -> UInt32? {
        var found: UInt32?
        for register in [13, 7, 11, 4, 5, 6, 8, 9, 10] {
            guard case .stack(let offset) = state[register], let value = frame.r[register] else { continue }
            let entry = value &- UInt32(bitPattern: offset)
            if let found, found != entry { return nil }
            found = entry
        }
        guard let found, found & 3 == 0, frame.r[13].map({ $0 <= found }) ?? true else { return nil }
        return found
    }

    /// What `register` held at the function's entry.
    private func value(of register: Int, in frame: Frame, _ state: FrameState, _ stack: UInt32) -> UInt32? {
        for place in 0..<15 where state[place] == .entry(register) && (place != 14 || frame.isExact) {
            if let value = frame.r[place] { return value }
        }
        // The lowest, should there be several copies.
        guard let slot = state.saved.filter({ $0.value == register }).keys.min() else { return nil }
        return code.word(stack &+ UInt32(bitPattern: slot))
    }

    private func callerRegisters(_ frame: Frame, _ state: FrameState, _ stack: UInt32) -> [UInt32?] {
        (0..<15).map { register in
            switch register {
            case 4...11: value(of: register, in: frame, state, stack)
            case 13: stack
            default: nil
            }
        }
    }

    /// Whether a call of `target` comes to the function at `start`: directly, or by jumps of what it calls.
    private mutating func leads(_ target: UInt32?, to start: UInt32) -> Bool {
        // BLX: wherever the register said.
        guard let target, target != start else { return true }
        var seen: Set<UInt32> = [target], open = [target]
        while let next = open.popLast() {
            guard let function = functions.function(at: next), function.start == next else { continue }
            let analysis = analysis(of: function)
            if analysis.exits.contains(start) || analysis.leavesIndirectly { return true }
            guard seen.count < 16 else { return false }
            for exit in analysis.exits.sorted() where seen.insert(exit).inserted { open.append(exit) }
        }
        return false
    }

    // MARK: Exceptions

    /// The code that the handler of `frame` returns to, from the frame that exception entry has stacked.
    private func interrupted(_ frame: Frame, _ exceptionReturn: ExceptionReturn, _ outer: [UInt32?], _ stack: UInt32) -> Frame? {
        let base = exceptionReturn.processStack ? processStack : stack
        let words = (0..<8).map { code.word(base &+ UInt32($0) &* 4) }
        guard let link = words[5], let pc = words[6], let xpsr = words[7], xpsr & 1 << 24 != 0, (xpsr & 0x1FF == 0) == exceptionReturn.toThread else {
            return nil
        }
        let size: UInt32 = exceptionReturn.extendedFrame ? 0x68 : 0x20
        var r = outer
        for register in 0..<4 { r[register] = words[register] }
        r[12] = words[4]
        r[13] = (base &+ size) | (xpsr & 1 << 9 != 0 ? 4 : 0)
        r[14] = link
        return Frame(r: r, place: pc & ~1, exception: Int(xpsr & 0x1FF), isExact: true)
    }

    /// SVC is taken behind its instruction, where another function may begin.
    private func skipServiceCall(_ frame: inout Frame, _ exception: ExceptionNumber?) {
        guard exception == .svCall, code.instruction(frame.place &- 2)?.operation == THUMB_SVC else { return }
        frame.place = frame.place &- 2
    }

    // MARK: Jumps to nowhere

    /// Of a branch to where no function is: the caller, when the newest block of instructions ends in the call that LR comes from.
    private func callerThatJumpedAstray(_ registers: CoreRegisters, _ history: [UInt32]) -> CallChain.Caller? {
        let link = registers.r[14]
        guard let call = code.call(returningTo: link), call.target == nil || call.target == registers.pc,
            let block = history.last(where: { functions.function(at: $0) != nil })
        else { return nil }
        // Only a block of which nothing but the jump followed.
        guard history.last == block || history.dropLast().last == block else { return nil }
        var place = block
        for _ in 0..<512 where place <= call.place {
            if place == call.place { return CallChain.Caller(address: link & ~1, place: place, interruptedBy: nil) }
            guard let instruction = code.instruction(place), instruction.flow(at: place) == .next else { return nil }
            place = place &+ instruction.size
        }
        return nil
    }
}

extension M4Board {
    /// What is in memory now.
    var code: CodeReader {
        let core = core
        return CodeReader(
            halfword: { address in core.engine.memory(address, count: 2).map { UnsafeRawPointer($0).loadUnaligned(as: UInt16.self) } },
            word: { address in core.engine.memory(address, count: 4).map { UnsafeRawPointer($0).loadUnaligned(as: UInt32.self) } })
    }

    /// Who called the code that had `registers`, as far as it is certain: the memory must still be as it was then.
    ///
    /// - Parameters:
    ///   - registers: those of a report, or as they are now.
    ///   - history: the report's; starts of the newest blocks of instructions, oldest first.
    public func callChain(of registers: CoreRegisters, history: [UInt32], functions: some FunctionMap) -> CallChain {
        let code = code
        var unwinder = StackUnwinder(
            code: code, functions: functions, resetEntry: code.word(core.scs.vectorTable &+ 4), processStack: registers.psp)
        return unwinder.chain(from: registers, history: history)
    }
}
