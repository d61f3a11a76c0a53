// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import FoundationEssentials
import Glibc
import LinuxGuest
import M4Board
import MP1Peripherals
import MachineBase
import RprocHost
import VirtualMP1

/// Firmware beside a real Linux, which drives it with its own drivers.
struct LinuxCommand: TakesProjectFile {
    static let configuration = CommandConfiguration(
        commandName: "linux",
        abstract: "Run firmware beside a real Linux: Debian's kernel in QEMU, with a root shell or a script.",
        discussion: """
            The kernel's own stm32_rproc, IPCC and rpmsg drivers load, start and talk to the emulated M4: /dev/ttyRPMSG0 is the real one. \
            Time is the wall clock's, for both: no run repeats another to the byte, as runs of 'm4run run' do. OP-TEE has no part in it.

            scripts/fetch-linux brings kernel, modules and busybox from Debian; QEMU is Debian's qemu-system-arm.

            With --run the script's status is this command's. Without it the guest's console is this terminal; Ctrl-A x ends the guest. \
            A guest that reboots starts again, and the M4 with it; M4RUN_BOOT in its environment counts. docs/guides/linux.md says more.
            """)

    @Argument(help: "The firmware, an ELF; the guest has it in /lib/firmware, and starts it.", completion: .file()) var image: String
    @OptionGroup(title: "Guest") var guest: LinuxGuestOptions
    @Option(help: "Linux's device tree, a .dtb, whose node for the M4 the guest gets; without it the STM32MP157C-DK2's.", completion: .file()) var dtb: String?
    @Option(help: DDRHelp.text) var ddr: UInt32 = 0
    @Option(help: ClockHelp.text) var mcuClock = ClockOption.usual
    @OptionGroup(title: "Life of the firmware") var life: LinuxLifeOptions
    @OptionGroup(title: "Debugging") var debug: DebugOptions
    @OptionGroup(title: "Limits and output") var limits: LinuxLimitOptions
    @OptionGroup(title: "General") var general: GeneralOptions
    @OptionGroup(visibility: .hidden) var refused: LinuxRefusals

    func validate() throws {
        try DDRHelp.check(ddr)
        if limits.json && guest.run == nil { throw ValidationError("--json goes with --run: without a script stdout is the guest's console") }
    }

    func run() throws {
        // Both live on the wall clock: with a script the first signal ends the run in order, as it does with a terminal that sends none.
        try Supervisor.start(limits.timeout, .end)
        let session = try LinuxSession(self)
        let status = try session.run()
        guard status == 0 else { throw ExitCode(status) }
    }
}
