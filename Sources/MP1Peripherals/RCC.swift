import CRegisterMap
import Chips

/// Reset and clock control (RM0436, RCC): hold boot, resets, clock enables and what firmware reads about its clocks.
///
/// Clocks start at once: a ready bit follows its enable bit, and a source or divider is taken over when written.
public final class RCC: RegisterBlock {
    private typealias Offset = RCCOffset

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
        MissingFeature("clock security of HSE", "HSECSSON", .init(Offset.OCENSETR, 1 << 11), effect: "HSE never fails"),
        MissingFeature("clock security of LSE", "LSECSSON", .init(Offset.BDCR, 1 << 8), effect: "LSE never fails"),
        MissingFeature("clock output 1", "MCO1ON", .init(Offset.MCO1CFGR, 1 << 12), effect: "no pin follows it"),
        MissingFeature("clock output 2", "MCO2ON", .init(Offset.MCO2CFGR, 1 << 12), effect: "no pin follows it"),
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
        UInt64(1) << UInt64(min(self[Offset.APB1DIVR + UInt32(truncatingIfNeeded: bus - 1) * 4] & 7, 4))
    }

    /// How many cycles of the core clock make one of the timers' kernel clock on `bus` 1 or 2 (RM0436, RCC).
    func timerDivider(bus: Int) -> UInt64 {
        let isFast = self[Offset.TIMG1PRER + (bus == 2 ? 4 : 0)] & 1 != 0
        return max(1, busDivider(bus: bus) / (isFast ? 4 : 2))
    }

    /// Sets the flag that tells firmware why it starts again.
    func noteReset(_ cause: SoC.MCUResetCause) {
        self[Offset.MC_RSTSCLRR] |= cause == .watchdog ? Self.watchdogResetFlag | Self.mcuResetFlag : Self.mcuResetFlag
    }

    /// The M4's domain has left CSTOP.
    func noteWakeUp() {
        self[Offset.MC_CIFR] |= Self.wakeUpFlag
        updateInterrupt()
    }

    // MARK: Reset

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        // As the boot chain on the Cortex-A7s leaves it. HSI, CSI and HSE run, the MCU clock is set.
        self[Offset.TZCR] = configuration.isRCCSecure && configuration.bootPins != interconnect.chip.bootPins.engineering ? 1 : 0
        self[Offset.OCENSETR] = 0x0000_0111
        for pll in [Offset.PLL1CR, Offset.PLL2CR] { self[pll] = 0x11 }
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
        case Offset.APB4RSTSETR...Offset.TZAHB6RSTCLRR, Offset.MP_APB4ENSETR..<Offset.BR_RSTSCLRR, Offset.APB1RSTSETR..<Offset.MC_RSTSCLRR: true
        default: false
        }
    }

    private static func isReset(_ offset: UInt32) -> Bool { offset & ~0x7F == Offset.APB4RSTSETR || offset & ~0x7F == Offset.APB1RSTSETR }

    private static func isSourceOrDivider(_ offset: UInt32) -> Bool {
        switch offset {
        case Offset.MPCKSELR...Offset.APB5DIVR, Offset.MSSCKSELR, Offset.RCK3SELR...Offset.APB3DIVR: true
        default: false
        }
    }

    /// With TZEN set, non-secure writes to these are ignored (RM0436, RCC security).
    private static func isSecured(_ offset: UInt32) -> Bool {
        switch offset {
        case Offset.TZCR, Offset.OCENSETR, Offset.OCENCLRR, Offset.HSICFGR...Offset.APB5DIVR, Offset.PLL1CR...Offset.PLL2CSGR,
            Offset.MP_BOOTCR...Offset.MP_APRSTSR, Offset.BR_RSTSCLRR...Offset.MP_RSTSCLRR, Offset.MP_RSTSSETR: true
        default: false
        }
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case Offset.OCENSETR, Offset.OCENCLRR: return self[Offset.OCENSETR]
        case Offset.MP_SREQSETR, Offset.MP_SREQCLRR: return self[Offset.MP_SREQSETR]
        case Offset.MP_IWDGFZSETR, Offset.MP_IWDGFZCLRR: return self[Offset.MP_IWDGFZSETR]
        case Offset.OCRDYR:
            // HSIRDY, CSIRDY, HSERDY follow their enables; HSIDIVRDY, MPUCKRDY and AXICKRDY are always set.
            return self[Offset.OCENSETR] & 0x111 | 1 << 2 | 1 << 23 | 1 << 24
        case Offset.PLL1CR, Offset.PLL2CR, Offset.PLL3CR, Offset.PLL4CR:
            return self[offset] & ~2 | (self[offset] & 1) << 1
        case Offset.BDCR: return self[offset] & ~4 | (self[offset] & 1) << 2
        case Offset.RDLSICR: return self[offset] & ~2 | (self[offset] & 1) << 1
        case coreReset: return 0
        case _ where Self.isSetClearPair(offset): return self[offset & ~4]
        case _ where Self.isSourceOrDivider(offset): return self[offset] | Self.ready
        default: return readStored(offset, by: initiator)
        }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        if Self.isSecured(offset), self[Offset.TZCR] & 1 != 0, !initiator.isSecure { return }
        switch offset {
        case Offset.OCENSETR:
            let started = value & ~self[Offset.OCENSETR]
            self[Offset.OCENSETR] |= value
            // HSIRDYF, HSERDYF, CSIRDYF
            noteReady((started & 1) << 2 | (started >> 8 & 1) << 3 | (started >> 4 & 1) << 4)
        case Offset.OCENCLRR: self[Offset.OCENSETR] &= ~value
        case Offset.MP_SREQSETR: self[offset] |= value
        case Offset.MP_SREQCLRR: self[Offset.MP_SREQSETR] &= ~value
        case Offset.MP_IWDGFZSETR: self[offset] |= value
        case Offset.MP_IWDGFZCLRR: self[Offset.MP_IWDGFZSETR] &= ~value
        case Offset.PLL1CR: switchOn(offset, value, lanes: lanes, flag: 8)
        case Offset.PLL2CR: switchOn(offset, value, lanes: lanes, flag: 9)
        case Offset.PLL3CR: switchOn(offset, value, lanes: lanes, flag: 10)
        case Offset.PLL4CR: switchOn(offset, value, lanes: lanes, flag: 11)
        case Offset.RDLSICR: switchOn(offset, value, lanes: lanes, flag: 0)
        case Offset.BDCR: switchOn(offset, value, lanes: lanes, flag: 1)
        case holdBoot:
            merge(offset, value & holdBootMask, lanes: lanes)
            updateHoldBoot()
        case coreReset:
            if value & 1 != 0 { interconnect.host.resetRequested(.system) } else if value & coreResetMask != 0 { interconnect.host.resetRequested(.mcu) }
        case Offset.BR_RSTSCLRR, Offset.MP_RSTSCLRR, Offset.MC_RSTSCLRR, Offset.MP_CIFR: self[offset] &= ~value
        case Offset.MC_CIFR:
            self[offset] &= ~value
            updateInterrupt()
        case Offset.MC_CIER:
            merge(offset, value, lanes: lanes)
            updateInterrupt()
        case Offset.MP_RSTSSETR: self[Offset.MP_RSTSCLRR] |= value
        case _ where Self.isSetClearPair(offset): setOrClear(offset, value)
        default: writeStored(offset, value, lanes: lanes, by: initiator)
        }
        switch offset {
        case Offset.MSSCKSELR, Offset.MCUDIVR: tellClockChange(offset)
        // A PLL is set up again while it is off, and its fraction while that is not latched: what counts is what it has in the end.
        case Offset.PLL3CR...Offset.PLL3FRACR where self[Offset.PLL3CR] & 1 != 0 && (offset != Offset.PLL3FRACR || self[offset] >> 16 & 1 != 0):
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
        let field = switch offset { case Offset.MSSCKSELR: "MCUSSRC"; case Offset.MCUDIVR: "MCUDIV"; default: "PLL3" }
        return unsupported(
            "another clock of the M4, \(selectedCoreClock) Hz", offset, field, value: self[offset] & ~Self.ready, waits: false,
            "the core keeps its \(interconnect.clock.hertz) Hz")
    }

    override var featuresOn: [UnsupportedFeature] {
        super.featuresOn + (toldClockChange && coreClockDiffers ? [clockChange(Offset.MSSCKSELR)] : [])
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
        self[Offset.MP_CIFR] |= flags
        self[Offset.MC_CIFR] |= flags
        updateInterrupt()
    }

    private func updateInterrupt() {
        let pending = self[Offset.MC_CIFR] & self[Offset.MC_CIER]
        interconnect.drive(interrupt, pending & ~Self.wakeUpFlag != 0)
        interconnect.drive(wakeUpInterrupt, pending & Self.wakeUpFlag != 0)
    }
}
