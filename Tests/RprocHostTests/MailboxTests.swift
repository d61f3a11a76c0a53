// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import Testing

/// The mailbox's registers as its driver leaves them, and what the drivers on both sides of it say.
@Suite struct MailboxTests {
    private static let mask = PhysicalAddress(0x4C00_1004)

    @Test func `Each mailbox asked for is unmasked for receiving, and masked both ways when the driver goes`() throws {
        let rig = Rig()
        #expect(try rig.platform.read32(Self.mask) == 0xFFFF_FFF0)
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        try rig.host.stop()
        #expect(try rig.platform.read32(Self.mask) == 0xFFFF_FFF0)
        rig.host.remove()
        #expect(try rig.platform.read32(Self.mask) == 0xFFFF_FFFF)
        // Nobody acknowledges any more.
        rig.platform.remoteWriteIPCC(0x18, 1 << 16)
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.platform.ipcc.remoteToHost == 1)
    }

    @Test func `A probe that fails gives its mailboxes back`() throws {
        let rig = Rig(.teeOps, bootLoader: true)
        #expect(rig.host.state == .deleted)
        #expect(try rig.platform.read32(Self.mask) == 0xFFFF_FFFF)
    }

    @Test func `A mailbox that could not be had is said with its reason, which explains no failure`() {
        let rig = Rig { $0.mailboxes.detach = nil }
        #expect(rig.records.filter { $0.level <= .error }.map(\.cause) == [.missingMailbox])
        func lines(_ kernel: KernelProfile) -> [String] {
            Rig {
                $0.kernel = kernel
                $0.mailboxes = MailboxChannels()
                ($0.mailboxes.vq1, $0.mailboxes.shutdown, $0.mailboxes.detach) = (nil, nil, nil)
                $0.mailboxes.refusals = ["vq1": .taken, "shutdown": .notReferenced]
            }.log.filter { $0.contains("mbox") || $0.contains("mailbox") && !$0.contains("ipcc rev") }
        }
        #expect(lines(.newest) == [
            "stm32-rproc 10000000.m4: __mbox_bind_client: mailbox not free", "remoteproc remoteproc0: cannot get vq1 mbox",
            "stm32-rproc 10000000.m4: mbox_request_channel: can't parse \"mboxes\" property", "remoteproc remoteproc0: cannot get shutdown mbox",
            "stm32-rproc 10000000.m4: mbox_request_channel_byname() could not locate channel named \"detach\"",
            "remoteproc remoteproc0: cannot get detach mbox",
        ])
        #expect(lines(.v6_6) == [
            "remoteproc remoteproc0: cannot get vq1 mbox", "remoteproc remoteproc0: cannot get shutdown mbox",
            "stm32-rproc 10000000.m4: mbox_request_channel_byname() could not locate channel named \"detach\"",
            "remoteproc remoteproc0: cannot get detach mbox",
        ])
    }

    @Test func `Dynamic debug tells of doorbells and of the device's status`() throws {
        let rig = Rig(services: [.init("rpmsg-raw", address: 0x400)])
        rig.host.log.maximumLevel = .debug
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        try rig.host.stop()
        let ipcc = "stm32-ipcc 4c001000.mailbox: "
        let wanted = [ipcc, "kicking vq", "interrupted", "virtio0: status", "virtio0: reset"]
        #expect(rig.log.filter { line in wanted.contains { line.contains($0) } && !line.contains("ipcc rev") } == [
            "virtio virtio0: reset !", "virtio virtio0: status: 1", "virtio_rpmsg_bus virtio0: status: 3", "virtio_rpmsg_bus virtio0: status: 7",
            "remoteproc remoteproc0: kicking vq index: 0", ipcc + "stm32_ipcc_send_data: chan:0",
            ipcc + "stm32_ipcc_rx_irq: chan:0 rx", ipcc + "stm32_ipcc_tx_irq: chan:0 tx", "remoteproc remoteproc0: vq index 0 is interrupted",
            "virtio_rpmsg_bus virtio0: reset !", "virtio_rpmsg_bus virtio0: status: 1",
            ipcc + "stm32_ipcc_send_data: chan:2", ipcc + "stm32_ipcc_tx_irq: chan:2 tx",
        ])
    }
}
