// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CRegisterMap
import Chips

/// Reset and clock control (RM0436, RCC): hold boot, resets, clock enables and what firmware reads about its clocks.
///
/// Clocks start at once: a ready bit follows its enable bit, and a source or divider is taken over when written.
public final class RCC: RegisterBlock {
    /// A source's or a divider's ready bit: of all of them in one place.
    private static let ready = MPCKSELR.MPUSRCRDY.mask
    private let interrupt: Int, wakeUpInterrupt: Int
    /// Where the chip has the coprocessor's hold boot and reset, from the block's base.
    private let holdBoot: UInt32, coreReset: UInt32
    private let holdBootMask: UInt32, coreResetMask: UInt32

    private let configuration: SoCConfiguration

    struct State: BlockState {
        /// The hold boot as last told.
        var isReleased = false
        var toldClockChange = false
    }
    private var state = State()
    override var ownState: any BlockState { get { state } set { state = newValue as? State ?? state } }

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

    override var map: BlockMap { Self.map }
    private static let map = BlockMap(
        everyAccess: TZCR.offset..<MC_CIFR.span.upperBound,
        acting: [
            TZCR.TZEN, OCENSETR.HSION, OCENSETR.CSION, OCENSETR.HSEON, OCENCLRR.HSION, OCENCLRR.CSION, OCENCLRR.HSEON, BDCR.LSEON, RDLSICR.LSION,
            MP_GCR.all, MP_GRSTCSETR.MPSYSRST, MP_GRSTCSETR.MCURST, BR_RSTSCLRR.all, MP_RSTSCLRR.all, MP_RSTSSETR.all, MC_RSTSCLRR.all, MP_CIFR.all,
            MC_CIER.all, MC_CIFR.all,
            // Clocks of what has a model. Bit 31 says "ready".
            HSICFGR.HSIDIV, ASSCKSELR.all, RCK12SELR.all, AXIDIVR.all, APB4DIVR.all, APB5DIVR.all, MSSCKSELR.all, CPERCKSELR.all, RCK3SELR.all,
            RCK4SELR.all, TIMG1PRER.all, TIMG2PRER.all, MCUDIVR.all, APB1DIVR.all, APB2DIVR.all, APB3DIVR.all, PLL1CR.PLLON, PLL2CR.PLLON, PLL2CFGR1.all,
            PLL2CFGR2.all, PLL2FRACR.all, PLL3CR.PLLON, PLL3CFGR1.DIVN, PLL3CFGR1.DIVM3, PLL3CFGR2.all, PLL3FRACR.all, PLL4CR.PLLON, PLL4CFGR1.DIVN,
            PLL4CFGR1.DIVM4, PLL4CFGR2.all, PLL4FRACR.all, SPI6CKSELR.all, UART1CKSELR.all, SPI2S1CKSELR.all, SPI2S23CKSELR.all, SPI45CKSELR.all,
            UART6CKSELR.all, UART24CKSELR.all, UART35CKSELR.all, UART78CKSELR.all, LPTIM1CKSELR.all, LPTIM23CKSELR.all, LPTIM45CKSELR.all,
            // Resets of blocks, and the M4's clock gates.
            APB4RSTSETR.through(TZAHB6RSTCLRR.self), APB1RSTSETR.through(AHB4RSTCLRR.self), MC_APB4ENSETR.through(MC_AHB6ENCLRR.self),
            MC_APB1ENSETR.through(MC_MLAHBENCLRR.self),
        ],
        holding: [
            // Oscillators run as soon as they are on, on what and how well trimmed they may be; nothing stops in which one could go on.
            OCENSETR.HSIKERON, OCENSETR.CSIKERON, OCENSETR.HSEKERON, OCENSETR.DIGBYP, OCENSETR.HSEBYP, OCENCLRR.HSIKERON, OCENCLRR.CSIKERON,
            OCENCLRR.HSEKERON, OCENCLRR.DIGBYP, OCENCLRR.HSEBYP, HSICFGR.HSITRIM, HSICFGR.HSICAL, CSICFGR.all, BDCR.LSEBYP, BDCR.DIGBYP, BDCR.LSEDRV,
            // PLLs have their outputs on, and no jitter.
            PLL1CR.SSCG_CTRL, PLL1CR.DIVPEN, PLL1CR.DIVQEN, PLL1CR.DIVREN, PLL2CR.SSCG_CTRL, PLL2CR.DIVPEN, PLL2CR.DIVQEN, PLL2CR.DIVREN, PLL3CR.SSCG_CTRL,
            PLL3CR.DIVPEN, PLL3CR.DIVQEN, PLL3CR.DIVREN, PLL4CR.SSCG_CTRL, PLL4CR.DIVPEN, PLL4CR.DIVQEN, PLL4CR.DIVREN, PLL3CFGR1.IFRGE, PLL4CFGR1.IFRGE,
            PLL1CSGR.all, PLL2CSGR.all, PLL3CSGR.all, PLL4CSGR.all,
            // Clocks of the A7s, of DDR memory, of debuggers and of blocks without a model, and of those that take no time.
            MPCKSELR.all, MPCKDIVR.all, PLL1CFGR1.all, PLL1CFGR2.all, PLL1FRACR.all, RTCDIVR.all, BDCR.RTCSRC, BDCR.RTCCKEN, I2C46CKSELR.all,
            RNG1CKSELR.all, STGENCKSELR.all, DDRITFCR.all, DBGCFGR.all, I2C12CKSELR.all, I2C35CKSELR.all, SAIxCKSELR.all, SDMMC12CKSELR.all,
            SDMMC3CKSELR.all, ETHCKSELR.all, QSPICKSELR.all, FMCCKSELR.all, FDCANCKSELR.all, SPDIFCKSELR.all, CECCKSELR.all, USBCKSELR.all,
            RNG2CKSELR.all, DSICKSELR.all, ADCCKSELR.all,
            // What is the A7s' own: how they boot, stop and are reset, their gates and interrupts. And all that is for low power only.
            MP_BOOTCR.all, MP_SREQSETR.all, MP_SREQCLRR.all, MP_APRSTCR.all, RDLSICR.MRD, RDLSICR.EADLY, RDLSICR.SPARE, MP_IWDGFZSETR.all,
            MP_IWDGFZCLRR.all, MP_CIER.all, PWRLPDLYCR.all, MP_APB4ENSETR.through(MP_TZAHB6ENCLRR.self), MP_APB1ENSETR.through(MP_MLAHBENCLRR.self),
            MP_APB4LPENSETR.through(MC_AHB6LPENCLRR.self), MP_APB1LPENSETR.through(MC_MLAHBLPENCLRR.self),
            // Of the clock outputs.
            MCO1CFGR.MCO1SEL, MCO1CFGR.MCO1DIV, MCO2CFGR.MCO2SEL, MCO2CFGR.MCO2DIV,
        ],
        missing: [
            MissingFeature("protection of the M4's clocks", TZCR.MCKPROT, effect: "the M4 can change them all the same"),
            MissingFeature("reset of the backup domain", BDCR.VSWRST, effect: "TAMP and RTC keep what they have"),
            MissingFeature(request: "reset of a Cortex-A7", MP_GRSTCSETR.MPUP0RST, MP_GRSTCSETR.MPUP1RST, effect: "Linux goes on"),
            MissingFeature("clock security of HSE", OCENSETR.HSECSSON, effect: "HSE never fails"),
            MissingFeature("clock security of LSE", BDCR.LSECSSON, effect: "LSE never fails"),
            MissingFeature("clock output 1", MCO1CFGR.MCO1ON, effect: "no pin follows it"),
            MissingFeature("clock output 2", MCO2CFGR.MCO2ON, effect: "no pin follows it"),
            MissingFeature("SPI1's clock from the pin I2S_CKIN", SPI2S1CKSELR.SPI1SRC, is: [2], waits: true, effect: "SPI1 has no clock"),
            MissingFeature("SPI2's and SPI3's clock from the pin I2S_CKIN", SPI2S23CKSELR.SPI23SRC, is: [2], waits: true, effect: "they have no clock"),
        ])

