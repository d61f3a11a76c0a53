// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM

/// Where a function keeps its return address and its caller's registers, at each of its instructions: the ways through its code,
/// followed from its first instruction with what is certain on all of them.
struct FrameAnalysis {
    /// Before each instruction that a way leads to.
    private(set) var states: [UInt32: FrameState] = [:]
    /// Code outside of the function that it jumps or runs on to, without a call.
    private(set) var exits: Set<UInt32> = []
    /// It jumps to where a register says.
    private(set) var leavesIndirectly = false

    private let function: FunctionExtent
    private let code: CodeReader
    private var work: [UInt32] = []
    /// Instructions looked at.
    private(set) var steps = 0

    /// - Parameter mostSteps: what needs more is given up: nothing is certain then.
    init(_ function: FunctionExtent, _ code: CodeReader, mostSteps: Int) {
        self.function = function
        self.code = code
        arrive(at: function.start, .entry)
        while let address = work.popLast() {
            steps += 1
            guard steps <= mostSteps else {
                (states, exits, leavesIndirectly) = ([:], [], false)
                return
            }
            follow(address)
        }
    }

    private mutating func arrive(at address: UInt32, _ state: FrameState) {
        guard function.contains(address) else {
            exits.insert(address)
            return
        }
        guard var known = states[address] else {
            states[address] = state
            work.append(address)
            return
        }
        let before = known
        known.merge(state)
        guard known != before else { return }
        states[address] = known
        work.append(address)
    }

    private mutating func follow(_ address: UInt32) {
        guard let before = states[address], let instruction = code.instruction(address) else { return }
        let isConditional = before.itState & 0xF != 0
        var after = before
        after.execute(instruction, at: address, literal: code.word)
        after.itState = instruction.itState(after: before.itState)
        let next = address &+ instruction.size
        /// Where the condition of an IT block does not hold.
        var passed = before
        passed.itState = after.itState
        if isConditional { after.merge(passed) }

        switch instruction.flow(at: address) {
        case .next: arrive(at: next, after)
        case .branch(let target, let isBranchConditional):
            arrive(at: target, after)
            if isBranchConditional || isConditional { arrive(at: next, after) }
        case .call, .indirectCall:
            // A call at a function's end does not return.
            if function.contains(next) { arrive(at: next, after) }
        case .jump(let register):
            switch before[register] {
            case .entry(14): break
            case .constant(let target): arrive(at: target & ~1, after)
            default: if register != 14 { leavesIndirectly = true }
            }
            if isConditional { arrive(at: next, passed) }
        case .loadedJump:
            jump(instruction, at: address, before, after)
            if isConditional { arrive(at: next, passed) }
        case .loadedReturn, .none:
            if isConditional { arrive(at: next, passed) }
        case .table(let isHalfwords):
            // Tables elsewhere than behind the instruction are nobody's.
            if instruction.decoded.n == 15 { arriveAtTargets(ofOffsetsAt: next, isHalfwords, after) } else { leavesIndirectly = true }
        }
    }

    /// LDR PC: a veneer's literal, a table of addresses behind the instruction, or a return from the stack.
    private mutating func jump(_ instruction: ThumbInstruction, at address: UInt32, _ before: FrameState, _ after: FrameState) {
        let decoded = instruction.decoded, base = Int(decoded.n)
        if base == 15 {
            if let target = code.word(((address &+ 4) & ~3) &+ decoded.offset) { arrive(at: target & ~1, after) } else { leavesIndirectly = true }
        } else if case .stack = before[base] {
            return
        } else if decoded.m >= 0, decoded.shift == 2, case .constant(let table) = before[base] {
            var nearest = UInt32.max
            for index in 0..<UInt32(1024) {
                let place = table &+ index &* 4
                guard place < nearest, let target = code.word(place), target & 1 != 0, function.contains(target & ~1) else { return }
                if target > table { nearest = min(nearest, target & ~1) }
                arrive(at: target & ~1, after)
            }
        } else {
            leavesIndirectly = true
        }
    }

    /// The table ends where the nearest code that it leads to begins.
    private mutating func arriveAtTargets(ofOffsetsAt table: UInt32, _ isHalfwords: Bool, _ state: FrameState) {
        var nearest = UInt32.max
        for index in 0..<UInt32(isHalfwords ? 4096 : 256) {
            let place = table &+ index &* (isHalfwords ? 2 : 1)
            guard place < nearest, let halfword = code.halfword(place & ~1) else { return }
            let offset = isHalfwords ? UInt32(halfword) : UInt32(halfword) >> (place & 1 * 8) & 0xFF
            let target = table &+ offset &* 2
            guard function.contains(target) else { return }
            // An offset of nothing leads into the table: padding.
            if offset == 0 { return }
            nearest = min(nearest, target)
            arrive(at: target, state)
        }
    }
}

/// Memory that holds code, as an unwinder reads it; registers of peripherals are not read.
struct CodeReader {
    let halfword: (UInt32) -> UInt16?
    let word: (UInt32) -> UInt32?

    func instruction(_ address: UInt32) -> ThumbInstruction? {
        guard let first = halfword(address) else { return nil }
        guard ThumbInstruction.isWide(first) else { return ThumbInstruction(first: first, second: 0) }
        return halfword(address &+ 2).map { ThumbInstruction(first: first, second: $0) }
    }

    /// The call whose return address is `link`, which has the Thumb bit, and where it leads; nil when there is none.
    func call(returningTo link: UInt32) -> (place: UInt32, target: UInt32?)? {
        let address = link & ~1
        guard link & 1 != 0, address >= 4 else { return nil }
        if let long = instruction(address &- 4), long.size == 4, case .call(let target) = long.flow(at: address &- 4) { return (address &- 4, target) }
        if let short = instruction(address &- 2), short.size == 2, short.flow(at: address &- 2) == .indirectCall { return (address &- 2, nil) }
        return nil
    }
}
