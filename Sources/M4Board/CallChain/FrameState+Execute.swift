import CortexM

// What instructions do to stack pointer, saved registers and their copies. What is not known to leave a register alone changes it.
// Source: ARMv7-M ARM, A5 and A7.
extension FrameState {
    /// - Parameters:
    ///   - pc: the instruction's own address.
    ///   - literal: a word of memory beside the code.
    mutating func execute(_ instruction: ThumbInstruction, at pc: UInt32, literal: (UInt32) -> UInt32?) {
        if instruction.size == 2 {
            narrow(UInt32(instruction.first), pc, literal)
        } else {
            wide(UInt32(instruction.first), UInt32(instruction.second), pc, literal)
        }
        dropDeadWords()
    }

    private func constant(_ value: UInt32?) -> FrameValue { value.map { .constant($0) } ?? .unknown }

    // MARK: 16 bits

    private mutating func narrow(_ h: UInt32, _ pc: UInt32, _ literal: (UInt32) -> UInt32?) {
        let low = Int(h & 7), middle = Int(h >> 3 & 7), high = Int(h >> 8 & 7)
        switch h >> 11 {
        case 0x00: set(low, h >> 6 & 31 == 0 ? self[middle] : .unknown)  // LSLS, MOVS
        case 0x01, 0x02: set(low, .unknown)
        case 0x03:
            let operand = h & 0x400 != 0 ? FrameValue.constant(h >> 6 & 7) : self[Int(h >> 6 & 7)]
            set(low, h & 0x200 == 0 ? self[middle].adding(operand) : self[middle].subtracting(operand))
        case 0x04: set(high, .constant(h & 0xFF))
        case 0x05: break
        case 0x06: set(high, self[high].adding(h & 0xFF))
        case 0x07: set(high, self[high].adding(0 &- (h & 0xFF)))
        case 0x08: special(h)
        case 0x09: set(high, constant(literal(((pc &+ 4) & ~3) &+ (h & 0xFF) << 2)))
        case 0x0A, 0x0B: if h >> 9 & 7 >= 3 { set(low, .unknown) }
        case 0x0C: store([low], at: self[middle].adding((h >> 6 & 31) << 2))
        case 0x0D: set(low, load(self[middle].adding((h >> 6 & 31) << 2)))
        case 0x0E: forget(at: self[middle].adding(h >> 6 & 31), bytes: 1)
        case 0x10: forget(at: self[middle].adding((h >> 6 & 31) << 1), bytes: 2)
        case 0x0F, 0x11: set(low, .unknown)
        case 0x12: store([high], at: self[13].adding((h & 0xFF) << 2))
        case 0x13: set(high, load(self[13].adding((h & 0xFF) << 2)))
        case 0x14: set(high, .constant(((pc &+ 4) & ~3) &+ (h & 0xFF) << 2))
        case 0x15: set(high, self[13].adding((h & 0xFF) << 2))
        case 0x16, 0x17: miscellaneous(h)
        case 0x18, 0x19: transfer(base: high, list: h & 0xFF, loads: h & 0x800 != 0, descends: false, writesBack: h & 0x800 == 0 || h >> UInt32(high) & 1 == 0)
        case 0x1B: if h & 0xFF00 == 0xDF00 { serviceCall() }
        default: break
        }
    }

    /// Data processing, and what works on high registers.
    private mutating func special(_ h: UInt32) {
        let either = Int(h & 7 | h >> 4 & 8), source = Int(h >> 3 & 15)
        switch h >> 8 & 7 {
        case 0...3: if ![8, 10, 11].contains(h >> 6 & 15) { set(Int(h & 7), .unknown) }  // not TST, CMP, CMN
        case 4: set(either, self[either].adding(self[source]))
        case 5: break
        case 6: set(either, self[source])
        default: if h & 0x80 != 0 { call() }  // BLX; BX ends the function
        }
    }

    private mutating func miscellaneous(_ h: UInt32) {
        switch h {
        case 0xB000...0xB0FF: set(13, self[13].adding(h & 0x80 == 0 ? (h & 0x7F) << 2 : 0 &- (h & 0x7F) << 2))
        case 0xB200...0xB2FF, 0xBA00...0xBAFF: set(Int(h & 7), .unknown)
        case 0xB400...0xB5FF: transfer(base: 13, list: h & 0xFF | (h & 0x100) << 6, loads: false, descends: true, writesBack: true)
        case 0xBC00...0xBDFF: transfer(base: 13, list: h & 0xFF | (h & 0x100) << 7, loads: true, descends: false, writesBack: true)
        default: break
        }
    }

