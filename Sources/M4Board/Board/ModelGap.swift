import MP1Peripherals
import MachineBase

/// Something that has no model and that the firmware, or a block for it, waits for at this moment.
public enum ModelGap: Equatable, Sendable, CustomStringConvertible {
    /// Read again and again without a write in between.
    case register(UnmodelledRegister)
    /// On, and what it is switched on for does not happen.
    case feature(UnsupportedFeature)

    /// RM0436's name of the block; the address where there is none.
    public var peripheral: String {
        switch self {
        case .register(let register): register.first.location?.peripheral ?? register.name
        case .feature(let feature): feature.peripheral
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
        }
    }
}

extension M4Board {
    /// Registers without a model that were touched, by first access.
    public var unmodelledRegisters: [UnmodelledRegister] { soc.unmodelledRegisters }

    /// What is waited for now and has no model: registers that the M4 polls, then features that are on. Empty while the M4 is held.
    public var waitsFor: [ModelGap] {
        guard isRunning else { return [] }
        let polled = isAsleep ? [] : soc.unmodelledRegisters.filter { $0.isPolled(at: cycles) }
        return polled.map(ModelGap.register) + soc.unsupportedFeaturesOn.filter(\.leavesWaiting).map(ModelGap.feature)
    }
}
