// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import ImageFormat
import M4Board
import MP1Peripherals
import MachineBase
import RprocHost
import SecureLoader

/// A virtual STM32MP1: the Cortex-M4 with its firmware, OP-TEE's remoteproc TA and Linux, under one clock.
///
/// Everything is synchronous and deterministic: virtual time passes only inside calls, and two systems that get the same calls
/// do the same to the byte.
///
/// ```swift
/// let mp1 = try MP1System(SystemConfiguration(boot: .teeV3, signatures: .trusted([key])))
/// try mp1.start(image)
/// let tty = try mp1.openTTY(0)
/// try tty.send("hello\n")
/// #expect(try tty.readLine() == "hello")
/// ```
public final class MP1System {
    public let configuration: SystemConfiguration
    public let board: M4Board
    public let linux: RemoteProcessor
    /// The TA's session; nil under `.elf`.
    public let trustedApplication: RemoteprocSession?
    /// Everything worth seeing, in order. Each listener gets the kernel's probe first.
    public let events: EventStream<SystemEvent>

    // The parts, each with a job and a state of its own.
    let platform: LinuxPlatform
    let end: RunEnd
    let firmware: FirmwareStore
    let crashRecovery: CrashRecovery
    let sanitizing: SanitizerSetup
    let inboxes = TerminalInboxes()
    let traces: TraceWatch
    private let traceLook: TraceLook
    let reports: BoardReports
    let tablePlacer: TablePlacer?
    /// Auto-boot comes once, when the device is registered.
    var hasStarted = false
    /// Calls that are under way, one in another: no state is taken in the midst of one.
    private(set) var calls = 0

    /// - Throws: `BoardError` when no board can be had; `TEEFailure` when the TA does not open a session.
    public init(_ configuration: SystemConfiguration) throws {
        let board = try M4Board(configuration.boardBehindFirewall), events = EventStream<SystemEvent>(keepsEarlyEvents: true), firmware = FirmwareStore()
        (self.configuration, self.board, self.events, self.firmware) = (configuration, board, events, firmware)
        if let firmware = configuration.bootLoaderFirmware { try BootLoader.start(firmware, on: board, lead: configuration.bootLoaderLead) }
        let normalWorld = NormalWorldBus(board: board)
        end = RunEnd(configuration, board: board, events: events)
        platform = LinuxPlatform(board: board, normalWorld: normalWorld, end: end)
        let secureWorld = SecureWorld(board: board, normalWorld: normalWorld)
        if configuration.linux.bootSequence.usesTEE {
            trustedApplication = try RemoteprocSession(Self.application(configuration, secureWorld))
        } else {
            trustedApplication = nil
        }
        let client = trustedApplication.map { TrustedFirmwareClient($0) }
        var kernel = configuration.linux
        // At the probe /lib/firmware is still empty: `start` boots in the kernel's place. What already runs is attached to at once.
        kernel.autoBoot = kernel.autoBoot && configuration.bootLoaderFirmware != nil
        linux = RemoteProcessor(
            configuration: kernel, platform: platform, trustedFirmware: client,
            firmware: { name throws(Errno) in try firmware.read(name) }, log: { events.publish(.kernelLog($0)) })
        platform.linux = linux
        traces = TraceWatch(board: board, linux: linux, events: events)
        traceLook = TraceLook(traces, board: board)
        crashRecovery = CrashRecovery(configuration, board: board, linux: linux, events: events)
        end.crashes = crashRecovery
        reports = BoardReports(board, linux: linux, crashes: crashRecovery, end: end, events: events)
        sanitizing = try SanitizerSetup(configuration, board: board, linux: linux)
        tablePlacer = configuration.placesResourceTable ? trustedApplication.map { TablePlacer($0, memory: secureWorld, board: board, events: events) } : nil
        connect(client)
        events.begin()
    }

    private static func application(_ configuration: SystemConfiguration, _ world: SecureWorld) -> RemoteprocTA {
        RemoteprocTA(
            platform: world,
            configuration: RemoteprocPTA.Configuration(
                configuration.chip, signatures: configuration.signatures, memory: configuration.secureMemory, support: configuration.signatureSupport,
                isolation: configuration.isolation))
    }

