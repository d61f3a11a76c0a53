// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

/// One failure at every call that the host makes of its bus, of the TA and of /lib/firmware; after each, nothing is left behind
/// and a clean start is as good as a first one.
@Suite struct FaultInjectionTests {
    /// More calls than any of these operations makes.
    private static let most = 1000

    /// Runs `body` with the first, second, third … call failing, until there is no such call.
    /// - Returns: how many calls there were, and how many of them made the operation fail.
    private func atEachCall(_ body: (_ n: Int) throws -> (failed: FaultInjector.Call?, refused: Bool)) rethrows -> (calls: Int, refusals: Int) {
        var refusals = 0
        for n in 1...Self.most {
            let outcome = try body(n)
            guard outcome.failed != nil else { return (n - 1, refusals) }
            if outcome.refused { refusals += 1 }
        }
        Issue.record("more than \(Self.most) calls")
        return (Self.most, refusals)
    }

    /// A clean start: one channel, the first numbers, an echo; then a stop that leaves nothing.
    private func expectGoodLife(_ rig: Rig, _ what: String) throws {
        rig.injector.arm(0)
        do throws(LinuxFailure) { try rig.host.start() } catch {
            Issue.record("\(what): the next start: \(error)")
            return
        }
        rig.platform.run(for: .milliseconds(2))
        #expect(rig.host.channels.map(\.deviceName) == ["virtio0.rpmsg-tty.-1.1024"], "\(what)")
        #expect(rig.host.held.notifyIDs == 2 && rig.host.held.virtioDevices == 1, "\(what)")
        var echoed = ""
        rig.host.tty.received = { _, bytes in echoed += String(decoding: bytes, as: UTF8.self) }
        try rig.host.tty.port(0)?.writeAll("ping")
        rig.platform.run(for: .milliseconds(1))
        #expect(echoed == "ping", "\(what)")
        try rig.host.stop()
        expectClean(rig)
        if rig.host.configuration.bootSequence.usesTEE { #expect(rig.firmware.state == .off, "\(what)") }
    }

    @Test(arguments: BootSequence.allCases) func `A boot that fails at any call leaves nothing behind`(_ sequence: BootSequence) throws {
        let (calls, refusals) = try atEachCall { n in
            let rig = Rig(sequence)
            rig.injector.arm(n)
            let errno = rig.errno { () throws(LinuxFailure) in try rig.host.start() }
            let failed = rig.injector.failed
            rig.injector.arm(0)
            let what = "call \(n), \(failed.map { "\($0)" } ?? "none"), \(errno?.name ?? "booted")"
            if let errno {
                #expect(rig.log.last == "remoteproc remoteproc0: Boot failed: \(errno.negative)", "\(what)")
                expectClean(rig)
                if rig.platform.isCoreRunning {
                    // Released, and not held again: the kernel leaves it running.
                    #expect(rig.host.findings.kept.contains { if case .kernelLeaves(let what) = $0.finding { what.hasPrefix("the M4") } else { false } }, "\(what)")
                    rig.platform.setRegister(PhysicalAddress(0x5000_010C), 0)
                    rig.platform.resetCore()
                }
                #expect(rig.firmware.state != .started, "\(what)")
                // The newer client releases the firmware's memory; version 3 has no such call, and says so.
                if sequence == .teeOps { #expect(rig.firmware.state == .off, "\(what)") }
                if sequence == .teeV3, rig.firmware.state == .loaded {
                    #expect(rig.host.findings.kept.contains { $0.finding == .imageStaysLoaded }, "\(what)")
                    // The table in memory is as the failed boot left it, and the next LOAD_FW would not mend it.
                    try rig.firmware.release()
                }
            } else {
                // What the kernel only logs: a driver's probe, a register of the device's.
                try rig.host.stop()
                expectClean(rig)
            }
            try expectGoodLife(rig, what)
            return (failed, errno != nil)
        }
        // All that is done to boot, and most of it able to end the boot.
        #expect(calls > 20 && refusals > 5, "\(calls) calls, \(refusals) refusals")
    }

    @Test(arguments: BootSequence.allCases) func `A stop that fails at any call can be repeated`(_ sequence: BootSequence) throws {
        let (calls, refusals) = try atEachCall { n in
            let rig = Rig(sequence)
            try rig.host.start()
            rig.platform.run(for: .milliseconds(1))
            rig.injector.arm(n)
            let errno = rig.errno { () throws(LinuxFailure) in try rig.host.stop() }
            let failed = rig.injector.failed
            rig.injector.arm(0)
            let what = "call \(n), \(failed.map { "\($0)" } ?? "none"), \(errno?.name ?? "stopped")"
            if errno != nil {
                #expect(rig.host.state == .running && rig.host.power == 1, "\(what)")
                try rig.host.stop()
            }
            expectClean(rig)
            try expectGoodLife(rig, what)
            return (failed, errno != nil)
        }
        #expect(calls > 4 && refusals > 1, "\(calls) calls, \(refusals) refusals")
    }

    @Test(arguments: BootSequence.allCases) func `A recovery that fails at any call ends in a state from which there is a way out`(
        _ sequence: BootSequence
    ) throws {
        let (calls, failures) = try atEachCall { n in
            let rig = Rig(sequence) { $0.coredump = .enabled }
            try rig.host.start()
            rig.platform.run(for: .milliseconds(1))
            rig.injector.arm(n)
            rig.host.reportCrash(.watchdog)
            rig.platform.run(for: .milliseconds(5))
            let failed = rig.injector.failed
            rig.injector.arm(0)
            let what = "call \(n), \(failed.map { "\($0)" } ?? "none"), \(rig.host.state)"
            let hasFailed = rig.host.state != .running
            switch rig.host.state {
            case .running: try rig.host.stop()
            case .crashed:
                // The stop failed; another try recovers.
                try rig.host.sysfsWrite(.recovery, "recover")
                #expect(rig.host.state == .running, "\(what)")
                try rig.host.stop()
            case .offline:
                // The kernel's trap: it counts as powered.
                #expect(rig.host.power == 1, "\(what)")
                try rig.host.start()
                #expect(rig.host.state == .offline, "\(what)")
                #expect(rig.errno { () throws(LinuxFailure) in try rig.host.stop() } == .invalid, "\(what)")
                try rig.host.resetAfterFailedRecovery()
            default: Issue.record("\(what)")
            }
            expectClean(rig)
            try expectGoodLife(rig, what)
            return (failed, hasFailed)
        }
        #expect(calls > 15 && failures > 4, "\(calls) calls, \(failures) failures")
    }

    @Test func `An attach that fails at any call leaves the core detached`() throws {
        let (calls, refusals) = try atEachCall { n in
            let rig = Rig(bootLoader: true)
            rig.platform.run(for: .milliseconds(1))
            rig.injector.arm(n)
            let errno = rig.errno { () throws(LinuxFailure) in try rig.host.start() }
            let failed = rig.injector.failed
            rig.injector.arm(0)
            let what = "call \(n), \(failed.map { "\($0)" } ?? "none"), \(errno?.name ?? "attached")"
            if errno != nil {
                #expect(rig.host.state == .detached && rig.host.power == 0 && rig.host.held == HeldResources(), "\(what)")
                // Where the devices could not be started the core was stopped, and nobody says so.
                try rig.host.start()
            }
            try rig.host.stop()
            expectClean(rig)
            try expectGoodLife(rig, what)
            return (failed, errno != nil)
        }
        #expect(calls > 20 && refusals > 5, "\(calls) calls, \(refusals) refusals")
    }

    @Test func `A detach that fails at any call can be repeated`() throws {
        let (calls, refusals) = try atEachCall { n in
            let rig = Rig(bootLoader: true)
            try rig.host.start()
            rig.platform.run(for: .milliseconds(1))
            rig.injector.arm(n)
            let errno = rig.errno { () throws(LinuxFailure) in try rig.host.detach() }
            let failed = rig.injector.failed
            rig.injector.arm(0)
            let what = "call \(n), \(failed.map { "\($0)" } ?? "none"), \(errno?.name ?? "detached")"
            if errno != nil {
                #expect(rig.host.state == .attached && rig.host.power == 1, "\(what)")
                try rig.host.detach()
            }
            #expect(rig.host.state == .detached && rig.host.held == HeldResources(), "\(what)")
            #expect(rig.platform.remoteRead(FirmwareImageBuilder.defaultTableAddress, count: 140) == FirmwareImageBuilder.openAMPTable(), "\(what)")
            try rig.host.start()
            rig.platform.run(for: .milliseconds(1))
            #expect(rig.host.channels.count == 1, "\(what)")
            return (failed, errno != nil)
        }
        #expect(calls > 3 && refusals > 2, "\(calls) calls, \(refusals) refusals")
    }

    @Test func `After a failed version 3 boot another image is not loaded, as the TA says that it is`() throws {
        let rig = Rig(.teeV3)
        rig.firmware.refusals[.start] = .generic
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == .io)
        #expect(rig.host.findings.kept.map(\.finding) == [.imageStaysLoaded])
        rig.firmware.refusals = [:]
        var other = FirmwareImageBuilder()
        other.segments[1].bytes = [9, 9, 9, 9]
        rig.image = other.image
        try rig.host.start()
        #expect(rig.platform.remoteRead(PhysicalAddress(0x1000_0000), count: 4) == [1, 2, 3, 4])
    }

    @Test func `A table that version 3 refuses is changed in place, and the next boot meets it so`() throws {
        let entries = [FirmwareImageBuilder.vdev(), FirmwareImageBuilder.memory(type: 1, da: 0, length: 16, name: "regs")]
        let rig = Rig(.teeV3, image: FirmwareImageBuilder(table: FirmwareImageBuilder.table(entries)))
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == .invalid)
        #expect(
            rig.host.findings.kept.map(\.finding) == [
                .kernelLeaves("table_ptr, which still points to the firmware's table"), .imageStaysLoaded,
            ])
        // Freed vrings: address 0, number -1, in the firmware's own table.
        let table = try #require(ResourceTable(rig.platform.remoteRead(FirmwareImageBuilder.defaultTableAddress, count: 256)))
        guard case .vdev(let vdev) = table.entries[0].content else { throw Errno.invalid }
        #expect(vdev.vrings.map(\.deviceAddress) == [0, 0] && vdev.vrings.map(\.notifyID) == [.max, .max])
        rig.forgetLog()
        rig.image = FirmwareImageBuilder().image
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == .invalid)
        #expect(rig.log.contains("remoteproc remoteproc0: Registered carveout doesn't fit da request"))
    }

    @Test func `What the kernel leaves behind after a failed load is a finding`() throws {
        for (sequence, words) in [(BootSequence.teeV3, "without unprepare"), (.teeOps, "not followed by a clean-up")] {
            let rig = Rig(sequence)
            rig.firmware.refusals[.load] = .security
            #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == .io)
            let found = rig.host.findings.kept.map { "\($0.finding)" }
            #expect(found.count == 1 && found[0].contains(words), "\(found)")
        }
    }
}
