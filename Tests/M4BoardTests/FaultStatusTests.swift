// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import TestSupport
import Testing

/// ARMv7-M ARM, B1.5.14 and B1.5.15, through programs: which fault, at which instruction, at which address.
@Suite struct FaultStatusTests {
    typealias T = Thumb
    /// Nothing answers here, nor in the 4 KiB before.
    static let hole: UInt32 = 0x2000_1000

    struct Access: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// With R0 = `hole` and R1 = 8; R2 is free.
        let code: Thumb.Code
        let offset: Int
        init(_ text: String, _ code: Thumb.Code, _ offset: Int) { testDescription = text; self.code = code; self.offset = offset }
    }
    static let accesses = [
        Access("ldr r2, [r0, #4]", [0x6842], 4),
        Access("ldrh r2, [r0, #6]", [0x88C2], 6),
        Access("strb r2, [r0, #3]", [0x70C2], 3),
        Access("str r2, [r0, r1]", [0x5042], 8),
        Access("ldrsh r2, [r0, r1]", [0x5E42], 8),
        Access("ldr.w r2, [r0, #100]", [0xF8D0, 0x2064], 100),
        Access("str.w r2, [r0, #-8]", [0xF840, 0x2C08], -8),
        Access("ldr.w r2, [r0, #8]!", [0xF850, 0x2F08], 8),
        Access("ldr.w r2, [r0], #8", [0xF850, 0x2B08], 0),
        Access("ldrb.w r2, [r0, r1, lsl #2]", [0xF810, 0x2021], 32),
        Access("ldrd r2, r3, [r0, #16]", [0xE9D0, 0x2304], 16),
        Access("strd r2, r3, [r0, #-16]!", [0xE960, 0x2304], -16),
        Access("ldmia r0, {r2, r3}", [0xC80C], 0),
        Access("stmdb r0!, {r2, r3}", [0xE920, 0x000C], -8),
        Access("ldrex r2, [r0, #4]", [0xE850, 0x2F01], 4),
        Access("tbb [r0, r1]", [0xE8D0, 0xF001], 8),
        Access("tbh [r0, r1, lsl #1]", [0xE8D0, 0xF011], 16),
        Access("vldr s0, [r0, #8]", [0xED90, 0x0A02], 8),
        Access("vstmdb r0!, {s0-s3}", [0xED20, 0x0A04], -16),
    ]

    @Test(arguments: accesses) func aRefusedAccessIsPreciseToInstructionAndAddress(access: Access) throws {
        let read = { (address: UInt32) in T.load32(3, address) + T.ldr(3, 3) + T.log(register: 3) }
        let bench = try Bench(
            T.poke(PPB.cpacr, 0xF << 20), T.isb, T.poke(PPB.shcsr, PPB.faultsOn), T.load32(0, Self.hole), T.movs(1, 8), T.nop, access.code,
            handlers: [5: read(PPB.cfsr) + read(0xE000_ED38) + T.log(.ipsr) + T.stay])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [0x8200, UInt32(truncatingIfNeeded: Int(Self.hole) + access.offset), 5])
        let frame = bench.board.core.registers.r[13], before = T.poke(0, 0) + T.isb + T.poke(0, 0) + T.load32(0, 0) + T.movs(1, 8) + T.nop
        #expect(try bench.word(frame + 24) == Bench.code + UInt32(before.count * 2))
        #expect(try bench.word(frame) == Self.hole, "the base register is not written back")
    }

    @Test func aFaultInAnITBlockStacksWhereInTheBlockItWas() throws {
        // cmp r4, #0; itt eq; ldreq r2, [r0]; moveq r5, #1: the handler steps over the load.
        let step = T.mov(3, 13) + T.ldr(2, 3, 24) + T.adds(2, 2) + T.str(2, 3, 24)
        let bench = try Bench(
            T.poke(PPB.shcsr, PPB.faultsOn), T.load32(0, Self.hole), T.movs(4, 0), T.movs(5, 0), T.cmp(4, 0), [0xBF04], [0x6802], [0x2501],
            handlers: [5: step])
        bench.run(cycles: 5_000)
        // ITSTATE before the load: condition EQ, mask of two instructions = 0b0000_0100.
        #expect(try bench.stacked(7) >> 24 == 0x61)
        #expect(try bench.stacked(7) >> 10 & 0x3F == 1)
        #expect(bench.board.core.faultCount == 1)
    }

    @Test func aFaultOffItsHandlersEscalates() throws {
        let bench = try Bench(T.load32(0, Self.hole), T.ldr(0, 0), handlers: [3: T.log(.ipsr)], policy: .hardFault)
        guard case .fault(let report) = bench.run(cycles: 5_000) else { Issue.record("no fault"); return }
        #expect(report.fault == .preciseBus(Self.hole))
        #expect(report.taken == .hardFault)
        #expect(report.registers.pc == Bench.code + 8)
        #expect(report.registers.r[0] == Self.hole)
        #expect(report.status.hfsr == 1 << 30)
        #expect(report.history.last == Bench.code)
    }

    @Test func theAnyPolicyStopsAtEveryFaultAndTheRunGoesOn() throws {
        let step = T.mov(3, 13) + T.ldr(2, 3, 24) + T.adds(2, 2) + T.str(2, 3, 24)
        let bench = try Bench(T.poke(PPB.shcsr, PPB.faultsOn), T.undefined, T.movs(5, 5), handlers: [6: step], policy: .any)
        #expect(bench.run(cycles: 5_000).name == "fault")
        #expect(bench.run(cycles: 5_000) == .deadline)
        #expect(bench.board.core.registers.r[5] == 5)
    }

    struct Cause: Sendable {
        let code: Thumb.Code
        let cfsr: UInt32
        let exception: UInt32
    }
    static let causes = [
        Cause(code: T.load32(3, 0x1000_1000) + T.bx(3), cfsr: 1 << 17 as UInt32, exception: 6),  // bit 0 clear: Thumb state lost
        Cause(code: T.undefined, cfsr: 1 << 16, exception: 6),
        Cause(code: [0xEE01, 0x0110], cfsr: 1 << 19, exception: 6),  // mcr p1
        Cause(code: T.load32(3, 0x4000_0001) + T.bx(3), cfsr: 1 << 0, exception: 4),  // peripherals are execute-never
        Cause(code: T.load32(3, 0x2000_0001) + T.bx(3), cfsr: 1 << 8, exception: 5),  // nothing answers
        Cause(code: T.load32(3, 0xFFFF_FFF9) + T.bx(3), cfsr: 1 << 0, exception: 4),  // no EXC_RETURN in thread mode
    ]
    @Test(arguments: causes) func eachFaultHasItsStatusBit(cause: Cause) throws {
        let handler = T.load32(3, PPB.cfsr) + T.ldr(3, 3) + T.log(register: 3) + T.log(.ipsr) + T.stay
        let bench = try Bench(T.poke(PPB.shcsr, PPB.faultsOn), cause.code, handlers: [4: handler, 5: handler, 6: handler])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [cause.cfsr, cause.exception])
    }

    /// Single words may lie anywhere; multiple, double and exclusive accesses may not, and do not come half done.
    @Test(.enabled(if: M4Board.trapsOnOperands, "needs the engine of engine/, not the system's"), arguments: [
        Access("ldrd r2, r3, [r0, #16]", [0xE9D0, 0x2304], 0), Access("strd r2, r3, [r0]", [0xE9C0, 0x2300], 0),
        Access("ldmia r0, {r2, r3}", [0xC80C], 0), Access("stmdb r0!, {r2, r3}", [0xE920, 0x000C], 0),
        Access("ldrex r2, [r0, #4]", [0xE850, 0x2F01], 0),
    ])
    func anUnalignedMultipleAccessIsAUsageFault(access: Access) throws {
        let handler = T.load32(3, PPB.cfsr) + T.ldr(3, 3) + T.log(register: 3) + T.stay
        let bench = try Bench(
            T.poke(PPB.shcsr, PPB.faultsOn), T.load32(0, 0x1000_1002), T.ldr(2, 0), T.nop, access.code, handlers: [6: handler])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [1 << 24])
        let frame = bench.board.core.registers.r[13], before = T.poke(0, 0) + T.load32(0, 0) + T.ldr(2, 0) + T.nop
        #expect(try bench.word(frame + 24) == Bench.code + UInt32(before.count * 2))
        #expect(try bench.word(frame) == 0x1000_1002)
    }

    @Test func anUnalignedAccessThatItsConditionSkipsDoesNotFault() throws {
        let bench = try Bench(T.poke(PPB.shcsr, PPB.faultsOn), T.load32(0, 0x1000_1002), T.movs(5, 1), T.cmp(5, 0), [0xBF08], [0xC80C], T.movs(5, 7), handlers: [6: T.stay])
        bench.run(cycles: 5_000)
        #expect(bench.board.core.registers.r[5] == 7)
        #expect(bench.board.core.faultCount == 0)
    }

    @Test func anSVCThatCannotPreemptIsAHardFault() throws {
        let bench = try Bench(T.cpsidI, T.svc(0), handlers: [3: T.log(.ipsr)], policy: .hardFault)
        guard case .fault(let report) = bench.run(cycles: 5_000) else { Issue.record("no fault"); return }
        #expect(report.taken == .hardFault)
        #expect(report.registers.pc == Bench.code + 2)
    }

    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's")) func unprivilegedCodeDoesNotReachThePrivatePeripheralBus() throws {
        let bench = try Bench(
            T.poke(PPB.shcsr, PPB.faultsOn), T.load32(3, PPB.icsr), T.ldr(4, 3), T.movs(0, 1), T.msr(.control, 0), T.isb, T.ldr(4, 3),
            handlers: [5: T.load32(3, 0xE000_ED38) + T.ldr(3, 3) + T.log(register: 3) + T.stay])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [PPB.icsr])
    }

    @Test func aFaultInHardFaultLocksUpUntilAReset() throws {
        let bench = try Bench(T.undefined, handlers: [3: T.undefined])
        guard case .lockup(let report) = bench.run(cycles: 5_000) else { Issue.record("no lockup"); return }
        #expect(report.taken == nil)
        #expect(report.registers.pc == Bench.handler(3))
        #expect(bench.board.isLockedUp)
        #expect(bench.run(cycles: 5_000) == .deadline)
        #expect(bench.board.run(until: .max).name == "lockup")
        try bench.place(T.stay, at: Bench.code)
        bench.board.resetMCU()
        #expect(bench.run(cycles: 5_000) == .deadline)
        #expect(!bench.board.isLockedUp)
    }

    /// 0xA0000000 to 0xDFFFFFFF is device memory: code there needs a region of the MPU that allows it. ARM DDI 0403E.e B3.1.
    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's"), arguments: [false, true]) func codeInDDRNeedsTheMPU(_ allowed: Bool) throws {
        let region = T.poke(0xE000_ED9C, 0xC000_0010) + T.poke(0xE000_EDA0, 3 << 24 | 1 << 19 | 15 << 1 | 1) + T.poke(0xE000_ED94, 5) + T.isb
        let bench = try Bench(
            T.poke(PPB.shcsr, PPB.faultsOn), allowed ? region : [], T.load32(4, 0xC000_0001), T.blx(4), T.log(2),
            handlers: [4: T.load32(3, PPB.cfsr) + T.ldr(3, 3) + T.log(register: 3) + T.stay], ddr: 0x10000)
        try bench.place(T.log(1) + T.bxLR, at: 0xC000_0000)
        bench.run(cycles: 5_000)
        #expect(try bench.log == (allowed ? [1, 2] : [1]))
        #expect(bench.board.core.scs.faults.cfsr == (allowed ? 0 : 1))
    }

    @Test func aHardFaultVectorThatCannotBeReadLocksUp() throws {
        let bench = try Bench(T.poke(PPB.vtor, Self.hole), T.svc(0))
        guard case .lockup(let report) = bench.run(cycles: 5_000) else { Issue.record("no lockup"); return }
        #expect(report.fault == .vectorTable)
        #expect(report.status.hfsr & 2 != 0)
    }

    @Test func aStackThatCannotBeWrittenIsAStackingFault() throws {
        let bench = try Bench(
            T.poke(PPB.shcsr, PPB.faultsOn), T.load32(3, Self.hole), T.msr(.psp, 3), T.movs(0, 2), T.msr(.control, 0), T.isb, T.svc(0),
            handlers: [5: T.load32(3, PPB.cfsr) + T.ldr(3, 3) + T.log(register: 3) + T.log(.ipsr) + T.stay, 11: T.log(99)])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [1 << 12, 5])
    }
}
