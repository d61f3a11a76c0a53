// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import Testing

/// ITM, DWT, FPB, DEMCR and DFSR as firmware reads and writes them. Source: ARMv7-M ARM, C1.6 to C1.11.
@Suite struct DebugRegisterTests {
    private static let itm: UInt32 = 0xE000_0000, dwt: UInt32 = 0xE000_1000, fpb: UInt32 = 0xE000_2000
    private static let ter = itm + 0xE00, tpr = itm + 0xE40, tcr = itm + 0xE80, lar = itm + 0xFB0, lsr = itm + 0xFB4
    private static let demcr: UInt32 = 0xDFC, dfsr: UInt32 = 0xD30

    private func open(_ scene: Scene, ports: UInt32 = 1) {
        scene[Self.demcr] = 1 << 24
        scene.scs.write(Self.lar, size: 4, value: 0xC5AC_CE55)
        scene.scs.write(Self.ter, size: 4, value: ports)
        scene.scs.write(Self.tcr, size: 4, value: 1)
    }

    // MARK: ITM

    @Test func anOpenStimulusPortPassesTextOnInTheSizeItIsWritten() {
        let scene = Scene()
        var pieces: [[UInt32]] = []
        scene.scs.onStimulus = { pieces.append([UInt32($0), $1, UInt32($2)]) }
        scene.scs.write(Self.itm, size: 1, value: 0x41)
        #expect(pieces.isEmpty && scene.scs.read(Self.itm, size: 4) == 0)
        open(scene, ports: 1 | 1 << 31)
        scene.scs.write(Self.itm, size: 1, value: 0x42)
        scene.scs.write(Self.itm + 4, size: 1, value: 0x43)
        scene.scs.write(Self.itm + 0x7C, size: 4, value: 0x4443_4241)
        scene.scs.write(Self.itm, size: 2, value: 0x4241)
        #expect(pieces == [[0, 0x42, 1], [31, 0x4443_4241, 4], [0, 0x4241, 2]])
        #expect(scene.scs.read(Self.itm, size: 4) == 1 && scene.scs.read(Self.itm + 4, size: 4) == 0)
    }

    @Test func withoutTRCENANoTextComesOut() {
        let scene = Scene()
        var count = 0
        scene.scs.onStimulus = { _, _, _ in count += 1 }
        open(scene)
        scene[Self.demcr] = 0
        scene.scs.write(Self.itm, size: 1, value: 0x42)
        #expect(count == 0 && scene.scs.read(Self.itm, size: 4) == 0)
    }

    @Test func controlRegistersThatAreLockedTakeNoWritesUntilTheKeyComes() {
        let scene = Scene()
        #expect(scene.scs.read(Self.lsr, size: 4) == 0b01)
        scene.scs.write(Self.lar, size: 4, value: 1)
        #expect(scene.scs.read(Self.lsr, size: 4) == 0b11)
        scene.scs.write(Self.ter, size: 4, value: 1)
        #expect(scene.scs.read(Self.ter, size: 4) == 0)
        scene.scs.write(Self.lar, size: 4, value: 0xC5AC_CE55)
        #expect(scene.scs.read(Self.lsr, size: 4) == 0b01)
        scene.scs.write(Self.ter, size: 4, value: 5)
        scene.scs.write(Self.tpr, size: 4, value: 0xFF)
        #expect(scene.scs.read(Self.ter, size: 4) == 5 && scene.scs.read(Self.tpr, size: 4) == 0xF)
        scene.scs.write(Self.lar, size: 4, value: 0)
        scene.scs.write(Self.ter, size: 4, value: 1)
        #expect(scene.scs.read(Self.ter, size: 4) == 5)
    }

