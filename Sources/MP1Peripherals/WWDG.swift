import Chips

/// System window watchdog of the Cortex-M4 (RM0436, WWDG). Once started it resets the M4 unless firmware reloads it in time,
/// and not too early.
public final class WWDG: RegisterBlock {
    private enum Offset {
        static let cr: UInt32 = 0x00
        static let cfr: UInt32 = 0x04
        static let sr: UInt32 = 0x08
    }

    private static let activation: UInt32 = 1 << 7  // CR.WDGA
    private static let earlyWakeUp: UInt32 = 1 << 9  // CFR.EWI
    private let interrupt: Int

    private let rcc: RCC
    private let exti: EXTI
    /// Of the EXTI: its edge is the reset.
    private let resetLine: Int
    private let alarm: Alarm
    /// When CR.T was loaded, and the cycles of one step down.
    private var loaded: UInt64 = 0
    private var step: UInt64 = 4096

    init(on interconnect: Interconnect, rcc: RCC, exti: EXTI) {
        interrupt = interconnect.chip.registers.line("WWDG1")
        resetLine = Int(interconnect.chip.coprocessor.watchdogReset.number)
        self.rcc = rcc
        self.exti = exti
        alarm = Alarm("WWDG1", on: interconnect)
        super.init(index: Self.index("WWDG1", on: interconnect), on: interconnect)
        alarm.wake(self)
    }

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0x0C] }

    public var isRunning: Bool { isTouched && self[Offset.cr] & Self.activation != 0 }

    /// T[6:0] now.
    private var counter: UInt32 {
        let start = self[Offset.cr] & 0x7F
        guard isRunning else { return start }
        let steps = (interconnect.now &- loaded) / step
        return steps >= UInt64(start) ? 0 : start - UInt32(steps)
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        offset == Offset.cr ? self[offset] & Self.activation | counter : readStored(offset, by: initiator)
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case Offset.cr:
            guard lanes & 0xFF != 0 else { return }
            let wasRunning = isRunning
            let isEarly = wasRunning && counter > self[Offset.cfr] & 0x7F
            // WDGA cannot be cleared but by reset.
            self[offset] = value & 0xFF | (wasRunning ? Self.activation : 0)
            guard isRunning else { return }
            if isEarly || value & 0x40 == 0 { return expire() }
            load()
        case Offset.cfr:
            let keep = self[offset] & Self.earlyWakeUp  // EWI is cleared by reset only
            merge(offset, value, lanes: lanes)
            self[offset] |= keep
            if isRunning { load(reloading: false) }
        case Offset.sr:
            // EWIF: written 0 to clear.
            self[offset] &= value | ~lanes
            update()
        default:
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        alarm.cancel()
        if isTouched { update() }
    }

    /// Starts counting from CR.T, or goes on with a new time base.
    private func load(reloading: Bool = true) {
        if !reloading { self[Offset.cr] = Self.activation | counter }
        loaded = interconnect.now
        step = (4096 * rcc.busDivider(bus: 1)) << UInt64(self[Offset.cfr] >> 11 & 7)
        schedule()
    }

    /// The next thing that happens: at 0x40 the early wake-up, at 0x3F the reset.
    private func schedule() {
        let start = UInt64(self[Offset.cr] & 0x7F)
        let warning = loaded &+ (start - min(start, 0x40)) * step
        alarm.set(warning > interconnect.now ? warning : warning &+ step)
        if start == 0x40 { warn() }
    }

    override func alarmDue(_ cycle: UInt64) {
        guard isRunning else { return }
        if counter < 0x40 { return expire() }
        warn()
        schedule()
    }

    private func warn() {
        self[Offset.sr] |= 1
        update()
    }

    private func expire() {
        reset(.block)
        exti.edge(resetLine, rising: true)
        interconnect.host.watchdogReset()
    }

    private func update() {
        interconnect.drive(interrupt, self[Offset.sr] & 1 != 0 && self[Offset.cfr] & Self.earlyWakeUp != 0)
    }
}
