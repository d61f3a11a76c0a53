// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CThumb

/// Where execution goes from an instruction. Source: ARMv7-M ARM, A5 and A7.
extension ThumbInstruction {
    public enum Flow: Equatable, Sendable {
        /// To the next instruction.
        case next
        /// B, CBZ, CBNZ; a conditional one may go to the next instruction as well.
        case branch(to: UInt32, isConditional: Bool)
        /// BL, which comes back.
        case call(to: UInt32)
        /// BLX Rm, which comes back.
        case indirectCall
        /// BX Rm, or MOV PC, Rm.
        case jump(register: Int)
        /// LDR PC: a return, a jump table or a veneer.
        case loadedJump
        /// POP and LDM with PC.
        case loadedReturn
        /// TBB and TBH.
        case table(isHalfwords: Bool)
        /// Undefined, or to where no compiler's code goes: ADD PC.
        case none
    }

    /// `pc` is the instruction's own address.
    public func flow(at pc: UInt32) -> Flow {
        switch decoded.flow {
        case THUMB_NEXT: .next
        case THUMB_BRANCH: .branch(to: pc &+ 4 &+ decoded.immediate, isConditional: decoded.conditional)
        case THUMB_CALL: .call(to: pc &+ 4 &+ decoded.immediate)
        case THUMB_INDIRECT_CALL: .indirectCall
        case THUMB_JUMP: .jump(register: Int(decoded.m))
        case THUMB_LOADED_JUMP: .loadedJump
        case THUMB_LOADED_RETURN: .loadedReturn
        case THUMB_TABLE: .table(isHalfwords: decoded.width == 2)
        default: .none
        }
    }
}
