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
    /// Of the EXTI.
    private let watchdogNumber: Int
    public let board: M4Board
    public let linux: RemoteProcessor
    /// The TA's session; nil under `.elf`.
    public let trustedApplication: RemoteprocSession?
    /// Everything worth seeing, in order. Each listener gets the kernel's probe first.
    public let events = EventStream<SystemEvent>(keepsEarlyEvents: true)

    let platform: LinuxPlatform
    private let secureWorld: SecureWorld
    private let client: TrustedFirmwareClient?
    /// Whether what comes on a tty is kept for `Terminal.read`; a listener of `events` has it in any case.
    public var keepsReceived = true
    /// Where firmware is looked for at each boot and recovery, before what `start` was given: `/lib/firmware`.
    public var firmwareFiles: FirmwareSource? {
        get { images.files }
        set { images.files = newValue }
    }
    /// The last table that was copied; see `SystemConfiguration.placesResourceTable`.
    public private(set) var tablePlacement: TablePlacement?
    private let images = FirmwareStore()
    /// What Linux has asked for last, at a boot or a recovery; nil before. The file may have changed since.
    public var loadedImage: FirmwareImage? { images.requested }
    /// The image whose names the sanitizer uses.
    private var sanitized: FirmwareImage?
    /// Auto-boot comes once, when the device is registered.
    private var hasStarted = false
    var inboxes: [ByteQueue] = []
    /// As much waits on one tty for `Terminal.read`; more is cut off with the driver's "Trunc buffer" line.
    static let inboxLimit = 16 << 20
    var traces = TraceWatch()
    private let traceLook = TraceLook()
    /// Whether each line of a trace buffer is an event. Off, the buffers are there to be read all the same.
    public var watchesTraces = true
    /// Accesses to the shared memory are recorded whatever the sanitizer needs.
    var recordsForDiagnosis = false
    /// Gets each breakpoint first; answering true, it lets the run go on.
    var onBreakpoint: ((HaltReport) -> Bool)?
    var crash = CrashState()
    /// What ended the run, if it was one crash too many.
    public internal(set) var crashLoop: CrashLoop?
    /// Gets each core dump that a recovery takes, with what `SystemConfiguration.coredumpHasRegisters` adds; see `HostConfiguration.coredump`.
    public var onCoredump: (([UInt8]) -> Void)?

    /// - Throws: `BoardError` when no board can be had; `TEEFailure` when the TA does not open a session.
    public init(_ configuration: SystemConfiguration) throws {
        self.configuration = configuration
        watchdogNumber = Int(configuration.chip.coprocessor.watchdogReset.number)
        board = try M4Board(configuration.boardBehindFirewall)
        if let firmware = configuration.bootLoaderFirmware { try BootLoader.start(firmware, on: board, lead: configuration.bootLoaderLead) }
        let normalWorld = NormalWorldBus(board: board)
        platform = LinuxPlatform(board: board, normalWorld: normalWorld)
        secureWorld = SecureWorld(board: board, normalWorld: normalWorld)
        if configuration.linux.bootSequence.usesTEE {
            let session = try RemoteprocSession(
                RemoteprocTA(
                    platform: secureWorld,
                    configuration: RemoteprocPTA.Configuration(
                        configuration.chip, signatures: configuration.signatures, memory: configuration.secureMemory, support: configuration.signatureSupport, isolation: configuration.isolation)))
            trustedApplication = session
            client = TrustedFirmwareClient(session)
        } else {
            trustedApplication = nil
            client = nil
        }
        var kernel = configuration.linux
        // At the probe /lib/firmware is still empty: `start` boots in the kernel's place. What already runs is attached to at once.
        kernel.autoBoot = kernel.autoBoot && configuration.bootLoaderFirmware != nil
        linux = RemoteProcessor(
            configuration: kernel, platform: platform, trustedFirmware: client,
            firmware: { [images] name throws(Errno) in try images.read(name) }, log: { [events] in events.publish(.kernelLog($0)) })
        platform.system = self
        board.delegate = self
        client?.onLoaded = { [unowned self] in if let image = loadedImage { placeTable(image) } }
        traceLook.attach(to: self)
        linux.findings.sink = { [events] time, finding in events.publish(.finding(time, finding)) }
        watchCrashes()
        linux.kickFaultInjected = { [events] time, event in events.publish(.kickFault(time, event)) }
        linux.tty.received = { [unowned self] tty, bytes in received(tty.index, bytes) }
        linux.raw.received = { [unowned self] device, bytes, source in
            events.publish(.rawReceived(now, device: device, source: source, Array(bytes)))
        }
        try setUpSanitizer()
        images.onRequest = { [unowned self] image in
            guard image !== sanitized else { return }
            sanitized = image
            prepareSanitizer(image)
        }
        events.begin()
    }

    /// Called in the midst of whatever lets virtual time pass, a boot and a stop too, each time that the machine has come back from
    /// executing. It may look at everything, and ask for nothing. How often that is may change with `RunStopper`, and from version to version.
    public var onReturn: (() -> Void)? {
        get { platform.onReturn }
        set { platform.onReturn = newValue }
    }

    public var now: VirtualTime { board.now }
    /// Why the M4 stopped for good; nil while it can run.
    public var stopReason: StopReason? { platform.terminalStop }
    /// The register that ended a strict run.
    public private(set) var unmodelledStop: UnmodelledAccess?
    /// What firmware asked of blocks and debug channels that they cannot do here, each once.
    public private(set) var boardFindings: [(time: VirtualTime, finding: BoardFinding)] = []
    /// What the M4, or a block for it, waits for at this moment and m4run does not model.
    public var waitsFor: [ModelGap] { board.waitsFor }
    /// Whether virtual time reached `timeLimit`.
    public var limitReached: Bool { platform.limitReached }
    /// Virtual time that nothing passes; `.never` for none.
    public var timeLimit: VirtualTime {
        get { platform.limit }
        set { platform.limit = newValue }
    }

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
        // Firmware that faulted and was stopped may be started anew. What ended a strict run ends every later one.
        if linux.state == .offline && unmodelledStop == nil { platform.terminalStop = nil }
        // What was recorded of an earlier life is forgotten, whatever is loaded.
        if linux.state == .offline { sanitized = nil }
        try doing("start \(autoBoot ? linux.firmware : name)") { () throws(LinuxFailure) in
            if autoBoot { try linux.start() } else { try linux.start(firmware: name) }
        }
    }

    /// The same for bytes that nobody else looks at.
    public func start(_ image: [UInt8], name: String = "firmware.bin") throws(SystemError) { try start(FirmwareImage(image), name: name) }

    /// Puts `image` under /lib/firmware, and does nothing else.
    public func put(_ image: FirmwareImage, name: String) { images.put(image, name) }

    /// `echo stop > state`: shutdown mailbox, its time-out, reset.
    public func stop() throws(SystemError) { try doing("stop") { () throws(LinuxFailure) in try linux.stop() } }

    /// `echo start > state` while the boot loader's firmware runs.
    public func attach() throws(SystemError) { try doing("attach") { () throws(LinuxFailure) in try linux.start() } }

    /// `echo detach > state`: the firmware runs on without Linux.
    public func detach() throws(SystemError) { try doing("detach") { () throws(LinuxFailure) in try linux.detach() } }

    private func doing(_ what: String, _ body: () throws(LinuxFailure) -> Void) throws(SystemError) {
        traceLook.arm()
        do throws(LinuxFailure) {
            try body()
        } catch {
            if let reason = stopReason { throw .stopped(reason) }
            if let failure = error.cause?.refusal as? TEEFailure { throw .refused(failure) }
            throw .linux(doing: what, error.errno)
        }
        traces.refresh(self)
    }

    /// Lets `span` of virtual time pass, or less when `condition` comes true; it is looked at after every piece of Linux's work.
    @discardableResult
    public func run(for span: VirtualTime, until condition: () -> Bool = { false }) -> WaitOutcome {
        traceLook.arm()
        let outcome = platform.wait(until: now + span) {
            traces.refresh(self)
            return condition()
        }
        traces.refresh(self)
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

    /// Puts the table of `image` where Linux will look for it, and says so.
    private func placeTable(_ image: FirmwareImage) {
        guard configuration.placesResourceTable, let placement = TablePlacement(image: image) else { return }
        do {
            guard let table = try trustedApplication?.resourceTable(), Int(table.size) == placement.bytes.count else { return }
            try secureWorld.write(placement.bytes, at: table.start)
        } catch { return }
        tablePlacement = placement
        events.publish(.tablePlaced(now, placement))
    }

    // MARK: What the machine reports

    func stopped(_ reason: StopReason) {
        if case .breakpoint(let report) = reason, let onBreakpoint, onBreakpoint(report) { return }
        guard platform.terminalStop == nil, !reportsCrash(reason), !goesOn(after: reason) else { return }
        stopForGood(reason)
    }

    /// Whether a reset that the firmware asked for leaves the run going: it does when the firmware starts again, or where a held M4
    /// is not the end. Linux hears of neither.
    private func goesOn(after reason: StopReason) -> Bool {
        guard case .resetRequest(let local) = reason, configuration.goesOnAfterReset || !local && !board.isHeld else { return false }
        events.publish(.reset(now, local: local, isHeld: board.isHeld))
        return true
    }

    func stopForGood(_ reason: StopReason) {
        platform.terminalStop = reason
        events.publish(.stopped(now, reason))
    }

    func stopped(at access: UnmodelledAccess) {
        unmodelledStop = access
        stopped(.hostRequest)
    }

    private func received(_ tty: Int, _ bytes: UnsafeRawBufferPointer) {
        if keepsReceived {
            while inboxes.count <= tty { inboxes.append(ByteQueue()) }
            let room = max(0, Self.inboxLimit - inboxes[tty].count)
            inboxes[tty].append(UnsafeRawBufferPointer(rebasing: bytes.prefix(room)))
            if bytes.count > room { linux.tty.port(tty)?.truncated(to: room) }
        }
        events.publish(.ttyReceived(now, tty: tty, Array(bytes)))
    }
}

extension MP1System: M4BoardDelegate {
    public func board(_ board: M4Board, applicationProcessorInterrupt line: ApplicationProcessorInterrupt, level: Bool) {
        guard level else { return }
        switch line {
        case .ipccReceive: linux.interrupt(.mailboxReceive)
        case .ipccTransmitFree: linux.interrupt(.mailboxTransmitFree)
        case .exti(let number) where number == watchdogNumber: watchdogReset()
        default: break
        }
    }
    public func board(_ board: M4Board, unmodelled access: UnmodelledAccess) { events.publish(.unmodelled(now, access)) }
    public func board(_ board: M4Board, found finding: BoardFinding) {
        boardFindings.append((now, finding))
        events.publish(.boardFinding(now, finding))
    }
    public func board(_ board: M4Board, output: [UInt8], from source: M4Board.TextSource) { events.publish(.output(now, source, output)) }
}
