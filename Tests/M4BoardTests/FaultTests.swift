// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import TestSupport
import Testing

@Suite struct FaultTests {
    private let shcsr: UInt32 = 0xE000_ED24

    /// Loads and stores with R2 = 0x60000100, where nothing answers, and R3 = 4.
    struct Form: CustomTestStringConvertible, Sendable {
        let name: String
        let code: [UInt16]
        let address: UInt32
        var testDescription: String { name }
    }
    static let forms = [
        Form(name: "ldr r0, [r2]", code: [0x6810], address: 0x6000_0100),
        Form(name: "ldr r0, [r2, #4]", code: [0x6850], address: 0x6000_0104),
        Form(name: "str r0, [r2, #4]", code: [0x6050], address: 0x6000_0104),
        Form(name: "ldrb r0, [r2, #3]", code: [0x78D0], address: 0x6000_0103),
        Form(name: "strh r0, [r2, #2]", code: [0x8050], address: 0x6000_0102),
        Form(name: "ldr r0, [r2, r3]", code: [0x58D0], address: 0x6000_0104),
        Form(name: "ldrsh r0, [r2, r3]", code: [0x5ED0], address: 0x6000_0104),
        Form(name: "ldr.w r0, [r2, r3, lsl #2]", code: [0xF852, 0x0023], address: 0x6000_0110),
        Form(name: "ldr r0, [r2, #-4]", code: [0xF852, 0x0C04], address: 0x6000_00FC),
        Form(name: "ldr r0, [r2], #4", code: [0xF852, 0x0B04], address: 0x6000_0100),
        Form(name: "ldr r0, [r2, #4]!", code: [0xF852, 0x0F04], address: 0x6000_0104),
        Form(name: "strb.w r0, [r2, #0x123]", code: [0xF882, 0x0123], address: 0x6000_0223),
        Form(name: "ldrd r0, r1, [r2, #8]", code: [0xE9D2, 0x0102], address: 0x6000_0108),
        Form(name: "strd r0, r1, [r2, #-8]", code: [0xE942, 0x0102], address: 0x6000_00F8),
        Form(name: "ldm r2, {r0, r1}", code: [0xCA03], address: 0x6000_0100),
        Form(name: "stmdb r2, {r0, r1}", code: [0xE902, 0x0003], address: 0x6000_00F8),
        Form(name: "ldrex r0, [r2, #4]", code: [0xE852, 0x0F01], address: 0x6000_0104),
        Form(name: "tbb [r2, r3]", code: [0xE8D2, 0xF003], address: 0x6000_0104),
        Form(name: "vldr s0, [r2, #4]", code: [0xED92, 0x0A01], address: 0x6000_0104),
        Form(name: "vstr d0, [r2, #-8]", code: [0xED02, 0x0B02], address: 0x6000_00F8),
    ]

    @Test(arguments: forms) func aBusFaultTellsTheByteAndTheInstruction(_ form: Form) throws {
        let bench = try Bench()
        try bench.program(
            Thumb.poke(shcsr, 1 << 17), Thumb.poke(0xE000_ED88, 0xF << 20), Thumb.isb, Thumb.load(2, 0x6000_0100), Thumb.load(3, 4),
            Thumb.nop, form.code, Thumb.stay)
        let at = Bench.code + 2 * UInt32((Thumb.poke(shcsr, 1 << 17) + Thumb.poke(0xE000_ED88, 0xF << 20) + Thumb.isb + Thumb.load(2, 0x6000_0100) + Thumb.load(3, 4) + Thumb.nop).count)
        try bench.handler(5, Thumb.ldrW(7, 13, 24), Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.busFaultAddress == form.address)
        #expect(bench.core.scs.faults.cfsr == 1 << 15 | 1 << 9)
        #expect(bench.core.registers.r[7] == at)
        #expect(bench.core.registers.r[2] == 0x6000_0100, "the base register is as before")
    }

