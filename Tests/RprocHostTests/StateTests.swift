// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import Testing

@Suite struct StateTests {
    @Test func `The state file's matrix`() throws {
        let rig = Rig()
        let host = rig.host
        func write(_ word: String) -> Errno? { rig.errno { () throws(Errno) in try host.sysfsWrite(.state, word) } }

        #expect(write("stop") == .invalid)
        #expect(write("detach") == .invalid)
        #expect(write("go\n") == .invalid)
        #expect(rig.log.last == "remoteproc remoteproc0: Unrecognised option: go")
        #expect(write("start\n") == nil)
        #expect(host.sysfsRead(.state) == "running\n")
        // A second start only counts; it takes two stops.
        #expect(write("start") == nil && host.power == 2)
        #expect(write("detach") == .invalid)
        #expect(write("stop") == nil && host.state == .running)
        #expect(write("stop") == nil && host.state == .offline)
        #expect(write("start\n\n") == .invalid)

        #expect(write("start") == nil)
        host.setRecovery(enabled: false)
        host.reportCrash(.watchdog)
        rig.platform.run(for: .milliseconds(1))
        #expect(host.sysfsRead(.state) == "crashed\n")
        #expect(write("start") == nil && host.power == 2)
        // Newer kernels stop what has crashed.
        #expect(write("stop") == nil && host.state == .crashed && host.power == 1)
        #expect(write("stop") == nil && host.state == .offline)
    }

    @Test func `Kernels before 2022 refuse a second start`() throws {
        let rig = Rig { $0.kernel = .v5_15 }
        try rig.host.start()
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == .busy)
        #expect(rig.host.power == 1)
    }

    @Test func `The firmware's name changes only while offline, and ends at the newline`() throws {
        let rig = Rig()
        try rig.host.sysfsWrite(.firmware, "other.elf\nmore")
        #expect(rig.host.sysfsRead(.firmware) == "other.elf\n")
        for (written, name) in [("fw.elf\r\nrest", "fw.elf\r\n"), ("a/b.elf\0rest\n", "a/b.elf\n"), ("plain\n", "plain\n")] {
            try rig.host.sysfsWrite(.firmware, written)
            #expect(rig.host.sysfsRead(.firmware).unicodeScalars.elementsEqual(name.unicodeScalars))
        }
        #expect(rig.errno { () throws(Errno) in try rig.host.setFirmware("\n") } == .invalid)
        #expect(rig.log.last == "stm32-rproc 10000000.m4: can't provide empty string for firmware name")
        try rig.host.start()
        #expect(rig.errno { () throws(Errno) in try rig.host.setFirmware("x") } == .busy)
        #expect(rig.log.last == "stm32-rproc 10000000.m4: can't change firmware while running")
    }

    @Test func `The recovery and coredump files take their words only`() throws {
        let rig = Rig()
        for word in ["disabled", "enabled", "recover"] { try rig.host.sysfsWrite(.recovery, word) }
        #expect(rig.errno { () throws(Errno) in try rig.host.sysfsWrite(.recovery, "on") } == .invalid)
        for word in ["inline", "enabled", "disabled\n"] { try rig.host.sysfsWrite(.coredump, word) }
        #expect(rig.errno { () throws(Errno) in try rig.host.sysfsWrite(.coredump, "default") } == .invalid)
        #expect(rig.errno { () throws(Errno) in try rig.host.sysfsWrite(.name, "x") } == .accessDenied)
        #expect(RemoteProcessor.SysfsFile.allCases.map { rig.host.sysfsRead($0) } == ["m4\n", "rproc-m4-fw\n", "offline\n", "enabled\n", "disabled\n"])
    }

    @Test func `Older kernels name the vdev otherwise and let announcements in before the end of the boot`() throws {
        let rig = Rig { $0.kernel = .v5_15 }
        try rig.host.start()
        #expect(
            Array(rig.bootLog.dropFirst(2)) == [
                " remoteproc0#vdev0buffer: assigned reserved memory node vdev0buffer@10042000",
                "virtio_rpmsg_bus virtio0: rpmsg host is online",
                " remoteproc0#vdev0buffer: registered virtio0 (type 7)",
                "virtio_rpmsg_bus virtio0: creating channel rpmsg-tty addr 0x400",
                "remoteproc remoteproc0: remote processor m4 is now up",
            ])
        // ST's driver handles a doorbell in the mailbox's callback, whatever the kernel.
        let ours = Rig { $0.kernel = .openSTLinux6 }
        try ours.host.start()
        #expect(
            ours.bootLog.suffix(2) == [
                "virtio_rpmsg_bus virtio0: creating channel rpmsg-tty addr 0x400", "remoteproc remoteproc0: remote processor m4 is now up",
            ])
    }

    @Test func `Start and stop write the registers that the driver writes, in its order`() throws {
        let rig = Rig()
        rig.platform.recordsWrites = true
        try rig.host.start()
        try rig.host.stop()
        let outside = rig.platform.registerWrites.filter { $0.address.value < 0x4C00_0000 || $0.address.value > 0x4C00_1FFF }
        #expect(
            outside.map { "\($0.address) \($0.value)" } == [
                "0x50001014 0", "0x5000010c 1", "0x5000010c 0",  // PDDS, boot released, held again
                "0x50000404 2", "0x50001014 1",  // reset, PDDS
            ])
    }

    @Test func `A call under the lock does not sleep for ever`() throws {
        let rig = Rig()
        var seen: Errno?
        rig.host.tty.changed = { _, port in
            if port != nil { seen = rig.errno { () throws(LinuxFailure) in try rig.host.stop() } }
        }
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        #expect(seen == .interrupted)
        #expect(rig.host.state == .running)
    }
}
