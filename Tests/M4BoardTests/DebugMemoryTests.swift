// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import MP1Peripherals
import TestSupport
import Testing

/// Memory and registers as an external debugger reads and writes them.
@Suite struct DebugMemoryTests {
    private func word(_ board: M4Board, _ address: UInt32) -> UInt32? {
        let bytes = board.peek(address, count: 4)
        return bytes.count == 4 ? bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) } : nil
    }

    @Test func `Memory is the same by all its addresses, and what is written is executed`() throws {
        let bench = try Bench(ddr: 0x10_0000)
        try bench.program(Thumb.load(4, 1), Thumb.stay)
        #expect(bench.board.poke(0x1000_1000, [1, 2, 3, 4, 5]) == 5)
        #expect(bench.board.peek(0x3000_1000, count: 5) == [1, 2, 3, 4, 5])
        #expect(bench.board.poke(0xC000_0010, [9]) == 1 && bench.board.peek(0xC000_0010, count: 1) == [9])
        bench.run(cycles: 100)
        #expect(bench.core.registers.r[4] == 1)
        // movs r4, #5; b .
        #expect(bench.board.poke(Bench.code + 4, [0x05, 0x24, 0xFE, 0xE7]) == 4)
        bench.run(cycles: 100)
        #expect(bench.core.registers.r[4] == 5)
    }

    @Test func `What is asked for is cut where nothing answers`() throws {
        let bench = try Bench()
        #expect(bench.board.peek(0x0001_0000 - 8, count: 64).count == 8, "RETRAM's end")
        #expect(bench.board.peek(0x9000_0000, count: 4) == [])
        #expect(bench.board.peek(0xFFFF_FFFC, count: .max) == [])
        #expect(bench.board.peek(0, count: -1) == [])
        #expect(bench.board.poke(0x9000_0000, [1]) == 0 && bench.board.poke(0x0001_0000 - 2, [1, 2, 3]) == 2 && bench.board.poke(0xFFFF_FFFF, [1, 2]) == 0)
    }

    @Test func `Looking at every register of the board changes nothing`() throws {
        let bench = try Bench()
        let timer: UInt32 = 0x4000_0000
        try bench.program(
            Thumb.poke(PPB.systRVR, 99), Thumb.poke(PPB.systCSR, 5), Thumb.poke(0xE000_EDFC, 1 << 24), Thumb.poke(0xE000_1000, 1),
            Thumb.poke(timer + 0x2C, 20), Thumb.poke(timer, 1), Thumb.load(3, 200), [0x3B01, 0xD1FD], Thumb.stay)
        bench.run(cycles: 600)
        let before = bench.board.state
        let first = bench.board.peek(0x4000_0000, count: 0x2000_0000)
        for block in bench.board.configuration.chip.registers.peripherals { _ = bench.board.peek(block.base, count: 0x400) }
        _ = bench.board.peek(0xE000_0000, count: 0x10_0000)
        #expect(!first.isEmpty)
        #expect(bench.board.state == before)
        #expect(bench.output.findings.isEmpty)
        // COUNTFLAG is there after each look, and a read of the core's takes it.
        let counted: UInt32 = 0x1_0005
        for _ in 0..<2 { #expect(word(bench.board, PPB.systCSR) == counted) }
        #expect(word(bench.board, timer + 0x24) != nil)
        #expect(bench.core.scs.read(PPB.systCSR, size: 4) == counted)
        // Another period may have passed only with time.
        #expect(word(bench.board, PPB.systCSR) == 5)
    }

    @Test func `A character that waits is seen and stays`() throws {
        let bench = try Bench()
        let uart: UInt32 = 0x4001_0000
        try bench.program(Thumb.poke(uart, 0xD), Thumb.stay)
        bench.run(cycles: 100)
        let receiver = bench.board.soc.uart(.uart4)
        receiver.receive("ab")
        #expect(receiver.pendingCount == 2)
        _ = bench.board.peek(uart, count: 0x400)
        #expect(receiver.pendingCount == 2)
        #expect(word(bench.board, uart + 0x24) == UInt32(UInt8(ascii: "a")))
    }

    @Test func `The private peripheral bus is as privileged code reads it`() throws {
        let bench = try Bench()
        try bench.program(
            Thumb.poke(PPB.shpr3, 0x4050_0000), Thumb.poke(PPB.iser0, 0x18), Thumb.poke(PPB.ispr0, 0x10), Thumb.poke(PPB.cpacr, 0xF << 20),
            Thumb.poke(0xE000_ED98, 2), Thumb.poke(0xE000_ED9C, 0x1000_0010), Thumb.stay)
        bench.run(cycles: 100)
        let registers: [UInt32] = [
            0xE000_E004, PPB.systRVR, PPB.systCVR, PPB.iser0, PPB.ispr0, 0xE000_E300, PPB.icsr, PPB.vtor, PPB.aircr, PPB.ccr, PPB.shpr2, PPB.shpr3, PPB.shcsr,
            PPB.cfsr, PPB.cpacr, 0xE000_ED00, 0xE000_ED90, 0xE000_ED94, 0xE000_ED98, 0xE000_ED9C, 0xE000_EDA0, 0xE000_EF34, 0xE000_EF38, 0xE000_EF3C, 0xE000_EF40,
            0xE000_1000, 0xE000_2000, 0xE00F_FFD0,
        ]
        for register in registers { #expect(word(bench.board, register) == bench.core.scs.read(register, size: 4), "\(String(register, radix: 16))") }
        #expect(word(bench.board, 0xE000_EF34) == 0xC000_0000)
    }

    @Test func `A debugger's store to a register is the core's own`() throws {
        let bench = try Bench()
        try bench.program(Thumb.load(4, 0), Thumb.stay)
        try bench.handler(14, Thumb.adds(4, 1), Thumb.bxLR)
        bench.run(cycles: 50)
        #expect(bench.board.poke(PPB.icsr, [0, 0, 0, 0x10]) == 4)
        bench.run(cycles: 50)
        #expect(bench.core.registers.r[4] == 1)
        // A byte of a priority register, and a pin by the bit-band alias.
        #expect(bench.board.poke(PPB.ipr0 + 1, [0x70]) == 1 && word(bench.board, PPB.ipr0) == 0x7000)
    }
}