    /// Who hears whom.
    private func connect(_ client: TrustedFirmwareClient?) {
        firmware.onRequest = { [sanitizing] image in sanitizing.prepare(image) }
        client?.onLoaded = { [firmware, tablePlacer] in if let image = firmware.requested { tablePlacer?.place(image) } }
        linux.findings.sink = { [events] time, finding in events.publish(.finding(time, finding)) }
        linux.events.subscribe { [events] event in if case .kickFault(let time, let fault) = event { events.publish(.kickFault(time, fault)) } }
        linux.tty.received = { [inboxes, events, unowned board] tty, bytes in
            let kept = inboxes.add(bytes, tty: tty.index)
            if kept < bytes.count { tty.truncated(to: kept) }
            events.publish(.ttyReceived(board.now, tty: tty.index, Array(bytes)))
        }
        linux.raw.received = { [events, unowned board] device, bytes, source in
            events.publish(.rawReceived(board.now, device: device, source: source, Array(bytes)))
        }
    }

    /// Called in the midst of whatever lets virtual time pass, a boot and a stop too, each time that the machine has come back from
    /// executing. It may look at everything, and ask for nothing. How often that is may change with `RunStopper`, and from version to version.
    public var onReturn: (() -> Void)? {
        get { platform.onReturn }
        set { platform.onReturn = newValue }
    }

    /// Lets the M4 run in the machine's place, or holds it; nil for nobody. Not kept alive by this.
    public var coreDriver: (any CoreDriver)? {
        get { platform.coreDriver }
        set { platform.coreDriver = newValue }
    }
    /// Whether a debugger holds the M4, and with it virtual time.
    public var isHalted: Bool { platform.coreDriver?.isHalted ?? false }

    public var now: VirtualTime { board.now }
    /// Why the M4 stopped for good; nil while it can run.
    public var stopReason: StopReason? { end.reason }
    /// The register that ended a strict run.
    public var unmodelledStop: UnmodelledAccess? { end.unmodelled }
    /// What firmware asked of blocks and debug channels that they cannot do here, each once.
    public var boardFindings: [(time: VirtualTime, finding: BoardFinding)] { reports.findings }
    /// What the M4, or a block for it, waits for at this moment and m4run does not model.
    public var waitsFor: [ModelGap] { board.waitsFor }
    /// Whether virtual time reached `timeLimit`.
    public var limitReached: Bool { platform.limitReached }
    /// Virtual time that nothing passes; `.never` for none.
    public var timeLimit: VirtualTime {
        get { platform.limit }
        set { platform.limit = newValue }
    }
    /// Whether what comes on a tty is kept for `Terminal.read`; a listener of `events` has it in any case.
    public var keepsReceived: Bool {
        get { inboxes.keeps }
        set { inboxes.keeps = newValue }
    }
    /// Whether each line of a trace buffer is an event. Off, the buffers are there to be read all the same.
    public var watchesTraces: Bool {
        get { traces.isOn }
        set { traces.isOn = newValue }
    }
    /// Where firmware is looked for at each boot and recovery, before what `start` was given: `/lib/firmware`.
    public var firmwareFiles: FirmwareSource? {
        get { firmware.files }
        set { firmware.files = newValue }
    }
    /// What Linux has asked for last, at a boot or a recovery; nil before. The file may have changed since.
    public var loadedImage: FirmwareImage? { firmware.requested }
    /// The last table that was copied; see `SystemConfiguration.placesResourceTable`.
    public var tablePlacement: TablePlacement? { tablePlacer?.placement }
    /// The instruction that wrote the word at `address` last, under `Sanitizing.writers`.
    public func lastWriter(of address: PhysicalAddress) -> UInt32? { sanitizing.lastWriter(of: address) }

    /// Crashes so far that Linux was told of.
    public var crashes: UInt32 { crashRecovery.count }
    /// What ended the run, if it was one crash too many.
    public var crashLoop: CrashLoop? { crashRecovery.loop }
    /// Whether a crash is reported that Linux has not yet recovered from.
    public var isRecovering: Bool { crashRecovery.isRecovering }
    /// Gets each core dump that a recovery takes, with what `SystemConfiguration.coredumpHasRegisters` adds; see `HostConfiguration.coredump`.
    public var onCoredump: (([UInt8]) -> Void)? {
        get { crashRecovery.onCoredump }
        set { crashRecovery.onCoredump = newValue }
    }
    /// The firmware's memory as a core dump, now: the kernel's, or GDB's with `coredumpHasRegisters`. Empty while nothing is loaded.
    public func coredump() -> [UInt8] { crashRecovery.coredump() }

