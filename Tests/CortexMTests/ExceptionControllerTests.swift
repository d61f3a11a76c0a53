// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import MachineBase
import Testing

/// The system control space with a core that only has a clock and an IPSR.
final class Bench: CoreControl {
    var cycles: UInt64 = 0
    var currentException = ExceptionNumber(0)
    var resets: [Bool] = []
    func resetRequested(local: Bool) { resets.append(local) }
    func permissionsChanged() {}
    func trapsChanged() {}

    let events = EventQueue()
    let scs: SystemControlSpace
    init(priorityMask: UInt8 = 0xF0, interrupts: Int = 150) {
        scs = SystemControlSpace(events: events, priorityMask: priorityMask, interrupts: interrupts)
        scs.core = self
    }
    deinit { scs.core = nil }

    subscript(address: UInt32) -> UInt32 {
        get { scs.read(address, size: 4) }
        set { scs.write(address, size: 4, value: newValue) }
    }
    /// Lets `count` cycles pass, with what is due in them.
    func pass(_ count: UInt64) {
        let end = cycles + count
        while events.next <= end {
            cycles = max(cycles, events.next)
            events.run(upTo: cycles)
        }
        cycles = end
    }
}

@Suite struct ExceptionControllerTests {
    private let exceptions = ExceptionController(priorityMask: 0xF0)
    private func enable(_ bench: Bench, _ irqs: [Int]) { for irq in irqs { bench[0xE000_E100 + UInt32(irq / 32) * 4] = 1 << UInt32(irq % 32) } }

    @Test func theLowerNumberComesFirstAtOnePriority() {
        let bench = Bench(), e = bench.scs.exceptions
        enable(bench, [3, 7, 100])
        for irq in [100, 7, 3] { e.setPending(.interrupt(irq)) }
        #expect(e.next == .interrupt(3))
        bench.scs.write(0xE000_E400 + 3, size: 1, value: 0x20)
        #expect(e.next == .interrupt(7))
    }

    @Test("Only the priority bits exist that the chip has, and ICTR tells of as many words as its lines need", arguments: [
        (UInt8(0xF0), 150, UInt32(4)), (0xE0, 32, 0), (0xFF, 240, 7), (0xC0, 33, 1),
    ])
    func chips(mask: UInt8, interrupts: Int, words: UInt32) {
        let bench = Bench(priorityMask: mask, interrupts: interrupts)
        bench[0xE000_E400] = 0xFFFF_FFFF
        #expect(bench[0xE000_E400] == UInt32(mask) * 0x0101_0101)
        #expect(bench[0xE000_E004] == words)
        #expect(bench.scs.exceptions.groupMask == UInt32(mask) & 0xFE)
    }

    @Test func fixedPrioritiesAreAboveAllOthers() {
        let e = exceptions
        e.setPending(.svCall); e.setPending(.hardFault)
        #expect(e.next == .hardFault && e.nextPriority == -1)
        e.setPending(.nmi)
        #expect(e.next == .nmi && e.nextPriority == -2)
    }

    @Test func priorityGroupsDecidePreemptionAndSubPrioritiesTheOrder() {
        let bench = Bench(), e = bench.scs.exceptions
        bench[0xE000_ED0C] = 0x05FA_0000 | 5 << 8  // two bits of group priority
        enable(bench, [0, 1])
        bench[0xE000_E400] = 0x5070
        e.setPending(.interrupt(0))
        e.activate(.interrupt(0))
        e.setPending(.interrupt(1))
        #expect(e.nextPriority == 0x40 && e.activePriority == 0x40, "one group: no preemption")
        e.setPending(.interrupt(0))
        #expect(e.next == .interrupt(1), "the sub-priority decides between the two")
    }

    @Test func anAssertedLinePendsAgainWhenItsHandlerReturns() {
        let bench = Bench(), e = bench.scs.exceptions
        enable(bench, [5])
        e.setLine(5, level: true)
        e.activate(.interrupt(5))
        #expect(!e.isPending(.interrupt(5)))
        e.deactivate(.interrupt(5))
        #expect(e.isPending(.interrupt(5)))
        bench[0xE000_E280] = 1 << 5
        #expect(e.isPending(.interrupt(5)), "clearing does not help while the line is up")
        e.setLine(5, level: false)
        #expect(e.isPending(.interrupt(5)), "what was latched stays")
        bench[0xE000_E280] = 1 << 5
        #expect(!e.isPending(.interrupt(5)))
    }

