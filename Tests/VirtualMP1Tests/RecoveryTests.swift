// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import ImageFormat
import M4Board
import MachineBase
import RprocHost
import Testing
import VirtualMP1

/// Crashes of real firmware, and Linux's way back.
@Suite struct RecoveryTests {
    private func system(
        _ boot: BootSequence, limit: UInt32? = 3, policy: FaultPolicy = .any, _ configure: (inout SystemConfiguration) -> Void = { _ in }
    ) throws -> MP1System {
        var configuration = try Samples.configuration(boot)
        configuration.recoveryLimit = limit
        configuration.board.faultPolicy = policy
        configure(&configuration)
        let system = try MP1System(configuration)
        try system.start(boot.usesTEE ? Samples.signed("crasher") : Samples.elf("crasher"), name: "crasher")
        return system
    }

    /// Sends a word, and waits until Linux has recovered from what it does.
    private func crash(_ system: MP1System, _ word: String) throws {
        let before = system.linux.crashCount
        try system.openTTY(0).send(word + "\n")
        system.run(for: .seconds(1)) { system.linux.crashCount == before + 1 && system.linux.state == .running && system.linux.tty.port(0) != nil }
        #expect(system.linux.crashCount == before + 1)
    }

    private func expectEcho(_ system: MP1System, _ text: String = "still there") throws {
        let tty = try system.openTTY(0)
        _ = tty.read()
        try tty.send(text + "\n")
        #expect(try tty.readLine() == text)
    }

