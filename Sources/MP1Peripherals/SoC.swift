// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CRegisterMap
import Chips
import MachineBase

/// A chip's peripherals as its coprocessor and the application processors reach them.
///
/// Registers answer by address; interrupts, resets and outputs go to the `SoCHost`. Nothing here knows an engine or waits:
/// what takes time is an event on the host's queue. An access never traps, allocates only when it first touches a block, and
/// costs two table look-ups and one virtual call.
public final class SoC {
    public enum Reset: Equatable, Sendable {
        /// Supply came up: the backup domain too is lost.
        case powerOn
        /// The system was reset; the backup domain (TAMP, RTC) keeps its state.
        case system
        /// RCC reset one block.
        case block
    }

    /// Why the M4's domain was reset; RCC MC_RSTSCLRR tells firmware.
    public enum MCUResetCause: Equatable, Sendable { case mcu, watchdog }

    let interconnect: Interconnect

    public let rcc: RCC
    public let pwr: PWR
    public let syscfg: SYSCFG
    public let exti: EXTI
    public let ipcc: IPCC
    public let hsem: HSEM
    public let tamp: TAMP
    public let wwdg: WWDG
    private let uarts: [UART]
    private let adcs: [ADC]
    private let spis: [SPI]
    private let lowPowerTimers: [LPTIM]
    /// Indexed by `GPIO.Port.rawValue`.
    private let gpio: [GPIO]
    /// Which nobody asks for by name.
    private let others: [RegisterBlock]

    /// - Parameters:
    ///   - chip: where its blocks and lines are.
    ///   - host: owns the SoC and outlives it; the SoC does not retain it, and calls it without counting references.
    ///   - configuration: what is decided before the M4 starts.
    public init(_ chip: SoCDescription = .stm32mp157, host: SoCHost, configuration: SoCConfiguration = SoCConfiguration()) {
        let interconnect = Interconnect(chip, host: host)
        self.interconnect = interconnect
        // Some are others' parts: a block is made after what it asks for, and pins after all that may be at them. Alarms that are due at
        // the same time come in this order.
        let exti = EXTI(on: interconnect)
        self.exti = exti
        rcc = RCC(on: interconnect, configuration: configuration)
        interconnect.clockController = Unmanaged.passUnretained(rcc)
        pwr = PWR("PWR", on: interconnect)
        syscfg = SYSCFG(on: interconnect, configuration: configuration)
        ipcc = IPCC(on: interconnect)
        hsem = HSEM(on: interconnect)
        tamp = TAMP("TAMP", on: interconnect)
        wwdg = WWDG(on: interconnect, exti: exti)
        uarts = UART.Instance.allCases.map { UART($0, on: interconnect) }
        let timers = TIM.Variant.all.map { TIM($0, on: interconnect) }
        lowPowerTimers = (1...5).map { LPTIM($0, on: interconnect) }
        adcs = ADC.Instance.allCases.map { ADC($0, on: interconnect) }
        let multiplexer = DMAMUX("DMAMUX1", on: interconnect)
        let controllers = (1...2).map { DMA($0, on: interconnect, multiplexer: multiplexer) }
        interconnect.requests.controllers = controllers.map { Unmanaged.passUnretained($0) }
        spis = (1...6).map { SPI($0, on: interconnect) }
        others = timers + controllers + [
            multiplexer, ETZPC("ETZPC", on: interconnect),
            CRC("CRC1", on: interconnect), CRC("CRC2", on: interconnect),
            RNG("RNG1", seed: 1, on: interconnect), RNG("RNG2", seed: 2, on: interconnect),
        ]
        gpio = GPIO.Port.allCases.map { GPIO($0, on: interconnect, exti: exti) }
        interconnect.pins.ports = gpio.map { Unmanaged.passUnretained($0) }
        let modelled: [RegisterBlock] = [exti, rcc, pwr, syscfg, ipcc, hsem, tamp, wwdg] + gpio + uarts
            + lowPowerTimers + adcs + spis + others
        for block in modelled {
            interconnect.blocks[block.index] = Unmanaged.passRetained(block)
            interconnect.isModelled[block.index] = true
        }
        interconnect.onWakeUpLine = { [unowned self] in if exti.wakesM4 { leaveStop() } }
        reset(.powerOn)
    }

    deinit {
        for index in 0..<interconnect.isModelled.count { interconnect.blocks[index]?.release() }
    }

