// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

@Suite struct CrashTests {
    private func booted(_ sequence: BootSequence, _ configure: (inout HostConfiguration) -> Void = { _ in }) throws -> Rig {
        let rig = Rig(sequence, configure: configure)
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        rig.forgetLog()
        return rig
    }

    @Test(arguments: BootSequence.allCases) func `A watchdog crash is recovered, and the channels come back`(_ sequence: BootSequence) throws {
        let rig = try booted(sequence)
        rig.host.interrupt(.watchdog)
        rig.platform.run(for: .milliseconds(5))
        #expect(
            rig.log == [
                "remoteproc remoteproc0: crash detected in m4: type watchdog",
                "remoteproc remoteproc0: handling crash #1 in m4",
                "remoteproc remoteproc0: recovering m4",
                "remoteproc remoteproc0: stopped remote processor m4",
            ] + BootTests.afterLoad)
        #expect(rig.platform.starts == 2)
        #expect(rig.host.state == .running && rig.host.crashCount == 1 && rig.host.power == 1)
        // No shutdown mailbox for a dead core.
        #expect(rig.remote.doorbells[2] == 0)
        var echoed = ""
        rig.host.tty.received = { _, bytes in echoed += String(decoding: bytes, as: UTF8.self) }
        try rig.host.tty.port(0)?.writeAll("again")
        rig.platform.run(for: .milliseconds(1))
        #expect(echoed == "again")
        try rig.host.stop()
    }

    @Test func `Version 3 recovers in four steps`() throws {
        let rig = try booted(.teeV3)
        rig.host.reportCrash(.fatalError)
        rig.platform.run(for: .milliseconds(5))
        #expect(rig.firmware.calls.dropFirst(4) == [.stop, .load, .resourceTable, .start])
        #expect(rig.log.first == "remoteproc remoteproc0: crash detected in m4: type fatal error")
    }

    @Test func `Without recovery a crashed core stays, until recovery is asked for`() throws {
        let rig = try booted(.elf) { $0.recoveryEnabled = false }
        rig.host.reportCrash(.mmuFault)
        rig.host.reportCrash(.mmuFault)
        rig.platform.run(for: .milliseconds(5))
        #expect(rig.host.state == .crashed && rig.host.crashCount == 1)
        try rig.host.sysfsWrite(.recovery, "recover")
        #expect(rig.host.state == .running && rig.host.recoveryEnabled == false)
    }

    @Test func `A recovery that fails leaves the kernel's trap: offline, yet counted`() throws {
        let rig = try booted(.elf)
        rig.fileError = .noEntry
        rig.host.reportCrash(.watchdog)
        rig.platform.run(for: .milliseconds(5))
        #expect(rig.log.last == "remoteproc remoteproc0: request_firmware failed: -2")
        #expect(rig.host.state == .offline && rig.host.power == 1)
        rig.fileError = nil
        try rig.host.start()
        #expect(rig.host.state == .offline)
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.stop() } == .invalid)
        try rig.host.resetAfterFailedRecovery()
        try rig.host.start()
        #expect(rig.host.state == .running)
    }

    @Test func `A recovery that lays the old table over another image says so as a finding`() throws {
        let rig = try booted(.elf)
        var builder = FirmwareImageBuilder()
        builder.table = FirmwareImageBuilder.table([FirmwareImageBuilder.vdev()])
        rig.image = builder.image
        rig.host.reportCrash(.watchdog)
        rig.platform.run(for: .milliseconds(5))
        #expect(rig.host.findings.kept.map(\.finding) == [.staleCachedTable(cachedSize: 140, imageSize: 88)])
    }

    @Test func `Any number of listeners hear of a crash and its recovery, in order`() throws {
        let rig = try booted(.elf) { $0.coredump = .enabled }
        var heard: [String] = [], count = 0
        rig.host.events.subscribe { event in
            switch event {
            case .stateChanged(let state): heard.append(state.rawValue)
            case .crashReported(let type): heard.append("\(type.rawValue) reported")
            case .coredumpDue: heard.append("core dump")
            case .kickFault: heard.append("kick fault")
            }
        }
        rig.host.events.subscribe { _ in count += 1 }
        rig.host.reportCrash(.watchdog)
        rig.platform.run(for: .milliseconds(5))
        #expect(heard == ["watchdog reported", "crashed", "offline", "core dump", "running"])
        #expect(count == heard.count)
    }

    @Test func `A core dump is an ELF core of the mapped regions, taken after the stop`() throws {
        let rig = try booted(.elf) { $0.coredump = .enabled }
        rig.platform.remoteWrite(PhysicalAddress(0x1002_0000), Array("last words".utf8))
        var dump: [UInt8] = []
        rig.host.coredumpTaken = {
            dump = $0
            return .read
        }
        rig.host.reportCrash(.watchdog)
        rig.platform.run(for: .milliseconds(5))
        // retram, mcuram, mcuram2, two vrings, and the trace buffer.
        #expect(dump.littleEndian(UInt16.self, at: 44) == 6)
        #expect(dump.littleEndian(UInt16.self, at: 16) == 4)
        let trace = try #require(dump.littleEndian(UInt32.self, at: 52 + 5 * 32 + 4))
        #expect(String(decoding: dump[Int(trace)..<Int(trace) + 10], as: UTF8.self) == "last words")
        #expect(dump.count == 52 + 6 * 32 + 0x1_0000 + 2 * 0x4_0000 + 2 * 0x1000 + 2048)
    }

    /// Crashes under `inline`, with somebody who keeps the dump.
    private func dumping() throws -> Rig {
        let rig = try booted(.elf) { $0.coredump = .inline }
        rig.host.coredumpTaken = { $0.count > 52 ? .kept : .dropped }
        rig.host.reportCrash(.watchdog)
        rig.platform.run(for: .milliseconds(5))
        #expect(rig.host.state == .offline && rig.host.waitsForCoredump && rig.platform.starts == 1)
        return rig
    }

    @Test func `An inline dump keeps the recovery waiting, with the lock held, until it is freed`() throws {
        let rig = try dumping()
        rig.platform.run(for: .seconds(299))
        #expect(rig.host.waitsForCoredump)
        #expect(rig.errno { () throws(Errno) in try rig.host.sysfsWrite(.state, "start") } == .interrupted)
        #expect(rig.errno { () throws(Errno) in try rig.host.sysfsWrite(.firmware, "other") } == .invalid)
        #expect(rig.log.last == "stm32-rproc 10000000.m4: can't lock rproc m4: -4")
        rig.host.freeCoredump()
        rig.platform.run(for: .milliseconds(5))
        #expect(rig.host.state == .running && !rig.host.waitsForCoredump && rig.host.power == 1 && rig.host.crashCount == 1)
        #expect(rig.host.channel(named: "rpmsg-tty") != nil)
        // Nobody waits for it any more.
        rig.host.freeCoredump()
        try rig.host.stop()
        #expect(rig.host.state == .offline)
    }

    @Test func `An inline dump that nobody frees is thrown away after five minutes`() throws {
        let rig = try dumping()
        rig.platform.run(for: .seconds(300))
        #expect(rig.host.state == .running && rig.platform.starts == 2)
    }

    @Test func `A recovery behind an inline dump may fail as any other, and unbinding the driver waits for it`() throws {
        let failing = try dumping()
        failing.fileError = .noEntry
        failing.host.freeCoredump()
        failing.platform.run(for: .milliseconds(5))
        #expect(failing.log.last == "remoteproc remoteproc0: request_firmware failed: -2")
        #expect(failing.host.state == .offline && !failing.host.waitsForCoredump)
        let unbound = try dumping()
        unbound.host.remove()
        #expect(unbound.host.state == .deleted)
        unbound.platform.run(for: .seconds(301))
        #expect(unbound.host.state == .deleted && unbound.platform.starts == 2 && unbound.host.held == HeldResources())
    }

    @Test func `A dump that nobody keeps, as one is there already, delays nothing`() throws {
        let rig = try booted(.elf) { $0.coredump = .inline }
        rig.host.coredumpTaken = { _ in .dropped }
        rig.host.reportCrash(.watchdog)
        rig.platform.run(for: .milliseconds(5))
        #expect(rig.host.state == .running && rig.platform.starts == 2)
    }

    @Test func `A sender that sleeps while the core is recovered is told that its channel is gone`() throws {
        let rig = try booted(.elf)
        let channel = try #require(rig.host.channel(named: "rpmsg-tty"))
        rig.remote.consumes = false
        for _ in 0..<16 { try channel.send("fill") }
        rig.host.reportCrash(.watchdog)
        #expect(rig.errno { () throws(Errno) in try channel.send("one too many") } == .noDevice)
        #expect(rig.errno { () throws(Errno) in try channel.trySend([1]) } == .noDevice)
        #expect(rig.host.state == .running)
    }
}
