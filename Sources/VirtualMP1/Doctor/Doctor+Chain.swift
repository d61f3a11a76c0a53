import ELF32
import M4Board
import MP1Peripherals
import MachineBase
import RprocHost
import SecureLoader

/// The chain, link by link: table, status, rings, announcement, driver, traffic; beside it the mailbox and the core.
extension Doctor {
    mutating func judgeChain() {
        judgeCore()
        guard let device = judgeTable() else { return }
        judgeStatus(device)
        judgeRings(device)
        judgeMailbox()
        for channel in report.channels where channel.driver == nil {
            report.problem(
                "no-driver", rank: 30,
                "The firmware announced '\(channel.name)' at 0x\(String(channel.address, radix: 16)), and no driver of Linux's has that name: no endpoint exists, and the firmware never learns Linux's address.",
                channel.name == "rpmsg-tty-channel"
                    ? "name it rpmsg-tty: mainline's tty driver has been called so since 5.16."
                    : "use a name that a driver has (rpmsg-tty, rpmsg-raw, rpmsg-client-sample), or load the driver for it.")
        }
        for channel in report.channels where channel.driver != nil {
            report.note(
                "channel", "'\(channel.name)' at 0x\(String(channel.address, radix: 16)), bound to \(channel.driver ?? ""): "
                    + (channel.answers ? "it answers." : "up."))
        }
    }

    // MARK: Table and status

    private mutating func judgeTable() -> RemoteVirtioDevice? {
        let elves = FirmwareImage.elfFiles(image)
        let section = elves.lazy.compactMap { $0.section(named: ".resource_table") }.first { $0.size > 0 }
        if let placement = system.tablePlacement {
            report.note("table-placed", "\(placement).")
        }
        guard let device = system.linux.virtioDevices.first else {
            if judgeRingAddress(kernelErrors) || judgeTableContents() { return nil }
            if let section {
                let why = TablePlacement(image: image).map { ": the segment loads it at \($0.loaded), and OP-TEE does not move it" } ?? ""
                let entries = system.linux.resourceTable?.entries.count ?? 0
                report.problem(
                    "table-not-found", rank: 10,
                    "The image has a resource table of \(section.size) bytes for \(hex32(section.address)), but Linux finds no vdev there (\(entries) entries)\(why)."
                        + (statusReader(section).map { " The firmware reads its status byte there, at \(place($0)), and waits for ever." } ?? ""),
                    "give .resource_table a segment of its own in the linker script, loaded where it is used (p_paddr = p_vaddr).")
            } else {
                report.problem(
                    "no-table", rank: 10, "The image has no .resource_table section: Linux sets up no rpmsg, and no channel can appear.",
                    "link a resource table with an rpmsg vdev into the section .resource_table, and keep its section header.")
            }
            return nil
        }
        if device.rpmsg == nil {
            judgeDriverless(device)
        } else if let features = device.resource?.deviceFeatures, features & 1 == 0 {
            report.problem(
                "no-name-service", rank: 22,
                "The vdev's dfeatures are 0x\(String(features, radix: 16)), without VIRTIO_RPMSG_F_NS (bit 0): Linux listens to no announcement, so no channel appears.",
                "set dfeatures to 1 (RPMSG_IPU_C0_FEATURES) in the resource table.")
        }
        return device
    }

    /// The instruction that read the status byte of the first vdev in the section, as the image has the table.
    private func statusReader(_ section: SectionHeader) -> UInt32? {
        for elf in FirmwareImage.elfFiles(image) {
            guard let section = elf.section(named: ".resource_table"), let bytes = elf.contents(of: section), let start = FirmwareImage.resourceTable(elf)?.start,
                let table = ResourceTable(Array(bytes))
            else { continue }
            for entry in table.entries {
                guard case .vdev = entry.content else { continue }
                return system.board.accesses(of: PhysicalAddress(start.value &+ UInt32(truncatingIfNeeded: entry.payloadOffset) &+ 20)).anyReader
            }
        }
        return nil
    }

