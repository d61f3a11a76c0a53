// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import TestSupport
import Testing

private typealias T = Thumb

/// Where the engine computes otherwise than the manual, each beside its neighbour that is right. A test here that fails tells that the
/// engine has learnt better: then its line in FIDELITY.md goes, too.
@Suite struct EngineArithmeticTests {
    /// Each instruction as `op r2, r0, r0, r1`.
    enum DualMultiply: UInt16, CaseIterable { case smlad = 0x1200, smladx = 0x1210 }

    /// The sum of products and addend is what saturates nothing here: Q should stay clear. Source: ARMv7-M ARM, A7.7, SMLAD.
    @Test(arguments: DualMultiply.allCases) func qIsSetWhereOnlyTheProductsOverflow(instruction: DualMultiply) throws {
        func run(_ factor: UInt32, _ addend: UInt32) throws -> [UInt32] {
            let clear = T.movs(4, 0) + [0xF384, 0x8800]
            let program = clear + T.load32(0, factor) + T.load32(1, addend) + [0xFB20, instruction.rawValue, 0xF3EF, 0x8300] + T.log(register: 2) + T.log(register: 3)
            let bench = try Bench(program)
            bench.run(cycles: 5_000)
            return try bench.log.enumerated().map { $0.offset == 1 ? $0.element & 1 << 27 : $0.element }
        }
        #expect(try run(0x8000_8000, 0xC000_0000) == [0x4000_0000, 1 << 27])
        // One product less, and an addend of the same sign.
        #expect(try run(0x8000_0000, 0xC000_0000).last == 0)
        #expect(try run(0x8000_8000, 1) == [0x8000_0001, 1 << 27])
    }

    /// From fixed point it should be to the nearest, whatever FPSCR.RMode says. Source: ARMv7-M ARM, A7.7, VCVT (between
    /// floating-point and fixed-point).
    @Test func aFixedPointNumberIsRoundedAsFPSCRSays() throws {
        func run(_ mode: UInt32, _ convert: Thumb.Code) throws -> [UInt32] {
            let load = T.load32(0, 0x0337_41EF) + T.load32(1, mode << 22) + [0xEEE1, 0x1A10, 0xEE00, 0x0A10]
            let bench = try Bench(T.poke(PPB.cpacr, 0x00F0_0000) + T.isb + load + convert + [0xEE10, 0x2A10] + T.log(register: 2))
            bench.run(cycles: 5_000)
            return try bench.log
        }
        let oneFractionBit: Thumb.Code = [0xEEBA, 0x0AEF], integer: Thumb.Code = [0xEEB8, 0x0AC0]
        #expect(try run(0, oneFractionBit) == [0x4BCD_D07C])
        #expect(try run(2, oneFractionBit) == [0x4BCD_D07B])
        // An integer does round as FPSCR says.
        #expect(try run(0, integer) == [0x4C4D_D07C])
        #expect(try run(2, integer) == [0x4C4D_D07B])
    }
}
