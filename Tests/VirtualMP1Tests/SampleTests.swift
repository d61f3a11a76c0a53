// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import SecureLoader
import Testing
import VirtualMP1

@Suite struct SampleTests {
    @Test("An echo comes back on both ttys", arguments: [BootSequence.teeV3, .elf], ["tty-echo", "tty-echo-st-layout"])
    func echo(boot: BootSequence, sample: String) throws {
        let system = try Samples.started(sample, boot)
        for index in 0..<2 {
            let tty = try system.openTTY(index)
            try tty.send("hello \(index)\n")
            #expect(try tty.readLine() == "hello \(index)")
        }
        try system.stop()
        #expect(system.linux.state == .offline)
        #expect(system.board.isHeld)
    }

    @Test("The Swift guide's ten lines")
    func readme() throws {
        let image = try Samples.signed("tty-echo"), key = try Samples.key.get().trusted

        let mp1 = try MP1System(SystemConfiguration(boot: .teeV3, signatures: .trusted([key])))
        try mp1.start(image)
        let tty = try mp1.openTTY(0)
        try tty.send("hello\n")
        #expect(try tty.readLine() == "hello")
        #expect(mp1.trace(0)?.contains("announced rpmsg-tty at 0x400") == true)
        try mp1.stop()
    }

    @Test("Firmware in Embedded Swift echoes too", arguments: [BootSequence.teeV3, .elf])
    func embeddedSwift(boot: BootSequence) throws {
        let system = try Samples.started("swift-echo", boot)
        let tty = try system.openTTY(0)
        try tty.send("swift\n")
        #expect(try tty.readLine() == "swift")
    }

    @Test("The kernel's client sample has its hundred messages answered and says goodbye", arguments: [BootSequence.teeV3, .elf])
    func clientSample(boot: BootSequence) throws {
        let system = try MP1System(Samples.configuration(boot))
        let transcript = Transcript(system)
        try system.start(boot.usesTEE ? Samples.signed("client-sample") : Samples.elf("client-sample"))
        system.run(for: .seconds(1)) { transcript.kernelLog.last?.hasSuffix("goodbye!") == true }
        #expect(transcript.kernelLog.contains { $0.hasSuffix("incoming msg 100 (src: 0x400)") })
        #expect(transcript.kernelLog.last?.hasSuffix("goodbye!") == true)
        #expect(system.linux.messageCounts.sent == 100)
    }

    @Test("Both boot sequences exchange the same messages")
    func sameExchange() throws {
        func exchange(_ boot: BootSequence) throws -> [UInt8] {
            let system = try Samples.started("tty-echo", boot)
            let tty = try system.openTTY(0)
            for n in 0..<50 { try tty.send("message \(n)\n") }
            return try tty.read(count: 540)
        }
        #expect(try exchange(.teeV3) == exchange(.elf))
    }

    @Test("Messages as long as a buffer, and longer writes in pieces, come back whole")
    func longMessages() throws {
        let system = try Samples.started("tty-echo")
        let tty = try system.openTTY(1)
        let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try tty.send(bytes)
        #expect(try tty.read(count: 5000) == bytes)
    }

    @Test("The firmware acknowledges the shutdown mailbox, so that a stop takes no time-out")
    func shutdown() throws {
        let system = try Samples.started("tty-echo")
        _ = try system.openTTY(1)
        let transcript = Transcript(system)
        let before = system.now
        try system.stop()
        #expect(system.now - before < .milliseconds(100))
        #expect(transcript.kernelLog.last?.hasSuffix("remoteproc remoteproc0: stopped remote processor m4") == true)
        #expect(!transcript.kernelLog.contains { $0.contains("without ack") })
    }
}
