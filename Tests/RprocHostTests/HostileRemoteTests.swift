// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

/// A firmware that writes nonsense wherever the host looks, and rings.
private final class HostileRemote: InMemoryRemote {
    var random: SplitMix64
    var left = 60
    init(seed: UInt64) { random = SplitMix64(state: seed) }

    func reset(on platform: InMemoryPlatform) {
        platform.remoteWriteIPCC(0x10, 1)
        platform.remoteWriteIPCC(0x14, 0xFFFF_FFC0)
    }

    func run(on platform: InMemoryPlatform) -> VirtualTime {
        for _ in 0..<Int(random.next() % 12) { poke(platform) }
        let channels = UInt32(truncatingIfNeeded: random.next()) & 0x3F
        platform.remoteWriteIPCC(0x18, channels << 16 | UInt32(truncatingIfNeeded: random.next()) & 0x3F)
        guard left > 0 else { return .never }
        left -= 1
        return platform.now + VirtualTime(nanoseconds: random.next() % 60_000)
    }

    private func poke(_ platform: InMemoryPlatform) {
        let small = random.next() % 3 != 0
        let value = small ? random.next() % 40 : random.next()
        let pick = random.next() % 100
        let address: UInt64 =
            switch pick {
            case 0..<15: 0x1004_0000 + 0x130 + 2  // vring0 used.idx (16 entries, align 16)
            case 15..<30: 0x1004_1000 + 0x130 + 2
            case 30..<50: 0x1004_0000 + 0x130 + 4 + random.next() % 128  // used elements
            case 50..<60: 0x1004_1000 + 0x130 + 4 + random.next() % 128
            case 60..<68: 0x1004_0000 + random.next() % 0x2000
            case 68..<90: 0x1004_2000 + random.next() % 32 * 512 + random.next() % 60  // message headers
            case 90..<95: 0x1003_0000 + random.next() % 136  // the resource table
            default: 0x1000_0000 + random.next() % 0x5_0000
            }
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(value)
        if pick >= 68 && pick < 90 && random.next() % 2 == 0 {
            // A plausible message to the name service or an endpoint.
            var message: [UInt8] = []
            for word in [UInt32(0x400), random.next() % 2 == 0 ? 53 : 0x400, 0, random.next() % 2 == 0 ? 40 : UInt32(truncatingIfNeeded: random.next())] {
                message.appendLittleEndian(word)
            }
            message += Array(["rpmsg-tty", "rpmsg-raw", "rpmsg-client-sample", "x\u{1b}[31m"][Int(random.next() % 4)].utf8)
            message += [UInt8](repeating: 0, count: 48 - (message.count - 16)).prefix(40)
            platform.remoteWrite(PhysicalAddress(UInt32(0x1004_2000 + random.next() % 16 * 512)), Array(message.prefix(56)))
            return
        }
        platform.remoteWrite(PhysicalAddress(UInt32(truncatingIfNeeded: address)), Array(bytes.prefix(Int(1 << (random.next() % 4)))))
    }
}

