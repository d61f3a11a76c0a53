// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import TestSupport
import Testing

/// ARMv7-M ARM, B1.5.4 to B1.5.8, through programs.
@Suite struct ExceptionPriorityTests {
    typealias T = Thumb

    @Test func aReleasedCoreStartsWithTheStackAndEntryOfItsVectorTable() throws {
        let bench = try Bench(T.nop, stack: 0x1000_7FFF)
        bench.run(cycles: 2)
        let registers = bench.board.core.registers
        #expect(registers.r[13] == 0x1000_7FFC)
        #expect(registers.r[14] == 0xFFFF_FFFF)
        #expect(registers.pc == Bench.code + 2)
        #expect(registers.control == 0)
        #expect(registers.exception.value == 0)
    }

    @Test func anSVCStacksTheCallersRegistersAndReturnsBehindItself() throws {
        let bench = try Bench(
            T.movs(0, 10), T.movs(1, 11), T.movs(2, 12), T.movs(3, 13), T.svc(1), T.stay,
            handlers: [11: T.movs(0, 0) + T.movs(1, 0) + T.movs(2, 0) + T.movs(3, 0)])
        bench.run(cycles: 5_000)
        #expect(Array(bench.board.core.registers.r[0..<4]) == [10, 11, 12, 13])
        #expect(try (0..<4).map { try bench.stacked($0) } == [10, 11, 12, 13])
        #expect(try bench.stacked(5) == 0xFFFF_FFFF)
        #expect(try bench.stacked(6) == Bench.code + 10)
        #expect(try bench.stacked(7) == 0x0100_0000)
        #expect(bench.board.core.registers.r[13] == Bench.stack)
    }

    @Test func pendingExceptionsAreTakenByPriorityAndChainedOverOneFrame() throws {
        let handler: (UInt16) -> T.Code = { T.log($0) + T.mov(3, 13) + T.log(register: 3) }
        let bench = try Bench(
            T.poke(PPB.shpr3, 0xF0 << 16), T.poke(PPB.ipr0, 0x4080), T.poke(PPB.iser0, 3), T.cpsidI,
            T.poke(PPB.icsr, PPB.pendSV), T.poke(PPB.ispr0, 3), T.cpsieI,
            handlers: [14: handler(14), 16: handler(16), 17: handler(17)])
        bench.run(cycles: 5_000)
        let frame = Bench.stack - 0x20
        #expect(try bench.log == [17, frame, 16, frame, 14, frame])
        #expect(bench.board.core.registers.r[13] == Bench.stack)
    }

