// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import Testing

@Suite struct SysTickTests {
    private let csr: UInt32 = 0xE000_E010, rvr: UInt32 = 0xE000_E014, cvr: UInt32 = 0xE000_E018

    private func started(reload: UInt32, control: UInt32 = 7) -> Bench {
        let bench = Bench()
        bench[rvr] = reload; bench[cvr] = 0; bench[csr] = control
        return bench
    }

    @Test func aPeriodIsTheReloadValueAndOne() {
        let bench = started(reload: 99)
        bench.pass(99)
        #expect(!bench.scs.exceptions.isPending(.sysTick))
        bench.pass(1)
        #expect(bench.scs.exceptions.isPending(.sysTick))
        bench[0xE000_ED04] = 1 << 25
        bench.pass(99)
        #expect(!bench.scs.exceptions.isPending(.sysTick))
        bench.pass(1)
        #expect(bench.scs.exceptions.isPending(.sysTick))
    }

    @Test func theCounterReadsDownToZeroAndReloads() {
        let bench = started(reload: 3)
        var seen: [UInt32] = []
        for _ in 0..<9 { seen.append(bench[cvr]); bench.pass(1) }
        #expect(seen == [0, 3, 2, 1, 0, 3, 2, 1, 0])
    }

    @Test func aLookByADebuggerClearsNoCountFlag() {
        let bench = started(reload: 3, control: 5)
        bench.pass(6)
        func word(_ offset: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bench.scs.controlPage[offset + $1]) << UInt32($1 * 8) } }
        for _ in 0..<2 { #expect(word(0x10) == 0x1_0005 && word(0x18) == 2 && word(0xD00) == 0x410F_C241) }
        #expect(bench[csr] == 0x1_0005 && bench[csr] == 5 && bench[cvr] == 2)
        #expect(word(0x10) == 5)
    }

    @Test func aReloadValueCountsFromTheNextReloadOn() {
        let bench = started(reload: 999, control: 5)
        bench.pass(501)
        #expect(bench[cvr] == 499)
        bench[rvr] = 498
        #expect(bench[cvr] == 499)
        bench.pass(499)
        #expect(bench[cvr] == 0)
        bench.pass(1)
        #expect(bench[cvr] == 498)
    }

    @Test func countFlagIsReadOnceAndClearedByAWriteToTheCounter() {
        let bench = started(reload: 9, control: 5)
        bench.pass(10)
        #expect(bench[csr] == 0x1_0005)
        #expect(bench[csr] == 5)
        bench.pass(10)
        bench[cvr] = 123
        #expect(bench[csr] == 5 && bench[cvr] == 0)
        #expect(!bench.scs.exceptions.isPending(.sysTick), "no interrupt was asked for")
    }

    @Test func aStoppedCounterKeepsItsValue() {
        let bench = started(reload: 999)
        bench.pass(301)
        bench[csr] = 4
        bench.pass(5_000)
        #expect(bench[cvr] == 699)
        bench[csr] = 7
        bench.pass(698)
        #expect(!bench.scs.exceptions.isPending(.sysTick))
        bench.pass(1)
        #expect(bench.scs.exceptions.isPending(.sysTick))
    }

    @Test func theExternalClockIsAnEighth() {
        let bench = started(reload: 9, control: 3)
        bench.pass(79)
        #expect(!bench.scs.exceptions.isPending(.sysTick))
        bench.pass(1)
        #expect(bench.scs.exceptions.isPending(.sysTick))
    }

    @Test func aReloadValueOfZeroStopsAtZero() {
        let bench = started(reload: 9)
        bench[rvr] = 0
        bench.pass(10)
        #expect(bench.scs.exceptions.isPending(.sysTick))
        bench[0xE000_ED04] = 1 << 25
        bench.pass(10_000)
        #expect(!bench.scs.exceptions.isPending(.sysTick) && bench[cvr] == 0)
    }

    @Test func theReloadValueHas24Bits() {
        let bench = Bench()
        bench[rvr] = .max
        #expect(bench[rvr] == 0xFF_FFFF)
    }
}
