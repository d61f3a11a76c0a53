import ELF32
import MachineBase

/// remoteproc's states; the raw value is what sysfs shows.
public enum RemoteProcessorState: String, Sendable, CaseIterable {
    case offline, suspended, running, crashed, deleted, attached, detached
}

/// Kinds of crash; the raw value is the kernel's word.
public enum CrashType: String, Sendable, CaseIterable {
    case mmuFault = "mmufault", watchdog, fatalError = "fatal error", unknown
    /// debugfs' numbers: 0, 1, 2, anything else unknown.
    public init(number: UInt32) {
        self = switch number { case 0: .mmuFault; case 1: .watchdog; case 2: .fatalError; default: .unknown }
    }
}

/// Reads a firmware file's bytes: `/lib/firmware/<name>`. Called at each boot and again at each recovery.
public typealias FirmwareSource = (_ name: String) throws(Errno) -> [UInt8]

/// Linux's side of the coprocessor: `/sys/class/remoteproc/remoteproc0`, its drivers, and what hangs on it.
///
/// Everything is synchronous: a call returns when the system call that it stands for would, and virtual time passes inside
/// (see `HostPlatform`). Log lines, sysfs words, register side effects and the order of writes to shared memory are the
/// kernel's. Not thread-safe: one machine, one thread.
///
/// Source: Linux `remoteproc_core.c`, `stm32_rproc.c`, `remoteproc_virtio.c`, `virtio_rpmsg_bus.c`.
public final class RemoteProcessor {
    public let configuration: HostConfiguration
    public let log: KernelLog
    public let findings: Findings
    /// Sees every rpmsg message in both directions; costs nothing while nil.
    public var observer: (any RpmsgObserver)?
    /// Checks rings, buffers and table, once `sanitize()` was called.
    public internal(set) var sanitizer: RpmsgSanitizer?
    /// Gets the core dump that a recovery takes, the kernel's own, if `coredump` is not `disabled`. Under `inline`, and without `inlineCoredump`, it is the
    /// reader that the recovery waits for.
    public var coredumpTaken: (([UInt8]) -> Void)?
    /// Runs where a recovery takes its core dump, before that, for who wants `coredumpImage` with something of his own.
    public var coredumpDue: (() -> Void)?
    /// Gets the dump under `inline`, and says whether it keeps it: the recovery then waits, offline and with the lock held, for
    /// `freeCoredump()`, or for `HostTiming.coredumpTimeout`.
    public var inlineCoredump: (([UInt8]) -> Bool)?
    /// Runs when a crash is reported, before anything is done about it.
    public var crashReported: ((CrashType) -> Void)?
    /// Runs in recovery after the core was stopped, where the kernel takes its core dump.
    public var recoveryHook: (() -> Void)?
    /// A vendor resource (types 128 to 512) as the platform driver would handle it.
    public var vendorResourceHandler: ((_ type: UInt32, _ payload: ArraySlice<UInt8>) -> VendorResourceVerdict)?
    /// Runs whenever a rule of `HostConfiguration.kickFaults` has acted on a doorbell.
    public var kickFaultInjected: ((VirtualTime, KickFault.Event) -> Void)?
    /// How often one has.
    public internal(set) var kickFaultCount: UInt64 = 0
    /// Runs whenever `state` changes.
    public var stateChanged: ((RemoteProcessorState) -> Void)?

    public internal(set) var state = RemoteProcessorState.offline {
        didSet {
            guard state != oldValue else { return }
            stateChanges &+= 1
            stateChanged?(state)
        }
    }
    /// How often `state` has changed: what a boot decided holds for as long as this stays.
    public private(set) var stateChanges: UInt64 = 0
    /// How often `start` succeeded and was not undone by `stop`.
    public internal(set) var power = 0
    public internal(set) var crashCount: UInt32 = 0
    public internal(set) var recoveryEnabled: Bool
    public internal(set) var firmware: String
    public internal(set) var coredump: CoredumpMode
    public internal(set) var carveouts: [Carveout] = []
    /// Virtio devices of the resource table, in its order.
    public internal(set) var virtioDevices: [RemoteVirtioDevice] = []

    let platform: any HostPlatform
    let trustedFirmware: (any TrustedFirmware)?
    let firmwareSource: FirmwareSource
    let registers: STM32Registers
    let ipcc: IPCCDriver
    let work: WorkQueue
    let kickFaults: KickFaultInjector?
    var bus: any NonSecureBus { platform.bus }

