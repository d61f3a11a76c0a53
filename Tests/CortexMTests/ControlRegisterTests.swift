// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import Testing

/// ARMv7-M ARM, B3.2 and B3.4: the registers as firmware reads and writes them.
@Suite struct ControlRegisterTests {
    @Test func theCoreIsACortexM4r0p1() { #expect(Scene()[0xD00] == 0x410F_C241) }

    @Test func interruptsAreEnabledAndDisabledByOnesAndReadTheSameFromBoth() {
        let scene = Scene()
        scene[0x100] = 0x8000_0001
        scene[0x104] = 0x2
        scene[0x100] = 0x10
        #expect(scene[0x100] == 0x8000_0011 && scene[0x180] == 0x8000_0011 && scene[0x104] == 2)
        scene[0x180] = 0x1
        #expect(scene[0x100] == 0x8000_0010)
        #expect(scene.scs.exceptions.isEnabled(.interrupt(33)))
    }

    @Test func aByteWriteToASetRegisterSetsItsOwnBitsOnly() {
        let scene = Scene()
        scene.setByte(0x101, 0x80)
        #expect(scene[0x100] == 0x8000)
        scene.setByte(0x103, 0x01)
        #expect(scene[0x100] == 0x0100_8000)
        scene.setByte(0x181, 0x80)
        #expect(scene[0x100] == 0x0100_0000)
    }

    @Test func prioritiesAreBytesOfFourBits() {
        let scene = Scene()
        scene.setByte(0x405, 0xFF)
        #expect(scene[0x404] == 0xF000 && scene.byte(0x405) == 0xF0)
        scene.setHalf(0x406, 0x1234)
        #expect(scene[0x404] == 0x1030_F000)
        scene.setByte(0xD22, 0xA5)  // PendSV
        #expect(scene[0xD20] == 0x00A0_0000)
        scene[0xD18] = 0xFFFF_FFFF  // MemManage, BusFault, UsageFault; the fourth is reserved
        #expect(scene[0xD18] == 0x00F0_F0F0)
        scene[0xD1C] = 0xFFFF_FFFF
        #expect(scene[0xD1C] == 0xF000_0000)
    }

    @Test func faultStatusIsClearedByWritingOnesInAnySize() {
        let scene = Scene()
        _ = scene.scs.escalate(.preciseBus(0x2000_0000), current: 256)
        _ = scene.scs.escalate(.undefinedInstruction, current: 256)
        #expect(scene[0xD28] == 0x0001_8200 && scene[0xD38] == 0x2000_0000)
        scene.setByte(0xD29, 0x82)
        #expect(scene[0xD28] == 0x0001_0000)
        scene.setHalf(0xD2A, 1)
        #expect(scene[0xD28] == 0)
        #expect(scene[0xD2C] == 1 << 30, "both were escalated")
        scene[0xD2C] = 1 << 30
        #expect(scene[0xD2C] == 0)
    }

    @Test func shcsrShowsAndSetsTheSystemExceptions() {
        let scene = Scene(), exceptions = scene.scs.exceptions
        scene[0xD24] = 7 << 16
        #expect(exceptions.isEnabled(.memManage) && exceptions.isEnabled(.busFault) && exceptions.isEnabled(.usageFault))
        exceptions.activate(.svCall)
        exceptions.setPending(.busFault)
        #expect(scene[0xD24] == 7 << 16 | 1 << 7 | 1 << 14)
        scene[0xD24] = 1 << 7
        #expect(!exceptions.isPending(.busFault) && exceptions.isActive(.svCall) && !exceptions.isEnabled(.busFault))
    }

    @Test func icsrSetsAndClearsAndSaysWhatIsGoingOn() {
        let scene = Scene(), exceptions = scene.scs.exceptions
        scene[0xD04] = 1 << 28
        #expect(scene[0xD04] == 1 << 28 | 14 << 12 | 1 << 11)
        scene[0xD04] = 1 << 27
        #expect(scene[0xD04] == 1 << 11)
        scene.setByte(0xD07, 0x04)  // PENDSTSET
        #expect(exceptions.isPending(.sysTick))
        scene[0xD04] = 1 << 25
        #expect(!exceptions.isPending(.sysTick))
        scene[0x200] = 1 << 3
        #expect(scene[0xD04] & 1 << 22 != 0, "ISRPENDING shows disabled interrupts too")
        exceptions.activate(.sysTick); exceptions.activate(.svCall)
        scene.currentException = .svCall
        #expect(scene[0xD04] & (1 << 11 | 0x1FF) == 11, "another exception is active below")
    }

    @Test func aircrNeedsItsKey() {
        let scene = Scene()
        scene[0xD0C] = 0x1234_0704
        #expect(scene[0xD0C] == 0xFA05_0000 && scene.resets == [])
        scene.setHalf(0xD0C, 0x0704)
        #expect(scene.resets == [])
        scene[0xD0C] = 0x05FA_0300
        #expect(scene[0xD0C] == 0xFA05_0300)
        scene[0xD0C] = 0x05FA_0304
        scene[0xD0C] = 0x05FA_0301
        #expect(scene.resets == [false, true])
    }

    @Test func theVectorTableIsAlignedTo128Bytes() {
        let scene = Scene()
        scene[0xD08] = 0x1000_01FF
        #expect(scene[0xD08] == 0x1000_0180 && scene.scs.vectorTable == 0x1000_0180)
    }

    @Test func softwareTriggersAnInterruptByNumber() {
        let scene = Scene()
        scene[0xF00] = 77
        #expect(scene.scs.exceptions.isPending(.interrupt(77)))
    }

    @Test func cpacrGrantsTheFPUAndNothingElse() {
        let scene = Scene()
        #expect(!scene.scs.allowsFPU(privileged: true))
        scene[0xD88] = 0xFFFF_FFFF
        #expect(scene[0xD88] == 0x00F0_0000 && scene.scs.allowsFPU(privileged: false))
        scene[0xD88] = 5 << 20
        #expect(scene.scs.allowsFPU(privileged: true) && !scene.scs.allowsFPU(privileged: false))
    }

    @Test func escalationFollowsEnablesPrioritiesAndLockup() {
        let scene = Scene(), scs = scene.scs
        #expect(scs.escalate(.undefinedInstruction, current: 256) == .hardFault)
        scene[0xD24] = 7 << 16
        #expect(scs.escalate(.undefinedInstruction, current: 256) == .usageFault)
        scene[0xD18] = 0x80 << 16
        #expect(scs.escalate(.undefinedInstruction, current: 0x80) == .hardFault)
        #expect(scs.escalate(.undefinedInstruction, current: 0x90) == .usageFault)
        #expect(scs.escalate(.undefinedInstruction, current: -1) == nil)
        #expect(scs.escalate(.vectorTable, current: 0) == .hardFault)
    }

    @Test func aResetRestoresTheRegisters() {
        let scene = Scene()
        for offset in stride(from: 0x004 as UInt32, to: 0xF40, by: 4) where offset != 0xD0C { scene[offset] = 0xFFFF_FFFF }
        scene.scs.reset()
        let fresh = Scene()
        for offset in stride(from: 0x004 as UInt32, to: 0xF40, by: 4) { #expect(scene[offset] == fresh[offset], "\(String(offset, radix: 16))") }
    }

    @Test func theMPUsRegistersHoldEightRegions() {
        let scene = Scene()
        #expect(scene[0xD90] == 0x800)
        scene[0xD9C] = 0x1000_0000 | 0x10 | 3  // VALID, region 3
        scene[0xDA0] = 0x0303_0027
        #expect(scene[0xD98] == 3)
        scene[0xD98] = 0
        #expect(scene[0xDA0] == 0)
        scene[0xD98] = 3
        #expect(scene[0xD9C] == 0x1000_0003 && scene[0xDA0] == 0x0303_0027)
        scene[0xD94] = 5
        #expect(scene.scs.mpu.isOn && scene.permissionChanges >= 3)
    }

    @Test func theCycleCounterCountsWhileItIsOn() {
        let scene = Scene(), cyccnt: UInt32 = 0xE000_1004
        scene.advance(to: 100)
        #expect(scene.scs.read(cyccnt, size: 4) == 0)
        scene[0xDFC] = 1 << 24
        scene.scs.write(0xE000_1000, size: 4, value: 1)
        scene.advance(by: 50)
        #expect(scene.scs.read(cyccnt, size: 4) == 50)
        scene.scs.write(cyccnt, size: 4, value: 0xFFFF_FFF0)
        scene.advance(by: 0x20)
        #expect(scene.scs.read(cyccnt, size: 4) == 0x10)
        scene.scs.write(0xE000_1000, size: 4, value: 0)
        scene.advance(by: 50)
        #expect(scene.scs.read(cyccnt, size: 4) == 0x10)
    }
}