    @Test func anUndefinedInstructionEscalatesWhileItsFaultIsOff() throws {
        let bench = try Bench(faultPolicy: .hardFault)
        try bench.program(Thumb.nop, Thumb.undefined)
        try bench.handler(3, Thumb.stay)
        guard case .fault(let report) = bench.run() else { Issue.record("no fault"); return }
        #expect(report.fault == .undefinedInstruction && report.taken == .hardFault)
        #expect(report.status.cfsr == 1 << 16 && report.status.hfsr == 1 << 30)
        #expect(report.registers.pc == Bench.code + 2)
        #expect(report.cycle == 1)
    }

    @Test func aBranchToAnEvenAddressIsAnInvalidState() throws {
        let bench = try Bench()
        try bench.program(Thumb.poke(shcsr, 1 << 18), Thumb.load(0, 0x1500), [0x4700])
        try bench.handler(6, Thumb.ldrW(6, 13, 28), Thumb.ldrW(7, 13, 24), Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 << 17)
        #expect(bench.core.registers.r[7] == 0x1500)
        #expect(bench.core.registers.r[6] & 1 << 24 == 0, "the stacked xPSR shows the state")
    }

    @Test(arguments: [(0x6000_0001, 1 << 8), (0x4000_0001, 1), (0xA000_0001, 1), (0xE000_E001, 1)] as [(UInt32, UInt32)])
    func fetchingFromWhereNoCodeIsFaults(_ target: UInt32, _ cfsr: UInt32) throws {
        let bench = try Bench()
        try bench.program(Thumb.poke(shcsr, 7 << 16), Thumb.load(0, target), [0x4700])
        for n in 4...6 { try bench.handler(n, Thumb.ldrW(7, 13, 24), Bench.exit) }
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == cfsr)
        #expect(bench.core.registers.r[7] == target & ~1)
    }

    @Test func aFaultInHardFaultLocksUp() throws {
        let bench = try Bench()
        try bench.program(Thumb.undefined)
        try bench.handler(3, Thumb.undefined)
        guard case .lockup(let report) = bench.run() else { Issue.record("no lockup"); return }
        #expect(report.registers.pc == Bench.handler(3) && report.taken == nil)
        #expect(bench.board.isLockedUp && !bench.board.isRunning)
        #expect(bench.board.run(until: bench.board.cycles + 100) == .deadline)
        bench.board.resetMCU()
        #expect(bench.board.isRunning)
    }

    @Test func aVectorTableOutsideOfMemoryLocksUp() throws {
        let bench = try Bench()
        try bench.program(Thumb.poke(0xE000_ED08, 0x6000_0000), Thumb.svc(0))
        guard case .lockup(let report) = bench.run() else { Issue.record("no lockup"); return }
        #expect(report.status.hfsr & 2 != 0)
    }

    @Test func aStackOutsideOfMemoryIsAStackingError() throws {
        let bench = try Bench()
        try bench.program(Thumb.poke(shcsr, 1 << 17), Thumb.load(0, 0x6000_0100), Thumb.mov(13, 0), Thumb.svc(0))
        try bench.handler(5, Thumb.load(0, Bench.stack), Thumb.mov(13, 0), Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 << 12)
        #expect(bench.core.scs.exceptions.isPending(.svCall), "what the fault displaced still waits")
    }

    @Test func probingUnderFaultmaskPassesOverTheAccess() throws {
        let bench = try Bench()
        // ite eq; ldreq r4, [r2]; movne r5, #9 under Z set, then adds r6.
        try bench.program(
            Thumb.poke(0xE000_ED14, 1 << 9 | 1 << 8), Thumb.cpsidF, Thumb.load(2, 0x6000_0000), Thumb.load(5, 3), [0x4280], [0xBF0C],
            [0x6814], [0x2509], Thumb.load(6, 7), Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 << 15 | 1 << 9)
        #expect(bench.core.registers.r[5] == 3 && bench.core.registers.r[6] == 7)
    }

    @Test func unprivilegedCodeMayNotTouchTheSystemRegisters() throws {
        let bench = try Bench()
        try bench.program(
            Thumb.poke(shcsr, 1 << 17), Thumb.load(2, 0xE000_ED00), Thumb.ldrW(3, 2), Thumb.load(0, 1), Thumb.msr(.control, 0), Thumb.isb,
            Thumb.ldrW(4, 2), Bench.exit)
        try bench.handler(5, Bench.exit)
        bench.runToExit()
        #expect(bench.core.registers.r[3] == 0x410F_C241)
        // Engine 2.0 has no hook that could refuse: there the access passes.
        #expect(bench.core.scs.faults.busFaultAddress == (M4Board.enforcesPermissions ? 0xE000_ED00 : nil))
    }

    /// Engine 2.0 has no hook that could refuse.
    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's"), arguments: [true, false]) func unprivilegedCodeTriggersInterruptsWhereItMay(_ allowed: Bool) throws {
        let bench = try Bench()
        // STIR := 0 by unprivileged code, then a second time what is refused in any case: reading it.
        try bench.program(
            Thumb.poke(shcsr, 1 << 17), Thumb.poke(0xE000_E100, 1), Thumb.poke(0xE000_ED14, allowed ? 1 << 9 | 1 << 1 : 1 << 9), Thumb.load(5, 0), Thumb.load(0, 1),
            Thumb.msr(.control, 0), Thumb.isb, Thumb.poke(0xE000_EF00, 0), Thumb.isb, Thumb.load(6, 6), Thumb.load(2, 0xE000_EF00), Thumb.ldrW(3, 2), Thumb.stay)
        try bench.handler(16, Thumb.load(5, 5), Thumb.bxLR)
        try bench.handler(5, Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 << 15 | 1 << 9 && bench.core.scs.faults.bfar == 0xE000_EF00)
        #expect(bench.core.registers.r[5] == (allowed ? 5 : 0))
        #expect((bench.core.registers.r[6] == 6) == allowed)
    }

    @Test(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's")) func unprivilegedCodeWritesToTheStimulusPortsLeftToIt() throws {
        let bench = try Bench()
        // All ports on, 8 to 15 for privileged code only; then ports 0, 31 and 8 by unprivileged code.
        try bench.program(
            Thumb.poke(shcsr, 1 << 17), Thumb.poke(0xE000_EDFC, 1 << 24), Thumb.poke(0xE000_0E80, 1), Thumb.poke(0xE000_0E00, .max), Thumb.poke(0xE000_0E40, 2),
            Thumb.poke(0xE000_0020, 1), Thumb.load(0, 1), Thumb.msr(.control, 0), Thumb.isb, Thumb.poke(0xE000_0000, 1), Thumb.poke(0xE000_007C, 1),
            Thumb.poke(0xE000_0020, 1), Thumb.stay)
        try bench.handler(5, Bench.exit)
        bench.runToExit()
        #expect(bench.output.texts.map(\.source) == [.itm(port: 8), .itm(port: 0), .itm(port: 31)] && bench.core.scs.faults.bfar == 0xE000_0020)
    }

    @Test func anNMILeavesALockupAndReturnsToIt() throws {
        let bench = try Bench()
        try bench.program(Thumb.undefined)
        try bench.handler(3, Thumb.undefined)
        try bench.handler(2, Thumb.ldrW(7, 13, 24), Thumb.adds(6, 1), Thumb.bxLR)
        guard case .lockup = bench.run() else { Issue.record("no lockup"); return }
        bench.core.scs.exceptions.setPending(.nmi)
        guard case .lockup(let report) = bench.run() else { Issue.record("no lockup after the NMI"); return }
        #expect(bench.core.registers.r[7] == 0xFFFF_FFFE && bench.core.registers.r[6] == 1)
        #expect(report.fault == .instructionAccess)
        #expect(bench.board.isLockedUp)
    }

    @Test func aReportFromUnprivilegedCodeHasTheStackPointers() throws {
        let bench = try Bench(faultPolicy: .any)
        try bench.program(Thumb.load(0, Bench.stack - 64), Thumb.msr(.psp, 0), Thumb.load(0, 3), Thumb.msr(.control, 0), Thumb.isb, Thumb.undefined)
        try bench.handler(3, Thumb.stay)
        guard case .fault(let report) = bench.run() else { Issue.record("no fault"); return }
        #expect(report.registers.msp == Bench.stack && report.registers.psp == Bench.stack - 64)
        #expect(report.registers.control == 3)
    }
}