    /// How far a boot has come, for its unwinding.
    enum Progress { case preparing, parsing, loaded }
    var progress = Progress.preparing
    var isLocked = false
    var isWorking = false
    var isHandlingInterrupt = false
    /// Whether a recovery waits for an inline dump to be freed.
    public internal(set) var waitsForCoredump = false
    /// The TA's last refusal, with what the kernel does not print.
    public internal(set) var lastTEEError: TEEError?
    var table: TableLocation = .none
    /// Bytes of the table, wherever it is.
    var tableSize = 0
    var cachedTable: [UInt8]?
    /// The table as the first boot's image brought it.
    var builtTable: [UInt8]?
    var traces: [TraceResource] = []
    /// Rings by notifyid; a freed id is nil.
    var notifyIDs: [RemoteVring?] = []
    /// As the firmware had it before the host attached; written back by detach.
    var cleanTable: [UInt8]?
    /// Where the first attach has mapped the table; the driver never asks again.
    var attachedTable: PhysicalAddress?
    /// What the probe returned; nil when the device is there. Without it the state is `deleted`.
    public internal(set) var probeFailure: Errno?
    /// Of `/dev/remoteprocN`: closing it stops the core, or lets it go. One flag for all who have it open.
    public internal(set) var stopsOnRelease = false
    var vdevCount = 0
    var bootAddress: UInt32 = 0
    /// Of virtio devices that are gone.
    var pastMessageCounts: (received: UInt64, sent: UInt64) = (0, 0)
    var dynamicPool: DynamicPool?
    var drivers: [any RpmsgDriver] = []
    /// The drivers that a usual kernel has built in.
    public let tty: RpmsgTTYDriver
    public let raw: RpmsgRawDriver
    /// Virtio devices registered so far get the lowest free number.
    var virtioNames: [Int] = []

    var deviceName: String { "remoteproc remoteproc\(configuration.index)" }

    /// Registers the device as a probe does: mailboxes opened, "m4 is available".
    ///
    /// - Parameters:
    ///   - configuration: device tree, kernel and timing.
    ///   - platform: kept for as long as the processor lives.
    ///   - trustedFirmware: needed by the two TEE boot sequences.
    ///   - firmware: asked for a file's bytes at each boot.
    ///   - log: where log records go from the first on.
    public init(
        configuration: HostConfiguration, platform: any HostPlatform, trustedFirmware: (any TrustedFirmware)? = nil,
        firmware: @escaping FirmwareSource, log sink: ((KernelLogRecord) -> Void)? = nil
    ) {
        self.configuration = configuration
        self.platform = platform
        self.trustedFirmware = trustedFirmware
        firmwareSource = firmware
        self.firmware = configuration.firmware
        recoveryEnabled = configuration.recoveryEnabled
        coredump = configuration.coredump
        log = KernelLog(platform: platform)
        log.sink = sink
        findings = Findings(platform: platform)
        registers = STM32Registers(bus: platform.bus, map: configuration.registers)
        ipcc = IPCCDriver(configuration.chip.mailbox, bus: platform.bus, log: log, findings: findings)
        work = WorkQueue(platform: platform)
        kickFaults = KickFaultInjector(configuration.kickFaults)
        dynamicPool = configuration.dynamicPool.map(DynamicPool.init)
        let bindings = configuration.channelBindings
        tty = RpmsgTTYDriver(alsoNamed: bindings.names(of: .tty))
        raw = RpmsgRawDriver(alsoNamed: bindings.names(of: .raw))
        let sample = RpmsgClientSampleDriver(count: configuration.clientSampleCount, alsoNamed: bindings.names(of: .clientSample))
        drivers = [tty, raw, sample]
        ipcc.received = { [unowned self] channel in
            guard let vring = configuration.mailboxes.vring(channel) else { return }
            sanitizer?.doorbell(vring)
            doorbellReceived(vring)
        }
        ipcc.probe()
        probeNode()
        probe()
    }

    deinit {
        for device in virtioDevices { device.rpmsg?.orphan() }
    }

    /// The platform device, which the driver's own lines name.
    var driverDevice: String { "\(configuration.driver.rawValue) \(configuration.platformDevice)" }

    func info(_ message: @autoclosure () -> String) { log.emit(.info, deviceName, message()) }
    func warn(_ message: @autoclosure () -> String) { log.emit(.warning, deviceName, message()) }
    func error(_ message: @autoclosure () -> String, _ cause: @autoclosure () -> KernelLogCause? = nil) {
        log.emit(.error, deviceName, message(), cause: cause())
    }
    func debug(_ message: @autoclosure () -> String) { log.emit(.debug, deviceName, message()) }

    /// Runs `body` with remoteproc's mutex held: vring work waits until it is over.
    /// - Throws: `interrupted` when the caller runs under the lock already; the kernel would sleep for ever.
    func withLock<R>(_ body: () throws(Errno) -> R) throws(Errno) -> R {
        if isLocked { throw .interrupted }
        isLocked = true
        defer {
            isLocked = false
            arrangeWork()
        }
        return try body()
    }
}
