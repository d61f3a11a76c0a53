// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import Chips
import CortexM
import MP1Peripherals
import MachineBase

/// The chip's Cortex-M4 with its memories and the SoC's peripherals.
///
/// A new board holds the M4 in reset, as the boot ROM leaves it: write firmware to memory, then release hold boot through
/// RCC (`SoC.rcc`, or a register write from the A7 side) and `run`.
public final class M4Board {
    public struct Configuration: Equatable, Sendable {
        public let chip: SoCDescription
        /// How many cycles an instruction takes.
        public var cycleModel = CycleModel.instructions
        /// Where to look for an RTT control block.
        public var rtt = RTT.Search.off
        /// The M4's, as `soc` has it from the boot chain.
        public var coreClock: CoreClock { soc.mcuClock.coreClock }
        /// Bytes of external memory that the M4 may use, from the beginning of the chip's window on; 0 for none.
        public var ddrSize: UInt32 = 0
        /// Memories that lie in files, so that another process has them, too; by the chip's names for them.
        public var sharedMemory: [String: SharedMemory] = [:]
        /// The memory that the M4 can reach, in whole pages of 4 KiB, at most six runs; nil for all there is. What lies outside is a
        /// bus error to it, as behind the SoC's firewall.
        public var memoryWindows: [MemoryWindow]?
        /// What the boot chain has decided for the SoC before the M4 runs.
        public var soc: SoCConfiguration
        /// Stop at the first touch of a register without a model.
        public var stopsAtUnmodelled = false
        public var faultPolicy = FaultPolicy.hardFault
        /// Whether idle loops, which only wait, are executed round by round, as everything else is, instead of being counted up to what
        /// they wait for. The outcome is the same.
        public var executesIdleLoops = false
        /// What semihosting's SYS_GET_CMDLINE answers; its first word is the program's name.
        public var commandLine = ""
        public init(_ chip: SoCDescription = .stm32mp157) {
            self.chip = chip
            soc = SoCConfiguration(chip)
        }
    }

    /// Where text came from; the description is what lines of it are prefixed with: `uart4`, `itm0`, `rtt0`, `semihosting`.
    public enum TextSource: Hashable, Sendable, CustomStringConvertible {
        case uart(UART.Instance), itm(port: Int), rtt(channel: Int), semihosting

        public var description: String {
            switch self {
            case .uart(let instance): instance.description
            case .itm(let port): "itm\(port)"
            case .rtt(let channel): "rtt\(channel)"
            case .semihosting: "semihosting"
            }
        }
    }

    public let configuration: Configuration
    /// What is due, in virtual time.
    public let eventQueue: EventQueue
    /// What the board tells; see `BoardEvent`.
    public let events = EventStream<BoardEvent>()
    public let core: Core
    public let soc: SoC
    public let rtt: RTT
    private let registerBus: RegisterBus
    /// Which registers the M4 loads, while it is on.
    public let registerReads: RegisterReads
    let banks: MemoryBanks
    /// The chip's, looked at on each access from outside.
    let registerBank: ClosedRange<UInt32>
    let signals: SoCSignals
    /// Missing features that firmware has switched on, in that order, each once.
    public internal(set) var unsupportedFeatures: [UnsupportedFeature] = []
    /// The access that stopped a run under `stopsAtUnmodelled`.
    public var unmodelledStop: UnmodelledAccess? { signals.state.unmodelledStop }

    public init(_ configuration: Configuration = Configuration()) throws(BoardError) {
        let findings = try EngineCheck.run()
        self.configuration = configuration
        eventQueue = EventQueue()
        let chip = configuration.chip
        registerBank = chip.peripherals
        registerReads = RegisterReads(chip.registers)
        banks = try MemoryBanks(chip, ddr: configuration.ddrSize, shared: configuration.sharedMemory)
        core = try Core(events: eventQueue, coprocessor: chip.coprocessor, interrupts: chip.registers.interruptCount)
        core.engine.raw.pointee.coarse = configuration.cycleModel == .coarse
        core.faultPolicy = configuration.faultPolicy
        m4_engine_execute_idle_loops(core.engine.raw, configuration.executesIdleLoops)
        core.engine.raw.pointee.exclusive_offset = findings.exclusiveOffset
        core.engine.raw.pointee.fp_context_offset = findings.fpContextOffset
        for region in banks.regions(in: configuration.memoryWindows) { try core.engine.add(region) }
        let registers = UInt32(M4_READ.rawValue | M4_WRITE.rawValue)
        for (range, permissions) in [
            (Range(chip.peripherals), registers), (SystemAddressMap.privatePeripherals, registers | UInt32(M4_PRIVILEGED.rawValue)),
        ] {
            try core.engine.add(
                m4_region(
                    start: range.lowerBound, size: UInt32(range.count), physical: range.lowerBound, permissions: permissions, host: nil, fetched: nil))
        }
        signals = SoCSignals(core: core, eventQueue: eventQueue, clock: configuration.coreClock, stopsAtUnmodelled: configuration.stopsAtUnmodelled)
        soc = SoC(chip, host: signals, configuration: configuration.soc)
        registerBus = RegisterBus(core, soc, reads: registerReads)
        rtt = RTT(core: core, search: configuration.rtt, clock: configuration.coreClock, external: chip.externalMemory)
        signals.board = self
        connect()
        try core.engine.arm()
    }

