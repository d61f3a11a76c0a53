import ArgumentParser
import Foundation
import LinuxGuest
import M4Board
import MP1Peripherals
import MachineBase
import RprocHost
import VirtualMP1

/// Firmware beside a real Linux, which drives it with its own drivers.
struct LinuxCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "linux",
        abstract: "Run firmware beside a real Linux: Debian's kernel in QEMU, with a root shell or a script.",
        discussion: """
            The kernel's own stm32_rproc, IPCC and rpmsg drivers load, start and talk to the emulated M4: /dev/ttyRPMSG0 is the real one. \
            Time is the wall clock's, for both: no run repeats another to the byte, as runs of 'm4run run' do. OP-TEE has no part in it.

            scripts/fetch-linux brings kernel, modules and busybox from Debian; QEMU is Debian's qemu-system-arm.

            With --run the script's status is this command's. Without it the guest's console is this terminal; Ctrl-A x ends the guest. \
            A guest that reboots starts again, and the M4 with it; M4RUN_BOOT in its environment counts. docs/linux.md says more.
            """)

    @Argument(help: "The firmware, an ELF; the guest has it in /lib/firmware, and starts it.", completion: .file()) var image: String
    @OptionGroup(title: "Guest") var guest: LinuxGuestOptions
    @Option(help: "Linux's device tree, a .dtb, whose node for the M4 the guest gets; without it the STM32MP157C-DK2's.", completion: .file()) var dtb: String?
    @Option(help: ArgumentHelp("MiB of DDR at 0xC0000000 for the M4, 256 at most; none unless told.", valueName: "mib")) var ddr: UInt32 = 0
    @Option(help: ClockHelp.text) var mcuClock = SoCConfiguration.MCUClock.pll3
    @Option(help: "Where a fault is told: any (at any fault exception), hardFault, none (only a lockup). The M4 goes on in its handler, as on a board.")
    var stopAt = FaultPolicy.hardFault
    @Flag(help: "The boot loader has started the firmware before Linux, which attaches to it.") var attach = false
    @OptionGroup(title: "Debugging") var debug: DebugOptions
    @Option(help: "Wall time after which the run ends with status 5, as 30s, 2m.", transform: VirtualDuration.read) var timeout: VirtualDuration?
    @Flag(help: "Print nothing but what the guest does.") var quiet = false

    func validate() throws {
        if ddr > Run.BootOptions.mostDDR { throw ValidationError("--ddr \(ddr): a number of MiB from 0 to \(Run.BootOptions.mostDDR) is allowed, from 0xC0000000 on") }
    }

    func run() throws {
        // Both live on the wall clock: with a script the first signal ends the run in order, as it does with a terminal that sends none.
        try Supervisor.start(timeout, .end)
        let session = try LinuxSession(self)
        let status = try session.run()
        guard status == 0 else { throw ExitCode(status) }
    }
}

/// What the guest is made of.
struct LinuxGuestOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The folder that scripts/fetch-linux has filled: .deps/linux/bookworm (kernel 6.1) unless told, or .deps/linux/trixie (6.12).", valueName: "folder"), completion: .directory)
    var linux = ".deps/linux/bookworm"
    @Option(help: "A shell script that the guest runs instead of a shell, by busybox' sh; what it prints comes on stdout.", completion: .file()) var run: String?
    @Option(help: ArgumentHelp("A folder that the guest has at /mnt/host, for reading and writing.", valueName: "folder"), completion: .directory) var share: String?
    @Option(help: "Another kernel's image; the modules stay those of --linux.", completion: .file()) var kernel: String?
    @Option(
        name: .customLong("module"), help: ArgumentHelp("A module to load behind the others, as a driver of your own; repeatable, in this order.", valueName: "file.ko"),
        completion: .file())
    var modules: [String] = []
    @Option(help: ArgumentHelp("A folder whose files the guest has in its root, as DIR/root/test.sh in /root/test.sh.", valueName: "folder"), completion: .directory) var overlay: String?
    @Option(help: ArgumentHelp("More words for the kernel's command line; repeatable.", valueName: "words")) var append: [String] = []
    @Option(help: "The plugin for QEMU; without it the one beside this program, or .build/linux-bridge.so.", completion: .file()) var plugin: String?
    @Option(help: "QEMU's program; without it qemu-system-arm in PATH.", completion: .file()) var qemu: String?
    @Flag(help: "Do not start the firmware; that is left to 'echo start > /sys/class/remoteproc/remoteproc0/state'.") var offline = false
    @Flag(help: "With --run: print the guest's console, kernel messages among it, on stderr.") var console = false

    func validate() throws {
        if console && run == nil { throw ValidationError("--console goes with --run; without a script the console is this terminal") }
    }
}
