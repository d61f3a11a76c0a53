// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import ImageFormat
import M4Board
import MachineBase
import RprocHost
import SecondChip
import SecureLoader
import Testing
import VirtualMP1

/// Firmware for a chip on which everything is elsewhere: it runs only where nobody takes a fact from anywhere but the chip's description.
@Suite("A second chip") struct SecondChipTests {
    private func system(
        _ boot: BootSequence, _ sample: String = "tty-echo", _ configure: (inout SystemConfiguration) -> Void = { _ in }
    ) throws -> MP1System {
        var configuration = SystemConfiguration(.second, boot: boot, signatures: boot.usesTEE ? .trusted([try Samples.key.get().trusted]) : .trusted([]))
        configure(&configuration)
        let system = try MP1System(configuration)
        let name = "second-chip/" + sample
        if configuration.bootLoaderFirmware == nil { try system.start(boot.usesTEE ? Samples.signed(name) : Samples.elf(name), name: sample) }
        return system
    }

    private func expectEcho(_ system: MP1System, _ tty: Int, _ text: String) throws {
        let tty = try system.openTTY(tty)
        _ = tty.read()
        try tty.send(text + "\n")
        #expect(try tty.readLine() == text)
    }

    @Test("It boots firmware, talks to it and shuts it down", arguments: BootSequence.allCases)
    func echo(boot: BootSequence) throws {
        let system = try system(boot)
        let transcript = Transcript(system)
        for tty in 0..<2 { try expectEcho(system, tty, "hello \(tty)") }
        #expect(system.trace(0)?.contains("announced rpmsg-tty at 0x400") == true)
        // OP-TEE's number of the processor is the chip's.
        if boot.usesTEE { #expect(system.trustedApplication?.processor == 5) }
        try system.stop()
        #expect(system.linux.state == .offline && system.board.isHeld)
        #expect(!transcript.kernelLog.contains { $0.contains("without ack") }, "\(transcript.kernelLog)")
    }

    @Test("Linux hears of its watchdog and recovers", arguments: BootSequence.allCases)
    func watchdog(boot: BootSequence) throws {
        let system = try system(boot, "crasher") { $0.recoveryLimit = 3 }
        let transcript = Transcript(system)
        try system.openTTY(0).send("watchdog\n")
        system.run(for: .seconds(1)) { system.linux.crashCount == 1 && system.linux.state == .running && system.linux.tty.port(0) != nil }
        #expect(transcript.kernelLog.contains { $0.contains("crash detected in core: type watchdog") }, "\(transcript.kernelLog)")
        try expectEcho(system, 0, "still there")
    }

    @Test("Linux attaches to firmware that its boot loader has started, and lets it go")
    func attach() throws {
        let firmware = try Samples.elf("second-chip/tty-echo")
        let system = try system(.elf) { $0.bootLoaderFirmware = FirmwareImage(firmware) }
        let transcript = Transcript(system)
        #expect(system.linux.state == .detached)
        for round in 1...2 {
            try system.attach()
            try expectEcho(system, 1, "round \(round)")
            try system.detach()
        }
        #expect(!transcript.kernelLog.contains { $0.contains("without ack") })
    }

    @Test("What OP-TEE has loaded is out of Linux's reach by every address of its memory")
    func isolation() throws {
        let system = try system(.teeV3)
        for address: UInt32 in [0x1200_0010, 0x3400_0010, 0x3900_0000] {
            guard case .failure(let error) = system.linuxRead(PhysicalAddress(address), count: 4) else {
                Issue.record("Linux reads \(hex32(address))")
                continue
            }
            #expect(error.cause == .protected(owner: "the Cortex-M4"))
        }
        #expect(try system.linuxRead(PhysicalAddress(0x1203_0000), count: 16).get().count == 16)
    }

    @Test("The doctor finds nothing wrong, and says in the chip's words what is")
    func doctor() throws {
        let image = try Samples.elf("second-chip/tty-echo")
        var doctor = try Doctor(
            MP1System(SystemConfiguration(.second, boot: .elf)), image: FirmwareImage(image))
        let report = doctor.examine(name: "tty-echo", span: .milliseconds(200))
        #expect(report.isFine, "\(report.entries)")

        // A device tree with other channels than the firmware's.
        var configuration = SystemConfiguration(.second, boot: .elf)
        configuration.linux.mailboxes.vq1 = 5
        doctor = try Doctor(MP1System(configuration), image: FirmwareImage(image))
        let sick = doctor.examine(name: "tty-echo", span: .milliseconds(200))
        #expect(sick.problems.contains { $0.sentence.contains("IPCC channel 6") }, "\(sick.entries)")
    }

    @Test("The STM32MP157's firmware does not fit it", arguments: [BootSequence.teeV3, .elf])
    func otherFirmware(boot: BootSequence) throws {
        let system = try MP1System(SystemConfiguration(.second, boot: boot, signatures: .trusted([try Samples.key.get().trusted])))
        #expect(throws: SystemError.self) { try system.start(boot.usesTEE ? Samples.signed("tty-echo") : Samples.elf("tty-echo")) }
    }

    @Test("An ELF without Linux goes to its memories, and elsewhere is refused in its words")
    func bare() throws {
        let board = try M4Board(M4Board.Configuration(.second))
        try BareFirmware.load(Samples.elf("second-chip/tty-echo"), into: board)
        board.setHoldBoot(released: true)
        _ = board.run(until: 10_000)
        #expect(board.isRunning)
        let other = try M4Board(M4Board.Configuration(.second))
        #expect { try BareFirmware.load(Samples.elf("tty-echo"), into: other) } throws: {
            "\($0)".hasSuffix("which is not all in VECTORS (0x00000000, 128 KiB) or SRAM (0x12000000 or 0x34000000, 320 KiB)")
        }
        #expect(throws: BoardError.self) {
            var configuration = M4Board.Configuration(.second)
            configuration.ddrSize = 0x100_0000
            _ = try M4Board(configuration)
        }
    }
}
