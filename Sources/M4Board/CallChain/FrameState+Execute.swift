// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CThumb
import CortexM

// What instructions do to stack pointer, saved registers and their copies. What is not known to leave a register alone changes it.
// Source: ARMv7-M ARM, A7.
extension FrameState {
    /// - Parameters:
    ///   - pc: the instruction's own address.
    ///   - literal: a word of memory beside the code.
    mutating func execute(_ instruction: ThumbInstruction, at pc: UInt32, literal: (UInt32) -> UInt32?) {
        let i = instruction.decoded
        switch i.operation {
        case THUMB_BL, THUMB_BLX: call()
        case THUMB_SVC: serviceCall()
        // To MSP, PSP or CONTROL: another stack, perhaps.
        case THUMB_MSR:
            if [8, 9, 20].contains(i.immediate) { set(13, .unknown) }
            if [9, 20].contains(i.immediate) { changeProcessStack() }
        case THUMB_MRS where i.immediate == 9: set(Int(i.d), isProcessStackChanged ? .unknown : .process(ProcessDistance(low: 0, high: 0)))
        case THUMB_LDM, THUMB_STM: transferList(i)
        case THUMB_LDR where i.n == 15:
            let value = i.width == 4 ? literal(((pc &+ 4) & ~3) &+ i.offset) : nil
            set(Int(i.d), value.map { .constant($0) } ?? .unknown)
        default:
            if i.loads || i.stores {
                transfer(i)
            } else {
                compute(i, pc)
            }
        }
        dropDeadWords()
    }

    private mutating func serviceCall() {
        for register in [0, 1, 2, 3, 12] { set(register, .unknown) }
    }

    private mutating func forget(registers: UInt16) {
        for register in 0..<15 where registers >> UInt16(register) & 1 != 0 { set(register, .unknown) }
    }

    // MARK: Memory

    /// LDM and STM of any kind.
    private mutating func transferList(_ i: thumb_instruction) {
        let registers = (0..<16).filter { i.list >> UInt16($0) & 1 != 0 }
        let base = Int(i.n), begin = self[base].adding(i.offset), end = self[base].adding(i.step)
        if i.stores { store(registers, at: begin) }
        let values = i.loads ? registers.indices.map { load(begin.adding(UInt32($0) &* 4)) } : []
        if i.writes_back { set(base, end) }
        for (register, value) in zip(registers, values) { set(register, value) }
    }

    /// All other loads and stores: one register, two, the FPU's, exclusive ones.
    private mutating func transfer(_ i: thumb_instruction) {
        let base = Int(i.n), moved = self[base].adding(i.step)
        let address = i.m < 0 ? self[base].adding(i.offset) : .unknown
        let isWord = i.width == 4 && !i.exclusive
        var values: [(Int8, FrameValue)] = []
        if i.stores {
            switch i.operation {
            case THUMB_STR where isWord: store([Int(i.d)], at: address)
            case THUMB_STRD: store([Int(i.d), Int(i.a)], at: address)
            default: forget(at: address, bytes: Int32(i.count))
            }
        } else if isWord, i.operation == THUMB_LDR {
            values = [(i.d, load(address))]
        } else if i.operation == THUMB_LDRD {
            values = [(i.d, load(address)), (i.a, load(address.adding(4)))]
        }
        forget(registers: i.writes)
        if i.writes_back { set(base, moved) }
        for (register, value) in values { set(Int(register), value) }
    }

    // MARK: Registers

    private mutating func compute(_ i: thumb_instruction, _ pc: UInt32) {
        let result = result(i, pc)
        forget(registers: i.writes)
        if let result { set(Int(i.d), result) }
    }

    /// What is worked out: sums, copies and constants.
    private func result(_ i: thumb_instruction, _ pc: UInt32) -> FrameValue? {
        guard i.shift == 0 else { return nil }
        let operand = i.m < 0 ? FrameValue.constant(i.immediate) : self[Int(i.m)]
        switch i.operation {
        case THUMB_MOV: return operand
        case THUMB_MVN where i.m < 0: return .constant(~i.immediate)
        case THUMB_ADR: return .constant(((pc &+ 4) & ~3) &+ i.immediate)
        case THUMB_ADD: return self[Int(i.n)].adding(operand)
        case THUMB_SUB: return self[Int(i.n)].subtracting(operand)
        case THUMB_MOVT:
            guard case .constant(let value) = self[Int(i.d)] else { return nil }
            return .constant(value & 0xFFFF | i.immediate << 16)
        default: return nil
        }
    }
}
