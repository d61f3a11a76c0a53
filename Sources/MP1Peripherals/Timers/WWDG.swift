// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips

/// System window watchdog of the Cortex-M4 (RM0436, WWDG). Once started it resets the M4 unless firmware reloads it in time,
/// and not too early.
public final class WWDG: RegisterBlock {
    private let interrupt: Int

    private let clock: ClockInput
    private let exti: EXTI
    /// Of the EXTI: its edge is the reset.
    private let resetLine: Int

    struct State: BlockState {
        /// When CR.T was loaded, and the cycles of one step down.
        var loaded: UInt64 = 0
        var step: UInt64 = 4096
    }
    private var state = State()
    override var ownState: any BlockState { get { state } set { state = newValue as? State ?? state } }

    init(on interconnect: Interconnect, exti: EXTI) {
        interrupt = interconnect.chip.registers.line("WWDG1")
        resetLine = Int(interconnect.chip.coprocessor.watchdogReset.number)
        clock = ClockInput("WWDG1", on: interconnect)
        self.exti = exti
        super.init(index: Self.index("WWDG1", on: interconnect), on: interconnect, alarm: "WWDG1")
    }

    override var map: BlockMap { Self.map }
    private static let map = BlockMap(onRead: [CR.self], onWrite: [CR.self, CFR.self, SR.self], acting: [CR.all, CFR.all, SR.all])

    public var isRunning: Bool { isTouched && has(CR.WDGA) }

    /// T[6:0] now.
    private var counter: UInt32 {
        let start = self[CR.T]
        guard isRunning else { return start }
        let steps = (interconnect.now &- state.loaded) / state.step
        return steps >= UInt64(start) ? 0 : start - UInt32(steps)
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        offset == CR.offset ? self[offset] & CR.WDGA.mask | counter : readStored(offset, by: initiator)
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case CR.offset:
            guard lanes & 0xFF != 0 else { return }
            let wasRunning = isRunning
            let isEarly = wasRunning && counter > self[CFR.W]
            // WDGA cannot be cleared but by reset.
            self[offset] = value & 0xFF | (wasRunning ? CR.WDGA.mask : 0)
            guard isRunning else { return }
            if isEarly || value & 0x40 == 0 { return expire() }
            load()
        case CFR.offset:
            let keep = self[offset] & CFR.EWI.mask  // EWI is cleared by reset only
            merge(offset, value, lanes: lanes)
            self[offset] |= keep
            if isRunning { load(reloading: false) }
        case SR.offset:
            // EWIF: written 0 to clear.
            self[offset] &= value | ~lanes
            update()
        default:
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        cancelAlarm()
        if isTouched { update() }
    }

    /// Starts counting from CR.T, or goes on with a new time base.
    private func load(reloading: Bool = true) {
        if !reloading { self[CR.offset] = CR.WDGA.mask | counter }
        state.loaded = interconnect.now
        state.step = (4096 * (clock.coreCycles ?? 1)) << UInt64(self[CFR.WDGTB])
        schedule()
    }

    /// The next thing that happens: at 0x40 the early wake-up, at 0x3F the reset.
    private func schedule() {
        let start = UInt64(self[CR.T])
        let warning = state.loaded &+ (start - min(start, 0x40)) * state.step
        setAlarm(warning > interconnect.now ? warning : warning &+ state.step)
        if start == 0x40 { warn() }
    }

    override func alarmDue(_ cycle: UInt64) {
        guard isRunning else { return }
        if counter < 0x40 { return expire() }
        warn()
        schedule()
    }

    private func warn() {
        self[SR.EWIF] = 1
        update()
    }

    private func expire() {
        reset(.block)
        exti.edge(resetLine, rising: true)
        interconnect.tell { $0.watchdogReset() }
    }

    private func update() {
        interconnect.drive(interrupt, has(SR.EWIF) && has(CFR.EWI))
    }
}