@Suite struct TrapTests {
    private let shcsr: UInt32 = 0xE000_ED24, cpacr: UInt32 = 0xE000_ED88, ccr: UInt32 = 0xE000_ED14

    @Test func anFPUInstructionTrapsUntilAccessIsGranted() throws {
        let bench = try Bench()
        // movs r7, #1; vmov s0, r2; movs r7, #2: the handler grants access and returns to the instruction.
        try bench.program(
            Thumb.poke(shcsr, 1 << 18), Thumb.load(2, 0x1234), Thumb.load(5, 0), [0x2701], [0xEE00, 0x2A10], [0xEE10, 0x3A10],
            Thumb.svc(0), [0xEE10, 0x6A10], Bench.exit)
        try bench.handler(6, Thumb.adds(5, 1), Thumb.poke(cpacr, 0xF << 20), Thumb.isb, Thumb.bxLR)
        try bench.handler(11, Thumb.bxLR)
        bench.runToExit()
        let r = bench.core.registers.r
        #expect(bench.core.scs.faults.cfsr == 1 << 19)
        #expect(r[5] == 1 && r[3] == 0x1234 && r[6] == 0x1234 && r[7] == 1)
    }

    @Test func takingAccessBackTrapsCodeThatHasRun() throws {
        let bench = try Bench()
        try bench.place([0xEE00, 0x2A10, 0x4770], at: 0x1000_4000)
        try bench.program(
            Thumb.poke(shcsr, 1 << 18), Thumb.poke(cpacr, 0xF << 20), Thumb.isb, Thumb.load(4, 0x1000_4001), [0x47A0], [0x47A0],
            Thumb.poke(cpacr, 0), Thumb.isb, [0x47A0], Thumb.stay)
        try bench.handler(6, Thumb.ldrW(7, 13, 24), Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == 1 << 19)
        #expect(bench.core.registers.r[7] == 0x1000_4000)
    }