    @Test func aDisabledExceptionStaysPendingAndIsNotNext() {
        let e = exceptions
        e.setPending(.interrupt(9))
        #expect(e.next == ExceptionNumber(0) && e.nextPriority == ExceptionController.idle && e.isPending(.interrupt(9)))
    }

    @Test func numbersWithoutAnExceptionAreIgnored() {
        let e = exceptions
        for n in [-1, 0, 1, 256, 511, .max] { e.setPending(ExceptionNumber(n)); e.deactivate(ExceptionNumber(n)) }
        e.setLine(-17, level: true); e.setLine(240, level: true)
        #expect(e.next == ExceptionNumber(0) && e.activeCount == 0)
    }

    @Test func everyChangeOfPrioritiesIsTold() {
        let e = exceptions
        var told: [Int32] = []
        withUnsafeMutablePointer(to: &told) { list in
            let listener: ExceptionController.Listener = { context, next, active, groupMask in
                context?.assumingMemoryBound(to: [Int32].self).pointee += [next, active, Int32(groupMask)]
            }
            e.setListener(listener, context: list)
            e.setPending(.pendSV)
            e.setPending(.pendSV)
            e.activate(.pendSV)
            e.setListener(nil, context: nil)
        }
        let idle = ExceptionController.idle
        #expect(told == [idle, idle, 0xF0, 0, idle, 0xF0, idle, 0, 0xF0])
    }
}

@Suite struct SystemControlSpaceTests {
    @Test func interruptWordsAreShiftedBySixteenExceptions() {
        let bench = Bench()
        bench[0xE000_E104] = 0x8000_0001
        #expect(bench[0xE000_E104] == 0x8000_0001 && bench[0xE000_E184] == 0x8000_0001)
        #expect(bench.scs.exceptions.isEnabled(.interrupt(32)) && bench.scs.exceptions.isEnabled(.interrupt(63)))
        bench[0xE000_E184] = 1
        #expect(bench[0xE000_E104] == 0x8000_0000)
        bench[0xE000_E11C] = .max
        #expect(bench[0xE000_E11C] == 0xFFFF, "interrupts 224 to 239, no more")
    }

    @Test func bytesOfPriorityRegistersAreTheirOwn() {
        let bench = Bench()
        bench[0xE000_ED20] = 0x4030_0000
        bench.scs.write(0xE000_ED23, size: 1, value: 0xF0)
        #expect(bench[0xE000_ED20] == 0xF030_0000)
        #expect(bench.scs.read(0xE000_ED22, size: 1) == 0x30)
        bench.scs.write(0xE000_ED1C, size: 4, value: .max)
        #expect(bench[0xE000_ED1C] == 0xF000_0000, "SHPR2 has only SVCall")
    }

    @Test func faultStatusIsClearedByWritingOnes() {
        let bench = Bench()
        _ = bench.scs.escalate(.preciseBus(0x6000_0000), current: ExceptionController.idle)
        _ = bench.scs.escalate(.undefinedInstruction, current: ExceptionController.idle)
        #expect(bench[0xE000_ED28] == 1 << 16 | 1 << 15 | 1 << 9)
        bench.scs.write(0xE000_ED29, size: 1, value: 0x02)
        #expect(bench[0xE000_ED28] == 1 << 16 | 1 << 15, "other bytes and bits stay")
        bench[0xE000_ED28] = .max
        #expect(bench[0xE000_ED28] == 0)
        #expect(bench[0xE000_ED2C] == 1 << 30)
        #expect(bench[0xE000_ED38] == 0x6000_0000)
    }

    @Test func escalationFollowsEnableAndPriority() {
        let bench = Bench(), idle = ExceptionController.idle
        #expect(bench.scs.escalate(.undefinedInstruction, current: idle) == .hardFault)
        bench[0xE000_ED24] = 7 << 16
        #expect(bench.scs.escalate(.undefinedInstruction, current: idle) == .usageFault)
        #expect(bench.scs.escalate(.undefinedInstruction, current: 0) == .hardFault, "cannot preempt its own priority")
        #expect(bench.scs.escalate(.undefinedInstruction, current: -1) == nil)
        #expect(bench.scs.escalate(.debugEvent, current: idle) == .hardFault)
    }

