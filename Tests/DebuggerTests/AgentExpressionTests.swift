// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Debugger
import Testing

@Suite struct AgentExpressionTests {
    private func value(_ code: [UInt8]) throws(AgentExpression.Failure) -> UInt64 {
        try AgentExpression(code).value(register: { $0 < 40 ? UInt64($0) &+ 100 : nil }, memory: { $0 < 0x1000 ? UInt64($0) &+ UInt64($1) : nil })
    }

    @Test("Arithmetic, comparisons and stack operations are those of gdb's manual")
    func arithmetic() throws {
        let two: [UInt8] = [0x22, 7, 0x22, 3]
        for (operation, result) in [
            (0x02, 10), (0x03, 4), (0x04, 21), (0x05, 2), (0x06, 2), (0x07, 1), (0x08, 1), (0x09, 56), (0x0B, 0), (0x0F, 3), (0x10, 7), (0x11, 4), (0x13, 0), (0x14, 0), (0x15, 0),
        ] as [(UInt8, UInt64)] {
            #expect(try value(two + [operation, 0x27]) == result, "\(operation)")
        }
        // -1 as a byte, extended; less than 0 by sign, not without.
        #expect(try value([0x22, 0xFF, 0x16, 8, 0x27]) == .max)
        #expect(try value([0x22, 0xFF, 0x16, 8, 0x22, 0, 0x14, 0x27]) == 1)
        #expect(try value([0x22, 0xFF, 0x16, 8, 0x22, 0, 0x15, 0x27]) == 0)
        #expect(try value([0x22, 0xFF, 0x16, 8, 0x2A, 16, 0x27]) == 0xFFFF)
        #expect(try value([0x23, 0x12, 0x34, 0x27]) == 0x1234)
        #expect(try value([0x26, 0, 15, 0x27]) == 115)
        #expect(try value([0x22, 8, 0x19, 0x27]) == 12)
        // rot: 1 2 3 is 3 1 2 with 2 on top; swap, pick, dup, pop.
        #expect(try value([0x22, 1, 0x22, 2, 0x22, 3, 0x33, 0x27]) == 2)
        #expect(try value([0x22, 1, 0x22, 2, 0x2B, 0x27]) == 1)
        #expect(try value([0x22, 9, 0x22, 2, 0x32, 1, 0x27]) == 9)
        #expect(try value([0x22, 9, 0x28, 0x02, 0x27]) == 18)
        // if_goto over a constant.
        #expect(try value([0x22, 5, 0x22, 1, 0x20, 0, 9, 0x22, 6, 0x27]) == 5)
    }

    @Test("The most negative number divided by -1 is no trap") func overflow() throws {
        let least: [UInt8] = [0x25, 0x80, 0, 0, 0, 0, 0, 0, 0], minusOne: [UInt8] = [0x22, 0xFF, 0x16, 8]
        #expect(try value(least + minusOne + [0x05, 0x27]) == 1 << 63)
        #expect(try value(least + minusOne + [0x07, 0x27]) == 0)
    }

    @Test("What cannot be evaluated says why, and an endless loop ends")
    func failures() {
        func failure(_ code: [UInt8]) -> AgentExpression.Failure? { do throws(AgentExpression.Failure) { _ = try value(code); return nil } catch { return error } }
        #expect(failure([]) == .truncated)
        #expect(failure([0x22]) == .truncated)
        #expect(failure([0x27]) == .stackUnderflow)
        #expect(failure([0x02]) == .stackUnderflow)
        #expect(failure([0x22, 1, 0x22, 0, 0x06, 0x27]) == .divisionByZero)
        #expect(failure([0x21, 0, 0]) == .tooLong)
        #expect(failure([0x21, 0, 9]) == .truncated)
        #expect(failure([0x22, 1, 0x21, 0, 0]) == .stackOverflow)
        #expect(failure([0x1B]) == .unsupported(0x1B))
        #expect(failure([0x26, 0, 60, 0x27]) == .noRegister(60))
        #expect(failure([0x23, 0x20, 0, 0x17, 0x27]) == .noMemory(0x2000))
    }
}
