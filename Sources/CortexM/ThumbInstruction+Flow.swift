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
        /// Permanently undefined.
        case none
    }

    /// `pc` is the instruction's own address.
    public func flow(at pc: UInt32) -> Flow { size == 2 ? narrowFlow(pc) : wideFlow(pc) }

    private func narrowFlow(_ pc: UInt32) -> Flow {
        let h = UInt32(first)
        if h & 0xF000 == 0xD000 {
            switch h >> 8 & 15 {
            case 14: return .none
            case 15: return .next  // SVC
            default: return .branch(to: pc &+ 4 &+ Self.signed(h & 0xFF, bits: 8) &* 2, isConditional: true)
            }
        }
        if h & 0xF800 == 0xE000 { return .branch(to: pc &+ 4 &+ Self.signed(h & 0x7FF, bits: 11) &* 2, isConditional: false) }
        if h & 0xF500 == 0xB100 { return .branch(to: pc &+ 4 &+ (h >> 9 & 1) << 6 &+ (h >> 3 & 31) << 1, isConditional: true) }
        if h & 0xFF87 == 0x4780 { return .indirectCall }
        if h & 0xFF87 == 0x4700 { return .jump(register: Int(h >> 3 & 15)) }
        if h & 0xFF87 == 0x4687 { return .jump(register: Int(h >> 3 & 15)) }
        if h & 0xFF87 == 0x4487 { return .none }  // ADD PC: nobody's code has it
        if h & 0xFF00 == 0xBD00 { return .loadedReturn }
        return .next
    }

    private func wideFlow(_ pc: UInt32) -> Flow {
        let a = UInt32(first), b = UInt32(second)
        if a & 0xF800 == 0xF000, b & 0x8000 != 0 { return longBranch(pc, a, b) }
        if a & 0xFE50 == 0xE810 { return b & 0x8000 != 0 ? .loadedReturn : .next }
        if a & 0xFFF0 == 0xE8D0, b & 0xFFE0 == 0xF000 { return .table(isHalfwords: b & 0x10 != 0) }
        if a & 0xFF70 == 0xF850, b >> 12 == 15 { return .loadedJump }
        return .next
    }

    private func longBranch(_ pc: UInt32, _ a: UInt32, _ b: UInt32) -> Flow {
        let sign = a >> 10 & 1, j1 = b >> 13 & 1, j2 = b >> 11 & 1
        switch b & 0xD000 {
        case 0x8000:
            guard a >> 6 & 15 < 14 else { return a & 0xFFF0 == 0xF7F0 && b & 0xF000 == 0xA000 ? .none : .next }
            let offset = sign << 20 | j2 << 19 | j1 << 18 | (a & 0x3F) << 12 | (b & 0x7FF) << 1
            return .branch(to: pc &+ 4 &+ Self.signed(offset, bits: 21), isConditional: true)
        case 0x9000, 0xD000:
            let i1 = 1 ^ j1 ^ sign, i2 = 1 ^ j2 ^ sign
            let offset = sign << 24 | i1 << 23 | i2 << 22 | (a & 0x3FF) << 12 | (b & 0x7FF) << 1
            let target = pc &+ 4 &+ Self.signed(offset, bits: 25)
            return b & 0x4000 != 0 ? .call(to: target) : .branch(to: target, isConditional: false)
        default: return .none  // BLX to Arm code, which the core does not have
        }
    }

    private static func signed(_ value: UInt32, bits: UInt32) -> UInt32 {
        value >> (bits - 1) & 1 == 0 ? value : value | ~((1 << bits) &- 1)
    }
}