    private var statusAddress: PhysicalAddress? {
        guard let start = FirmwareImage.elfFiles(image).lazy.compactMap({ FirmwareImage.resourceTable($0) }).first?.start else { return nil }
        for entry in system.linux.resourceTable?.entries ?? [] {
            if case .vdev = entry.content { return PhysicalAddress(start.value &+ UInt32(truncatingIfNeeded: entry.payloadOffset) &+ 20) }
        }
        return nil
    }

    private mutating func judgeStatus(_ device: RemoteVirtioDevice) {
        guard system.recordsForDiagnosis, let address = statusAddress, let status = device.resource?.status else { return }
        let accesses = system.board.accesses(of: address)
        let value = "0x\(String(status, radix: 16))"
        if accesses.anyReader == nil {
            report.problem(
                "status-never-read", rank: 20,
                "The firmware has never read the vdev's status byte at \(hex32(address.value)), which is \(value): it does not wait for Linux, and has not begun rpmsg. \(corePlace)",
                "call the rpmsg start-up (OPENAMP_Init or MX_OPENAMP_Init), which polls this byte for DRIVER_OK (4).")
        } else if accesses.reader == nil {
            report.problem(
                "driver-ok-not-seen", rank: 25,
                "The firmware read the status byte at \(hex32(address.value)) last at \(place(accesses.anyReader ?? 0)), before Linux set DRIVER_OK (it is \(value) now), and not since. \(corePlace)",
                "poll the byte, or look again after the doorbell that Linux rings on \(channelName(0)) right after DRIVER_OK.")
        } else {
            report.note("status", "The firmware has seen DRIVER_OK: it read \(value) at \(place(accesses.reader ?? 0)).")
        }
    }

    // MARK: Rings and announcement

