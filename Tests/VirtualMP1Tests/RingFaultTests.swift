// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import M4Board
import MachineBase
import RprocHost
import SecureLoader
import Testing
import VirtualMP1

/// The sanitizer on the whole machine: firmware that breaks one rule, and firmware that breaks none.
@Suite struct RingFaultTests {
    private static func system(_ sanitizing: Sanitizing, _ boot: BootSequence = .elf) throws -> MP1System {
        var configuration = try Samples.configuration(boot)
        configuration.sanitizing = M4Board.recordsAccesses ? sanitizing : .rings
        return try MP1System(configuration)
    }

    /// Sends `hello` and `word`, and another when only that shows it.
    private static func findings(_ word: String, _ sanitizing: Sanitizing) throws -> [Finding] {
        let system = try system(sanitizing)
        try system.start(Samples.elf("ring-faults"), name: "ring-faults")
        let tty = try system.openTTY(0)
        for text in ["hello", word] {
            try tty.send(text + "\n")
            _ = try tty.readLine()
        }
        if word == "deaf" { try tty.send("hello?\n") }
        system.run(for: .milliseconds(2500))
        return system.linux.findings.kept.map(\.finding).filter { $0.evidence != nil }
    }

    @Test(
        "Each word breaks its rule, and the finding names the function that did",
        arguments: [
            ("descriptor", "descriptor-rewritten", "fault_descriptor"), ("available", "available-ring-rewritten", "fault_available"),
            ("back", "used-index-went-back", "vring_give_back"), ("beyond", "used-index-beyond-available", "vring_give_back"),
            ("id", "used-id-out-of-range", "vring_give_back"), ("twice", "buffer-returned-twice", "vring_give_back"),
            ("never", "buffer-never-given", "vring_give_back"), ("long", "used-length-beyond-buffer", "vring_give_back"),
            ("short", "used-length-short", "fault_short"), ("leak", "buffer-not-returned", ""), ("no-kick", "missing-kick", "vring_give_back"),
            ("kick", "spurious-kick", "vring_give_back"), ("deaf", "channel-not-cleared", ""), ("late", "buffer-written-after-return", "fault_late"),
            ("scribble", "read-only-buffer-written", "fault_scribble"), ("hosts", "hosts-buffer-written", "fault_hosts"),
            ("status", "table-rewritten", "fault_status"), ("features", "table-rewritten", "fault_features"),
            ("address", "table-rewritten", "fault_address"), ("reserved", "header-reserved", "fault_reserved"), ("flags", "header-flags", "fault_flags"),
            ("source", "source-address", "fault_source"), ("stranger", "source-not-announced", "fault_stranger"),
            ("ns-size", "announcement-size", "fault_ns_size"), ("ns-name", "announcement-name", ""), ("ns-flags", "announcement-flags", ""),
            ("ns-address", "announcement-address", ""), ("ns-twice", "announced-twice", ""), ("next", "descriptor-rewritten", "fault_next"),
        ] as [(String, String, String)])
    func eachWord(word: String, rule: String, function: String) throws {
        let found = try Self.findings(word, .writers)
        #expect(found.first?.name == rule, "\(found)")
        if M4Board.recordsAccesses, !function.isEmpty {
            #expect(found.first?.evidence?.writer?.symbol?.hasPrefix(function) == true, "\(found)")
        }
    }

    @Test("Without writers the same rules are found")
    func withoutWriters() throws {
        for word in ["descriptor", "twice", "status", "ns-twice"] {
            let plain = try Self.findings(word, .rings), named = try Self.findings(word, .writers)
            #expect(plain.map(\.name) == named.map(\.name))
            #expect(plain.allSatisfy { $0.evidence?.writer == nil })
        }
    }

    @Test("Samples that keep the rules are silent over ten thousand messages", arguments: BootSequence.allCases)
    func silence(boot: BootSequence) throws {
        for sample in ["tty-echo", "swift-echo"] {
            let system = try Self.system(.rings, boot)
            try system.start(boot.usesTEE ? Samples.signed(sample) : Samples.elf(sample), name: sample)
            let tty = try system.openTTY(0)
            for i in 0..<10_000 {
                try tty.send("message \(i)\n")
                _ = try tty.readLine()
            }
            try system.stop()
            #expect(system.linux.findings.kept.map { "\($0.finding)" } == [], "\(sample)")
        }
        let system = try Self.system(.rings, boot)
        try system.start(boot.usesTEE ? Samples.signed("client-sample") : Samples.elf("client-sample"), name: "client-sample")
        system.run(for: .seconds(1))
        try system.stop()
        #expect(system.linux.messageCounts.received > 100 && system.linux.findings.count == 0)
    }

