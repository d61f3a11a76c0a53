// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import DeviceFiles
import FoundationEssentials
import Glibc
import M4Board
import MP1Peripherals
import MachineBase
import RprocHost
import SecureLoader
import VirtualMP1

extension BootSequence: ExpressibleByArgument {}
extension FaultPolicy: ExpressibleByArgument {}
extension Isolation: ExpressibleByArgument {}

/// The whole machine: OP-TEE loads, the M4 runs, Linux talks to it.
struct Run: TakesProjectFile {
    enum LogLevel: String, ExpressibleByArgument, CaseIterable {
        case quiet, error, warning, info, debug
        var kernel: KernelLogLevel? {
            switch self {
            case .quiet: nil
            case .error: .error
            case .warning: .warning
            case .info: .info
            case .debug: .debug
            }
        }
    }

    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Boot firmware as OP-TEE and Linux do, and talk to it over rpmsg.",
        discussion: """
            What happens is told on stderr the way the kernel would; what the firmware sends to a tty goes to stdout. \
            Without --for, --until, --send or --interactive the run ends after one second of virtual time; with --devices, \
            --control or --gdb it goes on until a signal (SIGINT, SIGTERM), --for or --until ends it.
            """)

    @Argument(help: "The firmware: a signed image, or an ELF with --boot elf.", completion: .file()) var image: String

    @OptionGroup(title: "Boot") var boot: BootOptions
    @OptionGroup(title: "Life of the firmware") var lifecycle: LifecycleOptions
    @OptionGroup(title: "Traffic") var traffic: TrafficOptions
    @OptionGroup(title: "Drivers") var drivers: BindOptions
    @OptionGroup(title: "For other programs") var serving: ServingOptions
    @OptionGroup(title: "Debugging") var debug: DebugOptions
    @OptionGroup(title: "Debugger") var debugger: GDBOption
    @OptionGroup(title: "Limits and output") var limits: LimitOptions
    @OptionGroup(title: "General") var general: GeneralOptions

    struct BootOptions: ParsableArguments {
        @Option(name: .customLong("boot"), help: "How firmware is loaded: tee-v3 or tee-ops by OP-TEE, elf by Linux alone, unsigned. Without it what the device tree says, else tee-v3.")
        var requested: BootSequence?
        @Option(help: "Linux's device tree, a .dtb; without it the STM32MP157C-DK2's.", completion: .file()) var dtb: String?
        @Option(help: ArgumentHelp("OP-TEE's device tree, for the memory it loads firmware into; without it the STM32MP157C-DK2's.", valueName: "dtb"), completion: .file())
        var opteeDtb: String?
        @Option(help: "The public key that the image must be signed with, or a certificate of it, PEM or DER; repeatable.", completion: .file()) var key: [String] = []
        @Flag(help: "Load an image without checking who signed it. Segment hashes are still checked.") var unverified = false
        @Flag(help: "Accept ECDSA signatures, which the STM32MP1's OP-TEE does not.") var acceptECDSA = false
        @Option(help: "What Linux loses of the M4's memory while firmware is loaded: segments, the whole banks they are in, or none.")
        var isolation = Isolation.segments
        @Option(help: DDRHelp.text) var ddr: UInt32 = 0
        @Option(help: ClockHelp.text) var mcuClock = ClockOption.usual
    }

    struct TrafficOptions: ParsableArguments {
        @Option(help: "Text to send, a line each; repeatable. The run waits for an answer to each.", transform: OutgoingMessage.line)
        var send: [OutgoingMessage] = []
        @Option(help: "Text to send without waiting for an answer; repeatable, and in order with --send.", transform: OutgoingMessage.lineOnly)
        var sendOnly: [OutgoingMessage] = []
        @Option(help: ArgumentHelp("Bytes to send as they are, as 'de ad be ef'; the run waits for an answer. Repeatable, and in order with --send.", valueName: "bytes"), transform: OutgoingMessage.bytes)
        var sendHex: [OutgoingMessage] = []
        @Option(help: ArgumentHelp("Bytes to send as they are, without waiting for an answer.", valueName: "bytes"), transform: OutgoingMessage.bytesOnly)
        var sendOnlyHex: [OutgoingMessage] = []
        @Option(help: "Where to: ttyRPMSG0, ttyRPMSG1, ..., rpmsg0, ..., or a channel's name, which is bound for it if no driver has that name.") var to = Destination.tty(0)
        @Option(help: "Text that must appear in what the firmware sends or prints, where --until would find it, or the exit status is 1; repeatable.") var expect: [String] = []
        @Flag(help: "Lines of standard input go to the tty of --to, until end of input.") var interactive = false
        /// All that is to be sent, in the command line's order.
        var messages: [OutgoingMessage] { (send + sendOnly + sendHex + sendOnlyHex).sorted { $0.order < $1.order } }
        @Option(help: KickFaultOption.help, transform: KickFaultOption.read) var kickFault: [KickFault] = []
    }

    struct ServingOptions: ParsableArguments {
        @Option(help: ArgumentHelp("Serve the firmware's devices in this folder: ttyRPMSG0, ... as pseudo-terminals, rpmsg0, ... as sockets.", valueName: "folder"), completion: .directory)
        var devices: String?
        @Option(help: ArgumentHelp("Serve remoteproc's files in this folder, under sys/; devices in dev/; firmware is looked up in lib/firmware/.", valueName: "folder"), completion: .directory)
        var control: String?
        @Flag(help: "With --control: do not start the firmware; that is left to 'echo start > state'.") var offline = false
        @Flag(help: "With --control: no file system under sys/; 'm4run ctl' does the same.") var noFuse = false

        var isOn: Bool { devices != nil || control != nil }

        /// - Throws: `UsageError` for a folder that cannot be had.
        func place() throws -> ServedPlace {
            var folders = ServedFolders(devices: devices, control: control)
            folders.usesFuse = !noFuse
            do throws(DeviceFilesError) { return try ServedPlace(folders, signals: Supervisor.signals) } catch { throw UsageError(error.description) }
        }
    }

    struct LimitOptions: ParsableArguments {
        @Option(name: .customLong("for"), help: "Virtual time to run, as 250us, 20ms, 1.5s.", transform: VirtualDuration.read) var duration: VirtualDuration?
        @Option(help: "Wall time after which the run ends with status 5, as 500ms, 30s, 2m.", transform: VirtualDuration.read) var timeout: VirtualDuration?
        @Option(help: "Run until this text appears in a message, trace buffer, UART, ITM, RTT or semihosting output, or names an announced channel.") var until: String?
        @Option(help: "Where a fault ends the run: any (at any fault exception), hardFault, none (only at a lockup).") var stopAt = FaultPolicy.any
        @Option(help: "How much to tell: quiet, error, warning, info, debug.") var logLevel = LogLevel.info
        @Flag(help: "Stop at the first touch of a register that is not modelled, do not help where a board would not, and fail on any finding.") var strict = false
        @Flag(help: "Have findings on rings, buffers and table name the instruction that wrote what is wrong.") var sanitize = false
        @Flag(help: "One JSON object about the run on stdout, nothing else there.") var json = false
    }

    func validate() throws {
        if limits.until == "" || traffic.expect.contains("") { throw ValidationError("--until and --expect need a text") }
        if traffic.interactive, case .tty = traffic.to {} else if traffic.interactive {
            throw ValidationError("--interactive writes to a tty, but --to is \(traffic.to.defaultValueDescription)")
        }
        if serving.isOn && traffic.interactive { throw ValidationError("--interactive reads standard input; with --devices or --control write to the tty") }
        if debugger.gdb?.address == .standardInput, traffic.interactive || limits.json {
            throw ValidationError("--gdb stdio has standard input and output for gdb: not with --interactive or --json")
        }
        if serving.control == nil && (serving.offline || serving.noFuse) { throw ValidationError("--offline and --no-fuse go with --control") }
        if serving.offline && !traffic.messages.isEmpty { throw ValidationError("--send needs firmware that runs, and --offline does not start it") }
        if serving.devices == "" || serving.control == "" { throw ValidationError("--devices and --control need a folder") }
        try boot.check()
    }

    func run() throws {
        // gdb hands its terminal's interrupts on by itself, and its server is in the same process group.
        if debugger.gdb?.address == .standardInput { signal(SIGINT, SIG_IGN) }
        try Supervisor.start(limits.timeout, serving.isOn ? .handled : .end)
        let session = try RunSession(self)
        let status = session.run()
        session.report(status)
        if status != .fine { throw status }
    }
}
