// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import SourceLines
import TestSupport
import Testing

/// Callers that are certain, and no others. `main` at 0x400 calls a function at 0x800, and comes back to 0x404.
@Suite struct CallChainTests {
    /// A page each.
    private struct Pages: FunctionMap {
        var rules: [UInt32: FrameRule] = [:]
        func frameRule(at address: UInt32) -> FrameRule? { rules[address] }
        var starts: [UInt32] = [0x400, 0x800, 0x900, 0xA00, Bench.handler(11)]
        func function(at address: UInt32) -> FunctionExtent? {
            let start = address & ~0xFF
            return starts.contains(start) ? FunctionExtent(start: start, ranges: [start..<start + 0x100]) : nil
        }
    }

    private static func bl(from address: UInt32, to target: UInt32) -> [UInt16] {
        let offset = target &- (address &+ 4)
        return [0xF000 | UInt16(offset >> 12 & 0x3FF) | (offset >> 31 == 1 ? 0x400 : 0), 0xF800 | UInt16(offset >> 1 & 0x7FF)]
    }
    private static let enableFPU = Thumb.poke(0xE000_ED88, 0x00F0_0000) + Thumb.dsb + Thumb.isb
    private static func branch(from address: UInt32, to target: UInt32) -> [UInt16] {
        let call = bl(from: address, to: target)
        return [call[0], call[1] & ~0x4000]
    }

    /// The chain of a stop before the instruction at `stop`, where main has called the code at 0x800.
    private func chain(stop: UInt32, _ functions: [UInt32: [UInt16]], main: [UInt16]? = nil) throws -> CallChain {
        let bench = try Bench()
        try bench.program(main ?? Self.bl(from: 0x400, to: 0x800), Bench.exit)
        for (address, code) in functions { try bench.place(code, at: address) }
        try bench.core.setBreakpoints([stop])
        guard case .breakpoint(let report) = bench.run() else {
            Issue.record("no breakpoint")
            return CallChain()
        }
        return bench.board.callChain(of: report.registers, history: report.history, functions: Pages())
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let stop: UInt32
        let code: [UInt16]
        var callers: [UInt32] = [0x404]
        init(_ name: String, stop: UInt32, _ code: [UInt16], callers: [UInt32] = [0x404]) {
            (testDescription, self.stop, self.code, self.callers) = (name, stop, code, callers)
        }
    }

    @Test("A function's caller is found wherever the function keeps it, and only there", arguments: [
        Case("LR, untouched", stop: 0x802, [0xBF00, 0xBF00]),
        Case("LR before the prologue", stop: 0x800, [0xB580]),
        Case("a stale LR behind a call, the return address pushed", stop: 0x806, [0xB580] + bl(from: 0x802, to: 0x900) + [0xBF00]),
        Case("a stale LR behind a call, the return address lost", stop: 0x804, bl(from: 0x800, to: 0x900) + [0xBF00], callers: []),
        // str r0, [sp] of an address behind a call.
        Case("a word of the stack that looks like one", stop: 0x80E, [0xB500, 0xB082] + Thumb.load(0, 0x405) + [0x9000, 0x9001, 0xBF00]),
        // push {r7, lr}; add r7, sp, #0; mrs r0, primask; sub.w sp, sp, r0
        Case("a frame of unknown size behind a frame pointer", stop: 0x80C, [0xB580, 0xAF00] + Thumb.mrs(0, .primask) + [0xEBAD, 0x0D00, 0xBF00]),
        // push {lr}; mrs r0, primask; sub.w sp, sp, r0
        Case("a frame of unknown size", stop: 0x80A, [0xB500] + Thumb.mrs(0, .primask) + [0xEBAD, 0x0D00, 0xBF00], callers: []),
        // cmp r0, r0; it ne; bxne lr; push {lr}; bl 0x900
        Case("a conditional return before the prologue", stop: 0x80C, [0x4280, 0xBF18, 0x4770, 0xB500] + bl(from: 0x808, to: 0x900) + [0xBF00]),
        // cmp r0, r0; it ne; pushne {lr}
        Case("a push on one way only", stop: 0x806, [0x4280, 0xBF18, 0xB500, 0xBF00], callers: []),
        // Behind what enables the FPU.
        Case("push {r4, lr}; vpush {d8}; sub sp, #8", stop: 0x828, enableFPU + [0xB510, 0xED2D, 0x8B02, 0xB082] + bl(from: 0x824, to: 0x900) + [0xBF00]),
        Case("stmdb sp!, {r4-r8, lr}", stop: 0x808, [0xE92D, 0x41F0] + bl(from: 0x804, to: 0x900) + [0xBF00]),
        Case("str lr, [sp, #-4]!", stop: 0x808, [0xF84D, 0xED04] + bl(from: 0x804, to: 0x900) + [0xBF00]),
        Case("strd r4, lr, [sp, #-8]!", stop: 0x808, [0xE96D, 0x4E02] + bl(from: 0x804, to: 0x900) + [0xBF00]),
        // push {r4, lr}; bl; ldmia.w sp!, {r4, lr}
        Case("LR again, in the epilogue", stop: 0x80A, [0xB510] + bl(from: 0x802, to: 0x900) + [0xE8BD, 0x4010, 0xBF00]),
        // mov r4, lr; bl
        Case("a copy of LR in another register", stop: 0x806, [0x4674] + bl(from: 0x802, to: 0x900) + [0xBF00]),
        // push {lr}; movs r0, #1; tbb [pc, r0]; .byte 3, 1; nop; bl: the second entry leads behind the table
        Case("behind a table branch", stop: 0x80E, [0xB500, 0x2001, 0xE8DF, 0xF000, 0x0103] + bl(from: 0x80A, to: 0x900) + [0xBF00]),
        Case("a jump on to another function", stop: 0x900, branch(from: 0x800, to: 0x900)),
        // push {r4, lr}; b.w into the middle of another function, whose own beginning says that nothing is pushed
        Case("a jump into the middle of another function", stop: 0x902, [0xB510] + branch(from: 0x802, to: 0x902), callers: []),
        Case("LR with another address", stop: 0x804, Thumb.load(14, 0x405) + [0xBF00], callers: []),
    ])
    func frames(_ frame: Case) throws {
        let found = try chain(stop: frame.stop, [0x800: frame.code, 0x900: [0x4770, 0x4770]])
        #expect(found.callers.map(\.address) == frame.callers)
        #expect(found.callers.allSatisfy { $0.place == 0x400 && $0.interruptedBy == nil })
        // main is where reset enters.
        #expect(found.isComplete == !frame.callers.isEmpty)
    }