    deinit { signals.board = nil }

    private func connect() {
        core.onInterrupt = { [unowned signals] in signals.settleReset() }
        core.scs.onStimulus = { [events] port, value, size in
            events.publish(.debugText(.itm(port: port), (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) }))
        }
        core.semihosting.clock = configuration.coreClock
        core.semihosting.commandLine = configuration.commandLine
        core.semihosting.onText = { [events] bytes in events.publish(.debugText(.semihosting, bytes)) }
        core.semihosting.onUnsupported = { [events] finding in events.publish(.debugFinding(finding)) }
        core.poll = { [unowned rtt] moment in rtt.poll(moment) }
        core.onDeepSleep = { [unowned soc] deep in soc.setMCUStopped(deep) }
        core.onHold = { [unowned rtt] in rtt.reset() }
        rtt.onText = { [events] channel, bytes in events.publish(.debugText(.rtt(channel: channel), bytes)) }
        rtt.onProblem = { [events] problem in events.publish(.debugFinding(.rtt(problem))) }
    }

    /// Shows what the firmware has left in RTT channels, as at the end of a run.
    public func drainRTT() {
        if configuration.rtt != .off { _ = rtt.poll(.end) }
    }

    /// Whether the engine can refuse an access by privilege and by the MPU: not the system's libunicorn.
    public static var enforcesPermissions: Bool { M4_OWN_ENGINE != 0 }

    /// Whether divisions by zero and unaligned multiple accesses can be trapped: not with the system's libunicorn.
    public static var trapsOnOperands: Bool { M4_OWN_ENGINE != 0 }
    /// Whether the engine is the one that scripts/build-engine makes, and not the system's libunicorn.
    public static var hasOwnEngine: Bool { M4_OWN_ENGINE != 0 }
    /// Of the libunicorn that is loaded, as `2.1.4`.
    public static var engineVersion: String { Engine.libraryVersion }

    // MARK: Running

    public var cycles: UInt64 { core.cycles }
    public var now: VirtualTime { configuration.coreClock.time(cycles: core.cycles) }

    /// The chip's hold boot as the secure world sets and clears it: released, a core in reset starts.
    public func setHoldBoot(released: Bool) {
        let register = configuration.chip.coprocessor.holdBoot
        soc.write(register.address.value, released ? register.mask : 0, width: 4, by: .cortexA7(secure: true))
    }

    /// The chip's reset of the M4, which then starts again only where hold boot is released.
    public func resetMCU() {
        let register = configuration.chip.coprocessor.reset
        soc.write(register.address.value, register.mask, width: 4, by: .cortexA7(secure: true))
        signals.settleReset()
    }

    /// Whether the M4 is out of reset, asleep or not, and not locked up.
    public var isRunning: Bool { core.phase != .held && core.phase != .lockedUp }
    public var isHeld: Bool { core.phase == .held }
    public var isLockedUp: Bool { core.phase == .lockedUp }
    /// Asleep in WFE, not in WFI.
    public var waitsForEvent: Bool { core.phase == .sleeping(event: true) }
    public var isAsleep: Bool { if case .sleeping = core.phase { true } else { false } }

    /// Ends a run from another thread.
    public private(set) lazy var stopper = RunStopper(core.engine)

    /// Runs until the clock shows `deadline` cycles or something else of `StopReason` happens; never returns later than one
    /// block of instructions after the deadline.
    public func run(until deadline: UInt64) -> StopReason {
        let reason = core.run(until: deadline)
        if case .resetRequest(let local) = reason { carryOutReset(local: local) }
        return reason
    }

    /// A local reset restarts the core alone; a system reset request is RCC's, which resets the MCU domain.
    func carryOutReset(local: Bool) {
        if local { core.hold(); core.release() } else { signals.resetMCU(watchdog: false) }
    }
}