    @Test("A fault, a lockup and the watchdog are recovered from, and the firmware echoes again", arguments: BootSequence.allCases, [
        ("undef", FaultPolicy.any, "fatal error"), ("bus", .any, "fatal error"), ("hardfault", .hardFault, "fatal error"),
        ("lockup", .none, "fatal error"), ("watchdog", .any, "watchdog"),
    ])
    func recovers(boot: BootSequence, crash: (word: String, policy: FaultPolicy, type: String)) throws {
        let system = try system(boot, policy: crash.policy)
        let transcript = Transcript(system)
        try self.crash(system, crash.word)
        let log = transcript.kernelLog.map { String($0.dropFirst(15)) }
        let first = try #require(log.firstIndex { $0.contains("crash detected") })
        #expect(
            Array(log[first...].prefix(4)) == [
                "remoteproc remoteproc0: crash detected in m4: type \(crash.type)", "remoteproc remoteproc0: handling crash #1 in m4",
                "remoteproc remoteproc0: recovering m4", "remoteproc remoteproc0: stopped remote processor m4",
            ])
        #expect(system.stopReason == nil && system.linux.power == 1)
        try expectEcho(system)
        try system.stop()
        #expect(system.linux.held == HeldResources())
    }

    @Test("The debugfs file crashes healthy firmware, too", arguments: BootSequence.allCases)
    func debugfs(boot: BootSequence) throws {
        let system = try system(boot, limit: nil)
        _ = try system.openTTY(0)
        try system.linux.debugfsWrite("crash", "2")
        system.run(for: .milliseconds(50)) { system.linux.crashCount == 1 && system.linux.state == .running }
        try expectEcho(system)
    }

    @Test("A crash loop ends at its limit with the fault, and the watchdog's with a name")
    func bounded() throws {
        let faulting = try system(.elf, limit: 2)
        for _ in 0..<2 { try crash(faulting, "undef") }
        try faulting.openTTY(0).send("undef\n")
        faulting.run(for: .milliseconds(100))
        guard case .fault = faulting.stopReason else { Issue.record("\(String(describing: faulting.stopReason))"); return }
        #expect(faulting.crashLoop?.limit == 2 && faulting.crashes == 3)
        #expect(faulting.linux.crashCount == 2)

        let watched = try system(.teeV3, limit: 1)
        try crash(watched, "watchdog")
        try watched.openTTY(0).send("watchdog\n")
        watched.run(for: .seconds(1))
        #expect(watched.stopReason == .hostRequest)
        #expect(watched.crashLoop?.isWatchdog == true)
        #expect(watched.now < .milliseconds(200))
    }

    @Test("With recovery disabled a crashed core stays, and what it does in its handler is the same crash")
    func disabled() throws {
        let system = try system(.elf) { $0.linux.recoveryEnabled = false }
        try system.openTTY(0).send("undef\n")
        system.run(for: .milliseconds(50))
        #expect(system.linux.state == .crashed && system.crashes == 1 && system.isRecovering)
        try system.linux.sysfsWrite(.recovery, "recover")
        try expectEcho(system)
    }

    @Test("Without a limit a fault ends the run as before")
    func unlimited() throws {
        let system = try system(.elf, limit: nil)
        try system.openTTY(0).send("undef\n")
        system.run(for: .milliseconds(50))
        #expect(system.stopReason?.name == "fault" && system.linux.crashCount == 0)
    }

    @Test("A core dump for debuggers has the registers of the crash and all memory; the kernel's has neither", arguments: [BootSequence.teeV3, .elf])
    func dump(boot: BootSequence) throws {
        var dumps: [[UInt8]] = []
        for hasRegisters in [true, false] {
            let system = try system(boot) {
                $0.linux.coredump = .enabled
                $0.coredumpHasRegisters = hasRegisters
            }
            system.onCoredump = { dumps.append($0) }
            try crash(system, "bus")
        }
        let (rich, plain) = (dumps[0], dumps[1])
        #expect(rich.littleEndian(UInt16.self, at: 18) == 40 && plain.littleEndian(UInt16.self, at: 18) == 0)
        let headers = Int(try #require(rich.littleEndian(UInt16.self, at: 44)))
        #expect(plain.littleEndian(UInt16.self, at: 44) == UInt16(headers - 2))
        // Behind the kernel's program headers the system control space: CPUID, and BFSR's PRECISERR.
        func control(_ field: Int) -> UInt32? { rich.littleEndian(UInt32.self, at: 52 + 32 * (headers - 2) + field) }
        let space = Int(try #require(control(4)))
        #expect(control(0) == 1 && control(8) == 0xE000_E000 && control(16) == 0x1000)
        #expect(rich.littleEndian(UInt32.self, at: space + 0xD00) == 0x410F_C241)
        #expect(try #require(rich.littleEndian(UInt32.self, at: space + 0xD28)) & 1 << 9 != 0)
        // The last program header is the note: "CORE", then a prstatus with R0 at 72 and PC at 132.
        let note = Int(try #require(rich.littleEndian(UInt32.self, at: 52 + 32 * (headers - 1) + 4)))
        #expect(rich.littleEndian(UInt32.self, at: note + 8) == 1)
        let pc = try #require(rich.littleEndian(UInt32.self, at: note + 20 + 72 + 60))
        #expect((0x1000_0000..<0x1000_2000).contains(pc))
        #expect(rich.littleEndian(UInt16.self, at: note + 20 + 12) == 11)
        // The code's bytes: Linux cannot reach what OP-TEE loaded.
        func code(_ dump: [UInt8]) -> UInt32? {
            let start = dump.littleEndian(UInt32.self, at: 52 + 2 * 32 + 4)
            return start.flatMap { dump.littleEndian(UInt32.self, at: Int($0)) }
        }
        #expect(code(rich) != 0xFFFF_FFFF)
        #expect((code(plain) == 0xFFFF_FFFF) == boot.usesTEE)
    }

    @Test("Linux attaches to firmware that the boot loader started, lets it go, and attaches again")
    func attach() throws {
        var configuration = try Samples.configuration(.elf)
        configuration.bootLoaderFirmware = FirmwareImage(try Samples.elf("tty-echo"))
        let system = try MP1System(configuration)
        let transcript = Transcript(system)
        #expect(system.linux.state == .detached)
        for round in 1...3 {
            try system.attach()
            #expect(system.linux.state == .attached)
            let tty = try system.openTTY(1)
            try tty.send("round \(round)\n")
            #expect(try tty.readLine() == "round \(round)")
            try system.detach()
            #expect(system.linux.state == .detached && system.linux.held == HeldResources())
        }
        #expect(!transcript.kernelLog.contains { $0.contains("without ack") })
        #expect(system.board.soc.tamp[backupRegister: 18] == 2)
        // A core that runs is stopped through an attach.
        try system.attach()
        try system.stop()
        #expect(system.board.isHeld && system.board.soc.tamp[backupRegister: 18] == 0)
    }
}