    @Test func aConditionThatFailsDoesNotTrap() throws {
        let bench = try Bench()
        // cmp r0, r0; ite ne; vmovne s0, r2; moveq r5, #1
        try bench.program(Thumb.load(5, 0), [0x4280], [0xBF14], [0xEE00, 0x2A10], [0x2501], Bench.exit)
        bench.runToExit()
        #expect(bench.core.registers.r[5] == 1)
        #expect(bench.core.faultCount == 0)
    }

    @Test(arguments: M4Board.trapsOnOperands ? [true, false] : [false]) func aDivisionByZeroTrapsOnlyWhenAsked(_ traps: Bool) throws {
        let bench = try Bench()
        // udiv r6, r2, r3 in a loop over r3 = 2, 1, 0: r3 -= 1 while not negative
        try bench.program(
            Thumb.poke(shcsr, 1 << 18), Thumb.poke(ccr, traps ? 1 << 9 | 1 << 4 : 1 << 9), Thumb.load(2, 8), Thumb.load(3, 2), Thumb.load(6, 9),
            [0xFBB2, 0xF6F3], [0x3B01], [0xD5FB], Bench.exit)
        try bench.handler(6, Thumb.ldrW(7, 13, 24), Bench.exit)
        bench.runToExit()
        #expect(bench.core.scs.faults.cfsr == (traps ? 1 << 25 : 0))
        #expect(bench.core.registers.r[6] == (traps ? 8 : 0))
    }
}
