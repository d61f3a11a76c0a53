// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import TestSupport
import Testing

private typealias T = Thumb

/// Single-precision arithmetic against the host's IEEE 754, with INEXACT clear and then set: two ways through the engine.
@Suite struct ArithmeticTests {
    private static let operands: UInt32 = 0x1000_2000, results: UInt32 = 0x1000_5000, count = 600

    /// Numbers of all kinds: any bits, near the ends of the range, zeros, infinities, small integers.
    private static func numbers() -> [Float] {
        var state: UInt64 = 0x1234_5678_9ABC_DEF0
        func next() -> UInt32 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt32(truncatingIfNeeded: state >> 32)
        }
        let edges: [UInt32] = [0, 0x8000_0000, 1, 0x007F_FFFF, 0x0080_0000, 0x0080_0001, 0x7F7F_FFFF, 0x7F80_0000, 0xFF80_0000, 0x3F80_0000, 0xBF80_0000]
        return (0..<count * 3).map { index in
            switch next() % 8 {
            case 0: Float(bitPattern: edges[Int(next()) % edges.count])
            case 1: Float(Int32(truncatingIfNeeded: next()) % 1000)
            case 2: Float(bitPattern: next() & 0x80FF_FFFF)
            case 3, 4: Float(bitPattern: 0x3F00_0000 &+ next() & 0x81FF_FFFF | 0x3C00_0000)
            default: Float(bitPattern: next())
            }
        }
    }

    private static func isSame(_ seen: UInt32, _ right: Float) -> Bool {
        right.isNaN ? Float(bitPattern: seen).isNaN : seen == right.bitPattern
    }

    @Test(arguments: [false, true]) func sumsProductsAndFusedSumsAreIEEE(inexact: Bool) throws {
        let numbers = Self.numbers()
        let start = T.poke(0xE000_ED88, 0x00F0_0000) + T.isb + T.load32(3, inexact ? 0x10 : 0) + [0xEEE1, 0x3A10]  // vmsr fpscr, r3
            + T.load32(0, Self.operands) + T.load32(1, Self.results) + T.load32(2, UInt32(Self.count))
        // vldmia r0!, {s0-s2}; vmov s3, s2; vfma s3, s0, s1; vadd s4, s0, s1; vsub s5, s0, s1; vmul s6, s0, s1; vstmia r1!, {s3-s6}
        var turn: Thumb.Code = [0xECB0, 0x0A03, 0xEEF0, 0x1A41, 0xEEE0, 0x1A20, 0xEE30, 0x2A20, 0xEE70, 0x2A60, 0xEE20, 0x3A20, 0xECE1, 0x1A04]
        if !inexact { turn += [0xEEE1, 0x3A10] }
        turn += T.subs(2, 1)
        let bench = try Bench(start + turn + T.bne(-turn.count * 2))
        for (index, number) in numbers.enumerated() { try bench.word(Self.operands + UInt32(index) * 4, number.bitPattern) }
        bench.run(cycles: 50_000)
        #expect(bench.board.core.registers.r[2] == 0)
        for index in 0..<Self.count {
            let a = numbers[index * 3], b = numbers[index * 3 + 1], c = numbers[index * 3 + 2]
            let right = [c.addingProduct(a, b), a + b, a - b, a * b]
            for (operation, value) in right.enumerated() {
                let seen = try bench.word(Self.results + UInt32(index * 16 + operation * 4))
                #expect(Self.isSame(seen, value), "operation \(operation) of \(a), \(b), \(c): \(Float(bitPattern: seen)), not \(value)")
            }
        }
    }
}