    private mutating func judgeRings(_ device: RemoteVirtioDevice) {
        guard device.rings.count == 2, let vrings = device.resource?.vrings, vrings.count == 2 else { return }
        let input = device.rings[0], output = device.rings[1]
        for ring in [input, output] where ring.isBroken {
            report.problem(
                "ring-broken", rank: 28, "Linux has given up on the ring '\(ring.name)': its used ring names a descriptor that the firmware does not hold.",
                "the finding on that ring says which; a ring is handled by one context at a time.")
        }
        func isRead(_ ring: Int) -> Bool {
            guard let layout = VringLayout(count: vrings[ring].count, alignment: vrings[ring].alignment) else { return true }
            return system.board.accesses(of: PhysicalAddress(vrings[ring].deviceAddress &+ layout.availableOffset)).anyReader != nil
        }
        let seesStatus = !report.problems.contains { ["status-never-read", "driver-ok-not-seen"].contains($0.name) }
        if system.recordsForDiagnosis, seesStatus, !isRead(0), !isRead(1) {
            report.problem(
                "rings-not-used", rank: 26,
                "The firmware has seen DRIVER_OK, but has never read a ring: Linux's are at \(hex32(vrings[0].deviceAddress)) and \(hex32(vrings[1].deviceAddress)). \(corePlace)",
                "take the addresses from the live table's vring da, after DRIVER_OK: not pa, not a constant of an older memory map.")
            return
        }
        let waiting = input.usedIndex &- input.lastUsedIndex, spare = input.availableIndex &- input.usedIndex
        let malformed = system.linux.findings.kept.filter { ["used-length-too-short", "used-length-below-header"].contains($0.finding.name) }
        if input.usedIndex == 0 && system.linux.messageCounts.received == 0 {
            if seesStatus {
                report.problem(
                    "nothing-sent", rank: 27,
                    "DRIVER_OK is set and \(input.availableIndex) buffers are posted, but the firmware has sent nothing: it has announced no service. \(corePlace)",
                    "create the endpoint with a service name: OPENAMP_create_endpoint sends the announcement.")
            }
        } else if let first = malformed.first, !input.isBroken {
            // Linux ends its batch at such a message, and never posts its buffer again: what lies behind it is not for want of a doorbell.
            report.problem(
                "malformed-message", rank: 32,
                "Linux has dropped \(malformed.count) message(s) or more, the first at \(first.time) s (\(first.finding)), and stops reading there: \(waiting) of later ones lie in vring0.",
                "give back header and payload as the used length: 16 + header.len.")
        } else if waiting != 0, !input.isBroken, output.usedIndex == 0, hasRungForNothing {
            report.problem(
                "wrong-channel", rank: 18,
                "\(waiting) message(s) lie in vring0, and the firmware has rung for vring1, where it has given nothing back: the device tree has \(channelName(0)) for vring0 and \(channelName(1)) for vring1.",
                "use the channels of the device tree's mboxes, or change those.")
        } else if waiting != 0 && !input.isBroken {
            report.problem(
                "no-kick", rank: 24,
                "\(waiting) message(s) lie in vring0 (used index \(input.usedIndex), Linux has taken \(input.lastUsedIndex)) without a doorbell on \(channelName(0)).",
                mailboxes.vq0.map { "write bit \($0 + 16) of IPCC_C2SCR (channel \($0 + 1)) after each message." } ?? "give the device tree's node a mailbox vq0.")
        } else if system.linux.channels.isEmpty, let last = system.linux.withdrawnChannel {
            report.problem(
                "channel-withdrawn", rank: 29,
                "The firmware announced '\(last.name)' at \(hex32(last.address)) and has destroyed it again, after \(system.linux.messageCounts.received) message(s): no channel is left. \(corePlace)",
                "none if it is done; else keep the endpoint: rpmsg_destroy_ept (OPENAMP_destroy_ept) announces its end.")
        } else if system.linux.channels.isEmpty {
            report.problem(
                "no-announcement", rank: 29, "\(system.linux.messageCounts.received) message(s) came, but none of them created a channel that still exists.",
                "send the 40-byte announcement to address 53 first.")
        }
        if spare == 0 && input.count > 0 && !input.isBroken {
            report.problem(
                "no-receive-buffers", rank: 31,
                "All \(input.count) buffers of vring0 are used up and none is posted (available index \(input.availableIndex), used index \(input.usedIndex)): the firmware's next send waits (OpenAMP: 15 s). \(corePlace)",
                malformed.isEmpty ? "ring for what lies in vring0: Linux posts a buffer again when it has read it." : "Linux loses the buffers of malformed messages, \(malformed.count) here; see malformed-message.")
        }
        let unread = output.availableIndex &- output.usedIndex
        if unread > 0 {
            report.problem(
                "not-taken", rank: 40,
                "\(unread) of \(output.availableIndex) message(s) from Linux lie in vring1 and have not been given back (used index \(output.usedIndex)). \(corePlace)"
                    + (unread >= output.count ? " The ring is full: Linux's next send waits 15 s." : ""),
                "call OPENAMP_check_for_message (rproc_virtio_notified) when \(channelName(1)) has rung.")
        } else if system.linux.messageCounts.sent == 0, !system.linux.channels.isEmpty {
            report.note("never-spoken-to", "Linux has sent nothing on these channels, so the firmware does not know its address yet: rpmsg's peers learn it from the first message.")
        }
    }

    /// Whether a doorbell came for vring1 with nothing new in it.
    private var hasRungForNothing: Bool {
        system.linux.findings.kept.contains { $0.finding.name == "spurious-kick" && $0.finding.evidence?.place == "vring1" }
    }

    // MARK: The core