    @Test func theInterruptControlStateSetsAndClears() {
        let bench = Bench(), e = bench.scs.exceptions
        bench[0xE000_ED04] = 1 << 28 | 1 << 26
        #expect(e.isPending(.pendSV) && e.isPending(.sysTick))
        #expect(bench[0xE000_ED04] == 1 << 28 | 1 << 26 | 14 << 12 | 1 << 11)
        bench[0xE000_ED04] = 1 << 27
        #expect(!e.isPending(.pendSV) && e.isPending(.sysTick))
        bench[0xE000_ED04] = 1 << 25
        #expect(!e.isPending(.sysTick))
        e.setPending(.interrupt(50))
        #expect(bench[0xE000_ED04] & 1 << 22 != 0)
        e.activate(.svCall); e.activate(.interrupt(50))
        bench.currentException = .interrupt(50)
        #expect(bench[0xE000_ED04] == 66, "two are active: no RETTOBASE")
    }

    @Test func theVectorTableIsAligned() {
        let bench = Bench()
        bench[0xE000_ED08] = 0x1000_01FF
        #expect(bench[0xE000_ED08] == 0x1000_0180)
    }

    @Test func theResetRegisterWantsItsKey() {
        let bench = Bench()
        bench[0xE000_ED0C] = 0xFA05_0704
        #expect(bench.resets.isEmpty && bench[0xE000_ED0C] == 0xFA05_0000)
        bench[0xE000_ED0C] = 0x05FA_0300
        #expect(bench[0xE000_ED0C] == 0xFA05_0300)
        bench[0xE000_ED0C] = 0x05FA_0004
        bench[0xE000_ED0C] = 0x05FA_0001
        #expect(bench.resets == [false, true])
    }

    @Test func systemHandlerStateShowsAndSets() {
        let bench = Bench(), e = bench.scs.exceptions
        bench[0xE000_ED24] = 1 << 16 | 1 << 15
        #expect(e.isEnabled(.memManage) && e.isPending(.svCall))
        e.activate(.svCall)
        #expect(bench[0xE000_ED24] == 1 << 16 | 1 << 7)
    }

    @Test func softwareTriggersAnInterrupt() {
        let bench = Bench()
        bench[0xE000_EF00] = 103
        #expect(bench.scs.exceptions.isPending(.interrupt(103)))
        bench[0xE000_EF00] = 511
        #expect(bench.scs.exceptions.activeCount == 0)
    }

    @Test func mpuRegionsAreReachedByNumberAndByAddress() {
        let bench = Bench()
        #expect(bench[0xE000_ED90] == 8 << 8)
        bench[0xE000_ED9C] = 0x1000_0000 | 0x10 | 3
        bench[0xE000_EDA0] = 0x0300_0025
        #expect(bench[0xE000_ED98] == 3 && bench[0xE000_ED9C] == 0x1000_0003 && bench[0xE000_EDA0] == 0x0300_0025)
        bench[0xE000_ED98] = 2
        #expect(bench[0xE000_ED9C] == 2 && bench[0xE000_EDA0] == 0)
    }

    @Test func theCycleCounterCountsWhileTraceIsOn() {
        let bench = Bench()
        bench.pass(100)
        #expect(bench[0xE000_1004] == 0)
        bench[0xE000_EDFC] = 1 << 24
        bench[0xE000_1000] = 1
        bench.pass(500)
        #expect(bench[0xE000_1004] == 500)
        bench[0xE000_1000] = 0
        bench.pass(500)
        #expect(bench[0xE000_1004] == 500)
        bench[0xE000_1004] = 0xFFFF_FFFF
        bench[0xE000_1000] = 1
        bench.pass(2)
        #expect(bench[0xE000_1004] == 1)
    }

    @Test func aResetForgetsAllButAssertedLines() {
        let bench = Bench()
        for address in stride(from: 0xE000_E000 as UInt32, to: 0xE000_F000, by: 4) where address != 0xE000_ED0C { bench[address] = .max }
        bench.scs.exceptions.setLine(4, level: true)
        bench.scs.reset()
        #expect(bench[0xE000_E100] == 0 && bench[0xE000_E200] == 1 << 4 && bench[0xE000_E400] == 0)
        #expect(bench[0xE000_ED08] == 0 && bench[0xE000_ED14] == 1 << 9 && bench[0xE000_E010] == 0)
        #expect(bench[0xE000_EF34] == 0xC000_0000)
    }
}
