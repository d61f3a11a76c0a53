import Chips
import MachineBase

/// Which of ST's drivers has bound the node. Its name is what log lines begin with.
public enum PlatformDriver: String, Sendable {
    /// Mainline's, and what the patch series makes of it up to version 19 and in version 22.
    case stm32Rproc = "stm32-rproc"
    /// The driver of its own that versions 20 and 21 of the series have: no reset lines, no system registers.
    case stm32RprocTEE = "stm32-rproc-tee"
}

/// Bits of a register that a driver reaches through another block's node (`st,syscfg-…`).
public typealias SystemRegister = Chips.SystemRegister

/// The registers outside of the M4's own block that `stm32_rproc` works on; nil is what the device tree does not have.
public struct SystemRegisters: Equatable, Sendable {
    /// `st,syscfg-holdboot`: 0 holds the M4's boot, 1 releases it.
    public var holdBoot: SystemRegister
    /// `resets`: write 1 to reset the M4.
    public var reset: SystemRegister
    /// `st,syscfg-pdds`: allow standby.
    public var powerDown: SystemRegister?
    /// `st,syscfg-m4-state`: the M4's state as boot stages hand it on.
    public var m4State: SystemRegister?
    /// `st,syscfg-rsc-tbl`: device address of the resource table, for attaching.
    public var resourceTable: SystemRegister?

    /// The chip's, all of them.
    public init(_ chip: SoCDescription = .stm32mp157) {
        let coprocessor = chip.coprocessor
        holdBoot = coprocessor.holdBoot
        reset = coprocessor.reset
        powerDown = coprocessor.standby
        m4State = coprocessor.state
        resourceTable = coprocessor.resourceTable
    }
}

/// Why the driver could not get a mailbox, as the mailbox core tells it.
public enum MailboxRefusal: Equatable, Sendable {
    /// `mbox-names` does not have the name.
    case notNamed
    /// `mboxes` has no entry for it.
    case notReferenced
    /// The controller has no such channel.
    case outOfRange
    /// The channel is another mailbox's already.
    case taken
}

/// `mboxes` by `mbox-names`: the IPCC's channel of each, counted from 0; nil is a mailbox that the driver could not get.
public struct MailboxChannels: Equatable, Sendable {
    public var vq0, vq1, shutdown, detach: Int?
    /// Why those that are nil are, by name; `notNamed` for what is not in it.
    public var refusals: [String: MailboxRefusal] = [:]

    /// Those that ST's device trees of the chip's boards have.
    public init(_ chip: SoCDescription = .stm32mp157) {
        let channels = chip.mailbox.channels
        (vq0, vq1, shutdown, detach) = (channels.vq0, channels.vq1, channels.shutdown, channels.detach)
    }

    /// In the order in which the driver asks for them.
    public var named: [(name: String, channel: Int?)] { [("vq0", vq0), ("vq1", vq1), ("shutdown", shutdown), ("detach", detach)] }
    /// The vring that a channel serves.
    func vring(_ channel: Int) -> Int? { channel == vq0 ? 0 : channel == vq1 ? 1 : nil }
    func channel(vring: UInt32) -> Int? { vring == 0 ? vq0 : vring == 1 ? vq1 : nil }
}

extension RemoteProcessor {
    /// What the driver's probe says of its node, in its order; opens the mailboxes.
    func probeNode() {
        func say(_ level: KernelLogLevel, _ message: String) { log.emit(level, driverDevice, message) }
        if configuration.watchdogInterrupt != nil { say(.info, "wdg irq registered") }
        if configuration.driver == .stm32Rproc {
            if configuration.registers.powerDown == nil { say(.info, "failed to get pdds") }
            if configuration.registers.m4State == nil {
                say(.warning, "m4 state not supported")
            } else if configuration.registers.resourceTable == nil {
                say(.warning, "rsc tbl syscon not supported")
            }
        }
        for (name, channel) in configuration.mailboxes.named {
            if let channel { ipcc.open(channel) } else { missingMailbox(name) }
        }
    }

    /// `stm32_rproc_free_mbox`
    func closeMailboxes() {
        for (_, channel) in configuration.mailboxes.named { if let channel { ipcc.close(channel) } }
    }

    private func missingMailbox(_ name: String) {
        // The driver of its own knows no detach.
        if configuration.driver == .stm32RprocTEE && name == "detach" { return }
        sayRefusal(name)
        switch configuration.driver {
        case .stm32Rproc: warn("cannot get \(name) mbox")
        case .stm32RprocTEE: info("mailbox \(name) mbox not used")
        }
    }

    /// The mailbox core's own words, in the name of the device that asked.
    private func sayRefusal(_ name: String) {
        let isNewer = configuration.kernel.mailboxCoreSaysWhy
        switch configuration.mailboxes.refusals[name] ?? .notNamed {
        case .notNamed: log.emit(.error, driverDevice, "mbox_request_channel_byname() could not locate channel named \"\(name)\"", cause: .missingMailbox)
        case .notReferenced: if isNewer { log.emit(.error, driverDevice, "mbox_request_channel: can't parse \"mboxes\" property", cause: .missingMailbox) }
        case .taken: if isNewer { log.emit(.error, driverDevice, "__mbox_bind_client: mailbox not free", cause: .missingMailbox) }
        case .outOfRange: break
        }
    }
}
