import CRegisterMap
import Chips

/// Reset and clock control (RM0436, RCC): hold boot, resets, clock enables and what firmware reads about its clocks.
///
/// Clocks start at once: a ready bit follows its enable bit, and a source or divider is taken over when written.
public final class RCC: RegisterBlock {
    private enum Offset {
        static let tzcr: UInt32 = 0x000
        static let ocensetr: UInt32 = 0x00C
        static let ocenclrr: UInt32 = 0x010
        static let mssckselr: UInt32 = 0x048
        static let mpBootcr: UInt32 = 0x100
        static let bdcr: UInt32 = 0x140
        static let rdlsicr: UInt32 = 0x144
        static let brRstsclrr: UInt32 = 0x400
        static let mpRstsclrr: UInt32 = 0x408
        static let mpCIFR: UInt32 = 0x418
        static let mpRstssetr: UInt32 = 0x420
        static let ocrdyr: UInt32 = 0x808
        static let rck3selr: UInt32 = 0x820
        static let timg1prer: UInt32 = 0x828
        static let mcudivr: UInt32 = 0x830
        static let apb1divr: UInt32 = 0x834
        static let pll1cr: UInt32 = 0x080
        static let pll2cr: UInt32 = 0x094
        static let pll3cr: UInt32 = 0x880
        static let pll3cfgr1: UInt32 = 0x884
        static let pll3cfgr2: UInt32 = 0x888
        static let pll3fracr: UInt32 = 0x88C
        static let pll4cr: UInt32 = 0x894
        static let mcRstsclrr: UInt32 = 0xC00
        static let mcCIER: UInt32 = 0xC14
        static let mcCIFR: UInt32 = 0xC18
    }

    private static let ready: UInt32 = 1 << 31
    private let interrupt: Int, wakeUpInterrupt: Int
    /// Where the chip has the coprocessor's hold boot and reset, from the block's base.
    private let holdBoot: UInt32, coreReset: UInt32
    private let holdBootMask: UInt32, coreResetMask: UInt32
    /// WKUPF and WKUPIE.
    private static let wakeUpFlag: UInt32 = 1 << 20
    /// Bits of MC_RSTSCLRR.
    private static let mcuResetFlag: UInt32 = 1 << 5
    private static let watchdogResetFlag: UInt32 = 1 << 10

    private let configuration: SoCConfiguration
    private var isReleased = false
    private var toldClockChange = false

    init(on interconnect: Interconnect, configuration: SoCConfiguration) {
        self.configuration = configuration
        let chip = interconnect.chip, index = Self.index("RCC", on: interconnect)
        let base = interconnect.map.pointee.peripherals[index].base
        interrupt = chip.registers.line("RCC")
        wakeUpInterrupt = chip.registers.line("RCC_WAKEUP")
        holdBoot = chip.coprocessor.holdBoot.address.value &- base
        holdBootMask = chip.coprocessor.holdBoot.mask
        coreReset = chip.coprocessor.reset.address.value &- base
        coreResetMask = chip.coprocessor.reset.mask
        super.init(index: index, on: interconnect)
    }

    override class var plainRegisters: [Range<UInt32>] { [0x000..<0xFF0] }
    override var missingFeatures: [MissingFeature] { Self.missing }
    private static let missing = [
        MissingFeature("clock security of HSE", "HSECSSON", .init(Offset.ocensetr, 1 << 11), effect: "HSE never fails"),
        MissingFeature("clock security of LSE", "LSECSSON", .init(Offset.bdcr, 1 << 8), effect: "LSE never fails"),
        MissingFeature("clock output 1", "MCO1ON", .init(0x800, 1 << 12), effect: "no pin follows it"),
        MissingFeature("clock output 2", "MCO2ON", .init(0x804, 1 << 12), effect: "no pin follows it"),
    ]

    /// MP_GCR.BOOT_MCU: false holds the M4 in reset the next time it is reset.
    public var isHoldBootReleased: Bool { self[holdBoot] & holdBootMask != 0 }

    /// Whether `peripheral`, by RM0436's name, has its clock enabled for the M4; nil when RCC has no gate for it.
    public func isClockEnabled(_ peripheral: String) -> Bool? {
        guard let index = interconnect.chip.registers.peripheral(named: peripheral)?.index else { return nil }
        let map = interconnect.map.pointee
        for number in 0..<Int(map.clock_gate_count) {
            let gate = map.clock_gates[number]
            if Int(gate.peripheral) == index { return self[UInt32(gate.offset)] >> UInt32(gate.bit) & 1 != 0 }
        }
        return nil
    }

    /// How many cycles of the core clock make one of pclk1, pclk2 or pclk3.
    func busDivider(bus: Int) -> UInt64 {
        UInt64(1) << UInt64(min(self[Offset.apb1divr + UInt32(truncatingIfNeeded: bus - 1) * 4] & 7, 4))
    }

