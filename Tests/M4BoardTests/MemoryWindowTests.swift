// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import TestSupport
import Testing

/// Memory that the M4 has, and memory behind the firewall.
@Suite struct MemoryWindowTests {
    private static let windows = [
        MemoryWindow(start: DeviceAddress(0), size: 0x1_0000), MemoryWindow(start: DeviceAddress(0x1000_0000), size: 0x4_0000),
        MemoryWindow(start: DeviceAddress(0x1004_0000), size: 0x2000), MemoryWindow(start: DeviceAddress(0x1004_8000), size: 0x8000),
        MemoryWindow(start: DeviceAddress(0x3000_0000), size: 0x4_0000),
    ]

    @Test(arguments: [0x1004_2000, 0x1004_7FFC, 0x1005_0000, 0x1005_FFFC, 0x3004_0000] as [UInt32])
    func whatLiesOutsideIsABusErrorToTheM4(_ address: UInt32) throws {
        for store in [false, true] {
            let bench = try Bench(faultPolicy: .any, windows: Self.windows)
            try bench.program(Thumb.load(2, address), store ? Thumb.strW(3, 2) : Thumb.ldrW(3, 2), Bench.exit)
            guard case .fault(let report) = bench.run() else { Issue.record("no fault"); return }
            #expect(report.status.busFaultAddress == address)
        }
        // The other processor's side is another firewall's business.
        let bench = try Bench(windows: Self.windows)
        try bench.board.writeWord(PhysicalAddress(address), 7, secure: false)
        #expect(try bench.board.readWord(PhysicalAddress(address), secure: false) == 7)
    }

    @Test func whatLiesInsideWorksToItsEdgesAndAcrossWindowsThatTouch() throws {
        let bench = try Bench(faultPolicy: .any, windows: Self.windows)
        try bench.program(
            Thumb.poke(0x1003_FFFC, 0x1122_3344), Thumb.poke(0x1004_0000, 0x5566_7788), Thumb.load(2, 0x1003_FFFE), Thumb.ldrW(4, 2),
            Thumb.poke(0x1004_1FFC, 1), Thumb.poke(0x1004_8000, 2), Thumb.load(2, 0x3000_0000), Thumb.poke(0x1000_0000, 9), Thumb.ldrW(5, 2),
            Bench.exit)
        bench.runToExit()
        #expect(bench.core.registers.r[4] == 0x7788_1122)
        #expect(bench.core.registers.r[5] == 9)
        #expect(try bench.word(0x1004_8000) == 2)
    }
}
