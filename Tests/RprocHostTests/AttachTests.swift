// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

@Suite struct AttachTests {
    private func attached(_ configure: (inout HostConfiguration) -> Void = { _ in }) throws -> Rig {
        let rig = Rig(bootLoader: true, configure: configure)
        rig.platform.run(for: .milliseconds(5))
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        return rig
    }

    private func echo(_ rig: Rig, _ text: String = "ping") throws -> String {
        var echoed = ""
        rig.host.tty.received = { _, bytes in echoed += String(decoding: bytes, as: UTF8.self) }
        try rig.host.tty.port(0)?.writeAll(text)
        rig.platform.run(for: .milliseconds(1))
        return echoed
    }

    @Test func `Firmware that the boot loader started is detached, and start attaches to it`() throws {
        let rig = Rig(bootLoader: true)
        #expect(rig.host.sysfsRead(.state) == "detached\n")
        rig.platform.recordsWrites = true
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.bootLog == ["remoteproc remoteproc0: attaching to m4"] + BootTests.afterLoad.map { $0.replacing("up", with: "attached", maxReplacements: $0.hasSuffix("up") ? 1 : 0) })
        #expect(rig.platform.starts == 1 && rig.host.state == .attached)
        #expect(rig.host.sysfsRead(.firmware) == "unknown\n")
        // Hold boot was clear already, so regmap writes nothing; no reset, no PDDS.
        #expect(!rig.platform.registerWrites.contains { $0.address.value < 0x4C00_0000 || $0.address.value > 0x4C00_1FFF })
        #expect(try echo(rig) == "ping")
    }

    @Test func `Detach rings the fourth mailbox, restores the table, and lets the firmware start by itself`() throws {
        let rig = try attached()
        let table = FirmwareImageBuilder.defaultTableAddress
        let changed = rig.platform.remoteRead(table, count: 140)
        rig.forgetLog()
        try rig.host.sysfsWrite(.state, "detach")
        #expect(rig.log == ["remoteproc remoteproc0: detached remote processor m4"])
        #expect(rig.remote.doorbells[3] == 1 && rig.remote.doorbells[2] == 0)
        #expect(rig.platform.isCoreRunning)
        #expect(rig.platform.register(PhysicalAddress(0x5000_010C)) == 1)
        #expect(rig.platform.remoteRead(table, count: 140) == FirmwareImageBuilder.openAMPTable())
        #expect(changed != FirmwareImageBuilder.openAMPTable())
        #expect(rig.host.held == HeldResources() && rig.host.power == 0)
        // And once more from the start.
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        #expect(try echo(rig, "again") == "again")
        #expect(rig.platform.starts == 1)
    }

    @Test func `A detach that is not acknowledged costs 200 ms and a warning`() throws {
        let rig = try attached()
        rig.remote.acknowledgesDetach = false
        rig.forgetLog()
        let before = rig.platform.now
        try rig.host.detach()
        #expect(
            rig.log == [
                "remoteproc remoteproc0: warning: remote FW detach without ack", "remoteproc remoteproc0: detached remote processor m4",
            ])
        #expect(rig.platform.now - before == .milliseconds(200))
    }

    @Test func `Detach writes back the whole KiB, and what firmware keeps there is told`() throws {
        let rig = try attached()
        let behind = PhysicalAddress(FirmwareImageBuilder.defaultTableAddress.value + 1020)
        rig.platform.remoteWrite(behind, [1, 2, 3, 4])
        try rig.host.detach()
        #expect(rig.platform.remoteRead(behind, count: 4) == [0, 0, 0, 0])
        #expect(rig.host.findings.kept.map(\.finding) == [.detachOverwrites(firstOffset: 1020, tableSize: 140)])
    }

    @Test(arguments: [(0 as UInt32, Errno.noEntry), (0xC000_0000, .invalid)]) func `No table address is ENOENT, one outside the dma-ranges EINVAL`(
        _ address: UInt32, _ errno: Errno
    ) throws {
        let rig = Rig(bootLoader: true, bootLoaderTable: address)
        #expect(rig.errno { () throws(Errno) in try rig.host.sysfsWrite(.state, "start") } == errno)
        let line = "remoteproc remoteproc0: can't load resource table: \(errno.negative)"
        let translation = errno == .invalid ? ["stm32-rproc 10000000.m4: can't translate da c0000000"] : []
        #expect(rig.bootLog == ["remoteproc remoteproc0: attaching to m4"] + translation + [line, line, "remoteproc remoteproc0: Boot failed: \(errno.negative)"])
        #expect(rig.host.state == .detached && rig.host.power == 0 && rig.host.held == HeldResources())
        #expect(rig.platform.isCoreRunning)
    }

    @Test func `A table that is refused at an attach leaves the firmware running and detached`() throws {
        var builder = FirmwareImageBuilder()
        builder.table = FirmwareImageBuilder.table([FirmwareImageBuilder.memory(type: 1, da: 0, length: 16, name: "regs")])
        let rig = Rig(image: builder, bootLoader: true)
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == .invalid)
        #expect(rig.bootLog.dropFirst() == ["remoteproc remoteproc0: Failed to process resources: -22", "remoteproc remoteproc0: Boot failed: -22"])
        #expect(rig.host.state == .detached && rig.host.held == HeldResources() && rig.platform.isCoreRunning)
    }

    @Test func `An attached core is stopped like a started one, and then boots from a file`() throws {
        let rig = try attached()
        rig.forgetLog()
        try rig.host.stop()
        #expect(rig.log == ["remoteproc remoteproc0: stopped remote processor m4"])
        #expect(rig.remote.isShutDown && !rig.platform.isCoreRunning)
        #expect(rig.platform.register(PhysicalAddress(0x5C00_A148)) == 0)
        expectClean(rig)
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.host.state == .running && rig.host.channels.count == 1)
    }

    @Test func `A crash while attached boots the default file and ends in running, with a KiB of old table over the new one`() throws {
        let rig = try attached()
        rig.forgetLog()
        rig.host.interrupt(.watchdog)
        rig.platform.run(for: .milliseconds(5))
        #expect(
            rig.log == [
                "remoteproc remoteproc0: crash detected in m4: type watchdog", "remoteproc remoteproc0: handling crash #1 in m4",
                "remoteproc remoteproc0: recovering m4", "remoteproc remoteproc0: stopped remote processor m4",
            ] + BootTests.afterLoad)
        #expect(rig.host.state == .running && rig.host.power == 1 && rig.platform.starts == 2)
        #expect(rig.host.findings.kept.map(\.finding) == [.staleCachedTable(cachedSize: 1024, imageSize: 140)])
        #expect(try echo(rig) == "ping")
    }

    @Test func `A crash while detached finds no carveouts to load to`() throws {
        let rig = Rig(bootLoader: true)
        rig.host.reportCrash(.watchdog)
        rig.platform.run(for: .milliseconds(5))
        #expect(rig.log.suffix(2) == ["remoteproc remoteproc0: bad phdr da 0x0 mem 0x40", "remoteproc remoteproc0: Failed to load program segments: -22"])
        #expect(rig.host.state == .offline && rig.host.power == 0)
        try rig.host.start()
        #expect(rig.host.state == .running)
    }

    @Test func `Version 3 with the TEE attaches by the boot loader's table, and the TA refuses to stop what it never loaded`() throws {
        let rig = Rig(.teeV3, bootLoader: true)
        #expect(rig.host.state == .detached)
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.host.state == .attached && rig.host.channels.count == 1)
        #expect(rig.firmware.calls.isEmpty)
        rig.firmware.refusals[.stop] = .badParameters
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.stop() } == .io)
        #expect(rig.host.state == .attached && rig.host.power == 1)
    }

    @Test func `The newer TEE proposals refuse to probe a running core`() throws {
        let rig = Rig(.teeOps, bootLoader: true)
        #expect(
            rig.log.suffix(2) == [
                "stm32-rproc 10000000.m4: TEE support not yet compatible with attached state",
                "stm32-rproc 10000000.m4: probe with driver stm32-rproc failed with error -22",
            ])
        #expect(rig.host.probeFailure == .invalid)
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == .noDevice)
    }

    @Test func `6_6 drops the doorbells of an attached core, and 6_1 and ST's kernels do not`() throws {
        let rig = try attached { $0.kernel = .v6_6 }
        #expect(rig.host.state == .attached && rig.host.channels.isEmpty)
        for kernel in [KernelProfile.v5_15, .v6_1, .newest, .openSTLinux4, .openSTLinux5, .openSTLinux6] {
            #expect(try attached { $0.kernel = kernel }.host.channels.count == 1)
        }
    }

    @Test func `Auto-boot attaches to what runs and boots what does not, without a word from user space`() throws {
        for early in [false, true] {
            let rig = Rig(bootLoader: early) { $0.autoBoot = true }
            rig.platform.run(for: .milliseconds(5))
            #expect(rig.host.state == (early ? .attached : .running) && rig.host.power == 1)
            #expect(rig.host.channels.count == 1)
        }
    }

    @Test func `Auto-boot without its file leaves the device offline, a failed attach leaves no device`() throws {
        let rig = Rig { $0.autoBoot = true }
        rig.fileError = .noEntry
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.log.last == "remoteproc remoteproc0: request_firmware failed: -2")
        #expect(rig.host.state == .offline && rig.host.power == 0)
        let early = Rig(bootLoader: true, bootLoaderTable: 0) { $0.autoBoot = true }
        early.platform.run(for: .milliseconds(1))
        #expect(early.host.probeFailure == .noEntry)
        #expect(early.log.last == "stm32-rproc 10000000.m4: probe with driver stm32-rproc failed with error -2")
    }
}
