// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import ImageFormat
import M4Board
import MachineBase
import RprocHost
import SecureLoader

/// Everything about a virtual STM32MP1 that is decided before it starts.
public struct SystemConfiguration: Sendable {
    public let chip: SoCDescription
    public var board: M4Board.Configuration
    /// Device tree, kernel and timing of the Linux side; its boot sequence decides whether OP-TEE takes part.
    public var linux: HostConfiguration
    /// What OP-TEE demands of a signature. Not read under `.elf`.
    public var signatures: SignaturePolicy
    /// What OP-TEE's platform can check: the STM32MP1 knows RSA only.
    public var signatureSupport = SignatureSupport.rsaOnly
    /// The memory that OP-TEE loads firmware into: its own device tree's.
    public var secureMemory: ProcessorMemory
    /// What the non-secure world loses of the M4's memory while firmware is loaded.
    public var isolation = Isolation.segments

    /// Whether a resource table that OP-TEE loads elsewhere than its section says is copied there, with a warning. A board does not.
    public var placesResourceTable = true

    /// Whether rings, buffers, table and messages are checked, and whether writers are named.
    public var sanitizing = Sanitizing.rings
    /// How many crashes Linux may recover from; the next one ends the run. Nil: a fault or lockup ends the run at once, as nothing on
    /// the board would tell Linux of it, and recoveries from the M4's watchdog have no bound. With a number, zero or more, faults and
    /// lockups are reported to Linux as crashes of type "fatal error".
    public var recoveryLimit: UInt32?
    /// Whether the run goes on when firmware has reset itself and boot is held, so that the M4 stays in reset and Linux says running, as
    /// on a board. Otherwise that ends it. Where boot is not held the firmware starts again in any case.
    public var goesOnAfterReset = false
    /// Whether core dumps for `onCoredump` and `coredump()` have the core's registers, and all memory whatever the firewall says. The kernel's,
    /// which programs under Linux read, have neither.
    public var coredumpHasRegisters = false
    /// An ELF that the boot loader has started before Linux: found running at the probe, to be attached to. Nil for none.
    public var bootLoaderFirmware: FirmwareImage?
    /// From the M4's start by the boot loader to Linux's probe: seconds on hardware.
    public var bootLoaderLead = VirtualTime.milliseconds(10)

    /// - Parameters:
    ///   - chip: which one it is; device trees are those of its boards.
    ///   - boot: how firmware gets into the M4.
    ///   - signatures: the trusted keys; `.trusted([])` refuses every image.
    public init(_ chip: SoCDescription = .stm32mp157, boot: BootSequence = .teeV3, signatures: SignaturePolicy = .trusted([])) {
        self.chip = chip
        board = M4Board.Configuration(chip)
        secureMemory = ProcessorMemory(chip)
        linux = HostConfiguration(bootSequence: boot, chip: chip)
        self.signatures = signatures
        // Who boots firmware wants to hear of every fault; a bare board leaves them to the firmware's handlers.
        board.faultPolicy = .any
        // A non-secure RCC is what the mainline driver works with; OP-TEE's needs a secure one.
        board.soc.isRCCSecure = boot.usesTEE
    }
}

extension SystemConfiguration {
    /// The board, with what the isolation leaves the M4 of memory: under `.banks` the regions that OP-TEE's device tree gives it.
    var boardBehindFirewall: M4Board.Configuration {
        var board = board
        if isolation == .banks, linux.bootSequence.usesTEE, board.memoryWindows == nil {
            board.memoryWindows = secureMemory.regions.map { MemoryWindow(start: $0.device, size: $0.physical.size) }
        }
        return board
    }
}

/// Why a system could not do what was asked.
public enum SystemError: Error, Sendable, CustomStringConvertible {
    /// The TA refused the image, or a command.
    case refused(TEEFailure)
    /// Linux refused: the operation, and what the write to sysfs would have returned.
    case linux(doing: String, Errno)
    /// The M4 stopped in the midst of it.
    case stopped(StopReason)
    /// Virtual time ran out; what was waited for, and for how long.
    case timeout(waitingFor: String, VirtualTime)

    public var description: String {
        switch self {
        case .refused(let failure): "image refused: \(failure)"
        case .linux(let doing, let errno): "\(doing): \(errno)"
        case .stopped(.fault(let report)), .stopped(.lockup(let report)): "the firmware faulted: \(report.summary)"
        case .stopped(let reason): "the M4 stopped: \(reason.name)"
        case .timeout(let what, let span): "no \(what) within \(span) s of virtual time"
        }
    }
}
