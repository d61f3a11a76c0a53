// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import Testing

@Suite struct KickFaultTests {
    private final class Heard {
        var bytes: [UInt8] = []
        var events: [KickFault.Event] = []
        var times: [VirtualTime] = []
    }

    /// A booted host that writes to `rpmsg-raw` and hears its echoes.
    private func booted(_ faults: [KickFault]) throws -> (rig: Rig, channel: RpmsgChannel, heard: Heard) {
        let rig = Rig(services: [.init("rpmsg-raw", address: 0x400)]) { $0.kickFaults = faults }
        let heard = Heard()
        rig.host.raw.received = { [unowned rig] _, bytes, _ in
            heard.bytes.append(bytes.first ?? 0)
            heard.times.append(rig.platform.now)
        }
        rig.host.events.subscribe { if case .kickFault(_, let event) = $0 { heard.events.append(event) } }
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        return (rig, try #require(rig.host.channel(named: "rpmsg-raw")), heard)
    }

    @Test func `A doorbell to the firmware that is lost leaves its message in the ring until the next one`() throws {
        let (rig, channel, heard) = try booted([KickFault(.drop, .toFirmware, ring: 1, .number(1))])
        try channel.trySend([1])
        rig.platform.run(for: .milliseconds(10))
        #expect(rig.remote.received.isEmpty && rig.remote.doorbells[1] == 0)
        #expect(rig.host.diagnosis().contains("vring1: 1 messages wait that the firmware has not given back"))
        try channel.trySend([2])
        rig.platform.run(for: .milliseconds(10))
        #expect(heard.bytes == [1, 2] && rig.remote.doorbells[1] == 1)
        #expect(heard.events.map(\.description) == ["kick fault: vq1's doorbell to-firmware, number 1, is dropped"])
        #expect(rig.host.kickFaultCount == 1)
    }

    @Test func `A doorbell to Linux that is lost is acknowledged, and its message waits in the ring`() throws {
        // Number 1 of vq0 brings the announcement.
        let (rig, channel, heard) = try booted([KickFault(.drop, .toLinux, ring: 0, .number(2))])
        try channel.trySend([1])
        rig.platform.run(for: .milliseconds(10))
        #expect(heard.bytes.isEmpty && rig.remote.received.count == 1 && rig.platform.ipcc.remoteToHost == 0)
        #expect(rig.host.diagnosis().contains("vring0: 1 messages lie in the ring without a doorbell on IPCC channel 1"))
        try channel.trySend([2])
        rig.platform.run(for: .milliseconds(10))
        #expect(heard.bytes == [1, 2])
    }

    @Test(arguments: KickFault.Direction.allCases) func `A late doorbell brings its message that much later`(_ direction: KickFault.Direction) throws {
        func arrival(_ faults: [KickFault]) throws -> VirtualTime {
            let (rig, channel, heard) = try booted(faults)
            try channel.trySend([1])
            rig.platform.run(for: .milliseconds(20))
            return try #require(heard.times.first)
        }
        // Number 1 of vq0 brings the announcement.
        let isToLinux = direction == .toLinux
        let fault = KickFault(.delay(.milliseconds(7)), direction, ring: isToLinux ? 0 : 1, .number(isToLinux ? 2 : 1))
        #expect(try arrival([fault]) == arrival([]) + .milliseconds(7))
    }

    @Test func `Late doorbells of one ring that wait together ring once`() throws {
        let (rig, channel, heard) = try booted([KickFault(.delay(.milliseconds(1)), .toFirmware, ring: 1)])
        for byte: UInt8 in 1...5 { try channel.trySend([byte]) }
        rig.platform.run(for: .milliseconds(10))
        #expect(heard.bytes == [1, 2, 3, 4, 5] && rig.remote.doorbells[1] == 1 && heard.events.count == 5)
    }

    @Test func `Coalesced doorbells ring each third time`() throws {
        let (rig, channel, heard) = try booted([KickFault(.coalesce(count: 3), .toFirmware, ring: 1)])
        for byte: UInt8 in 1...8 {
            try channel.trySend([byte])
            rig.platform.run(for: .milliseconds(1))
        }
        #expect(heard.bytes == [1, 2, 3, 4, 5, 6] && rig.remote.doorbells[1] == 2)
    }

    @Test func `A late doorbell does not ring in the next life of the firmware`() throws {
        let (rig, channel, _) = try booted([KickFault(.delay(.milliseconds(700)), .toFirmware, ring: 1)])
        try channel.trySend([1])
        try rig.host.stop()
        let rung = rig.remote.doorbells[1]
        rig.platform.run(for: .seconds(1))
        #expect(rig.remote.doorbells[1] == rung && rig.platform.ipcc.hostToRemote & 2 == 0)
    }

    @Test func `The first rule that acts on a doorbell decides, and each counts those it is about`() throws {
        let (rig, channel, heard) = try booted([
            KickFault(.drop, .toFirmware, ring: 1, .every(2)), KickFault(.delay(.milliseconds(1)), .toFirmware, ring: 1, .first(2)),
        ])
        for byte: UInt8 in 1...4 { try channel.trySend([byte]) }
        #expect(heard.events.map { "\($0.number) \($0.fault.action)" } == [
            "1 delay(0.001000)", "2 drop", "4 drop",
        ])
        rig.platform.run(for: .milliseconds(5))
        #expect(heard.bytes == [1, 2, 3, 4])
    }

    /// What a seeded rule has lost of 200 messages.
    private func lost(seed: UInt64) throws -> [UInt64] {
        let (rig, channel, heard) = try booted([KickFault(.drop, .toFirmware, ring: 1, .random(oneIn: 4, seed: seed))])
        for number in 0..<200 {
            try channel.trySend([UInt8(number)])
            rig.platform.run(for: .milliseconds(1))
        }
        return heard.events.map(\.number)
    }

    @Test func `A seed loses the same doorbells each time, and another seed others`() throws {
        let first = try lost(seed: 1)
        #expect(try lost(seed: 1) == first)
        #expect(try lost(seed: 2) != first)
        #expect((25...75).contains(first.count))
    }

    @Test(arguments: [
        ("drop,to-firmware", KickFault(.drop, .toFirmware)),
        ("delay=2ms,to-linux,vq0,every=3", KickFault(.delay(.milliseconds(2)), .toLinux, ring: 0, .every(3))),
        ("to-firmware,vq1,coalesce=4,first=8", KickFault(.coalesce(count: 4), .toFirmware, ring: 1, .first(8))),
        ("drop,to-linux,nth=1", KickFault(.drop, .toLinux, .number(1))),
        ("drop,to-linux,seed=7,one-in=10", KickFault(.drop, .toLinux, .random(oneIn: 10, seed: 7))),
        ("delay=0ns,to-linux,one-in=2", KickFault(.delay(.zero), .toLinux, .random(oneIn: 2, seed: 1))),
    ]) func `A rule is read from its text`(_ text: String, _ fault: KickFault) throws {
        #expect(try KickFault(text) == fault)
    }

    @Test(arguments: [
        ("", "'' is not, or not again, one of"), ("drop", "lacks the direction"), ("to-linux", "lacks what happens"),
        ("drop,to-linux,every=0", "'every=0' needs a number above 0"), ("drop,to-linux,every", "'every' needs a number"),
        ("delay=2,to-linux", "'delay=2' needs a span"), ("delay=99999999999s,to-linux", "needs a span"),
        ("drop,drop,to-linux", "'drop' is not, or not again"), ("drop,to-linux,vq2", "'vq2' is not"), ("drop,to-linux,", "'' is not"),
        ("drop,to-linux,seed=3", "'seed' goes with one-in="), ("drop=1,to-linux", "'drop=1' is not"),
    ]) func `A text that is no rule is refused with the part that is wrong`(_ text: String, _ complaint: String) {
        let error = #expect(throws: KickFault.SyntaxError.self) { try KickFault(text) }
        #expect(error?.description.contains(complaint) == true)
    }
}