    @Test func aHigherPriorityPreemptsAHandler() throws {
        let bench = try Bench(
            T.poke(PPB.ipr0, 0x1080), T.poke(PPB.iser0, 3), T.poke(PPB.ispr0, 1),
            handlers: [16: T.log(1) + T.poke(PPB.ispr0, 2) + T.isb + T.log(3), 17: T.log(2) + T.log(.ipsr)])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [1, 2, 17, 3])
    }

    @Test func anEqualPriorityWaitsAndTheLowerNumberComesFirst() throws {
        let bench = try Bench(
            T.poke(PPB.ipr0, 0x404040), T.poke(PPB.iser0, 7), T.poke(PPB.ispr0, 2),
            handlers: [17: T.log(1) + T.poke(PPB.ispr0, 5) + T.isb + T.log(2), 16: T.log(3), 18: T.log(4)])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [1, 2, 3, 4])
    }

    @Test func aSubpriorityOrdersButDoesNotPreempt() throws {
        // PRIGROUP 5: two bits of group priority, 0x40 and 0x70 are one group.
        let bench = try Bench(
            T.poke(PPB.aircr, 0x05FA_0500), T.poke(PPB.ipr0, 0x604070), T.poke(PPB.iser0, 7), T.poke(PPB.ispr0, 1),
            handlers: [16: T.log(1) + T.poke(PPB.ispr0, 6) + T.isb + T.log(2), 17: T.log(3), 18: T.log(4)])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [1, 2, 3, 4])
    }

    @Test(arguments: [
        (mask: T.movs(3, 1) + T.msr(.primask, 3), unmask: T.cpsieI),
        (mask: T.movs(3, 1) + T.msr(.faultmask, 3), unmask: T.cpsieF),
        (mask: T.movs(3, 0x40) + T.msr(.basepri, 3), unmask: T.movs(3, 0) + T.msr(.basepri, 3)),
        (mask: T.movs(3, 0x30) + T.msr(.basepriMax, 3), unmask: T.movs(3, 0x50) + T.msr(.basepri, 3)),
    ])
    func aMaskedInterruptWaitsForItsMask(mask: T.Code, unmask: T.Code) throws {
        let bench = try Bench(
            T.poke(PPB.ipr0, 0x40), T.poke(PPB.iser0, 1), mask, T.poke(PPB.ispr0, 1), T.isb, T.log(1), unmask, T.isb, T.log(3),
            handlers: [16: T.log(2)])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [1, 2, 3])
    }

    @Test func aBasepriOfLowerPriorityMasksNothingAbove() throws {
        let bench = try Bench(
            T.poke(PPB.ipr0, 0x40), T.poke(PPB.iser0, 1), T.movs(3, 0x50), T.msr(.basepri, 3), T.poke(PPB.ispr0, 1), T.isb, T.log(1),
            handlers: [16: T.log(2)])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [2, 1])
    }

    @Test func anUnprivilegedThreadDoesNotLoseItsMasks() throws {
        // BASEPRI masks the interrupt; CONTROL 1 leaves privilege; the SVC handler lifts the mask.
        let bench = try Bench(
            T.poke(PPB.shpr2, 0x1000_0000), T.poke(PPB.ipr0, 0x40), T.poke(PPB.iser0, 1), T.movs(3, 0x40), T.msr(.basepri, 3), T.poke(PPB.ispr0, 1),
            T.movs(3, 1), T.msr(.control, 3), T.isb, T.log(1), T.log(.basepri), T.b(2), T.nop, T.svc(0), T.log(4),
            handlers: [11: T.log(2) + T.log(.control) + T.movs(3, 0) + T.msr(.basepri, 3), 16: T.log(3)])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [1, 0, 2, 1, 3, 4])
        #expect(bench.board.core.registers.control == 1)
    }

    @Test(arguments: [UInt16(2), 3])
    func aThreadOnTheProcessStackStacksThereAndComesBackToIt(control: UInt16) throws {
        let top: UInt32 = 0x1000_4000
        let bench = try Bench(
            T.load32(0, top), T.msr(.psp, 0), T.movs(0, control), T.msr(.control, 0), T.isb, T.movs(0, 77), T.svc(0),
            handlers: [11: T.mov(4, 14) + T.log(register: 4) + T.mov(4, 13) + T.log(register: 4) + T.log(.psp) + T.log(.control)])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [0xFFFF_FFFD, Bench.stack, top - 0x20, UInt32(control & 1)])
        #expect(try bench.stacked(0, top: top) == 77)
        let registers = bench.board.core.registers
        #expect(registers.control == UInt32(control) && registers.r[13] == top && registers.psp == top)
    }

    @Test(arguments: [(0x1000_8000 as UInt32, 0 as UInt32), (0x1000_8004, 1 << 9)])
    func theFrameIsAlignedToEightBytesAndTheStackComesBack(stack: UInt32, bit9: UInt32) throws {
        let bench = try Bench(T.svc(0), stack: stack, handlers: [11: T.mov(4, 13) + T.log(register: 4)])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [0x1000_7FE0])
        #expect(try bench.stacked(7) & 1 << 9 == bit9)
        #expect(bench.board.core.registers.r[13] == stack)
    }

    @Test func theExtendedFrameHasTheFloatingPointRegisters() throws {
        let vmovS0R0: T.Code = [0xEE00, 0x0A10], vmovR0S0: T.Code = [0xEE10, 0x0A10]
        let bench = try Bench(
            T.poke(PPB.cpacr, 0xF << 20), T.isb, T.load32(0, 0x3F80_0000), vmovS0R0, T.svc(0), vmovR0S0,
            handlers: [11: T.mov(4, 14) + T.log(register: 4) + T.log(.control) + T.movs(0, 0) + vmovS0R0])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [0xFFFF_FFE9, 0])
        #expect(bench.board.core.registers.r[0] == 0x3F80_0000)
        #expect(bench.board.core.registers.control == 4)
        #expect(try bench.stacked(8, size: 0x68) == 0x3F80_0000)
        #expect(bench.board.core.registers.r[13] == Bench.stack)
    }

    /// Each leaves the SVC handler through an EXC_RETURN that is not one, or not now.
    @Test(arguments: [
        T.load32(3, 0xFFFF_FFF5) + T.bx(3),  // no such return
        T.load32(3, 0xFFFF_FFF1) + T.bx(3),  // to handler mode, but none is active below
    ])
    func anIllegalReturnIsAUsageFault(handler: T.Code) throws {
        let bench = try Bench(
            T.poke(PPB.shcsr, PPB.faultsOn), T.svc(0),
            handlers: [11: handler, 6: T.load32(3, PPB.cfsr) + T.ldr(3, 3) + T.log(register: 3) + T.log(.ipsr) + T.stay])
        bench.run(cycles: 5_000)
        #expect(try bench.log == [1 << 18, 6])
    }

    @Test(arguments: [UInt16(0), 1])
    func aReturnToThreadPastANestedHandlerNeedsNONBASETHRDENA(allowed: UInt16) throws {
        // The interrupt's handler calls SVC, whose handler forges a return to thread mode with a thread's xPSR.
        let forged = T.movs(0, 0) + T.load32(1, 0x0100_0000) + T.mov(2, 13) + T.str(1, 2, 28) + T.load32(3, 0xFFFF_FFF9) + T.bx(3)
        let bench = try Bench(
            T.poke(PPB.ccr, 0x200 | UInt32(allowed)), T.poke(PPB.shcsr, PPB.faultsOn), T.poke(PPB.ipr0, 0x80), T.poke(PPB.iser0, 1), T.poke(PPB.ispr0, 1),
            handlers: [
                16: T.svc(0) + T.log(.ipsr) + T.stay, 11: forged,
                6: T.log(6) + T.load32(3, PPB.cfsr) + T.ldr(3, 3) + T.log(register: 3) + T.stay,
            ])
        bench.run(cycles: 5_000)
        #expect(try bench.log == (allowed == 1 ? [0] : [6, 1 << 18]))
    }

    @Test func aReturnRestoresTheITBlock() throws {
        // cmp r4, #0; itte eq; svceq; movseq r5, #1; movsne r6, #1, with R4 = 0.
        let bench = try Bench(T.movs(4, 0), T.movs(5, 0), T.movs(6, 0), T.cmp(4, 0), [0xBF06], T.svc(0), [0x2501], [0x2601], handlers: [11: T.cmp(0, 99)])
        bench.run(cycles: 5_000)
        #expect(bench.board.core.registers.r[5] == 1)
        #expect(bench.board.core.registers.r[6] == 0)
    }
}