    public func gpio(_ port: GPIO.Port) -> GPIO { gpio[port.rawValue] }
    public func uart(_ instance: UART.Instance) -> UART { uarts[instance.rawValue] }
    /// LPTIM `number`, 1 to 5; nil for others.
    public func lptim(_ number: Int) -> LPTIM? { number >= 1 && number <= 5 ? lowPowerTimers[number - 1] : nil }
    /// SPI `number`, 1 to 6; nil for others.
    public func spi(_ number: Int) -> SPI? { number >= 1 && number <= 6 ? spis[number - 1] : nil }
    public func adc(_ instance: ADC.Instance) -> ADC { adcs[instance.rawValue] }

    // MARK: Access

    /// Whether a block decodes `address`; elsewhere the interconnect of the chip answers with a bus error.
    public func isMapped(_ address: UInt32) -> Bool { register_map_peripheral_at(interconnect.map, address) >= 0 }

    /// Reads `width` bytes (1, 2 or 4) at `address`, naturally aligned; a wider access than that is cut at the word's end.
    /// Where no block decodes, reads 0 and reports it.
    public func read(_ address: UInt32, width: Int, by initiator: Initiator = .cortexM4) -> UInt32 {
        interconnect.read(address, width: width, by: initiator)
    }

    /// Writes the low `width` bytes (1, 2 or 4) of `value` at `address`: only those lanes of the 32-bit word.
    public func write(_ address: UInt32, _ value: UInt32, width: Int, by initiator: Initiator = .cortexM4) {
        interconnect.write(address, value, width: width, by: initiator)
    }

    // MARK: CSTOP

    /// The M4 sleeps with SCR.SLEEPDEEP, or has awoken from that: CSTOP of its domain, which an EXTI line that is unmasked for the M4
    /// ends. RCC then sets MC_CIFR.WKUPF, and its wake-up interrupt if MC_CIER.WKUPIE is set (RM0436, PWR and RCC).
    public func setMCUStopped(_ stopped: Bool) {
        if stopped {
            interconnect.isMCUStopped = true
            if exti.wakesM4 { leaveStop() }
        } else if interconnect.isMCUStopped {
            leaveStop()
        }
    }

    private func leaveStop() {
        interconnect.isMCUStopped = false
        rcc.noteWakeUp()
    }

    // MARK: What is not modelled

    /// Whether the block of this name (RM0436's) has a model; others store what is written, and nothing else.
    public func isModelled(_ peripheral: String) -> Bool {
        interconnect.chip.registers.peripheral(named: peripheral).map { interconnect.isModelled[$0.index] } ?? false
    }

    /// What the model does with a field that firmware can write, of the register at `offset` from the base of `peripheral`; nil for a block
    /// without a model, whose registers are told when they are touched.
    public func treatment(of field: RegisterMap.Field, at offset: UInt32, of peripheral: RegisterMap.Peripheral) -> FieldTreatment? {
        guard interconnect.isModelled.indices.contains(peripheral.index), interconnect.isModelled[peripheral.index] else { return nil }
        return interconnect.blocks[peripheral.index]?._withUnsafeGuaranteedRef { $0.map.treatment(field.mask, at: offset) }
    }

    /// What was touched and has no model, by first access; at most 4096.
    public var unmodelledRegisters: [UnmodelledRegister] { interconnect.unmodelled.list }

    /// Missing features that are on at this moment; the cycle is now's.
    public var unsupportedFeaturesOn: [UnsupportedFeature] {
        interconnect.isModelled.indices.flatMap { index in
            interconnect.isModelled[index] ? interconnect.blocks[index]?._withUnsafeGuaranteedRef { $0.featuresOn } ?? [] : []
        }
    }

    // MARK: Reset

    /// Resets every block, as power-up or a system reset does.
    public func reset(_ kind: Reset = .system) {
        for index in 0..<interconnect.isModelled.count { interconnect.blocks[index]?._withUnsafeGuaranteedRef { $0.reset(kind) } }
    }

    /// What resetting the M4 (RCC MCURST, or WWDG1) does to the SoC: the window watchdog restarts and RCC notes the cause.
    /// All other blocks keep their state, mailbox flags and semaphores included. Lines that are high are presented again, for
    /// the host has just reset its NVIC.
    public func resetMCUDomain(cause: MCUResetCause = .mcu) {
        interconnect.isMCUStopped = false
        wwdg.reset(.block)
        rcc.noteReset(cause)
        interconnect.presentInterrupts()
    }

    // MARK: Interrupts

    /// The level that the SoC drives on NVIC input `irq`.
    public func interruptLevel(_ irq: Int) -> Bool { interconnect.level(irq) }
}
