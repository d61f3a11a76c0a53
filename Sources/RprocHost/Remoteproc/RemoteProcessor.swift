// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

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
    // The parts, each with a job and a state of its own.
    let kernel: KernelContext
    let work: WorkQueue
    let doorbells: DoorbellLink
    let table: TableMemory
    let carveoutList: CarveoutList
    let rpmsgHost: RpmsgHost
    let virtio: VirtioTransport
    let resources: ResourceHandler
    let tee: TEEClient
    let operations: STM32Operations
    private let firmwareSource: FirmwareSource
    var elfLoader: ELFLoader { ELFLoader(kernel: kernel, carveouts: carveoutList) }

    /// How far a boot has come, for its unwinding.
    enum Progress { case preparing, parsing, loaded }
    /// What of it changes besides its parts.
    struct OwnState: Equatable, Sendable {
        // Where the life cycle is.
        var state = RemoteProcessorState.offline
        var stateChanges: UInt64 = 0
        var power = 0
        var crashCount: UInt32 = 0
        var probeFailure: Errno?
        var progress = Progress.preparing
        var bootAddress: UInt32 = 0
        var isHandlingInterrupt = false

        // What user space has set.
        var firmware: String
        var recoveryEnabled: Bool
        var coredump: CoredumpMode
        var stopsOnRelease = false
    }
    var own: OwnState

    public internal(set) var state: RemoteProcessorState {
        get { own.state }
        set {
            guard own.state != newValue else { return }
            own.state = newValue
            own.stateChanges &+= 1
            events.publish(.stateChanged(newValue))
        }
    }
    /// How often `state` has changed: what a boot decided holds for as long as this stays.
    public var stateChanges: UInt64 { own.stateChanges }
    /// How often `start` succeeded and was not undone by `stop`.
    public internal(set) var power: Int { get { own.power } set { own.power = newValue } }
    public internal(set) var crashCount: UInt32 { get { own.crashCount } set { own.crashCount = newValue } }
    /// What the probe returned; nil when the device is there. Without it the state is `deleted`.
    public internal(set) var probeFailure: Errno? { get { own.probeFailure } set { own.probeFailure = newValue } }
    var progress: Progress { get { own.progress } set { own.progress = newValue } }
    var bootAddress: UInt32 { get { own.bootAddress } set { own.bootAddress = newValue } }
    var isHandlingInterrupt: Bool { get { own.isHandlingInterrupt } set { own.isHandlingInterrupt = newValue } }

    public internal(set) var firmware: String { get { own.firmware } set { own.firmware = newValue } }
    public internal(set) var recoveryEnabled: Bool { get { own.recoveryEnabled } set { own.recoveryEnabled = newValue } }
    public internal(set) var coredump: CoredumpMode { get { own.coredump } set { own.coredump = newValue } }
    /// Of `/dev/remoteprocN`: closing it stops the core, or lets it go. One flag for all who have it open.
    public internal(set) var stopsOnRelease: Bool { get { own.stopsOnRelease } set { own.stopsOnRelease = newValue } }

    /// What happens to it, for any number of listeners.
    public let events = EventStream<RemoteProcessorEvent>()
    /// Gets each core dump that a recovery takes, the kernel's own, unless `coredump` is `disabled`. Its answer counts under `inline`.
    public var coredumpTaken: (([UInt8]) -> CoredumpUse)?
    /// Whether a listener of `.coredumpDue` has read each dump by himself, so that without `coredumpTaken` nobody waits for a reader.
    public var readsCoredumpWhenDue = false

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
        kernel = KernelContext(configuration: configuration, platform: platform, log: sink)
        firmwareSource = firmware
        own = OwnState(firmware: configuration.firmware, recoveryEnabled: configuration.recoveryEnabled, coredump: configuration.coredump)
        work = WorkQueue(kernel)
        table = TableMemory(kernel)
        carveoutList = CarveoutList(kernel)
        rpmsgHost = RpmsgHost(configuration)
        let mailbox = IPCCDriver(configuration.chip.mailbox, bus: platform.bus, log: kernel.log, findings: kernel.findings)
        doorbells =
            if let injector = KickFaultInjector(configuration.kickFaults) {
                FaultyDoorbellLink(kernel, mailbox: mailbox, work: work, injector: injector)
            } else {
                DoorbellLink(kernel, mailbox: mailbox, work: work)
            }
        virtio = VirtioTransport(kernel, table: table, carveouts: carveoutList, doorbells: doorbells, rpmsgHost: rpmsgHost)
        resources = ResourceHandler(kernel, table: table, carveouts: carveoutList, virtio: virtio)
        tee = TEEClient(kernel, trustedFirmware)
        operations = STM32Operations(kernel, mailbox: mailbox, tee: tee)
        (doorbells as? FaultyDoorbellLink)?.injected = { [events] time, event in events.publish(.kickFault(time, event)) }
        mailbox.probe()
        operations.probeNode()
        probe()
    }

    deinit { virtio.orphan() }

    func requestFirmware() throws(LinuxFailure) -> [UInt8] {
        do throws(Errno) { return try firmwareSource(firmware) } catch {
            // The firmware loader's own word, `drivers/base/firmware_loader/main.c`.
            if firmware.split(separator: "/").contains("..") {
                kernel.warn("Firmware load for '\(printable(firmware))' refused, path contains '..' component")
            } else {
                kernel.warn("Direct firmware load for \(printable(firmware)) failed with error \(error.negative)")
            }
            kernel.error("request_firmware failed: \(error.negative)")
            throw LinuxFailure(error)
        }
    }
}

/// What the parts have for others to see and to set.
extension RemoteProcessor {
    public var configuration: HostConfiguration { kernel.configuration }
    public var log: KernelLog { kernel.log }
    public var findings: Findings { kernel.findings }

    public var carveouts: [Carveout] { carveoutList.all }
    /// Virtio devices of the resource table, in its order.
    public var virtioDevices: [RemoteVirtioDevice] { virtio.devices }
    /// A vendor resource (types 128 to 512) as the platform driver would handle it.
    public var vendorResourceHandler: ((_ type: UInt32, _ payload: ArraySlice<UInt8>) -> VendorResourceVerdict)? {
        get { resources.vendor }
        set { resources.vendor = newValue }
    }
    /// Whether a recovery waits for an inline dump to be freed.
    public var waitsForCoredump: Bool { work.waitsForCoredump }

    /// The drivers that a usual kernel has built in.
    public var tty: RpmsgTTYDriver { rpmsgHost.tty }
    public var raw: RpmsgRawDriver { rpmsgHost.raw }
    /// Sees every rpmsg message in both directions; costs nothing while nil.
    public var observer: (any RpmsgObserver)? {
        get { rpmsgHost.observer }
        set { rpmsgHost.observer = newValue }
    }
    /// Checks rings, buffers and table, once `sanitize()` was called.
    public var sanitizer: RpmsgSanitizer? { rpmsgHost.sanitizer }

    /// How often a rule of `HostConfiguration.kickFaults` has acted on a doorbell.
    public var kickFaultCount: UInt64 { (doorbells as? FaultyDoorbellLink)?.count ?? 0 }
}