    @Test("Behind a firewall that takes whole banks a healthy exchange is silent, and each fault is found and named")
    func wholeBanks() throws {
        func findings(_ word: String?) throws -> [Finding] {
            var configuration = try Samples.configuration(.teeV3)
            configuration.isolation = .banks
            // Under banks the table has to be in shared memory: here the whole bank is that the samples' table and data are in.
            func region(_ start: UInt32, _ size: UInt32) -> PhysicalRange { PhysicalRange(start: PhysicalAddress(start), size: size) }
            configuration.secureMemory = try ProcessorMemory(
                reserved: [
                    ("retram", region(0x3800_0000, 0x1_0000), .firmware), ("code", region(0x1000_0000, 0x2_0000), .firmware),
                    ("data", region(0x1002_0000, 0x2_0000), .shared), ("rings", region(0x1004_0000, 0x1_0000), .shared),
                ], dmaRanges: SoCDescription.stm32mp157.translations)
            configuration.sanitizing = M4Board.recordsAccesses ? .writers : .rings
            let system = try MP1System(configuration)
            try system.start(Samples.signed("ring-faults"), name: "ring-faults")
            let tty = try system.openTTY(0)
            for text in ["hello", word].compactMap(\.self) {
                try tty.send(text + "\n")
                _ = try tty.readLine()
            }
            system.run(for: .milliseconds(2500))
            // No segment reaches that far into the bank, and Linux has lost it all the same.
            #expect(throws: BusError.self) { try system.linuxRead(PhysicalAddress(0x1001_F000), count: 4).get() }
            return system.linux.findings.kept.map(\.finding)
        }
        #expect(try findings(nil).map(\.name) == [])
        for (word, rule, function) in [
            ("descriptor", "descriptor-rewritten", "fault_descriptor"), ("twice", "buffer-returned-twice", "vring_give_back"),
            ("late", "buffer-written-after-return", "fault_late"), ("status", "table-rewritten", "fault_status"),
        ] {
            let found = try findings(word).first { $0.evidence != nil }
            #expect(found?.name == rule)
            if M4Board.recordsAccesses { #expect(found?.evidence?.writer?.symbol?.hasPrefix(function) == true, "\(word)") }
        }
    }

    @Test(
        "Injected faults of Linux's doorbells are not blamed on the firmware",
        arguments: [
            "drop,to-firmware", "drop,to-firmware,vq1", "drop,to-firmware,every=2", "delay=5ms,to-firmware", "coalesce=3,to-firmware,vq1",
            "drop,to-firmware,one-in=3,seed=7",
        ])
    func lostDoorbells(rule: String) throws {
        for sample in ["tty-echo", "swift-echo"] {
            var configuration = try Samples.configuration(.elf)
            configuration.sanitizing = .rings
            configuration.linux.kickFaults = [try KickFault(rule)]
            let system = try MP1System(configuration)
            try system.start(Samples.elf(sample), name: sample)
            // Firmware that sleeps until the first doorbell never announces its tty when all are lost.
            let tty = try? system.openTTY(0)
            for i in 0..<8 {
                try tty?.send("message \(i)\n")
                system.run(for: .milliseconds(300))
            }
            system.run(for: .seconds(2))
            #expect(system.linux.kickFaultCount > 0)
            try system.stop()
            #expect(system.linux.findings.kept.map(\.finding).filter { $0.evidence != nil }.map { "\($0)" } == [], "\(sample)")
        }
    }

    @Test("The sanitizer, with writers or without, changes nothing that a run shows")
    func changesNothing() throws {
        func life(_ sanitizing: Sanitizing) throws -> [String] {
            let system = try Self.system(sanitizing)
            let transcript = Transcript(system)
            try system.start(Samples.elf("tty-echo"), name: "tty-echo")
            try Terminal.exchange(system)
            system.run(for: .milliseconds(100))
            try system.stop()
            return transcript.lines + ["\(system.now) \(system.board.core.retired) \(system.board.core.registers)"]
        }
        let off = try life(.off)
        #expect(off.count > 10)
        #expect(try life(.rings) == off)
        #expect(try life(.writers) == off)
    }
}
