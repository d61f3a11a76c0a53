// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser

/// Options of `run` that mean nothing beside a real Linux: each is refused with the reason, and with what does the same here.
struct LinuxRefusals: ParsableArguments {
    @Option(help: .hidden) var boot: String?
    @Option(help: .hidden) var opteeDtb: String?
    @Option(help: .hidden) var key: [String] = []
    @Flag(help: .hidden) var unverified = false
    @Flag(help: .hidden) var acceptECDSA = false
    @Option(help: .hidden) var isolation: String?
    @Option(help: .hidden) var openstlinux: String?
    @Flag(help: .hidden) var coredumpPlain = false
    @Option(help: .hidden) var send: [String] = []
    @Option(help: .hidden) var sendOnly: [String] = []
    @Option(help: .hidden) var sendHex: [String] = []
    @Option(help: .hidden) var sendOnlyHex: [String] = []
    @Option(help: .hidden) var to: String?
    @Option(help: .hidden) var expect: [String] = []
    @Option(help: .hidden) var until: String?
    @Flag(help: .hidden) var interactive = false
    @Option(help: .hidden) var kickFault: [String] = []
    @Option(help: .hidden) var bind: [String] = []
    @Option(help: .hidden) var devices: String?
    @Option(help: .hidden) var control: String?
    @Flag(help: .hidden) var noFuse = false
    @Option(name: .customLong("for"), help: .hidden) var duration: String?

    private static let withoutTEE = "OP-TEE has no part here: no released Linux has a driver for its remoteproc, and this one loads the ELF itself; 'm4run run' has OP-TEE"
    private static let byScript = "what is said to the firmware, and what has to come back, is for programs in the guest, as by --run"
    private static let byGuest = "the guest itself has the devices and the files of sysfs and debugfs; --terminal gives another shell in it, --share a folder"

    /// Each with whether it was given, and why it is refused.
    private var all: [(name: String, isGiven: Bool, why: String)] {
        [
            ("--boot", boot != nil && boot != "elf", Self.withoutTEE), ("--optee-dtb", opteeDtb != nil, Self.withoutTEE), ("--key", !key.isEmpty, Self.withoutTEE),
            ("--unverified", unverified, Self.withoutTEE), ("--accept-ecdsa", acceptECDSA, Self.withoutTEE), ("--isolation", isolation != nil, Self.withoutTEE),
            ("--openstlinux", openstlinux != nil, "the kernel is Debian's, or the one of --kernel; 'm4run run' models ST's"),
            ("--coredump-plain", coredumpPlain, "the kernel's own dump is the guest's: 'echo enabled' to remoteproc0's coredump, then /sys/class/devcoredump/devcd1/data"),
            ("--send", !send.isEmpty, Self.byScript), ("--send-only", !sendOnly.isEmpty, Self.byScript), ("--send-hex", !sendHex.isEmpty, Self.byScript),
            ("--send-only-hex", !sendOnlyHex.isEmpty, Self.byScript), ("--to", to != nil, Self.byScript), ("--expect", !expect.isEmpty, Self.byScript),
            ("--until", until != nil, Self.byScript), ("--interactive", interactive, "the terminal is the guest's: 'cat' and 'echo' on /dev/ttyRPMSG0 do it there"),
            ("--kick-fault", !kickFault.isEmpty, "doorbells are the real kernel's and go through; 'm4run run' injects faults"),
            ("--bind", !bind.isEmpty, "the kernel binds drivers by their own tables; --module loads one of yours"),
            ("--devices", devices != nil, Self.byGuest), ("--control", control != nil, Self.byGuest), ("--no-fuse", noFuse, Self.byGuest),
            ("--for", duration != nil, "time is the wall clock's here: --timeout limits it, and a script ends the run"),
        ]
    }

    func validate() throws {
        if let one = all.first(where: \.isGiven) { throw ValidationError("\(one.name): \(one.why)") }
    }
}