    @Test func aPortThatIsPrivilegedIsDeafToOthers() {
        let scene = Scene()
        var ports: [Int] = []
        scene.scs.onStimulus = { port, _, _ in ports.append(port) }
        open(scene, ports: .max)
        scene.scs.write(Self.tpr, size: 4, value: 0b10)  // ports 8 to 15
        scene.isPrivileged = false
        for port in [0, 8, 15, 16] as [UInt32] { scene.scs.write(Self.itm + port * 4, size: 1, value: 0x41) }
        #expect(ports == [0, 16])
        #expect(scene.scs.read(Self.itm + 32, size: 4) == 0 && scene.scs.read(Self.itm, size: 4) == 1)
        scene.scs.write(Self.ter, size: 4, value: 0)
        scene.isPrivileged = true
        #expect(scene.scs.read(Self.ter, size: 4) == .max, "only the ports are for unprivileged code")
    }

    // MARK: DWT

    @Test func theControlRegisterTellsFourComparatorsAndACycleCounter() {
        let scene = Scene()
        #expect(scene.scs.read(Self.dwt, size: 4) == 0x4000_0000)
        scene.scs.write(Self.dwt, size: 4, value: .max)
        #expect(scene.scs.read(Self.dwt, size: 4) == 0x407F_1FFF)
        for counter in stride(from: UInt32(0x8), through: 0x18, by: 4) { #expect(scene.scs.read(Self.dwt + counter, size: 4) == 0) }
    }

    @Test func matchedIsSetByAMatchAndClearedByReadingIt() {
        let scene = Scene()
        scene[Self.demcr] = 1 << 24
        scene.scs.write(Self.dwt + 0x40, size: 4, value: 0x1000_0010)  // COMP2
        scene.scs.write(Self.dwt + 0x44, size: 4, value: 3)
        scene.scs.write(Self.dwt + 0x48, size: 4, value: 6)
        #expect(!scene.scs.matchAccess(0x1000_0010, count: 4, isWrite: false, value: 0))
        #expect(!scene.scs.matchAccess(0x1000_0018, count: 4, isWrite: true, value: 0))
        #expect(scene.scs.read(Self.dwt + 0x48, size: 4) == 6)
        #expect(scene.scs.matchAccess(0x1000_0017, count: 1, isWrite: true, value: 0))
        #expect(scene.scs.read(Self.dwt + 0x48, size: 4) == 1 << 24 | 6)
        #expect(scene.scs.read(Self.dwt + 0x48, size: 4) == 6)
        scene[Self.demcr] = 0
        #expect(!scene.scs.matchAccess(0x1000_0017, count: 1, isWrite: true, value: 0), "off without TRCENA")
    }

    @Test func comparatorOneMatchesAValueAtTheAddressOfAnother() {
        let scene = Scene()
        scene[Self.demcr] = 1 << 24
        scene.scs.write(Self.dwt + 0x20, size: 4, value: 0x1000_0010)  // COMP0: the address
        scene.scs.write(Self.dwt + 0x30, size: 4, value: 0x1234)  // COMP1: the value
        scene.scs.write(Self.dwt + 0x38, size: 4, value: 6 | 1 << 8 | 1 << 10)  // write, DATAVMATCH, halfword, linked to 0
        #expect(!scene.scs.matchAccess(0x1000_0010, count: 2, isWrite: true, value: 0x1235))
        #expect(!scene.scs.matchAccess(0x1000_0020, count: 2, isWrite: true, value: 0x1234))
        #expect(scene.scs.matchAccess(0x1000_0010, count: 2, isWrite: true, value: 0x1234))
        #expect(scene.scs.read(Self.dwt + 0x38, size: 4) & (1 << 24 | 1 << 9) == 1 << 24 | 1 << 9)
        #expect(scene.scs.watchedRanges.map(\.first) == [0x1000_0010])
    }

    // MARK: FPB

    @Test func theFlashPatchUnitHasSixBreakpoints() {
        let scene = Scene()
        #expect(scene.scs.read(Self.fpb, size: 4) == 0x260)
        scene.scs.write(Self.fpb, size: 4, value: 1)
        #expect(scene.scs.read(Self.fpb, size: 4) == 0x260, "a write without KEY is ignored")
        scene.scs.write(Self.fpb, size: 4, value: 3)
        #expect(scene.scs.read(Self.fpb, size: 4) == 0x261)
        scene.scs.write(Self.fpb + 8, size: 4, value: 0x1000_0401 | 1 << 30)
        scene.scs.write(Self.fpb + 12, size: 4, value: 0x1000_0501 | 3 << 30)
        scene.scs.write(Self.fpb + 16, size: 4, value: 0x1000_0600 | 1 << 30)  // not enabled
        scene.scs.write(Self.fpb + 20, size: 4, value: 0x1000_0701)  // remap
        #expect(scene.scs.patchedBreakpoints == [0x1000_0400, 0x1000_0500, 0x1000_0502])
        #expect(scene.scs.read(Self.fpb + 4, size: 4) == 0, "FP_REMAP: not supported")
        scene.scs.write(Self.fpb, size: 4, value: 2)
        #expect(scene.scs.patchedBreakpoints.isEmpty)
    }

    // MARK: DEMCR, DFSR

    @Test func monitorPendingIsTheExceptionsPendingStateWhateverMonEnSays() {
        let scene = Scene()
        scene[Self.demcr] = 1 << 17
        #expect(scene.scs.exceptions.isPending(.debugMonitor) && scene[Self.demcr] == 1 << 17)
        scene[Self.demcr] = 1 << 16 | 1 << 18 | 1 << 19
        #expect(!scene.scs.exceptions.isPending(.debugMonitor))
        #expect(scene[Self.demcr] == 1 << 16 | 1 << 18 | 1 << 19)
        scene[Self.demcr] = .max
        #expect(scene[Self.demcr] == 0x010F_07F1)
    }

    @Test func debugFaultStatusIsClearedByOnes() {
        let scene = Scene()
        scene.scs.note(.breakpoint)
        scene.scs.note(.watchpoint)
        scene.scs.note(.halted)
        #expect(scene[Self.dfsr] == 0b111)
        scene[Self.dfsr] = 0b010
        #expect(scene[Self.dfsr] == 0b101)
    }

    @Test func theMonitorsPriorityDecidesWhetherAnEventTakesIt() {
        let scene = Scene()
        scene[0xD20] = 0x40  // SHPR3: DebugMonitor
        #expect(!scene.scs.monitorTakes(at: 256))
        scene[Self.demcr] = 1 << 16
        #expect(scene.scs.monitorTakes(at: 256) && scene.scs.monitorTakes(at: 0x50))
        #expect(!scene.scs.monitorTakes(at: 0x40))
        #expect(!scene.scs.monitorSteps(at: 256))
        scene[Self.demcr] = 1 << 16 | 1 << 18
        #expect(scene.scs.monitorSteps(at: 256) && !scene.scs.monitorSteps(at: 0x40))
    }

    // MARK: Identity

    @Test func theCoreSaysThatItIsACortexM4WithFPU() {
        let scene = Scene()
        #expect(scene[0xD00] == 0x410F_C241)
        #expect(scene[0xD40] == 0x30 && scene[0xD44] == 0x200 && scene[0xD48] == 0x10_0000 && scene[0xD50] == 0x30)
        #expect(scene[0xD60] == 0x0114_1110 && scene[0xD64] == 0x0211_2000 && scene[0xD68] == 0x2123_2231 && scene[0xD6C] == 0x0111_1131)
        #expect(scene[0xF40] == 0x1011_0021 && scene[0xF44] == 0x1100_0011)
        #expect(scene[0xD78] == 0 && scene[0xD7C] == 0, "no CLIDR, no CTR: a Cortex-M4 has no caches")
        #expect(scene.scs.read(0xE00F_F008, size: 4) & 1 == 1, "the ROM table has an FPB")
    }
}
