import CortexM
import Testing

/// ARMv7-M ARM, B3.3: the counter to the cycle.
@Suite struct SysTickTests {
    static let csr: UInt32 = 0x10, rvr: UInt32 = 0x14, cvr: UInt32 = 0x18
    private func started(reload: UInt32, control: UInt32 = 7) -> Scene {
        let scene = Scene()
        scene[Self.rvr] = reload
        scene[Self.cvr] = 0
        scene[Self.csr] = control
        return scene
    }

    @Test func theCounterReloadsOnTheFirstClockAndTicksAtZero() {
        let scene = started(reload: 99)
        #expect(scene[Self.cvr] == 0)
        scene.advance(by: 1)
        #expect(scene[Self.cvr] == 99)
        scene.advance(by: 98)
        #expect(scene[Self.cvr] == 1)
        #expect(!scene.scs.exceptions.isPending(.sysTick))
        scene.advance(by: 1)
        #expect(scene[Self.cvr] == 0)
        #expect(scene.scs.exceptions.isPending(.sysTick))
        scene.advance(by: 1)
        #expect(scene[Self.cvr] == 99)
    }

    @Test(arguments: [1 as UInt32, 2, 99, 0xFF_FFFF]) func thePeriodIsReloadPlusOne(reload: UInt32) {
        let scene = started(reload: reload)
        for tick in 1...3 as ClosedRange<UInt64> {
            scene.advance(to: tick * (UInt64(reload) + 1) - 1)
            #expect(!scene.scs.exceptions.isPending(.sysTick))
            scene.advance(by: 1)
            #expect(scene.scs.exceptions.isPending(.sysTick))
            scene.scs.exceptions.clearPending(.sysTick)
        }
    }

    @Test func theExternalClockIsAnEighthOfTheCores() {
        let scene = started(reload: 9, control: 3)
        scene.advance(to: 79)
        #expect(!scene.scs.exceptions.isPending(.sysTick))
        scene.advance(to: 80)
        #expect(scene.scs.exceptions.isPending(.sysTick))
    }

    @Test func countflagIsSetAtZeroAndClearedByReadingOrByWritingTheCounter() {
        let scene = started(reload: 9, control: 5)
        scene.advance(by: 9)
        #expect(scene[Self.csr] == 5)
        scene.advance(by: 1)
        #expect(scene[Self.csr] == 5 | 1 << 16)
        #expect(scene[Self.csr] == 5)
        scene.advance(by: 100)
        #expect(!scene.scs.exceptions.isPending(.sysTick), "TICKINT is clear")
        scene[Self.cvr] = 0x1234
        #expect(scene[Self.csr] == 5)
        #expect(scene[Self.cvr] == 0)
    }

    @Test func aNewReloadIsTakenAtTheNextZero() {
        let scene = started(reload: 99)
        scene.advance(to: 50)
        scene[Self.rvr] = 9
        #expect(scene[Self.cvr] == 50)
        scene.advance(to: 90)
        #expect(scene[Self.cvr] == 10)
        scene.advance(to: 100)
        #expect(scene.scs.exceptions.isPending(.sysTick))
        scene.scs.exceptions.clearPending(.sysTick)
        scene.advance(to: 109)
        #expect(!scene.scs.exceptions.isPending(.sysTick))
        scene.advance(to: 110)
        #expect(scene.scs.exceptions.isPending(.sysTick))
    }

    @Test func aReloadOfZeroStopsAfterTheCountInProgress() {
        let scene = started(reload: 99)
        scene.advance(to: 50)
        scene[Self.rvr] = 0
        scene.advance(to: 100)
        #expect(scene.scs.exceptions.isPending(.sysTick))
        scene.scs.exceptions.clearPending(.sysTick)
        scene.advance(to: 100_000)
        #expect(!scene.scs.exceptions.isPending(.sysTick))
        #expect(scene[Self.cvr] == 0)
        scene[Self.rvr] = 9
        scene.advance(by: 10)
        #expect(scene.scs.exceptions.isPending(.sysTick))
    }

    @Test func theCounterStandsStillWhileDisabledAndGoesOn() {
        let scene = started(reload: 99)
        scene.advance(to: 40)
        scene[Self.csr] = 6
        scene.advance(to: 5000)
        #expect(scene[Self.cvr] == 60)
        scene[Self.csr] = 7
        scene.advance(by: 59)
        #expect(!scene.scs.exceptions.isPending(.sysTick))
        scene.advance(by: 1)
        #expect(scene.scs.exceptions.isPending(.sysTick))
    }

    @Test func readingTheCounterAlongTheWayChangesNothing() {
        let quiet = started(reload: 63), busy = started(reload: 63)
        for _ in 0..<500 { busy.advance(by: 1); _ = busy[Self.cvr]; _ = busy[Self.csr] }
        quiet.advance(by: 500)
        #expect(quiet[Self.cvr] == busy[Self.cvr])
    }

    @Test func theTimerTellsThatItHasNoReference() {
        #expect(Scene()[0x1C] >> 30 == 3)
    }
}
