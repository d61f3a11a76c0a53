// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MP1Peripherals
import MachineBase

/// Something that has no model and that the firmware, or a block for it, waits for at this moment.
public enum ModelGap: Equatable, Sendable, CustomStringConvertible {
    /// Read again and again without a write in between.
    case register(UnmodelledRegister)
    /// On, and what it is switched on for does not happen.
    case feature(UnsupportedFeature)
    /// Enabled in the NVIC and never come, of a block without a model that the firmware has set up.
    case interrupt(line: Int, name: String?, of: RegisterMap.Peripheral)

    /// RM0436's name of the block; the address where there is none.
    public var peripheral: String {
        switch self {
        case .register(let register): register.first.location?.peripheral ?? register.name
        case .feature(let feature): feature.peripheral
        case .interrupt(_, _, let peripheral): peripheral.name
        }
    }

    /// `I2C5.ISR, and m4run has no model of I2C5`.
    public var description: String {
        switch self {
        case .register(let register):
            if register.first.kind == .unmapped { return "\(register.name), where no peripheral is" }
            let block = register.first.isBlockModelled ? "which m4run does not model" : "and m4run has no model of \(peripheral)"
            return "\(register.name) (\(hex32(register.first.address))), \(block)"
        case .feature(let feature): return feature.description
        case .interrupt(let line, let name, let peripheral):
            return "interrupt \(line) (\(name ?? "?")), and m4run has no model of \(peripheral.name)"
        }
    }
}

extension M4Board {
    /// Registers without a model that were touched, by first access.
    public var unmodelledRegisters: [UnmodelledRegister] { soc.unmodelledRegisters }

    /// What is waited for now and has no model: registers that the M4 polls, then features that are on, then interrupts that are enabled
    /// and have never come. Empty while the M4 is held.
    public var waitsFor: [ModelGap] {
        guard isRunning else { return [] }
        let polled = isAsleep ? [] : soc.unmodelledRegisters.filter { $0.isPolled(at: cycles) }
        return polled.map(ModelGap.register) + soc.unsupportedFeaturesOn.filter(\.leavesWaiting).map(ModelGap.feature) + interruptsInVain
    }

    /// Interrupts that can never come: their block has no model. A block that was not written to is not set up, and sends none on the chip, either.
    private var interruptsInVain: [ModelGap] {
        let used = Set(soc.unmodelledRegisters.filter { !$0.first.isBlockModelled && $0.writes > 0 }.compactMap { $0.first.location?.peripheral })
        guard !used.isEmpty else { return [] }
        let chip = configuration.chip
        return interruptsNeverTaken.compactMap { line in
            chip.peripherals(ofInterrupt: line).first { used.contains($0.name) }.map { .interrupt(line: line, name: chip.registers.interruptName(line), of: $0) }
        }
    }
}