    private mutating func serviceCall() {
        for register in [0, 1, 2, 3, 12] { set(register, .unknown) }
    }

    /// LDM and STM of any kind.
    private mutating func transfer(base: Int, list: UInt32, loads: Bool, descends: Bool, writesBack: Bool) {
        let registers = (0..<16).filter { list >> UInt32($0) & 1 != 0 }
        let bytes = UInt32(registers.count) &* 4
        let begin = descends ? self[base].adding(0 &- bytes) : self[base]
        let end = descends ? begin : begin.adding(bytes)
        if loads {
            let values = registers.enumerated().map { load(begin.adding(UInt32($0.offset) &* 4)) }
            if writesBack { set(base, end) }
            for (register, value) in zip(registers, values) { set(register, value) }
        } else {
            store(registers, at: begin)
            if writesBack { set(base, end) }
        }
    }

    // MARK: 32 bits

    private mutating func wide(_ a: UInt32, _ b: UInt32, _ pc: UInt32, _ literal: (UInt32) -> UInt32?) {
        switch a >> 9 {
        case 0x74:  // 1110 100
            if a & 0x40 == 0 {
                transfer(base: Int(a & 15), list: b, loads: a & 0x10 != 0, descends: a & 0x180 == 0x100, writesBack: a & 0x20 != 0)
            } else if a & 0x120 != 0 { dual(a, b) } else { exclusive(a, b) }
        case 0x75: shiftedRegister(a, b)
        case 0x76, 0x7E: coprocessorTransfer(a, b)
        case 0x77, 0x7F: if a & 0x110 == 0x010, b & 0x10 != 0 { set(Int(b >> 12), .unknown) }  // VMOV and MRC to a core register
        case 0x78...0x7B: if b & 0x8000 == 0 { immediate(a, b, pc) } else { control(a, b) }
        case 0x7C: single(a, b, pc, literal)
        case 0x7D:
            set(Int(b >> 8 & 15), .unknown)
            if a & 0x180 == 0x180 { set(Int(b >> 12), .unknown) }  // long multiplications
        default: forgetAll()
        }
    }

    /// LDRD and STRD.
    private mutating func dual(_ a: UInt32, _ b: UInt32) {
        let base = Int(a & 15), first = Int(b >> 12), second = Int(b >> 8 & 15)
        let moved = self[base].adding(a & 0x80 != 0 ? (b & 0xFF) << 2 : 0 &- (b & 0xFF) << 2)
        let address = a & 0x100 != 0 ? moved : self[base]
        if a & 0x10 != 0 {
            let values = (load(address), load(address.adding(4)))
            if a & 0x20 != 0 { set(base, moved) }
            set(first, values.0)
            set(second, values.1)
        } else {
            store([first, second], at: address)
            if a & 0x20 != 0 { set(base, moved) }
        }
    }

    private mutating func exclusive(_ a: UInt32, _ b: UInt32) {
        switch a & 0xFFF0 {
        case 0xE840:
            forget(at: self[Int(a & 15)].adding((b & 0xFF) << 2), bytes: 4)
            set(Int(b >> 8 & 15), .unknown)
        case 0xE8C0:
            forget(at: self[Int(a & 15)], bytes: 4)
            set(Int(b & 15), .unknown)
        case 0xE8D0 where b & 0xE0 == 0: break  // TBB, TBH
        default: set(Int(b >> 12), .unknown)
        }
    }

    private mutating func shiftedRegister(_ a: UInt32, _ b: UInt32) {
        let operation = a >> 5 & 15, base = Int(a & 15), destination = Int(b >> 8 & 15)
        let isPlain = b & 0x70F0 == 0  // no shift
        if destination == 15 { return }  // TST, TEQ, CMP, CMN
        switch (operation, isPlain) {
        case (2, true) where base == 15: set(destination, self[Int(b & 15)])
        case (8, true): set(destination, self[base].adding(self[Int(b & 15)]))
        case (13, true): set(destination, self[base].subtracting(self[Int(b & 15)]))
        default: set(destination, .unknown)
        }
    }

    /// VLDM, VSTM, VPUSH, VPOP, VLDR, VSTR, VMOV of two registers, and their like of other coprocessors.
    private mutating func coprocessorTransfer(_ a: UInt32, _ b: UInt32) {
        let base = Int(a & 15)
        if a & 0x1A0 == 0 {
            if a & 0x10 != 0 {
                set(Int(b >> 12), .unknown)
                set(base, .unknown)
            }
            return
        }
        let bytes = (b & 0xFF) << 2
        let moved = self[base].adding(a & 0x80 != 0 ? bytes : 0 &- bytes)
        if a & 0x10 == 0 {
            let isOne = a & 0x120 == 0x100
            forget(at: a & 0x100 != 0 ? moved : self[base], bytes: Int32(isOne ? 8 : bytes))
        }
        if a & 0x20 != 0 { set(base, moved) }
    }

