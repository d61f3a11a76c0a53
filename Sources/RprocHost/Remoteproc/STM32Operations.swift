// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// `stm32_rproc`'s operations on the core itself: hold boot, reset and state by registers or through the TA, and the mailboxes that ask the
/// firmware.
final class STM32Operations {
    private let kernel: KernelContext
    private let registers: STM32Registers
    private let mailbox: IPCCDriver
    private let tee: TEEClient
    struct State: Equatable, Sendable {
        /// Where the first attach has mapped the table; the driver never asks again.
        var attachedTable: PhysicalAddress?
    }
    var state = State()

    private var configuration: HostConfiguration { kernel.configuration }
    private var usesTEE: Bool { kernel.configuration.bootSequence.usesTEE }

    init(_ kernel: KernelContext, mailbox: IPCCDriver, tee: TEEClient) {
        self.kernel = kernel; self.mailbox = mailbox; self.tee = tee
        registers = STM32Registers(bus: kernel.bus, map: kernel.configuration.registers)
    }

    // MARK: Operations

    func start() throws(LinuxFailure) {
        if usesTEE { return try tee.start() }
        try LinuxFailure.from { () throws(Errno) in try releaseBoot() }
    }

    private func releaseBoot() throws(Errno) {
        try access("failed to clear pdds") { () throws(BusError) in try registers.setPowerDown(false) }
        try access("failed to set hold boot") { () throws(BusError) in try registers.setBootMCU(true) }
        // Held again at once: the running core is not affected, a reset of its own finds boot held.
        do throws(Errno) {
            try access("failed to set hold boot") { () throws(BusError) in try registers.setBootMCU(false) }
        } catch {
            kernel.findings.report(.kernelLeaves("the M4, which runs: boot was released, could not be held again, and nobody stops it"))
            throw error
        }
    }

    /// - Parameter asksFirst: whether firmware runs that can be told.
    func stop(asksFirst: Bool) throws(LinuxFailure) {
        if asksFirst {
            ask(configuration.mailboxes.shutdown, within: configuration.timing.shutdownTimeout, complaint: "warning: remote FW shutdown without ack")
        }
        if usesTEE { try tee.stop() }
        try LinuxFailure.from { () throws(Errno) in try switchOff() }
    }

    private func switchOff() throws(Errno) {
        if !usesTEE {
            try access("failed to set hold boot") { () throws(BusError) in try registers.setBootMCU(false) }
            try access("failed to assert the reset") { () throws(BusError) in try registers.assertReset() }
        }
        try access("failed to set pdds") { () throws(BusError) in try registers.setPowerDown(true) }
        try access("failed to set copro state") { () throws(BusError) in try registers.setStateOff() }
    }

    /// `stm32_rproc_attach`: boot is held, so that a reset of the core's own is noticed. The version 3 TEE client does nothing.
    func attach() throws(Errno) {
        guard !usesTEE else { return }
        try access("failed to set hold boot") { () throws(BusError) in try registers.setBootMCU(false) }
    }

    /// `stm32_rproc_detach`: tells the firmware, and lets it start again by itself.
    func detach() throws(Errno) {
        ask(configuration.mailboxes.detach, within: configuration.timing.detachTimeout, complaint: "warning: remote FW detach without ack")
        try access("failed to set hold boot") { () throws(BusError) in try registers.setBootMCU(true) }
    }

    /// Rings a mailbox that the firmware has to acknowledge, and gives it `span`. Nothing without that mailbox.
    private func ask(_ channel: Int?, within span: VirtualTime, complaint: String) {
        guard let channel else { return }
        var acknowledged = false
        do throws(Errno) {
            let before = mailbox.completed(channel)
            try mailbox.send(channel)
            let outcome = kernel.platform.wait(until: kernel.now + span) {
                mailbox.completed(channel) != before
            }
            acknowledged = outcome == .conditionMet
            if !acknowledged { mailbox.abandon(channel) }
        } catch {}
        if !acknowledged { kernel.warn(complaint) }
    }

    private func access(_ complaint: String, _ body: () throws(BusError) -> Void) throws(Errno) {
        do throws(BusError) { try body() } catch {
            kernel.findings.report(.busError(error, during: complaint))
            kernel.error(complaint)
            throw .io
        }
    }

    // MARK: What a boot stage has left

    func isRunningAtProbe() throws(Errno) -> Bool {
        // Without the register the driver takes it that nobody has.
        guard let register = configuration.registers.m4State else { return false }
        let value: UInt32
        do throws(BusError) { value = try kernel.bus.read32(register.address) } catch {
            kernel.findings.report(.busError(error, during: "reading the M4's state"))
            throw .io
        }
        return value == STM32Registers.m4StateRunning
    }

    /// `stm32_rproc_get_loaded_rsc_table`: where the boot stage says that the table is. Asked once: the mapping stays.
    func loadedTable() throws(Errno) -> PhysicalAddress {
        if let attachedTable = state.attachedTable { return attachedTable }
        let device: UInt32
        do throws(BusError) { device = try kernel.bus.read32((configuration.registers.resourceTable ?? SystemRegister(0, mask: 0)).address) } catch {
            kernel.findings.report(.busError(error, during: "reading the resource table's address"))
            kernel.log.emit(.error, kernel.driverDevice, "failed to read rsc tbl addr")
            throw .invalid
        }
        guard device != 0 else { throw .noEntry }
        for entry in configuration.translations where device >= entry.device.value && device - entry.device.value < entry.size {
            let address = entry.physical.advanced(device - entry.device.value)
            state.attachedTable = address
            return address
        }
        kernel.log.emit(.error, kernel.driverDevice, "can't translate da \(hex(device))")
        throw .invalid
    }

    // MARK: Probe and removal

    /// What the driver's probe says of its node, in its order; opens the mailboxes.
    func probeNode() {
        func say(_ level: KernelLogLevel, _ message: String) { kernel.log.emit(level, kernel.driverDevice, message) }
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
            if let channel { mailbox.open(channel) } else { missingMailbox(name) }
        }
    }

    /// `stm32_rproc_free_mbox`
    func closeMailboxes() {
        for (_, channel) in configuration.mailboxes.named { if let channel { mailbox.close(channel) } }
    }

    private func missingMailbox(_ name: String) {
        // The driver of its own knows no detach.
        if configuration.driver == .stm32RprocTEE && name == "detach" { return }
        sayRefusal(name)
        switch configuration.driver {
        case .stm32Rproc: kernel.warn("cannot get \(name) mbox")
        case .stm32RprocTEE: kernel.info("mailbox \(name) mbox not used")
        }
    }

    /// The mailbox core's own words, in the name of the device that asked.
    private func sayRefusal(_ name: String) {
        func say(_ message: String) { kernel.log.emit(.error, kernel.driverDevice, message, cause: .missingMailbox) }
        let isNewer = configuration.kernel.mailboxCoreSaysWhy
        switch configuration.mailboxes.refusals[name] ?? .notNamed {
        case .notNamed: say("mbox_request_channel_byname() could not locate channel named \"\(name)\"")
        case .notReferenced: if isNewer { say("mbox_request_channel: can't parse \"mboxes\" property") }
        case .taken: if isNewer { say("__mbox_bind_client: mailbox not free") }
        case .outOfRange: break
        }
    }
}