    /// MP_GCR.BOOT_MCU: false holds the M4 in reset the next time it is reset.
    public var isHoldBootReleased: Bool { self[holdBoot] & holdBootMask != 0 }

    /// Whether `peripheral`, by RM0436's name, has its clock enabled for the M4; nil when RCC has no gate for it.
    public func isClockEnabled(_ peripheral: String) -> Bool? {
        interconnect.clockGate(of: peripheral).map { self[$0.offset] & $0.mask != 0 }
    }

    /// Sets the flag that tells firmware why it starts again.
    func noteReset(_ cause: SoC.MCUResetCause) {
        self[MC_RSTSCLRR.MCURSTF] = 1
        if cause == .watchdog { self[MC_RSTSCLRR.WWDG1RSTF] = 1 }
    }

    /// The M4's domain has left CSTOP.
    func noteWakeUp() {
        self[MC_CIFR.WKUPF] = 1
        updateInterrupt()
    }

    // MARK: Reset

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        // As the boot chain on the Cortex-A7s leaves it. HSI, CSI and HSE run, the MCU clock is set.
        self[TZCR.offset] = configuration.isRCCSecure && configuration.bootPins != interconnect.chip.bootPins.engineering ? 1 : 0
        self[OCENSETR.offset] = Self.oscillators
        self[PLL1CR.offset] = PLL1CR.PLLON.mask | PLL1CR.DIVPEN.mask
        self[PLL2CR.offset] = PLL2CR.PLLON.mask | PLL2CR.DIVPEN.mask
        for setting in configuration.mcuClock.settings { self[setting.offset] = setting.value }
        updateInterrupt()
        updateHoldBoot()
    }

    private func updateHoldBoot() {
        guard isHoldBootReleased != state.isReleased else { return }
        state.isReleased = isHoldBootReleased
        interconnect.tell { $0.holdBootChanged(released: isHoldBootReleased) }
    }

    // MARK: Registers

    /// A set register and its clear register four bytes on, both reading the state: clock enables and block resets.
    private static func isSetClearPair(_ offset: UInt32) -> Bool {
        switch offset {
        case APB4RSTSETR.offset...TZAHB6RSTCLRR.offset, MP_APB4ENSETR.offset..<BR_RSTSCLRR.offset, APB1RSTSETR.offset..<MC_RSTSCLRR.offset: true
        default: false
        }
    }

    private static func isReset(_ offset: UInt32) -> Bool { offset & ~0x7F == APB4RSTSETR.offset || offset & ~0x7F == APB1RSTSETR.offset }

    private static func isSourceOrDivider(_ offset: UInt32) -> Bool {
        switch offset {
        case MPCKSELR.offset...APB5DIVR.offset, MSSCKSELR.offset, RCK3SELR.offset...APB3DIVR.offset: true
        default: false
        }
    }

    /// With TZEN set, non-secure writes to these are ignored (RM0436, RCC security).
    private static func isSecured(_ offset: UInt32) -> Bool {
        switch offset {
        case TZCR.offset, OCENSETR.offset, OCENCLRR.offset, HSICFGR.offset...APB5DIVR.offset, PLL1CR.offset...PLL2CSGR.offset,
            MP_BOOTCR.offset...MP_APRSTSR.offset, BR_RSTSCLRR.offset...MP_RSTSCLRR.offset, MP_RSTSSETR.offset: true
        default: false
        }
    }

    /// HSI, CSI and HSE on, at whose places in OCRDYR they are ready.
    private static let oscillators = OCENSETR.HSION.mask | OCENSETR.CSION.mask | OCENSETR.HSEON.mask

    /// The register of both fields, with one that follows the other.
    private func following(_ enable: Field, _ ready: Field) -> UInt32 {
        var value = self[enable.offset]
        value[ready] = value[enable]
        return value
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case OCENSETR.offset, OCENCLRR.offset: return self[OCENSETR.offset]
        case MP_SREQSETR.offset, MP_SREQCLRR.offset: return self[MP_SREQSETR.offset]
        case MP_IWDGFZSETR.offset, MP_IWDGFZCLRR.offset: return self[MP_IWDGFZSETR.offset]
        case OCRDYR.offset:
            // HSIRDY, CSIRDY, HSERDY follow their enables; HSIDIVRDY, MPUCKRDY and AXICKRDY are always set.
            return self[OCENSETR.offset] & Self.oscillators | OCRDYR.HSIDIVRDY.mask | OCRDYR.MPUCKRDY.mask | OCRDYR.AXICKRDY.mask
        case PLL1CR.offset, PLL2CR.offset, PLL3CR.offset, PLL4CR.offset:
            return following(PLL1CR.PLLON.at(offset), PLL1CR.PLL1RDY)
        case BDCR.offset: return following(BDCR.LSEON, BDCR.LSERDY)
        case RDLSICR.offset: return following(RDLSICR.LSION, RDLSICR.LSIRDY)
        case coreReset: return 0
        case _ where Self.isSetClearPair(offset): return self[offset & ~4]
        case _ where Self.isSourceOrDivider(offset): return self[offset] | Self.ready
        default: return readStored(offset, by: initiator)
        }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        if Self.isSecured(offset), has(TZCR.TZEN), !initiator.isSecure { return }
        switch offset {
        case OCENSETR.offset:
            let started = value & ~self[OCENSETR.offset]
            self[OCENSETR.offset] |= value
            var flags: UInt32 = 0
            flags[MC_CIFR.HSIRDYF] = started[OCENSETR.HSION]
            flags[MC_CIFR.HSERDYF] = started[OCENSETR.HSEON]
            flags[MC_CIFR.CSIRDYF] = started[OCENSETR.CSION]
            noteReady(flags)
        case OCENCLRR.offset: self[OCENSETR.offset] &= ~value
        case MP_SREQSETR.offset: self[offset] |= value
        case MP_SREQCLRR.offset: self[MP_SREQSETR.offset] &= ~value
        case MP_IWDGFZSETR.offset: self[offset] |= value
        case MP_IWDGFZCLRR.offset: self[MP_IWDGFZSETR.offset] &= ~value
        case PLL1CR.offset: switchOn(offset, value, lanes: lanes, MC_CIFR.PLLxDYF[1])
        case PLL2CR.offset: switchOn(offset, value, lanes: lanes, MC_CIFR.PLLxDYF[2])
        case PLL3CR.offset: switchOn(offset, value, lanes: lanes, MC_CIFR.PLLxDYF[3])
        case PLL4CR.offset: switchOn(offset, value, lanes: lanes, MC_CIFR.PLLxDYF[4])
        case RDLSICR.offset: switchOn(offset, value, lanes: lanes, MC_CIFR.LSIRDYF)
        case BDCR.offset: switchOn(offset, value, lanes: lanes, MC_CIFR.LSERDYF)
        case holdBoot:
            merge(offset, value & holdBootMask, lanes: lanes)
            updateHoldBoot()
        case coreReset:
            if value.has(MP_GRSTCSETR.MPSYSRST) {
                interconnect.tell { $0.resetRequested(.system) }
            } else if value & coreResetMask != 0 {
                interconnect.tell { $0.resetRequested(.mcu) }
            }
        case BR_RSTSCLRR.offset, MP_RSTSCLRR.offset, MC_RSTSCLRR.offset, MP_CIFR.offset: self[offset] &= ~value
        case MC_CIFR.offset:
            self[offset] &= ~value
            updateInterrupt()
        case MC_CIER.offset:
            merge(offset, value, lanes: lanes)
            updateInterrupt()
        case MP_RSTSSETR.offset: self[MP_RSTSCLRR.offset] |= value
        case _ where Self.isSetClearPair(offset): setOrClear(offset, value)
        default: writeStored(offset, value, lanes: lanes, by: initiator)
        }
        switch offset {
        case MSSCKSELR.offset, MCUDIVR.offset: tellClockChange(offset)
        // A PLL is set up again while it is off, and its fraction while that is not latched: what counts is what it has in the end.
        case PLL3CR.offset...PLL3FRACR.offset
        where has(PLL3CR.PLLON) && (offset != PLL3FRACR.offset || has(PLL3FRACR.FRACLE)):
            tellClockChange(offset)
        default: break
        }
    }

    /// The core keeps its speed when firmware selects another clock for it, which is told once.
    private func tellClockChange(_ offset: UInt32) {
        guard !state.toldClockChange, coreClockDiffers else { return }
        state.toldClockChange = true
        interconnect.tell { $0.report(.unsupported(clockChange(offset))) }
    }

    private var coreClockDiffers: Bool {
        let actual = interconnect.clock.hertz, selected = selectedCoreClock
        return max(actual, selected) - min(actual, selected) > actual / 1000
    }

    private func clockChange(_ offset: UInt32) -> UnsupportedFeature {
        let field = switch offset { case MSSCKSELR.offset: MSSCKSELR.MCUSSRC.name; case MCUDIVR.offset: MCUDIVR.MCUDIV.name; default: "PLL3" }
        return unsupported(
            "another clock of the M4, \(selectedCoreClock) Hz", offset, field, value: self[offset] & ~Self.ready, waits: false,
            "the core keeps its \(interconnect.clock.hertz) Hz")
    }

    override var featuresOn: [UnsupportedFeature] {
        super.featuresOn + (state.toldClockChange && coreClockDiffers ? [clockChange(MSSCKSELR.offset)] : [])
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
    private func switchOn(_ offset: UInt32, _ value: UInt32, lanes: UInt32, _ flag: Field) {
        let wasOn = self[offset] & 1 != 0
        merge(offset, value, lanes: lanes)
        if !wasOn, self[offset] & 1 != 0 { noteReady(flag.mask) }
    }

    private func noteReady(_ flags: UInt32) {
        guard flags != 0 else { return }
        self[MP_CIFR.offset] |= flags
        self[MC_CIFR.offset] |= flags
        updateInterrupt()
    }

    private func updateInterrupt() {
        let pending = self[MC_CIFR.offset] & self[MC_CIER.offset]
        interconnect.drive(interrupt, pending & ~MC_CIFR.WKUPF.mask != 0)
        interconnect.drive(wakeUpInterrupt, pending.has(MC_CIFR.WKUPF))
    }
}