    private mutating func immediate(_ a: UInt32, _ b: UInt32, _ pc: UInt32) {
        let base = Int(a & 15), destination = Int(b >> 8 & 15)
        let imm12 = (a >> 10 & 1) << 11 | (b >> 12 & 7) << 8 | b & 0xFF
        if a & 0x200 != 0 {
            let imm16 = (a & 15) << 12 | imm12
            switch a >> 4 & 31 {
            case 0x00: set(destination, base == 15 ? .constant(((pc &+ 4) & ~3) &+ imm12) : self[base].adding(imm12))
            case 0x0A: set(destination, base == 15 ? .constant(((pc &+ 4) & ~3) &- imm12) : self[base].adding(0 &- imm12))
            case 0x04: set(destination, .constant(imm16))
            case 0x0C:
                if case .constant(let value) = self[destination] { set(destination, .constant(value & 0xFFFF | imm16 << 16)) } else { set(destination, .unknown) }
            default: set(destination, .unknown)
            }
            return
        }
        if destination == 15 { return }  // TST, TEQ, CMP, CMN
        let value = Self.expanded(imm12)
        switch a >> 5 & 15 {
        case 2 where base == 15: set(destination, .constant(value))
        case 3 where base == 15: set(destination, .constant(~value))
        case 8: set(destination, self[base].adding(value))
        case 13: set(destination, self[base].adding(0 &- value))
        default: set(destination, .unknown)
        }
    }

    /// ThumbExpandImm. Source: ARMv7-M ARM, A5.3.2.
    private static func expanded(_ imm12: UInt32) -> UInt32 {
        let byte = imm12 & 0xFF
        switch imm12 >> 8 {
        case 0: return byte
        case 1: return byte | byte << 16
        case 2: return byte << 8 | byte << 24
        case 3: return byte | byte << 8 | byte << 16 | byte << 24
        default:
            let turn = imm12 >> 7, value = 0x80 | imm12 & 0x7F
            return value >> turn | value << (32 - turn)
        }
    }

    /// Branches, MSR, MRS, hints and barriers.
    private mutating func control(_ a: UInt32, _ b: UInt32) {
        switch b & 0xD000 {
        case 0xD000: call()
        case 0x8000 where a & 0xFFE0 == 0xF380:
            // To MSP, PSP or CONTROL: another stack, perhaps.
            if [8, 9, 20].contains(b & 0xFF) { set(13, .unknown) }
        case 0x8000 where a & 0xFFE0 == 0xF3E0: set(Int(b >> 8 & 15), .unknown)
        default: break
        }
    }

    /// LDR and STR of a byte, halfword or word.
    private mutating func single(_ a: UInt32, _ b: UInt32, _ pc: UInt32, _ literal: (UInt32) -> UInt32?) {
        let base = Int(a & 15), target = Int(b >> 12), loads = a & 0x10 != 0
        let isWord = a & 0x160 == 0x040
        var address = FrameValue.unknown
        if loads, base == 15 {
            let place = ((pc &+ 4) & ~3) &+ (a & 0x80 != 0 ? b & 0xFFF : 0 &- (b & 0xFFF))
            set(target, isWord ? constant(literal(place)) : .unknown)
            return
        }
        if a & 0x80 != 0 {
            address = self[base].adding(b & 0xFFF)
        } else if b & 0x800 != 0 {
            let moved = self[base].adding(b & 0x200 != 0 ? b & 0xFF : 0 &- (b & 0xFF))
            address = b & 0x400 != 0 ? moved : self[base]
            if b & 0x100 != 0 {
                if !loads { keep(target, at: address, isWord, a) }
                let value = loads && isWord ? load(address) : .unknown
                set(base, moved)
                if loads { set(target, value) }
                return
            }
        }
        if loads { set(target, isWord ? load(address) : .unknown) } else { keep(target, at: address, isWord, a) }
    }

    private mutating func keep(_ register: Int, at address: FrameValue, _ isWord: Bool, _ a: UInt32) {
        if isWord { store([register], at: address) } else { forget(at: address, bytes: a & 0x20 != 0 ? 2 : 1) }
    }
}