@Suite struct HostileRemoteTests {
    @Test func `Firmware with many devices that nobody reads fills 64 MiB and no more`() throws {
        let count: UInt32 = 40
        let rig = Rig(services: (0..<count).map { .init("rpmsg-raw", address: 0x400 + $0, reaction: .ignore) })
        try rig.host.start()
        rig.platform.run(for: .milliseconds(20))
        let payload = [UInt8](repeating: 7, count: 496)
        for device in 0..<count {
            for _ in 0..<4096 / 8 {
                for _ in 0..<8 { rig.remote.send(payload, from: 0x400 + device, to: 0x400 + device, on: rig.platform) }
                rig.platform.run(for: .microseconds(100))
            }
        }
        let nodes = rig.host.raw.nodes.compactMap { $0 }
        let waiting = nodes.reduce(0) { $0 + $1.available }
        #expect(nodes.count == Int(count) && waiting == (64 << 20) / 496 + 1)
        #expect(UInt64(waiting) + nodes.reduce(0) { $0 + $1.dropped } == 40 * 4096)
        // Whoever reads makes room.
        let first = nodes[0], last = nodes[39]
        try first.open()
        _ = try first.read()
        _ = try first.read()
        let before = last.available
        rig.remote.send(payload, from: 0x400, to: 0x400 + 39, on: rig.platform)
        rig.platform.run(for: .milliseconds(1))
        #expect(last.available == before + 1)
        // What a stop takes away counts no longer.
        first.close()
        try rig.host.stop()
        try rig.host.start()
        rig.platform.run(for: .milliseconds(20))
        rig.remote.send(payload, from: 0x400, to: 0x400, on: rig.platform)
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.host.raw.node(0)?.available == 1)
    }

    /// Runs one seed and gives what came of it, for comparison.
    private func life(_ seed: UInt64, kernel: KernelProfile, features: UInt32) throws -> [String] {
        let table = FirmwareImageBuilder.table([FirmwareImageBuilder.vdev(features: features), FirmwareImageBuilder.trace(da: 0x1002_0000, length: 64)])
        let platform = InMemoryPlatform()
        platform.remote = HostileRemote(seed: seed)
        var configuration = HostConfiguration(bootSequence: seed % 2 == 0 ? .elf : .teeV3)
        configuration.kernel = kernel
        let image = FirmwareImageBuilder(table: table).image
        let firmware = MockTrustedFirmware(platform: platform)
        var lines: [String] = []
        let host = RemoteProcessor(configuration: configuration, platform: platform, trustedFirmware: firmware, firmware: { _ in image }) {
            lines.append($0.description)
        }
        platform.host = host
        host.findings.sink = { lines.append("\($0) \($1)") }
        do { try host.start() } catch { lines.append("\(error)") }
        for round in 0..<6 {
            platform.run(for: .microseconds(300))
            for channel in host.channels {
                do { try channel.send("round \(round)") } catch { lines.append("\(error)") }
                if channel.driver != nil { do { try channel.trySend([1]) } catch { lines.append("\(error)") } }
            }
            _ = host.diagnosis()
            _ = host.resourceTableText
            _ = host.trace(0)
        }
        if seed % 3 == 0 { host.reportCrash(.watchdog) }
        platform.run(for: .milliseconds(5))
        do { try host.stop() } catch { lines.append("\(error)") }
        // Whatever the firmware did, the host comes down, and each line is one line of printable text.
        #expect(host.state == .offline, "seed \(seed)")
        #expect(lines.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } }, "seed \(seed)")
        lines.append("\(platform.now) \(host.messageCounts) \(host.findings.count)")
        return lines
    }

    @Test(arguments: 0..<8) func `Garbage in rings, table and buffers never traps, hangs, or differs between two runs`(_ block: Int) throws {
        var brokenRings = 0
        for seed in UInt64(block) * 100..<UInt64(block + 1) * 100 {
            let kernel: KernelProfile = seed % 4 == 3 ? .v5_15 : .newest
            let features: UInt32 = seed % 5 == 0 ? 0x3000_0001 : 1
            let first = try life(seed, kernel: kernel, features: features)
            if first.contains(where: { $0.contains("is not a head!") || $0.contains("out of range") }) { brokenRings += 1 }
            if seed % 10 == 0 { #expect(try life(seed, kernel: kernel, features: features) == first, "seed \(seed)") }
        }
        // The garbage does reach the checks it is meant for.
        #expect(brokenRings > 10)
    }

    /// A host whose firmware is silent, with the test writing vring 0's used ring by hand.
    private func silent() throws -> Rig {
        let rig = Rig(services: [])
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        rig.forgetLog()
        return rig
    }

    private func use(_ rig: Rig, _ elements: [(id: UInt32, length: UInt32)], index: UInt16? = nil, ring: UInt32 = 0x1004_0000, channel: UInt32 = 0) {
        for (i, element) in elements.enumerated() {
            var bytes: [UInt8] = []
            bytes.appendLittleEndian(element.id)
            bytes.appendLittleEndian(element.length)
            rig.platform.remoteWrite(PhysicalAddress(ring + 0x130 + 4 + 8 * UInt32(i)), bytes)
        }
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(index ?? UInt16(elements.count))
        rig.platform.remoteWrite(PhysicalAddress(ring + 0x130 + 2), bytes)
        rig.platform.remoteWriteIPCC(0x18, 1 << (16 + channel))
        rig.platform.run(for: .milliseconds(1))
    }

    @Test func `A used id outside the ring breaks the queue, once and for all`() throws {
        let rig = try silent()
        use(rig, [(16, 56)])
        #expect(
            rig.log == [
                "virtio_rpmsg_bus virtio0: input:id 16 out of range", "virtio_rpmsg_bus virtio0: uhm, incoming signal, but no used buffer ?",
            ])
        #expect(rig.host.findings.kept.map(\.finding) == [.badUsedElement(queue: "input", position: 0, id: 16)])
        rig.forgetLog()
        use(rig, [(0, 56)])
        #expect(rig.log.isEmpty)
        #expect(rig.host.diagnosis().first == "input: broken, the kernel uses it no more")
    }

    @Test func `A used id whose buffer is not with the device is not a head`() throws {
        let rig = try silent()
        use(rig, [(3, 1000)])
        // Dropped for its length; the buffer is lost, so the same id again is no head.
        #expect(rig.log == ["virtio_rpmsg_bus virtio0: inbound msg too big: (1000, 0)"])
        rig.forgetLog()
        use(rig, [(3, 1000), (3, 16)])
        #expect(rig.log.first == "virtio_rpmsg_bus virtio0: input:id 3 is not a head!")
    }

    @Test func `A used length that cannot hold the payload loses the buffer; one below a header passes as in the kernel`() throws {
        let rig = try silent()
        var header: [UInt8] = []
        for word in [UInt32(7), 0x999, 0, 5] { header.appendLittleEndian(word) }
        rig.platform.remoteWrite(PhysicalAddress(0x1004_2000), header)
        rig.platform.remoteWrite(PhysicalAddress(0x1004_2200), header)
        use(rig, [(0, 20)])
        #expect(rig.log == ["virtio_rpmsg_bus virtio0: inbound msg too big: (20, 5)"])
        use(rig, [(0, 20), (1, 4)])
        #expect(rig.log.last == "virtio_rpmsg_bus virtio0: msg received with no recipient")
        #expect(rig.host.findings.kept.contains { $0.finding == .usedLengthBelowHeader(length: 4, payload: 5) })
    }

    @Test(arguments: [
        (0x999 as UInt32, "virtio_rpmsg_bus virtio0: msg received with no recipient"), (53, "virtio_rpmsg_bus virtio0: malformed ns msg (32053)"), (0x400, nil),
    ] as [(UInt32, String?)])
    func `Below a header's length a message that is longer than its buffer passes, with what lies behind the buffer`(_ destination: UInt32, _ line: String?) throws {
        let rig = try silent()
        if line == nil { try rig.host.rpmsgControl()?.createChannel("rpmsg-tty", source: Rpmsg.anyAddress, destination: 7) }
        var heard = 0
        rig.host.tty.received = { _, bytes in heard += bytes.count }
        rig.forgetLog()
        var header: [UInt8] = []
        for word in [UInt32(7), destination, 0, 32053] { header.appendLittleEndian(word) }
        rig.platform.remoteWrite(PhysicalAddress(0x1004_2000), header)
        use(rig, [(0, 0)])
        #expect(rig.log == (line.map { [$0] } ?? []))
        // All buffers behind the first header.
        #expect(heard == (line == nil ? 32 * 512 - 16 : 0))
        #expect(rig.host.findings.kept.contains { $0.finding == .usedLengthBelowHeader(length: 0, payload: 32053) })
        // The buffer is Linux's to give again.
        #expect(rig.host.state == .running)
    }

    @Test func `A used index far ahead is walked once round at most and found`() throws {
        let rig = try silent()
        use(rig, (0..<16).map { (UInt32($0), 16) }, index: 0xFFFF)
        #expect(rig.host.findings.kept.first?.finding == .usedIndexAhead(queue: "input", lastSeen: 0, index: 0xFFFF, size: 16))
        #expect(rig.host.state == .running)
    }

    @Test func `A doorbell without a message is passed over`() throws {
        let rig = try silent()
        rig.host.log.maximumLevel = .debug
        use(rig, [])
        #expect(rig.log.filter { $0.contains("remoteproc0") } == ["remoteproc remoteproc0: vq index 0 is interrupted", "remoteproc remoteproc0: no message found in vq0"])
    }
}
