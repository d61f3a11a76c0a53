// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

/// The driver's ring code as the firmware sees it from the other side, and at its edges.
@Suite struct KernelRingTests {
    private typealias Builder = FirmwareImageBuilder
    private static let setClear = PhysicalAddress(0x4C00_1008)
    private static let vring0: UInt32 = 0x1004_0000, vring1: UInt32 = 0x1004_1000
    /// Of a ring of 16 entries, aligned to 16.
    private static let available: UInt32 = 0x100, usedEvent: UInt32 = 0x124, used: UInt32 = 0x130

    private func booted(features: UInt32 = 1, rings: (UInt32, UInt32) = (16, 16), _ configure: (inout HostConfiguration) -> Void = { _ in }) throws -> Rig {
        let vdev = Builder.vdev(features: features, rings: [(0xFFFF_FFFF, 16, rings.0), (0xFFFF_FFFF, 16, rings.1)])
        let rig = Rig(image: Builder(table: Builder.table([vdev])), services: [.init("rpmsg-raw", address: 0x400, reaction: .ignore)], configure: configure)
        rig.platform.recordsWrites = true
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        return rig
    }

    private func halfWord(_ rig: Rig, _ address: UInt32) -> UInt16 { rig.platform.remoteRead(PhysicalAddress(address), count: 2).littleEndian(at: 0) ?? .max }

