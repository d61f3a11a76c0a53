// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import MachineBase
import TestSupport
import Testing

/// Firmware that moves regions of the MPU between accesses, as an RTOS does at each switch of threads. What each access may do is computed here by
/// ARMv7-M ARM, B3.5, and not by what the product computes it with.
@Suite(.enabled(if: M4Board.enforcesPermissions, "needs the engine of engine/, not the system's")) struct MovingRegionsTests {
    private static let arena: UInt32 = 0x1000_C000, arenaSize: UInt32 = 0x4000
    private static let table: UInt32 = 0x1002_0000, log: UInt32 = 0x1004_0000

    private enum Access: UInt32, CaseIterable { case load, store, execute, loadAsUser, storeAsUser }

    private struct Region {
        var isOn = false
        var base: UInt32 = 0, size: UInt32 = 0, disabled: UInt32 = 0
        var access: UInt32 = 0
        var executeNever = false

        /// RBAR and RASR.
        var registers: (UInt32, UInt32) {
            (base, (executeNever ? 1 << 28 : 0) | access << 24 | disabled << 8 | (UInt32(size.trailingZeroBitCount) - 1) << 1 | (isOn ? 1 : 0))
        }

        func holds(_ address: UInt32) -> Bool {
            guard isOn, address >= base, address - base < size else { return false }
            return size < 256 || disabled >> ((address - base) / (size / 8)) & 1 == 0
        }

        func allows(_ kind: Access) -> Bool {
            let isUser = kind == .loadAsUser || kind == .storeAsUser
            let reads = isUser ? [2, 3, 6].contains(access) : access != 0
            let writes = isUser ? access == 3 : [1, 2, 3].contains(access)
            return switch kind {
            case .load, .loadAsUser: reads
            case .store, .storeAsUser: writes
            case .execute: reads && !executeNever
            }
        }
    }

    /// Goes through the table: six words a step, RNR, RBAR, RASR, CTRL, address, access. R6 counts faults, which are logged after each step.
    private static let program: Thumb.Code = {
        let load32 = Thumb.load32(0, 0x4770_4770)
        let accesses: [Thumb.Code] = [
            [0xF8D2, 0x1000],  // ldr.w r1, [r2]
            [0xF8C2, 0x0000],  // str.w r0, [r2]
            Thumb.blx(2) + Thumb.nop,
            [0xF852, 0x1E00],  // ldrt r1, [r2]
            [0xF842, 0x0E00],  // strt r0, [r2]
        ]
        var code = Thumb.poke(PPB.shcsr, PPB.faultsOn) + Thumb.load32(4, table) + Thumb.movs(6, 0) + Thumb.load32(7, log)
        let loop = code.count
        code += Thumb.load32(1, 0xE000_ED98)
        for offset: UInt16 in [0, 4, 8] { code += Thumb.ldr(0, 4, offset) + Thumb.str(0, 1, offset) }
        code += Thumb.load32(1, 0xE000_ED94) + Thumb.ldr(0, 4, 12) + Thumb.str(0, 1) + Thumb.dsb + Thumb.isb
        code += Thumb.ldr(2, 4, 16) + Thumb.ldr(3, 4, 20) + load32
        for (number, access) in accesses.enumerated() {
            code += Thumb.cmp(3, UInt16(number)) + Thumb.bne(2 + 2 * access.count) + access
        }
        code += Thumb.str(6, 7) + Thumb.adds(7, 4) + Thumb.adds(4, 24) + Thumb.subs(5, 1)
        // The loop is longer than a conditional branch reaches.
        return code + Thumb.bne(4) + Thumb.b(4) + Thumb.b(2 * (loop - code.count) - 4) + Bench.exit
    }()

    /// Counts, and returns behind the access of four bytes, or from the function that could not be fetched.
    private static let handler: Thumb.Code =
        Thumb.load32(0, PPB.cfsr) + Thumb.ldr(1, 0) + Thumb.str(1, 0) + Thumb.adds(6, 1)
        + [0x07C9, 0xD403]  // lsls r1, r1, #31; bmi
        + [0x9806] + Thumb.adds(0, 4) + [0x9006] + Thumb.bxLR  // the frame's PC, and 4
        + [0x9805] + Thumb.subs(0, 1) + [0x9006] + Thumb.bxLR  // the frame's LR, without its bit 0

    /// DDR at 0xC0000000, execute-never by the default map (ARMv7-M ARM, B3.1). Region 0 lets code there run; then the MPU is off, and the page is read first.
    @Test(arguments: [false, true]) func `What only a region made executable is so no longer without it`(_ isReadBefore: Bool) throws {
        let bench = try Bench(ddr: 0x10_0000), code: UInt32 = 0xC000_0000
        try bench.board.write(PhysicalAddress(code), [0x70, 0x47])
        try bench.program(
            Thumb.poke(PPB.shcsr, PPB.faultsOn), Thumb.poke(0xE000_ED9C, code | 0x10), Thumb.poke(0xE000_EDA0, 3 << 24 | 19 << 1 | 1), Thumb.poke(0xE000_ED94, 5),
            Thumb.dsb, Thumb.isb, Thumb.load32(4, code | 1), Thumb.blx(4), Thumb.log(1), Thumb.poke(0xE000_ED94, 0), Thumb.dsb, Thumb.isb,
            Thumb.load32(3, code), isReadBefore ? Thumb.ldr(2, 3) : Thumb.nop, Thumb.blx(4), Thumb.log(2), Bench.exit)
        try bench.handler(4, Thumb.log(3), Bench.exit)
        bench.runToExit()
        #expect(try bench.log == [1, 3])
        #expect(bench.core.scs.faults.cfsr == 1)
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>) func `Each access obeys the regions of its moment`(_ seed: UInt64) throws {
        let bench = try Bench(), steps = 2500
        var choices = SeededChoices(seed: seed), regions = [Region](repeating: Region(), count: 8), expected: [UInt32] = [], faults: UInt32 = 0
        for address in stride(from: Self.arena, to: Self.arena + Self.arenaSize, by: 4) { try bench.word(address, 0x4770_4770) }
        // A few places again and again, so that what was allowed before may be remembered.
        let places = (0..<12).map { _ in Self.arena + choices.below(Self.arenaSize / 4) * 4 }
        for step in 0..<steps as Range<Int> {
            let number = Int(choices.below(8)), size = UInt32(32) << choices.below(10)
            regions[number] = Region(
                isOn: choices.below(4) != 0, base: Self.arena + choices.below(Self.arenaSize / size) * size, size: size,
                disabled: size >= 256 && choices.below(2) == 0 ? choices.below(256) : 0, access: choices.pick([0, 1, 2, 3, 5, 6]),
                executeNever: choices.below(2) == 0)
            let isOn = choices.below(8) != 0, kind = choices.pick(Access.allCases), address = choices.pick(places)
            let (rbar, rasr) = regions[number].registers
            let words = [UInt32(number), rbar, rasr, isOn ? 5 : 4, kind == .execute ? address | 1 : address, kind.rawValue]
            for (place, word) in words.enumerated() { try bench.word(Self.table + UInt32(step) * 24 + UInt32(place) * 4, word) }
            // The highest region counts; where there is none, privileged code has the default map (CTRL.PRIVDEFENA).
            let isAllowed = !isOn || (regions.last { $0.holds(address) }?.allows(kind) ?? (kind.rawValue < Access.loadAsUser.rawValue))
            if !isAllowed { faults += 1 }
            expected.append(faults)
        }
        try bench.program(Thumb.load32(5, UInt32(steps)), Self.program)
        try bench.handler(4, Self.handler)
        bench.runToExit()
        let seen = try (0..<steps).map { try bench.word(Self.log + UInt32($0) * 4) }
        let first = zip(seen, expected).enumerated().first { $1.0 != $1.1 }
        #expect(first == nil, "step \(first?.offset ?? 0): \(first?.element.0 ?? 0) faults until then, \(first?.element.1 ?? 0) by the manual")
        #expect(faults > 500)
    }
}