    /// How many cycles of the core clock make one of the timers' kernel clock on `bus` 1 or 2 (RM0436, RCC).
    func timerDivider(bus: Int) -> UInt64 {
        let isFast = self[Offset.timg1prer + (bus == 2 ? 4 : 0)] & 1 != 0
        return max(1, busDivider(bus: bus) / (isFast ? 4 : 2))
    }

    /// Sets the flag that tells firmware why it starts again.
    func noteReset(_ cause: SoC.MCUResetCause) {
        self[Offset.mcRstsclrr] |= cause == .watchdog ? Self.watchdogResetFlag | Self.mcuResetFlag : Self.mcuResetFlag
    }

    /// The M4's domain has left CSTOP.
    func noteWakeUp() {
        self[Offset.mcCIFR] |= Self.wakeUpFlag
        updateInterrupt()
    }

    // MARK: Reset

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        // As the boot chain on the Cortex-A7s leaves it. HSI, CSI and HSE run, the MCU clock is set.
        self[Offset.tzcr] = configuration.isRCCSecure && configuration.bootPins != interconnect.chip.bootPins.engineering ? 1 : 0
        self[Offset.ocensetr] = 0x0000_0111
        for pll in [Offset.pll1cr, Offset.pll2cr] { self[pll] = 0x11 }
        for setting in configuration.mcuClock.settings { self[setting.offset] = setting.value }
        updateInterrupt()
        updateHoldBoot()
    }

    private func updateHoldBoot() {
        guard isHoldBootReleased != isReleased else { return }
        isReleased = isHoldBootReleased
        interconnect.host.holdBootChanged(released: isReleased)
    }

    // MARK: Registers

    /// A set register and its clear register four bytes on, both reading the state: clock enables and block resets.
    private static func isSetClearPair(_ offset: UInt32) -> Bool {
        switch offset {
        case 0x180..<0x1A8, 0x200..<0x400, 0x980..<0xC00: true
        default: false
        }
    }

    private static func isReset(_ offset: UInt32) -> Bool { offset & ~0x7F == 0x180 || offset & ~0x7F == 0x980 }

    private static func isSourceOrDivider(_ offset: UInt32) -> Bool {
        switch offset {
        case 0x20..<0x44, 0x48, 0x820..<0x840: true
        default: false
        }
    }

    /// With TZEN set, non-secure writes to these are ignored (RM0436, RCC security).
    private static func isSecured(_ offset: UInt32) -> Bool {
        switch offset {
        case 0x000, 0x00C, 0x010, 0x018..<0x044, 0x080..<0x0A8, 0x100..<0x118, 0x400..<0x40C, 0x420: true
        default: false
        }
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case Offset.ocensetr, Offset.ocenclrr: return self[Offset.ocensetr]
        case 0x104, 0x108: return self[0x104]  // MP_SREQSETR, MP_SREQCLRR
        case 0x40C, 0x410: return self[0x40C]  // MP_IWDGFZSETR, MP_IWDGFZCLRR
        case Offset.ocrdyr:
            // HSIRDY, CSIRDY, HSERDY follow their enables; HSIDIVRDY, MPUCKRDY and AXICKRDY are always set.
            return self[Offset.ocensetr] & 0x111 | 1 << 2 | 1 << 23 | 1 << 24
        case Offset.pll1cr, Offset.pll2cr, Offset.pll3cr, Offset.pll4cr:
            return self[offset] & ~2 | (self[offset] & 1) << 1
        case Offset.bdcr: return self[offset] & ~4 | (self[offset] & 1) << 2
        case Offset.rdlsicr: return self[offset] & ~2 | (self[offset] & 1) << 1
        case coreReset: return 0
        case _ where Self.isSetClearPair(offset): return self[offset & ~4]
        case _ where Self.isSourceOrDivider(offset): return self[offset] | Self.ready
        default: return readStored(offset, by: initiator)
        }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        if Self.isSecured(offset), self[Offset.tzcr] & 1 != 0, !initiator.isSecure { return }
        switch offset {
        case Offset.ocensetr:
            let started = value & ~self[Offset.ocensetr]
            self[Offset.ocensetr] |= value
            // HSIRDYF, HSERDYF, CSIRDYF
            noteReady((started & 1) << 2 | (started >> 8 & 1) << 3 | (started >> 4 & 1) << 4)
        case Offset.ocenclrr: self[Offset.ocensetr] &= ~value
        case 0x104: self[0x104] |= value
        case 0x108: self[0x104] &= ~value
        case 0x40C: self[0x40C] |= value
        case 0x410: self[0x40C] &= ~value
        case Offset.pll1cr: switchOn(offset, value, lanes: lanes, flag: 8)
        case Offset.pll2cr: switchOn(offset, value, lanes: lanes, flag: 9)
        case Offset.pll3cr: switchOn(offset, value, lanes: lanes, flag: 10)
        case Offset.pll4cr: switchOn(offset, value, lanes: lanes, flag: 11)
        case Offset.rdlsicr: switchOn(offset, value, lanes: lanes, flag: 0)
        case Offset.bdcr: switchOn(offset, value, lanes: lanes, flag: 1)
        case holdBoot:
            merge(offset, value & holdBootMask, lanes: lanes)
            updateHoldBoot()
        case coreReset:
            if value & 1 != 0 { interconnect.host.resetRequested(.system) } else if value & coreResetMask != 0 { interconnect.host.resetRequested(.mcu) }
        case Offset.brRstsclrr, Offset.mpRstsclrr, Offset.mcRstsclrr, Offset.mpCIFR: self[offset] &= ~value
        case Offset.mcCIFR:
            self[offset] &= ~value
            updateInterrupt()
        case Offset.mcCIER:
            merge(offset, value, lanes: lanes)
            updateInterrupt()
        case Offset.mpRstssetr: self[Offset.mpRstsclrr] |= value
        case _ where Self.isSetClearPair(offset): setOrClear(offset, value)
        default: writeStored(offset, value, lanes: lanes, by: initiator)
        }
        switch offset {
        case Offset.mssckselr, Offset.mcudivr: tellClockChange(offset)
        // A PLL is set up again while it is off, and its fraction while that is not latched: what counts is what it has in the end.
        case Offset.pll3cr...Offset.pll3fracr where self[Offset.pll3cr] & 1 != 0 && (offset != Offset.pll3fracr || self[offset] >> 16 & 1 != 0):
            tellClockChange(offset)
        default: break
        }
    }

    /// The core keeps its speed when firmware selects another clock for it, which is told once.
    private func tellClockChange(_ offset: UInt32) {
        guard !toldClockChange, coreClockDiffers else { return }
        toldClockChange = true
        interconnect.host.unsupportedFeature(clockChange(offset))
    }

    private var coreClockDiffers: Bool {
        let actual = interconnect.clock.hertz, selected = selectedCoreClock
        return max(actual, selected) - min(actual, selected) > actual / 1000
    }

    private func clockChange(_ offset: UInt32) -> UnsupportedFeature {
        let field = switch offset { case Offset.mssckselr: "MCUSSRC"; case Offset.mcudivr: "MCUDIV"; default: "PLL3" }
        return unsupported(
            "another clock of the M4, \(selectedCoreClock) Hz", offset, field, value: self[offset] & ~Self.ready, waits: false,
            "the core keeps its \(interconnect.clock.hertz) Hz")
    }

    override var featuresOn: [UnsupportedFeature] {
        super.featuresOn + (toldClockChange && coreClockDiffers ? [clockChange(Offset.mssckselr)] : [])
    }

    private func setOrClear(_ offset: UInt32, _ value: UInt32) {
        let state = offset & ~4
        let old = self[state]
        self[state] = offset & 4 == 0 ? old | value : old & ~value
        let risen = self[state] & ~old
        if risen != 0, Self.isReset(offset) { resetBlocks(state, risen) }
    }

    /// Resets the blocks on reset lines `bits` of the register at `offset`.
    private func resetBlocks(_ offset: UInt32, _ bits: UInt32) {
        let map = interconnect.map.pointee
        for number in 0..<Int(map.reset_line_count) {
            let line = map.reset_lines[number]
            guard UInt32(line.offset) == offset, bits >> UInt32(line.bit) & 1 != 0 else { continue }
            interconnect.blocks[Int(line.peripheral)]?._withUnsafeGuaranteedRef { $0.reset(.block) }
        }
    }

    /// A clock's control register with the enable in bit 0; `flag` is its ready flag in CIFR.
    private func switchOn(_ offset: UInt32, _ value: UInt32, lanes: UInt32, flag: UInt32) {
        let wasOn = self[offset] & 1 != 0
        merge(offset, value, lanes: lanes)
        if !wasOn, self[offset] & 1 != 0 { noteReady(1 << flag) }
    }

    private func noteReady(_ flags: UInt32) {
        guard flags != 0 else { return }
        self[Offset.mpCIFR] |= flags
        self[Offset.mcCIFR] |= flags
        updateInterrupt()
    }

    private func updateInterrupt() {
        let pending = self[Offset.mcCIFR] & self[Offset.mcCIER]
        interconnect.drive(interrupt, pending & ~Self.wakeUpFlag != 0)
        interconnect.drive(wakeUpInterrupt, pending & Self.wakeUpFlag != 0)
    }
}
