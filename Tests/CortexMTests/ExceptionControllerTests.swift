import CortexM
import Testing

/// ARMv7-M ARM, B1.5.4 and B3.4: who comes first.
@Suite struct ExceptionControllerTests {
    @Test func thePriorityDecidesThenTheNumber() {
        let scene = Scene(), exceptions = scene.scs.exceptions
        scene[0x100] = 0xF
        scene[0x400] = 0x40_20_20_80
        for irq in [0, 1, 2, 3] { exceptions.setPending(.interrupt(irq)) }
        var order: [ExceptionNumber] = []
        while exceptions.next.value != 0 { let next = exceptions.next; order.append(next); exceptions.activate(next); exceptions.deactivate(next) }
        #expect(order == [.interrupt(1), .interrupt(2), .interrupt(3), .interrupt(0)])
    }

    @Test func theFixedPrioritiesAreAboveAllOthers() {
        let exceptions = Scene().scs.exceptions
        exceptions.setPending(.pendSV)
        #expect(exceptions.nextPriority == 0)
        exceptions.setPending(.nmi)
        #expect(exceptions.next == .nmi && exceptions.nextPriority == -2)
        exceptions.activate(.nmi)
        #expect(exceptions.activePriority == -2 && exceptions.next == .pendSV)
    }

    @Test(arguments: [(0, 0xF0), (3, 0xF0), (4, 0xE0), (5, 0xC0), (6, 0x80), (7, 0x00)] as [(UInt32, UInt32)])
    func theGroupMaskFollowsPRIGROUPAndTheFourBits(group: UInt32, mask: UInt32) {
        let scene = Scene()
        scene[0xD0C] = 0x05FA_0000 | group << 8
        #expect(scene.scs.exceptions.groupMask == mask)
        scene[0x100] = 1
        scene[0x400] = 0xB0
        scene.scs.exceptions.setPending(.interrupt(0))
        #expect(scene.scs.exceptions.nextPriority == Int32(0xB0 & mask))
    }

    @Test func aDisabledInterruptPendsAndIsNotNext() {
        let scene = Scene(), exceptions = scene.scs.exceptions
        exceptions.setPending(.interrupt(40))
        #expect(exceptions.next.value == 0 && exceptions.isPending(.interrupt(40)))
        scene[0x104] = 1 << 8
        #expect(exceptions.next == .interrupt(40))
        scene[0x184] = 1 << 8
        #expect(exceptions.next.value == 0)
    }

    @Test func aLineThatStaysHighPendsAgainAtTheReturn() {
        let scene = Scene(), exceptions = scene.scs.exceptions
        scene[0x100] = 1
        exceptions.setLine(0, level: true)
        exceptions.activate(.interrupt(0))
        #expect(!exceptions.isPending(.interrupt(0)))
        exceptions.deactivate(.interrupt(0))
        #expect(exceptions.isPending(.interrupt(0)))
        exceptions.activate(.interrupt(0))
        exceptions.setLine(0, level: false)
        exceptions.deactivate(.interrupt(0))
        #expect(!exceptions.isPending(.interrupt(0)))
    }

    @Test func aPulseWhileActivePendsOnceMore() {
        let scene = Scene(), exceptions = scene.scs.exceptions
        scene[0x100] = 1
        exceptions.setLine(0, level: true)
        exceptions.setLine(0, level: false)
        exceptions.activate(.interrupt(0))
        exceptions.setLine(0, level: true)
        exceptions.setLine(0, level: false)
        exceptions.deactivate(.interrupt(0))
        #expect(exceptions.next == .interrupt(0))
    }

    @Test func everyChangeOfWhatMattersIsTold() {
        let scene = Scene(), exceptions = scene.scs.exceptions
        var told = 0
        exceptions.onChange = { told += 1 }
        exceptions.setPending(.pendSV)
        exceptions.setPending(.pendSV)
        #expect(told == 1)
        scene[0xD20] = 0x40 << 16
        #expect(told == 2 && exceptions.nextPriority == 0x40)
    }

    @Test func numbersOutsideOfTheTableAreIgnored() {
        let exceptions = Scene().scs.exceptions
        for n in [-1, 0, 1, 256, 511, .max] {
            exceptions.setPending(ExceptionNumber(n)); exceptions.clearPending(ExceptionNumber(n))
            #expect(!exceptions.isActive(ExceptionNumber(n)) && !exceptions.isPending(ExceptionNumber(n)))
        }
        exceptions.setLine(-1, level: true)
        exceptions.setLine(500, level: true)
        #expect(exceptions.next.value == 0)
    }
}
