import ArgumentParser
import Foundation
import M4Board
import MachineBase
import RprocHost
import SecureLoader
import VirtualMP1

extension BootSequence: ExpressibleByArgument {}
extension FaultPolicy: ExpressibleByArgument {}
extension Isolation: ExpressibleByArgument {}

/// The whole machine: OP-TEE loads, the M4 runs, Linux talks to it.
struct Run: ParsableCommand {
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
        abstract: "Boot firmware as OP-TEE and Linux do, and talk to it over rpmsg.",
        discussion: """
            What happens is told on stderr the way the kernel would; what the firmware sends to a tty goes to stdout. \
            Without --for, --until, --send or --interactive the run ends after one second of virtual time.
            """)

    @Argument(help: "The firmware: a signed image, or an ELF with --boot elf.", completion: .file()) var image: String

    @OptionGroup(title: "Boot") var boot: BootOptions
    @OptionGroup(title: "Life of the firmware") var lifecycle: LifecycleOptions
    @OptionGroup(title: "Traffic") var traffic: TrafficOptions
    @OptionGroup(title: "Debugging") var debug: DebugOptions
    @OptionGroup(title: "Limits and output") var limits: LimitOptions

    struct BootOptions: ParsableArguments {
        @Option(help: "How firmware is loaded: tee-v3 or tee-ops by OP-TEE, elf by Linux alone, unsigned.") var boot = BootSequence.teeV3
        @Option(help: "The public key that the image must be signed with, PEM; repeatable.", completion: .file()) var key: [String] = []
        @Flag(help: "Load an image without checking who signed it. Segment hashes are still checked.") var unverified = false
        @Flag(help: "Accept ECDSA signatures, which the STM32MP1's OP-TEE does not.") var acceptECDSA = false
        @Option(help: "What Linux loses of the M4's memory while firmware is loaded: segments, the whole banks they are in, or none.")
        var isolation = Isolation.segments
        @Option(help: ArgumentHelp("MiB of DDR at 0xC0000000 for the M4.", valueName: "mib")) var ddr: UInt32 = 0
    }

    struct TrafficOptions: ParsableArguments {
        @Option(help: "Text to send, a line each; repeatable. The run waits for an answer to each.") var send: [String] = []
        @Option(help: "Where to: ttyRPMSG0, ttyRPMSG1, ..., rpmsg0, ..., or a channel's name.") var to = Destination.tty(0)
        @Option(help: "Text that must appear in what the firmware sends, or the exit status is 1; repeatable.") var expect: [String] = []
        @Flag(help: "Lines of standard input go to the tty of --to, until end of input.") var interactive = false
    }

    struct LimitOptions: ParsableArguments {
        @Option(name: .customLong("for"), help: "Virtual time to run, as 250us, 20ms, 1.5s.") var duration: VirtualDuration?
        @Option(help: "Run until this text appears in the trace buffer, UART, ITM, RTT or semihosting output, or names an announced channel.") var until: String?
        @Option(help: "Where a fault ends the run: any (at any fault exception), hardFault, none (only at a lockup).") var stopAt = FaultPolicy.any
        @Option(help: "How much to tell: quiet, error, warning, info, debug.") var logLevel = LogLevel.info
        @Flag(help: "Stop at the first touch of a register that is not modelled, and do not help where a board would not.") var strict = false
        @Flag(help: "One JSON object about the run on stdout, nothing else there.") var json = false
    }

    func validate() throws {
        if limits.until == "" || traffic.expect.contains("") { throw ValidationError("--until and --expect need a text") }
        if traffic.interactive, case .tty = traffic.to {} else if traffic.interactive {
            throw ValidationError("--interactive writes to a tty, but --to is \(traffic.to.defaultValueDescription)")
        }
        if lifecycle.attach && boot.boot.usesTEE { throw ValidationError("--attach goes with --boot elf") }
        if !boot.key.isEmpty && boot.unverified { throw ValidationError("--key and --unverified exclude each other") }
        if !boot.boot.usesTEE && (!boot.key.isEmpty || boot.unverified || boot.acceptECDSA || boot.isolation != .segments) {
            throw ValidationError("--key, --unverified, --accept-ecdsa and --isolation are for OP-TEE, which takes no part in --boot elf")
        }
    }

    func run() throws {
        let session = try RunSession(self)
        let status = session.run()
        session.report(status)
        if status != .fine { throw status }
    }
}
