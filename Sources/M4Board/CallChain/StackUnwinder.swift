// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CThumb
import CortexM
import MachineBase
import SourceLines

/// Follows frames from the innermost function outwards: return addresses that its code has kept, exception frames, and nothing that
/// only looks like one.
///
/// A return address counts when the code between a function's first instruction and the one under way keeps it, on every way through it,
/// where it is found (a LR that a call or a load has overwritten since is no caller), and when there is a call before it that leads to
/// that function. Where the code proves nothing, debugging information may say where it is; there must be the same call before it. Source: AAPCS32 §6.1 for who keeps what; ARMv7-M ARM, B1.5.6 to B1.5.8 for exception frames.
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
            guard let (link, stack, outer) = proven(frame, function) ?? ruled(frame) else { return chain }
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

    /// Return address, stack pointer and registers with which the function of `frame` was entered.
    private typealias Entry = (link: UInt32, stack: UInt32, outer: [UInt32?])

    /// What the function's code proves.
    private mutating func proven(_ frame: Frame, _ function: FunctionExtent) -> Entry? {
        guard let state = analysis(of: function).states[frame.place], let stack = stackAtEntry(frame, state) else { return nil }
        let shift = processShift(frame, state, stack)
        guard let link = value(of: 14, in: frame, state, stack, shift) else { return nil }
        let outer = (0..<15).map { register -> UInt32? in
            switch register {
            case 4...11: value(of: register, in: frame, state, stack, shift)
            case 13: stack
            default: nil
            }
        }
        return (link, stack, outer)
    }

    /// What debugging information says, where the code proves nothing: that a frame has a size that only the run knows, say.
    ///
    /// It comes second: of functions in assembly, naked ones and such as switch stacks, compilers write rules that do not hold. The caller has to be one
    /// all the same, as of what is proven.
    private func ruled(_ frame: Frame) -> Entry? {
        guard let rule = functions.frameRule(at: frame.place), rule.registers.count == 15, frame.r.indices.contains(rule.base), let base = frame.r[rule.base] else { return nil }
        let address = base &+ UInt32(bitPattern: rule.offset)
        guard address & 3 == 0, frame.r[13].map({ $0 <= address }) ?? true else { return nil }
        func value(of register: Int) -> UInt32? {
            switch rule.registers[register] {
            case .unknown: nil
            case .same: register != 14 || frame.isExact ? frame.r[register] : nil
            case .saved(let offset): code.word(address &+ UInt32(bitPattern: offset))
            case .address(let offset): address &+ UInt32(bitPattern: offset)
            case .register(let other): other < 15 && (other != 14 || frame.isExact) ? frame.r[other] : nil
            }
        }
        guard rule.returnRegister == 14 else { return nil }
        var link = value(of: 14)
        // Of the return address nothing is said where it has not been moved.
        if link == nil, rule.registers[14] == .unknown, frame.isExact { link = frame.r[14] }
        guard let link else { return nil }
        return (link, address, (0..<15).map { register in (4...11).contains(register) ? value(of: register) : register == 13 ? address : nil })
    }

    /// Which of the two distances from the process stack's pointer the kept words have; nil where they have one, or it cannot be told.
    ///
    /// A pointer that the handler has of that stack tells. Without one, the kept LR says whether the thread has registers of the FPU, and with them it lies
    /// farther away.
    private func processShift(_ frame: Frame, _ state: FrameState, _ stack: UInt32) -> KeyPath<ProcessDistance, Int32>? {
        let keeps = state.savedInProcess.filter { $0.value == 14 && $0.key.low != $0.key.high }
        guard keeps.count == 1, let distance = keeps.first?.key else { return nil }
        var pointers = state.pointers.sorted { $0.key < $1.key }.map { (value: code.word(stack &+ UInt32(bitPattern: $0.key)), distance: $0.value) }
        for register in 0..<13 {
            if case .process(let distance) = state[register] { pointers.append((frame.r[register], distance)) }
        }
        for (value, place) in pointers where place.high &- place.low == distance.high &- distance.low {
            if value == processStack &+ UInt32(bitPattern: place.low) { return \.low }
            if value == processStack &+ UInt32(bitPattern: place.high) { return \.high }
        }
        func link(_ offset: Int32) -> ExceptionReturn? { code.word(processStack &+ UInt32(bitPattern: offset)).flatMap { ExceptionReturn($0) } }
        let near = link(distance.high).map { $0.processStack && !$0.extendedFrame } ?? false
        let far = link(distance.low).map { $0.processStack && $0.extendedFrame } ?? false
        return near == far ? nil : near ? \.high : \.low
    }

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
    private func value(of register: Int, in frame: Frame, _ state: FrameState, _ stack: UInt32, _ shift: KeyPath<ProcessDistance, Int32>?) -> UInt32? {
        for place in 0..<15 where state[place] == .entry(register) && (place != 14 || frame.isExact) {
            if let value = frame.r[place] { return value }
        }
        // The lowest, should there be several copies.
        if let slot = state.saved.filter({ $0.value == register }).keys.min() { return code.word(stack &+ UInt32(bitPattern: slot)) }
        guard frame.exception != 0, let kept = state.savedInProcess.filter({ $0.value == register }).keys.min(by: { $0.low < $1.low }) else { return nil }
        guard kept.low != kept.high else { return code.word(processStack &+ UInt32(bitPattern: kept.low)) }
        return shift.flatMap { code.word(processStack &+ UInt32(bitPattern: kept[keyPath: $0])) }
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
