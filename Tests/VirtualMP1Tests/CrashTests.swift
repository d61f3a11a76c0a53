// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import MachineBase
import RprocHost
import Testing
import VirtualMP1

@Suite struct CrashTests {
    private func crash(_ command: String) throws -> (system: MP1System, reason: StopReason?) {
        let system = try Samples.started("crasher")
        try system.openTTY(0).send(command + "\n")
        system.run(for: .milliseconds(20))
        return (system, system.stopReason)
    }

    struct Crash: Sendable, CustomTestStringConvertible {
        let command: String, exception: ExceptionNumber, flag: String
        var testDescription: String { command }
    }

    @Test("Each crash is told as what it is", arguments: [
        Crash(command: "hardfault", exception: .hardFault, flag: "FORCED"),
        Crash(command: "bus", exception: .busFault, flag: "PRECISERR"),
        Crash(command: "undef", exception: .usageFault, flag: "UNDEFINSTR"),
        Crash(command: "exec", exception: .memManage, flag: "IACCVIOL"),
    ])
    func kinds(crash: Crash) throws {
        let (_, reason) = try self.crash(crash.command)
        guard case .fault(let report) = reason else { Issue.record("\(crash.command): \(String(describing: reason))"); return }
        #expect(report.taken == crash.exception)
        #expect(report.status.flags.map(\.name).contains(crash.flag))
        #expect(!report.history.isEmpty)
        if crash.command == "bus" || crash.command == "hardfault" { #expect(report.status.busFaultAddress != nil) }
    }

    @Test("A fault inside HardFault is a lockup, where faults are left to the firmware")
    func lockup() throws {
        var configuration = try Samples.configuration(.elf)
        configuration.board.faultPolicy = .none
        let system = try MP1System(configuration)
        try system.start(Samples.elf("crasher"))
        try system.openTTY(0).send("lockup\n")
        system.run(for: .milliseconds(20))
        guard case .lockup(let report) = system.stopReason else { Issue.record("\(String(describing: system.stopReason))"); return }
        #expect(report.taken == nil)
        #expect(system.board.isLockedUp)
    }

    @Test("Firmware that faulted can be stopped and started anew", arguments: [BootSequence.teeV3, .elf])
    func restart(boot: BootSequence) throws {
        let system = try Samples.started("crasher", boot)
        try system.openTTY(0).send("undef\n")
        system.run(for: .milliseconds(20))
        #expect(system.stopReason?.name == "fault")
        try system.stop()
        try system.start(boot.usesTEE ? Samples.signed("crasher") : Samples.elf("crasher"))
        #expect(system.stopReason == nil)
        let tty = try system.openTTY(0)
        try tty.send("fine again\n")
        #expect(try tty.readLine() == "fine again")
    }

    @Test("After a crash report Linux boots the firmware anew, and it echoes again", arguments: [BootSequence.teeV3, .elf])
    func recovery(boot: BootSequence) throws {
        let system = try Samples.started("tty-echo", boot)
        let transcript = Transcript(system)
        _ = try system.openTTY(1)
        for round in 1...5 {
            system.linux.reportCrash(.watchdog)
            system.run(for: .milliseconds(100)) { system.linux.state == .running && system.linux.tty.port(1) != nil && system.linux.crashCount == UInt32(round) }
            let tty = try system.openTTY(0)
            try tty.send("again\n")
            #expect(try tty.readLine() == "again")
        }
        #expect(transcript.kernelLog.contains { $0.hasSuffix("crash detected in m4: type watchdog") })
        #expect(transcript.kernelLog.contains { $0.hasSuffix("recovering m4") })
    }
}
