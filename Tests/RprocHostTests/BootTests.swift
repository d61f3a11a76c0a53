// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import Testing

@Suite struct BootTests {
    static let afterLoad = [
        "rproc-virtio rproc-virtio.0.auto: assigned reserved memory node vdev0buffer@10042000",
        "virtio_rpmsg_bus virtio0: rpmsg host is online",
        "rproc-virtio rproc-virtio.0.auto: registered virtio0 (type 7)",
        "remoteproc remoteproc0: remote processor m4 is now up",
        "virtio_rpmsg_bus virtio0: creating channel rpmsg-tty addr 0x400",
    ]

    @Test func `A plain boot logs what the kernel logs, in its order`() throws {
        let rig = Rig()
        #expect(
            rig.log == [
                "stm32-ipcc 4c001000.mailbox: ipcc rev:1.0 enabled, 6 chans, proc 0",
                "stm32-rproc 10000000.m4: wdg irq registered",
                "remoteproc remoteproc0: m4 is available",
            ])
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        #expect(
            rig.bootLog == [
                "remoteproc remoteproc0: powering up m4",
                "remoteproc remoteproc0: Booting fw image rproc-m4-fw, size \(rig.image.count)",
            ] + Self.afterLoad)
        #expect(rig.host.state == .running)
        #expect(rig.host.channels.map(\.deviceName) == ["virtio0.rpmsg-tty.-1.1024"])
    }

    @Test func `A TEE boot of version 3 loads first and works on the live table`() throws {
        let rig = Rig(.teeV3)
        try rig.host.start(firmware: "signed.bin")
        rig.platform.run(for: .milliseconds(1))
        #expect(
            rig.bootLog == [
                "remoteproc remoteproc0: powering up m4",
                "remoteproc remoteproc0: Booting a private format image signed.bin, size \(rig.image.count)",
            ] + Self.afterLoad)
        #expect(rig.firmware.calls == [.load, .resourceTable, .resourceTable, .start])
        #expect(rig.remote.statusHistory == [0, 7])
    }

    @Test func `The later TEE proposal loads twice and releases at stop`() throws {
        let rig = Rig(.teeOps)
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        #expect(Array(rig.bootLog.dropFirst(2)) == Self.afterLoad)
        try rig.host.stop()
        #expect(rig.firmware.calls == [.load, .resourceTable, .load, .resourceTable, .start, .stop, .release])
    }

    @Test(arguments: BootSequence.allCases) func `A tty echoes what is written to it`(_ sequence: BootSequence) throws {
        let rig = Rig(sequence)
        try rig.host.start()
        let channel = try rig.host.waitForChannel("rpmsg-tty", timeout: .seconds(1))
        var echoed: [UInt8] = []
        rig.host.tty.received = { port, bytes in
            #expect(port.name == "ttyRPMSG0")
            echoed += bytes
        }
        let text = String(repeating: "0123456789", count: 100)
        try rig.host.tty.port(0)?.writeAll(text)
        rig.platform.run(for: .milliseconds(10))
        #expect(String(decoding: echoed, as: UTF8.self) == text)
        #expect(rig.remote.received.map(\.payload.count) == [496, 496, 8])
        #expect(channel.source == 0x400)
        #expect(rig.host.messageCounts == (received: 4, sent: 3))
    }

    @Test func `A stop with an acknowledged shutdown leaves the core in reset and the host offline`() throws {
        let rig = Rig()
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        let before = rig.platform.now
        rig.forgetLog()
        try rig.host.stop()
        #expect(rig.log == ["remoteproc remoteproc0: stopped remote processor m4"])
        #expect(rig.remote.isShutDown)
        #expect(rig.platform.isCoreRunning == false)
        #expect(rig.platform.now - before < .milliseconds(1))
        #expect(rig.host.state == .offline && rig.host.power == 0 && rig.host.carveouts.isEmpty)
    }

    @Test func `A firmware that does not acknowledge costs half a second and a warning`() throws {
        let rig = Rig()
        rig.remote.acknowledgesShutdown = false
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        let before = rig.platform.now
        rig.forgetLog()
        try rig.host.stop()
        #expect(
            rig.log == [
                "remoteproc remoteproc0: warning: remote FW shutdown without ack",
                "remoteproc remoteproc0: stopped remote processor m4",
            ])
        #expect(rig.platform.now - before == .milliseconds(500))
    }

    @Test(arguments: BootSequence.allCases) func `The second start is like the first`(_ sequence: BootSequence) throws {
        let rig = Rig(sequence)
        var logs: [[String]] = []
        for _ in 0..<3 {
            rig.forgetLog()
            try rig.host.start()
            rig.platform.run(for: .milliseconds(1))
            #expect(rig.host.channels.count == 1)
            try rig.host.stop()
            logs.append(rig.log)
        }
        #expect(logs[0] == logs[1] && logs[1] == logs[2])
    }
}
