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

    @Test("Each crash is told as what it is", arguments: [
        ("bus", "PRECISERR", 0x6000_0000 as UInt32?), ("undef", "UNDEFINSTR", nil), ("exec", "IACCVIOL", nil),
    ])
    func kinds(command: String, flag: String, address: UInt32?) throws {
        let (_, reason) = try crash(command)
        guard case .fault(let report) = reason else { Issue.record("\(command): \(String(describing: reason))"); return }
        #expect(report.taken == .hardFault)
        #expect(report.status.flags.map(\.name).contains(flag))
        #expect(report.status.flags.map(\.name).contains("FORCED"))
        if let address { #expect(report.status.busFaultAddress == address) }
        #expect(!report.history.isEmpty)
    }

    @Test("A fault inside HardFault is a lockup")
    func lockup() throws {
        let (system, first) = try crash("lockup")
        guard case .fault = first else { Issue.record("\(String(describing: first))"); return }
        _ = system
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