    // MARK: Control

    /// Puts `image` under /lib/firmware and boots it: `echo NAME > firmware; echo start > state`. With `st,auto-boot` the kernel
    /// boots what it looks for by itself, so the image goes under that name, and nothing is written to `firmware`.
    ///
    /// - Parameters:
    ///   - image: a signed container, or an ELF under `.elf`.
    ///   - name: its file name.
    /// - Throws: `refused` with the TA's verdict, `linux` with what the kernel returned, `stopped` when the firmware faulted
    ///   before the boot was over.
    public func start(_ image: FirmwareImage, name: String = "firmware.bin") throws(SystemError) {
        if let failure = linux.probeFailure { throw .linux(doing: "probe", failure) }
        let autoBoot = configuration.linux.autoBoot && !hasStarted
        hasStarted = true
        put(image, name: autoBoot ? linux.firmware : name)
        if linux.state == .offline {
            end.forget()
            sanitizing.beginAnew()
        }
        try doing("start \(autoBoot ? linux.firmware : name)") { () throws(LinuxFailure) in
            if autoBoot { try linux.start() } else { try linux.start(firmware: name) }
        }
    }

    /// The same for bytes that nobody else looks at.
    public func start(_ image: [UInt8], name: String = "firmware.bin") throws(SystemError) { try start(FirmwareImage(image), name: name) }

    /// Puts `image` under /lib/firmware, and does nothing else.
    public func put(_ image: FirmwareImage, name: String) { firmware.put(image, name) }

    /// `echo stop > state`: shutdown mailbox, its time-out, reset.
    public func stop() throws(SystemError) { try doing("stop") { () throws(LinuxFailure) in try linux.stop() } }

    /// `echo stop > state` where the firmware runs, and `echo start > state`: it is loaded anew, as a debugger's reset wants it. Not in the midst of what Linux
    /// does; see `RemoteProcessor.isAtRest`.
    public func restart() throws(SystemError) {
        if linux.state == .running { try stop() }
        end.forget()
        sanitizing.beginAnew()
        try doing("start \(linux.firmware)") { () throws(LinuxFailure) in try linux.start() }
    }

    /// `echo start > state` while the boot loader's firmware runs.
    public func attach() throws(SystemError) { try doing("attach") { () throws(LinuxFailure) in try linux.start() } }

    /// `echo detach > state`: the firmware runs on without Linux.
    public func detach() throws(SystemError) { try doing("detach") { () throws(LinuxFailure) in try linux.detach() } }

    private func doing(_ what: String, _ body: () throws(LinuxFailure) -> Void) throws(SystemError) {
        calls += 1
        defer { calls -= 1 }
        traceLook.arm()
        do throws(LinuxFailure) {
            try body()
        } catch {
            if let reason = stopReason { throw .stopped(reason) }
            if let failure = error.cause?.refusal as? TEEFailure { throw .refused(failure) }
            throw .linux(doing: what, error.errno)
        }
        traces.refresh()
    }

    /// Lets `span` of virtual time pass, or less when `condition` comes true; it is looked at after every piece of Linux's work.
    @discardableResult
    public func run(for span: VirtualTime, until condition: () -> Bool = { false }) -> WaitOutcome {
        calls += 1
        defer { calls -= 1 }
        traceLook.arm()
        let outcome = platform.wait(until: now + span) {
            traces.refresh()
            return condition()
        }
        traces.refresh()
        return outcome
    }

    /// Reads memory as Linux would, firewall and all.
    public func linuxRead(_ address: PhysicalAddress, count: Int) -> Result<[UInt8], BusError> {
        var bytes = [UInt8](repeating: 0, count: max(0, count))
        let failure: BusError? = bytes.withUnsafeMutableBytes { buffer in
            do throws(BusError) { try platform.normalWorld.read(address, into: buffer) } catch { return error }
            return nil
        }
        return failure.map(Result.failure) ?? .success(bytes)
    }
}