    /// Where the core stands, in a sentence.
    var corePlace: String {
        let activity = system.board.activity()
        let at = place(activity.registers.pc)
        return switch activity.state {
        case .held: "The M4 is held in reset."
        case .lockedUp: "The M4 is locked up at \(at)."
        case .asleep: "The M4 sleeps (WFI or WFE) at \(at)."
        case .running: "The M4 executes at \(at)" + (activity.isLooping ? ", in a loop of \(activity.blocks.count) blocks." : ".")
        }
    }

    private mutating func judgeCore() {
        let activity = system.board.activity()
        let name = symbols.name(at: activity.registers.pc) ?? ""
        let exception = activity.registers.xpsr & 0x1FF
        if activity.state == .running, (2...6).contains(exception) {
            report.problem(
                "fault-handler", rank: 1, "The M4 is in the handler of \(activity.registers.exception) at \(place(activity.registers.pc)) and stays there.",
                "run with --stop-at any to see the fault itself.")
        } else if activity.isLooping, name.hasPrefix("Error_Handler") || name.hasPrefix("assert_failed") || name.hasPrefix("_Error_Handler") {
            let callers = system.callChain(symbols).text(limit: 4, symbols.name(of:)).map { ", " + $0 } ?? ""
            report.problem(
                "error-handler", rank: 2,
                "The firmware gave up in \(place(activity.registers.pc))" + callers + ".",
                "find the HAL call there that did not return HAL_OK; an unmodelled register may be its reason (the run's warnings name them).")
        } else if judgeTick(activity) {
            return
        } else if activity.isLooping, let polled = activity.polled.first(where: Self.isWaitedFor) {
            let value = (try? system.board.readWord(PhysicalAddress(polled & ~3), secure: true)) ?? 0
            let register = RegisterMap.location(at: polled).map { "\($0) " } ?? ""
            report.problem(
                "polls-register", rank: 5, "The M4 waits at \(place(activity.registers.pc)) for a bit of \(register)(\(hex32(polled))), which reads \(hex32(value)) and does not change.",
                "start what sets the bit (an oscillator, a PLL, a peripheral's clock) before waiting for it; on a board Linux or the boot chain may have done so.")
        }
    }

    /// A register with a name, not of the mailbox, and no port's output, which nothing but firmware changes.
    private static func isWaitedFor(_ address: UInt32) -> Bool {
        guard !(0x4C00_1000..<0x4C00_1400).contains(address), let location = RegisterMap.location(at: address) else { return false }
        return !"\(location)".hasSuffix(".ODR")
    }

    /// Whether the firmware waits for HAL's tick, which stands still.
    private mutating func judgeTick(_ activity: CoreActivity) -> Bool {
        guard activity.isLooping, let inside = activity.blocks.compactMap({ symbols.name(at: $0) }).first(where: { $0.hasPrefix("HAL_GetTick") || $0.hasPrefix("HAL_Delay") }),
            let counter = symbols["uwTick"]?.address, let count = try? system.board.readWord(PhysicalAddress(counter), secure: true)
        else { return false }
        // Interrupt -1 of the SoC is the core's SysTick.
        let tick = system.board.interruptState(-1)
        let why = if tick.isPending {
            "SysTick is pending but not taken: PRIMASK is \(activity.registers.primask), BASEPRI 0x\(String(activity.registers.basepri, radix: 16)), \(activity.registers.exception), SysTick's priority 0x\(String(tick.priority, radix: 16))"
        } else {
            "SysTick has not counted once"
        }
        guard tick.isPending && !isTaken(tick.priority, activity) || count == 0 else { return false }
        report.problem(
            "tick-stopped", rank: 4, "The M4 waits at \(place(activity.registers.pc)) for time to pass (\(inside)), and uwTick at \(hex32(counter)) stands at \(count): \(why).",
            "call HAL_Init, which starts SysTick; wait neither with interrupts disabled nor in a handler as urgent as SysTick's.")
        return true
    }

    /// Whether execution lets an interrupt of this priority in.
    private func isTaken(_ priority: Int32, _ activity: CoreActivity) -> Bool { priority < activity.priority }
}
