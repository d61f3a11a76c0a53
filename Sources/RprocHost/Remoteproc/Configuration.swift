// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// How firmware gets from its file into the M4.
public enum BootSequence: String, Sendable, CaseIterable {
    /// Linux loads an ELF itself and drives hold boot: the mainline driver.
    case elf
    /// "Alternate boot": the TA loads and authenticates first, Linux then works on the live table. Patch series version 3.
    case teeV3 = "tee-v3"
    /// The TA hidden behind the usual operations, with a cached table. Patch series versions 4 to 22.
    case teeOps = "tee-ops"

    public var usesTEE: Bool { self != .elf }
}

/// A `memory-region` of the coprocessor's device tree node. Regions become carveouts, in order.
public struct MemoryRegion: Equatable, Sendable {
    /// The node's name without its unit address.
    public var name: String
    public var range: PhysicalRange
    /// The node's name where it is not `name` and the region's address.
    public var unitName: String?
    /// Whether the kernel has it among its reserved memory; without that a boot ends at "unable to acquire memory-region".
    public var isReserved = true
    /// Whether DMA buffers can come from it: a `shared-dma-pool` with `no-map`.
    public var isPool = true
    public init(_ name: String, _ start: UInt32, size: UInt32) {
        self.name = name
        range = PhysicalRange(start: PhysicalAddress(start), size: size)
    }
    /// `vdev0buffer@10042000`
    public var nodeName: String { unitName ?? "\(name)@\(hex(range.start.value))" }
    /// A pool for DMA buffers that the kernel does not map itself.
    var isBufferPool: Bool { name.hasPrefix("vdev") && name.hasSuffix("buffer") }
}

extension [MemoryRegion] {
    /// As the device trees of the chip's boards have them for Linux, in their order.
    public init(_ chip: SoCDescription) {
        self = chip.reservedMemory.filter(\.isLinux).map { MemoryRegion($0.name, $0.range.start.value, size: $0.range.size) }
    }
    /// The STM32MP157x-DK2's, in device tree order.
    public static var stm32mp157DK2: [MemoryRegion] { [MemoryRegion](.stm32mp157) }
}

/// How long Linux takes for what is instantaneous here, and how long it waits.
public struct HostTiming: Equatable, Sendable {
    /// From the M4's first instruction to the virtio device's set-up: milliseconds on hardware. Zero and large values
    /// bring out races in firmware that does not wait for DRIVER_OK.
    public var startToVirtio = VirtualTime.milliseconds(1)
    /// From the virtio device's set-up to the end of the boot. Announcements come in it; where vring work takes the lock
    /// they are handled after "is now up".
    public var virtioToUp = VirtualTime.microseconds(200)
    /// From an interrupt line's rise to its handler, which acknowledges the mailbox.
    public var interruptLatency = VirtualTime.microseconds(3)
    /// From the handler to the work it queued.
    public var workLatency = VirtualTime.microseconds(20)
    /// What a send takes. Without it a burst fills the mailbox's queue of 20 before the M4 has executed one instruction,
    /// which hardware hardly ever sees.
    public var sendDuration = VirtualTime.microseconds(10)
    /// How long stop waits for the shutdown mailbox to be acknowledged (stm32_rproc: 500 ms).
    public var shutdownTimeout = VirtualTime.milliseconds(500)
    /// How long a blocking send waits for a buffer (virtio_rpmsg_bus: 15 s).
    public var transmitTimeout = VirtualTime.seconds(15)
    /// How long detach waits for the detach mailbox to be acknowledged (stm32_rproc: 200 ms).
    public var detachTimeout = VirtualTime.milliseconds(200)
    /// How long an unread core dump is kept, and an inline one waited for (devcoredump: 5 min).
    public var coredumpTimeout = VirtualTime.seconds(300)
    public init() {}
}

/// `/sys/class/remoteproc/remoteprocN/coredump`.
public enum CoredumpMode: String, Sendable { case disabled, enabled, inline }

/// Everything about the Linux side that is decided before it starts: device tree, kernel, timing.
public struct HostConfiguration: Equatable, Sendable {
    public let chip: SoCDescription
    public var bootSequence: BootSequence
    public var kernel = KernelProfile.newest
    public var timing = HostTiming()
    public var memoryRegions: [MemoryRegion]
    public var translations: [AddressTranslation]
    /// Where carveouts and buffers without a memory region of their own come from. None on ST's chips: their `dma-ranges`
    /// leave the kernel's own memory out of reach, so such an allocation fails with ENOMEM here, and a finding says what the kernel makes of it.
    public var dynamicPool: PhysicalRange?
    /// The `N` of `remoteprocN`.
    public var index = 0
    /// The device tree node's name.
    public var name: String
    /// File name, relative to /lib/firmware.
    public var firmware: String
    public var recoveryEnabled = true
    /// Injected doorbell faults; the first rule that acts on a doorbell decides.
    public var kickFaults: [KickFault] = []
    public var coredump = CoredumpMode.disabled
    /// Names that the usual drivers bind to beside their own.
    public var channelBindings: [ChannelBinding] = []
    /// Messages the `rpmsg-client-sample` driver answers before its goodbye (its `count` parameter).
    public var clientSampleCount = 100

    /// The platform device that the kernel makes of the node.
    public var platformDevice: String
    public var driver = PlatformDriver.stm32Rproc
    public var mailboxes: MailboxChannels
    public var registers: SystemRegisters
    /// The EXTI line that tells of the M4's watchdog reset; nil without `interrupts`, or another than the chip's: such a crash goes unnoticed.
    public var watchdogInterrupt: UInt32?
    /// `st,auto-boot`: the kernel boots `firmware` when it registers the device, without a word from user space.
    public var autoBoot = false

    /// As the device trees of the chip's boards describe the coprocessor.
    public init(bootSequence: BootSequence, chip: SoCDescription = .stm32mp157) {
        self.chip = chip
        self.bootSequence = bootSequence
        memoryRegions = [MemoryRegion](chip)
        translations = chip.translations
        name = chip.deviceTree.node
        firmware = "rproc-\(chip.deviceTree.node)-fw"
        platformDevice = "\(String(chip.deviceTree.nodeRange.start.value, radix: 16)).\(chip.deviceTree.node)"
        mailboxes = MailboxChannels(chip)
        registers = SystemRegisters(chip)
        watchdogInterrupt = chip.coprocessor.watchdogReset.number
    }
}
