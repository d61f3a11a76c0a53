// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import M4Board
import VirtualMP1

/// What the guest is made of.
struct LinuxGuestOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The folder that scripts/fetch-linux has filled: .deps/linux/bookworm (kernel 6.1) unless told, or .deps/linux/trixie (6.12).", valueName: "folder"), completion: .directory)
    var linux = ".deps/linux/bookworm"
    @Option(help: "A shell script that the guest runs instead of a shell, by busybox' sh; what it prints comes on stdout.", completion: .file()) var run: String?
    @Option(help: ArgumentHelp("A folder that the guest has at /mnt/host, for reading and writing.", valueName: "folder"), completion: .directory) var share: String?
    @Option(help: "Another kernel's image; the modules stay those of --linux, or are those of --modules.", completion: .file()) var kernel: String?
    @Option(
        name: .customLong("modules"), help: ArgumentHelp("That kernel's modules, as lib/modules/RELEASE of 'make modules_install': those that the guest needs are taken from it, the others may be built in.", valueName: "folder"),
        completion: .directory)
    var kernelModules: String?
    @Option(help: "A root file system that the guest has beside what m4run puts in, as an initramfs: its libraries and programs.", completion: .file()) var initrd: String?
    @Option(
        name: .customLong("module"), help: ArgumentHelp("A module to load behind the others, as a driver of your own; repeatable, in this order.", valueName: "file.ko"),
        completion: .file())
    var modules: [String] = []
    @Option(help: ArgumentHelp("A folder whose files the guest has in its root, as DIR/root/test.sh in /root/test.sh.", valueName: "folder"), completion: .directory) var overlay: String?
    @Option(help: ArgumentHelp("More words for the kernel's command line; repeatable.", valueName: "words")) var append: [String] = []
    @Option(help: ArgumentHelp("A second terminal: a socket of this name, of this user's alone, with a root shell behind it, as for 'socat -,raw,echo=0,escape=0x1d UNIX-CONNECT:SOCKET'.", valueName: "socket"), completion: .file())
    var terminal: String?
    @Option(help: "The plugin for QEMU; without it the one beside this program, or .build/linux-bridge.so.", completion: .file()) var plugin: String?
    @Option(help: "QEMU's program; without it qemu-system-arm in PATH.", completion: .file()) var qemu: String?
    @Flag(help: "Do not start the firmware; that is left to 'echo start > /sys/class/remoteproc/remoteproc0/state'.") var offline = false
    @Flag(help: "With --run: print the guest's console, kernel messages among it, on stderr.") var console = false

    func validate() throws {
        if terminal == "" { throw ValidationError("--terminal needs a socket's name") }
        if console && run == nil { throw ValidationError("--console goes with --run; without a script the console is this terminal") }
    }
}

/// What becomes of firmware that crashes, and who starts it.
struct LinuxLifeOptions: ParsableArguments {
    @Flag(help: "The boot loader has started the firmware before Linux, which attaches to it.") var attach = false
    @Option(help: "Where a fault is told: any (at any fault exception; so with --recover and --coredump unless told), hardFault (so without them), none (only a lockup). The M4 goes on in its handler, as on a board.")
    var stopAt: FaultPolicy?
    @Option(
        help: ArgumentHelp(
            "Report faults and lockups to Linux as crashes, by the watchdog's interrupt, for at most this many crashes, watchdog resets included: one more ends the run with status 3. Without it Linux hears of the watchdog alone, as on a board.",
            valueName: "count"))
    var recover: UInt32?
    @Option(
        help: ArgumentHelp("Write a core dump with registers, for GDB, of the first fault, lockup or watchdog reset, or of where a breakpoint or --timeout ended the run.", valueName: "file"),
        completion: .file())
    var coredump: String?

    var faultPolicy: FaultPolicy { stopAt ?? (recover != nil || coredump != nil ? .any : .hardFault) }

    func validate() throws {
        if coredump == "" { throw ValidationError("--coredump needs a file name") }
    }
}

struct LinuxLimitOptions: ParsableArguments {
    @Option(help: "Wall time after which the run ends with status 5, as 30s, 2m.", transform: VirtualDuration.read) var timeout: VirtualDuration?
    @Option(help: ArgumentHelp("How often the guest may reboot; once more ends the run with status 5. Without it a guest that reboots 5 times and says nothing in between is ended so.", valueName: "count"))
    var reboots: Int?
    @Option(help: "How much to tell of the M4: quiet, error, warning, info, debug (doorbells, too). Faults are told in any case.") var logLevel = Run.LogLevel.info
    @Flag(help: "Print nothing but what the guest does: --log-level quiet.") var quiet = false
    @Flag(help: "Stop at the first touch of a register that is not modelled, and fail on any finding.") var strict = false
    @Flag(help: "Find stores of the firmware's to what is Linux's, and have findings name the instruction that wrote what is wrong.") var sanitize = false
    @Flag(help: "Say at the end how far the firmware and Linux came with each other, and what is in the way.") var doctor = false
    @Flag(help: "With --run: one JSON object about the run on stdout, the script's output in it, nothing else there.") var json = false

    var level: Run.LogLevel { quiet ? .quiet : logLevel }

    func validate() throws {
        if let reboots, reboots < 0 { throw ValidationError("--reboots \(reboots): a number from 0 on is allowed") }
    }
}
