// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import Testing

/// What the driver makes of what the device tree has and has not.
@Suite struct PlatformNodeTests {
    @Test func `A mailbox that is missing is named, and nothing is sent on it`() throws {
        let rig = Rig(configure: { $0.mailboxes.shutdown = nil; $0.mailboxes.detach = nil })
        func refused(_ name: String) -> String { "stm32-rproc 10000000.m4: mbox_request_channel_byname() could not locate channel named \"\(name)\"" }
        #expect(rig.log.suffix(5) == [
            refused("shutdown"), "remoteproc remoteproc0: cannot get shutdown mbox", refused("detach"), "remoteproc remoteproc0: cannot get detach mbox",
            "remoteproc remoteproc0: m4 is available",
        ])
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        let before = rig.platform.now
        try rig.host.stop()
        // Nobody is asked, so nobody is waited for.
        #expect(rig.platform.now - before < .milliseconds(1))
        #expect(rig.bootLog.last == "remoteproc remoteproc0: stopped remote processor m4")
    }

    @Test func `Without a mailbox for its ring an announcement is never heard`() throws {
        let rig = Rig(configure: { $0.mailboxes.vq0 = nil })
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.log.contains("remoteproc remoteproc0: cannot get vq0 mbox"))
        #expect(rig.host.channels.isEmpty)
    }

    @Test func `The driver of its own says otherwise that a mailbox is missing, and knows no detach`() {
        let rig = Rig(.teeOps, configure: {
            $0.driver = .stm32RprocTEE
            $0.platformDevice = "m4@0"
            $0.mailboxes.shutdown = nil
            $0.mailboxes.detach = nil
        })
        #expect(rig.log.dropFirst() == [
            "stm32-rproc-tee m4@0: wdg irq registered",
            "stm32-rproc-tee m4@0: mbox_request_channel_byname() could not locate channel named \"shutdown\"",
            "remoteproc remoteproc0: mailbox shutdown mbox not used", "remoteproc remoteproc0: m4 is available",
        ])
    }

    @Test func `Registers and an interrupt that are missing are said in the driver's order`() {
        let rig = Rig(configure: {
            $0.watchdogInterrupt = nil
            $0.registers.powerDown = nil
            $0.registers.resourceTable = nil
        })
        #expect(rig.log.dropFirst() == [
            "stm32-rproc 10000000.m4: failed to get pdds", "stm32-rproc 10000000.m4: rsc tbl syscon not supported", "remoteproc remoteproc0: m4 is available",
        ])
        let stateless = Rig(configure: { $0.registers.m4State = nil; $0.registers.resourceTable = nil })
        #expect(stateless.log.contains("stm32-rproc 10000000.m4: m4 state not supported"))
        #expect(!stateless.log.contains { $0.contains("rsc tbl") })
    }

    @Test func `A watchdog without an interrupt goes unnoticed`() throws {
        for line: UInt32? in [68, nil, 7] {
            let rig = Rig(configure: { $0.watchdogInterrupt = line })
            try rig.host.start()
            rig.platform.run(for: .milliseconds(1))
            rig.host.interrupt(.watchdog)
            #expect(rig.log.contains("remoteproc remoteproc0: crash detected in m4: type watchdog") == (line == 68))
        }
    }

    @Test func `A region that is not reserved, or that no translation holds, ends the boot with EINVAL`() {
        let unreserved = Rig(configure: { $0.memoryRegions[1].isReserved = false })
        #expect(unreserved.errno { () throws(LinuxFailure) in try unreserved.host.start() } == .invalid)
        #expect(unreserved.log.contains("stm32-rproc 10000000.m4: unable to acquire memory-region"))
        let outside = Rig(configure: { $0.memoryRegions.append(MemoryRegion("extra", 0xC000_0000, size: 0x1000)) })
        #expect(outside.errno { () throws(LinuxFailure) in try outside.host.start() } == .invalid)
        #expect(outside.log.contains("stm32-rproc 10000000.m4: memory region not valid 0xc0000000"))
    }

    @Test func `Buffers cannot come from memory that is no pool`() {
        let rig = Rig(configure: { $0.memoryRegions[5].isPool = false })
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == .invalid)
        #expect(rig.log.contains("rproc-virtio rproc-virtio.0.auto: Can't associate reserved memory"))
        #expect(rig.host.state == .offline)
    }
}
