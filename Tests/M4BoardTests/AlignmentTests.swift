// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import TestSupport
import Testing

/// Source: ARMv7-M ARM, A3.2.1. Engine 2.0's hooks do not see what registers hold.
@Suite(.enabled(if: M4Board.trapsOnOperands, "needs the engine of engine/, not the system's")) struct AlignmentTests {
    private static let shcsr: UInt32 = 0xE000_ED24, cpacr: UInt32 = 0xE000_ED88, ccr: UInt32 = 0xE000_ED14

    /// With R2 = 0x10009001, R3 = 4, R14 = 0x10009002.
    struct Form: CustomTestStringConvertible, Sendable {
        let name: String
        let code: [UInt16]
        var isAligned = false
        init(_ name: String, _ code: [UInt16], isAligned: Bool = false) { self.name = name; self.code = code; self.isAligned = isAligned }
        var testDescription: String { name }
    }
    static let underControl = [
        Form("ldr r0, [r2]", [0x6810]), Form("str r0, [r2, #4]", [0x6050]), Form("ldrh r0, [r2]", [0x8810]), Form("strh r0, [r2, #2]", [0x8050]),
        Form("ldr r0, [r2, r3]", [0x58D0]), Form("ldrsh r0, [r2, r3]", [0x5ED0]), Form("strh r0, [r2, r3]", [0x52D0]),
        Form("ldr.w r0, [r2, #-4]", [0xF852, 0x0C04]), Form("ldr.w r0, [r2], #4", [0xF852, 0x0B04]), Form("str.w r0, [r2, #0x120]", [0xF8C2, 0x0120]),
        Form("ldrsh.w r0, [r2, #2]", [0xF9B2, 0x0002]), Form("ldr.w r0, [r2, r3, lsl #1]", [0xF852, 0x0013]), Form("ldrt r0, [r2]", [0xF852, 0x0E00]),
        Form("tbh [r2, r3]", [0xE8D2, 0xF013]),
        Form("ldrb r0, [r2]", [0x7810], isAligned: true), Form("strb r0, [r2, r3]", [0x54D0], isAligned: true),
        Form("ldr.w r0, [r2, #3]", [0xF8D2, 0x0003], isAligned: true), Form("ldrh.w r0, [r2, #1]", [0xF8B2, 0x0001], isAligned: true),
        Form("pldw [r2]", [0xF8B2, 0xF000], isAligned: true),
    ]
    static let always = [
        Form("ldm r2, {r0, r1}", [0xCA03]), Form("stm.w lr, {r0, r1}", [0xE88E, 0x0003]), Form("ldrd r0, r1, [r2]", [0xE9D2, 0x0100]),
        Form("strd r0, r1, [lr, #8]", [0xE9CE, 0x0102]), Form("ldrex r0, [r2]", [0xE852, 0x0F00]), Form("ldrexh r0, [r2]", [0xE8D2, 0x0F5F]),
        Form("strex r0, r1, [lr]", [0xE84E, 0x1000]), Form("vldr s0, [r2]", [0xED92, 0x0A00]), Form("vstr d1, [lr, #8]", [0xED8E, 0x1B02]),
        Form("vldmia r2, {s0-s3}", [0xEC92, 0x0A04]), Form("vstmdb r2!, {d0-d1}", [0xED22, 0x0B04]),
        Form("ldrexh r0, [lr]", [0xE8DE, 0x0F5F], isAligned: true),
    ]

    private func run(_ form: Form, trapping: Bool, conditional: Bool = false) throws -> (bench: Bench, at: UInt32, retired: UInt64) {
        let bench = try Bench()
        let before = Thumb.poke(Self.shcsr, 1 << 18) + Thumb.poke(Self.cpacr, 0xF << 20) + Thumb.poke(Self.ccr, trapping ? 1 << 9 | 1 << 3 : 1 << 9)
            + Thumb.dsb + Thumb.isb + Thumb.load(2, 0x1000_9001) + Thumb.load(3, 4) + Thumb.load(14, 0x1000_9002)
            // cmp r3, r3; itt eq; moveq r5, #5
            + (conditional ? [0x429B, 0xBF04, 0x2505] : [])
        try bench.program(before, form.code, Thumb.load(6, 6), Bench.exit)
        try bench.handler(6, Thumb.ldrW(7, 13, 24), Thumb.ldrW(8, 13, 28), Bench.exit)
        bench.runToExit()
        // 3 pokes of MOVW (MOVT) and STR, two barriers, the loads.
        return (bench, Bench.code + 2 * UInt32(before.count), bench.core.retired)
    }

    private func expectFault(_ form: Form, trapping: Bool) throws {
        let (bench, at, _) = try run(form, trapping: trapping)
        let r = bench.core.registers.r
        #expect(bench.core.scs.faults.cfsr == (form.isAligned ? 0 : 1 << 24))
        guard !form.isAligned else { return }
        #expect(r[7] == at && r[2] == 0x1000_9001 && r[6] != 6)
        #expect(bench.core.currentException == .usageFault)
    }

    @Test(arguments: underControl) func unalignedAccessesFaultWhenAsked(_ form: Form) throws { try expectFault(form, trapping: true) }

    @Test(arguments: underControl.filter { $0.name != "tbh [r2, r3]" }) func theyPassOtherwise(_ form: Form) throws {
        #expect(try run(form, trapping: false).bench.core.scs.faults.cfsr == 0)
    }

    @Test(arguments: always, [true, false]) func someFaultWhateverIsAsked(_ form: Form, _ trapping: Bool) throws {
        try expectFault(form, trapping: trapping)
    }

    @Test(arguments: [(underControl[0], true), (always[0], false), (always[7], false)]) func aFaultInAnITBlockKeepsItsState(_ form: Form, _ trapping: Bool) throws {
        let (bench, at, _) = try run(form, trapping: trapping, conditional: true)
        let r = bench.core.registers.r
        #expect(bench.core.scs.faults.cfsr == 1 << 24)
        #expect(r[7] == at && r[5] == 5 && r[6] != 6)
        // ITSTATE at the second of two: the condition EQ and one instruction left.
        #expect((r[8] >> 8 & 0xFC | r[8] >> 25 & 3) == 0x08)
    }

    @Test func whatRetiredIsCountedToTheFault() throws {
        func retired(_ code: [UInt16]) throws -> UInt64 {
            try run(Form("", code), trapping: true).retired
        }
        // ldr r0, [r2] faults: it and the MOVW behind it do not retire; two loads from the frame do.
        let passing = try retired([0x7810]), faulting = try retired([0x6810])
        #expect(faulting == passing - 2 + 2)
    }

    @Test func aConditionThatFailsDoesNotFault() throws {
        let bench = try Bench()
        // cmp r3, r3; it ne; ldrne r0, [r2]
        try bench.program(
            Thumb.poke(Self.ccr, 1 << 9 | 1 << 3), Thumb.isb, Thumb.load(2, 0x1000_9001), [0x429B], [0xBF18], [0x6810], [0xBF18], [0xCA03], Bench.exit)
        bench.runToExit()
        #expect(bench.core.faultCount == 0)
    }

    @Test func aVectorLoadInALoopMayBeTrustedButNotItsFirstTimes() throws {
        let bench = try Bench()
        // 200 times vldr s0, [r2]; then r2 += 1 and once more.
        try bench.program(
            Thumb.poke(Self.shcsr, 1 << 18), Thumb.poke(Self.cpacr, 0xF << 20), Thumb.isb, Thumb.load(2, 0x1000_9000), Thumb.load(3, 200),
            [0xED92, 0x0A00], [0x3B01], [0xD1FB], [0x3201], [0x2301], [0xE7F8])
        try bench.handler(6, Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 << 24)
    }

    @Test func switchingTheTrapOnAndOffTakesEffectOnCodeThatHasRun() throws {
        let bench = try Bench()
        try bench.place([0x6810, 0x4770], at: 0x1000_4000)
        try bench.program(
            Thumb.load(2, 0x1000_9001), Thumb.load(4, 0x1000_4001), [0x47A0], Thumb.poke(Self.ccr, 1 << 9 | 1 << 3), Thumb.isb, [0x47A0],
            Thumb.load(2, 0x1000_9001), Thumb.poke(Self.ccr, 1 << 9), Thumb.isb, [0x47A0], Bench.exit)
        // The handler makes R2 aligned.
        try bench.handler(3, Thumb.load(0, 0x1000_9000), [0x9002], Thumb.adds(5, 1), Thumb.bxLR)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 << 24 && bench.core.faultCount == 1)
    }
}