    private func store(_ rig: Rig, _ value: UInt16, _ address: UInt32) {
        rig.platform.remoteWrite(PhysicalAddress(address), [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)])
    }

    private func doorbells(_ rig: Rig, _ id: Int) -> Int {
        rig.platform.registerWrites.filter { $0.address == Self.setClear && $0.value == 1 << UInt32(16 + id) }.count
    }

    /// The firmware rings for vring 0, and Linux looks.
    private func ring(_ rig: Rig) {
        rig.platform.remoteWriteIPCC(0x18, 1 << 16)
        rig.platform.run(for: .milliseconds(1))
    }

    @Test(arguments: [1, 1 | 1 << 29] as [UInt32])
    func `Linux writes its event index with each message it takes, whether event indices were agreed on or not`(_ features: UInt32) throws {
        let rig = try booted(features: features)
        #expect(halfWord(rig, Self.vring0 + Self.usedEvent) == 1)
        let channel = try #require(rig.host.channel(named: "rpmsg-raw"))
        for byte: UInt8 in 1...3 {
            rig.remote.send([byte], from: 0x400, to: channel.source, on: rig.platform)
            rig.platform.run(for: .milliseconds(1))
        }
        #expect(halfWord(rig, Self.vring0 + Self.usedEvent) == 4)
    }

    @Test func `A transmit ring that is told to be silent has no event index`() throws {
        func event(_ kernel: KernelProfile) throws -> UInt16 {
            let rig = try booted { $0.kernel = kernel }
            let channel = try #require(rig.host.channel(named: "rpmsg-raw"))
            for byte: UInt8 in 1...20 {
                try channel.send([byte])
                rig.platform.run(for: .milliseconds(1))
            }
            return halfWord(rig, Self.vring1 + Self.usedEvent)
        }
        #expect(try event(.newest) == 4)
        #expect(try event(.v6_6) == 0)
    }

    @Test func `After an interrupt that told of used buffers the event index of a transmit ring is left where it is`() throws {
        func events(_ kernel: KernelProfile) throws -> [UInt16] {
            let rig = try booted(features: 1 | 1 << 29) {
                $0.kernel = kernel
                $0.timing.sendDuration = .zero
            }
            let channel = try #require(rig.host.channel(named: "rpmsg-raw"))
            // The seventeenth sleeps until the firmware has given a buffer back; the others find one.
            for byte: UInt8 in 1...17 { try channel.send([byte]) }
            rig.platform.run(for: .milliseconds(1))
            let slept = halfWord(rig, Self.vring1 + Self.usedEvent)
            for byte: UInt8 in 18...19 {
                try channel.send([byte])
                rig.platform.run(for: .milliseconds(1))
            }
            return [slept, halfWord(rig, Self.vring1 + Self.usedEvent)]
        }
        #expect(try events(.v6_6) == [1, 1])
        // Does not remember that it is silent, and goes on writing it.
        #expect(try events(.v5_15) == [1, 3])
    }

    @Test func `A message that finds no descriptor rings all the same, even for firmware that wants no doorbells`() throws {
        let rig = try booted(rings: (16, 4))
        let channel = try #require(rig.host.channel(named: "rpmsg-raw"))
        rig.remote.consumes = false
        // used.flags of a ring of four: NO_NOTIFY.
        store(rig, 1, Self.vring1 + 80)
        for byte: UInt8 in 1...4 { try channel.send([byte]) }
        #expect(doorbells(rig, 1) == 0)
        #expect(rig.errno { () throws(Errno) in try channel.send([5]) } == .noSpace)
        #expect(rig.log.last == "rpmsg_chrdev virtio0.rpmsg-raw.-1.1024: virtqueue_add_outbuf failed: -28")
        #expect(doorbells(rig, 1) == 1)
    }

    @Test func `A ring of twelve works as the kernel's index mask makes it work, which is a finding`() throws {
        let rig = try booted(rings: (12, 12))
        #expect(rig.log.contains("virtio_rpmsg_bus virtio0: rpmsg host is online"))
        // Slots are taken by an AND with 11: 4 to 7 of the available ring are never written, 0 to 3 twice. The announcement came in
        // the buffer of descriptor 4, which slot 0 named in the end, and was posted again in slot 12 & 11.
        let slots = (0..<12).map { halfWord(rig, Self.vring0 + 192 + 4 + 2 * $0) }
        #expect(slots == [4, 5, 6, 7, 0, 0, 0, 0, 4, 9, 10, 11])
        #expect(rig.host.findings.kept.map(\.finding).prefix(2) == [.ringSizeOdd(queue: "input", count: 12), .ringSizeOdd(queue: "output", count: 12)])
    }

    @Test func `A vdev of one vring has no driver, and the kernel's oops is a finding`() throws {
        let rig = Rig(image: Builder(table: Builder.table([Builder.vdev(rings: [(0xFFFF_FFFF, 16, 16)])])))
        try rig.host.start()
        #expect(rig.log.contains("virtio_rpmsg_bus virtio0: probe with driver virtio_rpmsg_bus failed with error -12"))
        #expect(rig.host.findings.kept.map(\.finding) == [.vringMissing(index: 1)])
        #expect(rig.host.virtioDevices.first?.resource?.status == 0x83)
    }

    @Test func `A ring too large for the driver's books leaves the entry without address and number`() throws {
        let vdev = Builder.vdev(rings: [(0xFFFF_FFFF, 16, 65536), (0xFFFF_FFFF, 16, 16)])
        let rig = Rig(image: Builder(table: Builder.table([vdev])), ddr: 4 << 20) {
            $0.memoryRegions.removeAll { $0.name.hasPrefix("vdev0vring") }
            $0.dynamicPool = PhysicalRange(start: PhysicalAddress(0xC000_0000), size: 4 << 20)
        }
        try rig.host.start()
        #expect(rig.log.contains("remoteproc remoteproc0: vring_new_virtqueue input failed"))
        #expect(rig.log.contains("virtio_rpmsg_bus virtio0: probe with driver virtio_rpmsg_bus failed with error -12"))
        let resource = try #require(rig.host.virtioDevices.first?.resource)
        #expect(resource.status == 0x83)
        #expect(resource.vrings.map(\.notifyID) == [.max, 1])
        #expect(resource.vrings.first?.deviceAddress == 0)
        try rig.host.stop()
        #expect(rig.host.state == .offline)
    }

    @Test func `A batch of 65535 messages rings once in the middle`() throws {
        let rig = try booted { $0.timing.workLatency = .zero }
        // The firmware wants doorbells, and gives its sixteen buffers back again and again; nobody has address 0.
        store(rig, 0, Self.vring0 + Self.used)
        for slot: UInt32 in 0..<16 { rig.platform.remoteWrite(PhysicalAddress(Self.vring0 + Self.used + 4 + 8 * slot), [UInt8(slot), 0, 0, 0, 16, 0, 0, 0]) }
        rig.platform.remoteWrite(PhysicalAddress(0x1004_2000), [UInt8](repeating: 0, count: 16 * 512))
        let before = doorbells(rig, 0), taken = try #require(rig.host.virtioDevices.first?.rings.first?.lastUsedIndex)
        store(rig, taken &- 1, Self.vring0 + Self.used + 2)
        ring(rig)
        #expect(rig.host.messageCounts.received == 65535 + UInt64(taken))
        #expect(doorbells(rig, 0) == before + 2)
    }

    @Test(arguments: [(1, 2), (16, nil)] as [(UInt32, Int?)])
    func `A NEXT flag that the firmware sets in a descriptor is a finding: the kernel walks on, for ever where all have it`(_ count: UInt32, _ taken: Int?) throws {
        let rig = try booted()
        // Flags of descriptors 1 to `count`, of which the next message comes back in the first: WRITE as Linux has set it, and NEXT.
        for head in 1...count { store(rig, 3, Self.vring0 + 16 * (head & 15) + 12) }
        let channel = try #require(rig.host.channel(named: "rpmsg-raw"))
        for byte: UInt8 in 1...2 {
            rig.remote.send([byte], from: 0x400, to: channel.source, on: rig.platform)
            rig.platform.run(for: .milliseconds(1))
        }
        let findings = rig.host.findings.kept.map(\.finding).filter { $0.name == "descriptor-next-set" }
        guard findings.count == 1, case .descriptorNextSet(let evidence, taken) = findings[0] else {
            Issue.record("\(findings)")
            return
        }
        #expect(evidence.field == "descriptor[1]" && evidence.address == PhysicalAddress(Self.vring0 + 16) && evidence.bytes[12] == 3)
        #expect(rig.host.messageCounts.received == 3)
    }

    @Test func `A broken ring is passed over in silence while something is in it, and is empty otherwise`() throws {
        let rig = try booted()
        rig.host.log.maximumLevel = .debug
        func lines() -> [String] {
            rig.forgetLog()
            ring(rig)
            return rig.log.filter { $0.contains("virtio_rpmsg_bus") || $0.contains("vq") }
        }
        rig.platform.remoteWrite(PhysicalAddress(Self.vring0 + Self.used + 4 + 8), [99, 0, 0, 0, 16, 0, 0, 0])
        store(rig, 2, Self.vring0 + Self.used + 2)
        let heard = "remoteproc remoteproc0: vq index 0 is interrupted"
        #expect(lines() == [
            heard, "virtio_rpmsg_bus virtio0: input:id 99 out of range", "virtio_rpmsg_bus virtio0: uhm, incoming signal, but no used buffer ?",
        ])
        #expect(lines() == [heard])
        store(rig, 1, Self.vring0 + Self.used + 2)
        #expect(lines() == [heard, "remoteproc remoteproc0: no message found in vq0"])
    }
}
