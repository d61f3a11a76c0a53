// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import Testing

@Suite struct ThumbInstructionTests {
    /// Register n holds 0x1000 * n, R3 holds 4; the instruction lies at 0x2002.
    private func access(_ first: UInt16, _ second: UInt16 = 0) -> ThumbInstruction.Access? {
        ThumbInstruction(first: first, second: second).access(pc: 0x2002) { $0 == 3 ? 4 : UInt32($0) * 0x1000 }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let text: String, first: UInt16, second: UInt16, address: UInt32, count: UInt32, write: Bool
        init(_ text: String, _ first: UInt16, _ second: UInt16, _ address: UInt32, _ count: UInt32, write: Bool = false) {
            self.text = text; self.first = first; self.second = second; self.address = address; self.count = count; self.write = write
        }
        var testDescription: String { text }
    }
    static let rows = [
        Row("ldr r0, [pc, #8]", 0x4802, 0, 0x200C, 4),
        Row("str r0, [r2, r3]", 0x50D0, 0, 0x2004, 4, write: true),
        Row("strh r0, [r2, r3]", 0x52D0, 0, 0x2004, 2, write: true),
        Row("strb r0, [r2, r3]", 0x54D0, 0, 0x2004, 1, write: true),
        Row("ldrsb r0, [r2, r3]", 0x56D0, 0, 0x2004, 1),
        Row("ldr r0, [r2, r3]", 0x58D0, 0, 0x2004, 4),
        Row("ldrh r0, [r2, r3]", 0x5AD0, 0, 0x2004, 2),
        Row("ldrb r0, [r2, r3]", 0x5CD0, 0, 0x2004, 1),
        Row("ldrsh r0, [r2, r3]", 0x5ED0, 0, 0x2004, 2),
        Row("ldrb r0, [r2, #31]", 0x7FD0, 0, 0x201F, 1),
        Row("strh r0, [r2, #62]", 0x87D0, 0, 0x203E, 2, write: true),
        Row("str r0, [sp, #4]", 0x9001, 0, 0xD004, 4, write: true),
        Row("push {r0, r1, lr}", 0xB503, 0, 0xCFF4, 12, write: true),
        Row("pop {r4, pc}", 0xBD10, 0, 0xD000, 8),
        Row("stm r2!, {r0, r1}", 0xC203, 0, 0x2000, 8, write: true),
        Row("ldm r2!, {r0, r1}", 0xCA03, 0, 0x2000, 8),
        Row("ldmdb r2, {r4-r6}", 0xE912, 0x0070, 0x1FF4, 12),
        Row("stmdb sp!, {r4, lr}", 0xE92D, 0x4010, 0xCFF8, 8, write: true),
        Row("strd r0, r1, [r2], #8", 0xE8E2, 0x0102, 0x2000, 8, write: true),
        Row("ldrd r0, r1, [r2, #-16]!", 0xE972, 0x0104, 0x1FF0, 8),
        Row("ldrex r0, [r2, #8]", 0xE852, 0x0F02, 0x2008, 4),
        Row("strexb r1, r0, [r2]", 0xE8C2, 0x0F41, 0x2000, 1, write: true),
        Row("tbh [pc, r3, lsl #1]", 0xE8DF, 0xF013, 0x200C, 2),
        Row("ldr.w r0, [pc, #-4]", 0xF85F, 0x0004, 0x2000, 4),
        Row("ldrsh.w r0, [r2, #0xFFF]", 0xF9B2, 0x0FFF, 0x2FFF, 2),
        Row("strb.w r0, [r2, r3, lsl #3]", 0xF802, 0x0033, 0x2020, 1, write: true),
        Row("ldr r0, [r2], #-4", 0xF852, 0x0904, 0x2000, 4),
        Row("str r0, [r2, #-4]!", 0xF842, 0x0D04, 0x1FFC, 4, write: true),
        Row("ldrt r0, [r2, #4]", 0xF852, 0x0E04, 0x2004, 4),
        Row("vldr s0, [r2, #-4]", 0xED12, 0x0A01, 0x1FFC, 4),
        Row("vstr d0, [r2, #8]", 0xED82, 0x0B02, 0x2008, 8, write: true),
        Row("vpush {s16-s17}", 0xED2D, 0x8A02, 0xCFF8, 8, write: true),
        Row("vldmia r2!, {d0-d1}", 0xECB2, 0x0B04, 0x2000, 16),
    ]