    @Test("A function's frame pointer is its caller's again further out")
    func savedRegisters() throws {
        // a: push {r7, lr}; add r7, sp, #0; a frame of unknown size; bl b. b: push {r7, lr}; add r7, sp, #0
        let a = [0xB580, 0xAF00] + Thumb.mrs(0, .primask) + [0xEBAD, 0x0D00] + Self.bl(from: 0x80C, to: 0x900)
        let found = try chain(stop: 0x904, [0x800: a, 0x900: [0xB580, 0xAF00, 0xBF00]])
        #expect(found.callers.map(\.address) == [0x810, 0x404] && found.isComplete)
    }

    @Test("An exception's frame leads to the interrupted instruction, on either stack")
    func exceptions() throws {
        let useProcessStack = Thumb.load(0, 0x1000_7000) + Thumb.msr(.psp, 0) + Thumb.load(0, 2) + Thumb.msr(.control, 0) + Thumb.isb
        for setup in [[], useProcessStack] {
            let call = Bench.code + UInt32(setup.count) * 2
            let bench = try Bench()
            try bench.program(setup, Self.bl(from: call, to: 0x800), Bench.exit)
            // push {r7, lr}; svc 0; nop
            try bench.place([0xB580, 0xDF00, 0xBF00], at: 0x800)
            try bench.handler(11, [0xB510], Self.bl(from: Bench.handler(11) + 2, to: 0x900), [0xBD10])
            try bench.place([0xBF00, 0x4770], at: 0x900)
            try bench.core.setBreakpoints([0x902])
            guard case .breakpoint(let report) = bench.run() else { Issue.record("no breakpoint"); return }
            let found = bench.board.callChain(of: report.registers, history: report.history, functions: Pages())
            #expect(found.callers.map(\.address) == [Bench.handler(11) + 6, 0x804, call + 4])
            #expect(found.callers.map(\.interruptedBy) == [nil, .svCall, nil])
            #expect(found.isComplete)
            #expect(
                found.text { String($0.address, radix: 16) }
                    == "called from 2b06; SVCall interrupted 804, called from \(String(call + 4, radix: 16))")
        }
    }

    @Test("A call of a bad pointer has its caller, a jump to one has none")
    func badPointers() throws {
        for (jump, callers) in [([0x4798], [0x806]), ([0x4718], [])] as [([UInt16], [UInt32])] {
            let bench = try Bench(faultPolicy: .any)
            try bench.program(Self.bl(from: 0x400, to: 0x800), Bench.exit)
            // push {lr}; movs r3, #1; lsls r3, r3, #29; blx or bx r3
            try bench.place([0xB500, 0x2301, 0x075B] + jump, at: 0x800)
            guard case .fault(let report) = bench.run() else { Issue.record("no fault"); return }
            let found = bench.board.callChain(of: report.registers, history: report.history, functions: Pages())
            #expect(found.callers.map(\.address) == (callers.isEmpty ? [] : [0x808, 0x404]), "\(report.summary)")
        }
    }

    @Test("A frame of unknown size has its caller by call frame information, where there is a call before it")
    func frameRules() throws {
        // push {lr}; mrs r0, primask; sub.w sp, sp, r0: primask is 0.
        let code = [0xB500] + Thumb.mrs(0, .primask) + [0xEBAD, 0x0D00, 0xBF00]
        func callers(link: FrameRule.Value, offset: Int32 = 4) throws -> [UInt32] {
            let bench = try Bench()
            try bench.program(Self.bl(from: 0x400, to: 0x800), Bench.exit)
            try bench.place(code, at: 0x800)
            try bench.core.setBreakpoints([0x80A])
            guard case .breakpoint(let report) = bench.run() else { Issue.record("no breakpoint"); return [] }
            var registers = Array(repeating: FrameRule.Value.same, count: 15)
            registers[14] = link
            let rule = FrameRule(range: 0x80A..<0x80C, base: 13, offset: offset, registers: registers, returnRegister: 14)
            return bench.board.callChain(of: report.registers, history: report.history, functions: Pages(rules: [0x80A: rule])).callers.map(\.address)
        }
        #expect(try callers(link: .saved(-4)) == [0x404])
        // LR is as the call has left it, too.
        #expect(try callers(link: .same) == [0x404] && callers(link: .unknown) == [0x404])
        // No call is there, no memory, no word.
        #expect(try callers(link: .saved(-8)) == [] && callers(link: .saved(0x7000_0000)) == [] && callers(link: .saved(-4), offset: 6) == [])
        #expect(try callers(link: .address(0)) == [] && callers(link: .register(40)) == [])
    }

    @Test("A handler that keeps registers on the thread's stack leads to the thread, with and without those of the FPU", arguments: [false, true])
    func threadSwitch(usesFPU: Bool) throws {
        let bench = try Bench(faultPolicy: .any)
        let setup = Self.enableFPU + Thumb.load(0, 0x1000_7000) + Thumb.msr(.psp, 0) + Thumb.load(0, 2) + Thumb.msr(.control, 0) + Thumb.isb
            // vmov.f32 s0, #1.0
            + (usesFPU ? [0xEEB7, 0x0A00] : [])
        let call = Bench.code + UInt32(setup.count) * 2
        try bench.program(setup, Self.bl(from: call, to: 0x800), Bench.exit)
        // What an old switch may have left below the stack.
        for offset in stride(from: UInt32(4), through: 0x100, by: 4) { try bench.word(0x1000_6FF8 - offset, usesFPU ? 0xFFFF_FFFD : 0xFFFF_FFED) }
        // push {r7, lr}; svc 0; nop
        try bench.place([0xB580, 0xDF00, 0xBF00], at: 0x800)
        // mrs r0, psp; tst lr, #16; it eq; vstmdbeq r0!, {s16-s31}; stmdb r0!, {r4-r11, lr}; push {r0, r3}; bl
        let handler = Thumb.mrs(0, .psp) + [0xF01E, 0x0F10, 0xBF08, 0xED20, 0x8A10, 0xE920, 0x4FF0, 0xB409]
        let place = Bench.handler(11) + UInt32(handler.count) * 2
        try bench.handler(11, handler, Self.bl(from: place, to: 0x900), [0xBC09])
        try bench.place([0xBF00, 0x4770], at: 0x900)
        try bench.core.setBreakpoints([0x900])
        guard case .breakpoint(let report) = bench.run() else { Issue.record("no breakpoint"); return }
        let found = bench.board.callChain(of: report.registers, history: report.history, functions: Pages())
        #expect(found.callers.map(\.address) == [place + 4, 0x804, call + 4] && found.isComplete)
        #expect(found.callers.map(\.interruptedBy) == [nil, .svCall, nil])
    }

    @Test("Recursion ends")
    func recursion() throws {
        // push {r4, lr}; adds r0, #1; cmp r0, #200; beq stop; bl itself; stop: nop
        let a = [0xB510, 0x3001, 0x28C8, 0xD001] + Self.bl(from: 0x808, to: 0x800) + [0xBF00]
        let found = try chain(stop: 0x80C, [0x800: a], main: [0x2000] + Self.bl(from: 0x402, to: 0x800))
        #expect(found.callers.count == 64 && found.callers.allSatisfy { $0.address == 0x80C } && !found.isComplete)
    }
}
