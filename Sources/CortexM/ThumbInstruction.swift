/// A Thumb instruction's size and, for loads and stores, where it accesses memory.
///
/// The engine tells the page of a refused access, not the byte: MMFAR and BFAR come from decoding the instruction.
/// Source: ARMv7-M ARM, A5 and A7.
public struct ThumbInstruction: Equatable, Sendable {
    public let first: UInt16
    /// The second halfword; 0 for a 16-bit instruction.
    public let second: UInt16

    public init(first: UInt16, second: UInt16) {
        self.first = first
        self.second = Self.isWide(first) ? second : 0
    }
    @inlinable public static func isWide(_ halfword: UInt16) -> Bool { halfword >= 0xE800 }
    public var size: UInt32 { Self.isWide(first) ? 4 : 2 }
    /// ITSTATE behind this instruction, when it was `state` before. Source: ARMv7-M ARM, A7.3.3.
    public func itState(after state: UInt8) -> UInt8 {
        if first & 0xFF00 == 0xBF00, first & 0xF != 0 { return UInt8(truncatingIfNeeded: first) }
        return state & 7 == 0 ? 0 : state & 0xE0 | state << 1 & 0x1F
    }

    /// An instruction of coprocessors 10 and 11: the FPU.
    public var isFloatingPoint: Bool {
        Self.isWide(first) && first & 0xEC00 == 0xEC00 && (second >> 8) & 0xE == 0xA
    }

    /// `count` bytes from `address` on, ascending.
    public struct Access: Equatable, Sendable {
        public let address: UInt32
        public let count: UInt32
        public let isWrite: Bool
        /// The access must be word-aligned whatever CCR says.
        public let mustAlign: Bool
        init(_ address: UInt32, _ count: UInt32, write: Bool, mustAlign: Bool = false) {
            self.address = address; self.count = count; isWrite = write; self.mustAlign = mustAlign
        }
    }

    /// Where this instruction accesses memory with registers `r` (by number) and its own address `pc`; nil for one that does not.
    public func access(pc: UInt32, register r: (Int) -> UInt32) -> Access? {
        size == 2 ? narrowAccess(pc: pc, r) : wideAccess(pc: pc, r)
    }

    private func narrowAccess(pc: UInt32, _ r: (Int) -> UInt32) -> Access? {
        let h = UInt32(first)
        let rn = Int(h >> 3 & 7), rm = Int(h >> 6 & 7), imm5 = h >> 6 & 31
        let literalBase = (pc &+ 4) & ~3
        switch h >> 12 {
        case 4 where h >> 11 == 9: return Access(literalBase &+ ((h & 0xFF) << 2), 4, write: false)
        case 5:
            let kinds: [(UInt32, Bool)] = [(4, true), (2, true), (1, true), (1, false), (4, false), (2, false), (1, false), (2, false)]
            let (count, write) = kinds[Int(h >> 9 & 7)]
            return Access(r(rn) &+ r(rm), count, write: write)
        case 6: return Access(r(rn) &+ (imm5 << 2), 4, write: h & 0x800 == 0)
        case 7: return Access(r(rn) &+ imm5, 1, write: h & 0x800 == 0)
        case 8: return Access(r(rn) &+ (imm5 << 1), 2, write: h & 0x800 == 0)
        case 9: return Access(r(13) &+ ((h & 0xFF) << 2), 4, write: h & 0x800 == 0)
        case 0xB:
            if h & 0xFE00 == 0xB400 {
                let count = 4 &* UInt32((h & 0x1FF).nonzeroBitCount)
                return Access(r(13) &- count, count, write: true, mustAlign: true)
            }
            if h & 0xFE00 == 0xBC00 {
                return Access(r(13), 4 &* UInt32((h & 0x1FF).nonzeroBitCount), write: false, mustAlign: true)
            }
            return nil
        case 0xC:
            return Access(r(Int(h >> 8 & 7)), 4 &* UInt32((h & 0xFF).nonzeroBitCount), write: h & 0x800 == 0, mustAlign: true)
        default: return nil
        }
    }

    private func wideAccess(pc: UInt32, _ r: (Int) -> UInt32) -> Access? {
        let a = UInt32(first), b = UInt32(second)
        let rn = Int(a & 15), load = a & 0x10 != 0
        func base() -> UInt32 { rn == 15 ? (pc &+ 4) & ~3 : r(rn) }
        if a & 0xFE40 == 0xE800 {  // LDM, STM, POP.W, PUSH.W
            let count = 4 &* UInt32(b.nonzeroBitCount)
            let descending = a & 0x0180 == 0x0100
            return Access(descending ? r(rn) &- count : r(rn), count, write: !load, mustAlign: true)
        }
        if a & 0xFE40 == 0xE840 {  // dual, exclusive, table branch
            let offset = (b & 0xFF) << 2
            if a & 0x0120 == 0 {
                if a & 0x0080 == 0 { return Access(base() &+ offset, 4, write: !load, mustAlign: true) }  // LDREX, STREX
                let kind = b >> 4 & 15
                switch kind {
                case 0: return Access(base() &+ r(Int(b & 15)), 1, write: false)
                case 1: return Access(base() &+ (r(Int(b & 15)) << 1), 2, write: false)
                case 4: return Access(base(), 1, write: !load)
                case 5: return Access(base(), 2, write: !load, mustAlign: true)
                default: return nil
                }
            }
            let indexed = a & 0x80 != 0 ? base() &+ offset : base() &- offset
            return Access(a & 0x100 != 0 ? indexed : base(), 8, write: !load, mustAlign: true)
        }
        if a & 0xFE00 == 0xF800 {  // single loads and stores
            let sizeCode = a >> 5 & 3
            guard sizeCode != 3 else { return nil }
            let count: UInt32 = 1 << sizeCode
            if rn == 15 {
                return Access(a & 0x80 != 0 ? base() &+ (b & 0xFFF) : base() &- (b & 0xFFF), count, write: !load)
            }
            if a & 0x80 != 0 { return Access(base() &+ (b & 0xFFF), count, write: !load) }
            if b & 0x800 == 0 { return Access(base() &+ (r(Int(b & 15)) << (b >> 4 & 3)), count, write: !load) }
            let offset = b & 0xFF
            let indexed = b & 0x200 != 0 ? base() &+ offset : base() &- offset
            return Access(b & 0x400 != 0 ? indexed : base(), count, write: !load)
        }
        if a & 0xFE00 == 0xEC00, b >> 8 & 0xE == 0xA, a & 0x01A0 != 0 {  // VLDR, VSTR, VLDM, VSTM; not VMOV of two registers
            let imm = b & 0xFF
            if a & 0x0120 == 0x0100 {
                let offset = imm << 2
                return Access(a & 0x80 != 0 ? base() &+ offset : base() &- offset, b & 0x100 != 0 ? 8 : 4, write: !load, mustAlign: true)
            }
            let count = imm << 2
            return Access(a & 0x100 != 0 ? base() &- count : base(), count, write: !load, mustAlign: true)
        }
        return nil
    }
}