    @Test(arguments: rows) func anAccessIsWhereTheManualHasIt(_ row: Row) throws {
        let access = try #require(self.access(row.first, row.second))
        #expect(access.address == row.address && access.count == row.count && access.isWrite == row.write)
    }

    @Test(arguments: [(0x2001, 0), (0x4770, 0), (0xBF00, 0), (0xDF00, 0), (0xF000, 0xF800), (0xFB92, 0xF0F3), (0xEC41, 0x0B10), (0xEE00, 0x2A10)] as [(UInt16, UInt16)])
    func whatAccessesNothingHasNoAddress(_ first: UInt16, _ second: UInt16) { #expect(access(first, second) == nil) }

    @Test func everyPairOfHalfwordsIsDecodedWithoutATrap() {
        var accesses = 0
        for first in 0...UInt16.max {
            for second in [0, 0x0A01, 0x0F00, 0x8B10, 0xFFFF] as [UInt16] where access(first, second) != nil { accesses += 1 }
        }
        #expect(accesses > 100_000)
    }

    @Test func theITStateShiftsByAnInstruction() {
        let nop = ThumbInstruction(first: 0xBF00, second: 0), itte = ThumbInstruction(first: 0xBF06, second: 0)
        var state = itte.itState(after: 0), seen: [UInt8] = []
        for _ in 0..<4 { seen.append(state); state = nop.itState(after: state) }
        #expect(seen == [0x06, 0x0C, 0x18, 0x00])
    }

    @Test func fpuInstructionsAreThoseOfCoprocessors10And11() {
        #expect(ThumbInstruction(first: 0xEE00, second: 0x2A10).isFloatingPoint)
        #expect(ThumbInstruction(first: 0xED92, second: 0x0B01).isFloatingPoint)
        #expect(!ThumbInstruction(first: 0xEE00, second: 0x2F10).isFloatingPoint)
        #expect(!ThumbInstruction(first: 0xE92D, second: 0x4A10).isFloatingPoint)
    }
}

@Suite struct FaultStatusTests {
    @Test func flagsAreNamedAsTheManualNamesThem() {
        var status = FaultStatus()
        status.cfsr = 1 << 25 | 1 << 15 | 1 << 9
        status.hfsr = 1 << 30
        #expect(status.flags.map(\.name) == ["FORCED", "PRECISERR", "BFARVALID", "DIVBYZERO"])
    }

    @Test func anAddressCountsOnlyWhileItIsValid() {
        var status = FaultStatus()
        status.bfar = 5; status.mmfar = 6
        #expect(status.busFaultAddress == nil && status.memoryFaultAddress == nil)
        status.cfsr = 1 << 15 | 1 << 7
        #expect(status.busFaultAddress == 5 && status.memoryFaultAddress == 6)
    }

    @Test(arguments: [0xFFFF_FFF1, 0xFFFF_FFF9, 0xFFFF_FFFD, 0xFFFF_FFE1, 0xFFFF_FFE9, 0xFFFF_FFED] as [UInt32])
    func sixReturnValuesAreLegal(_ value: UInt32) { #expect(ExceptionReturn(value)?.value == value) }

    @Test(arguments: [0, 0xFFFF_FFF0, 0xFFFF_FFF5, 0xFFFF_FFFF, 0xFFFF_FFC9, 0xEFFF_FFF9] as [UInt32])
    func othersAreNot(_ value: UInt32) { #expect(ExceptionReturn(value) == nil) }
}
