// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import MachineBase
import RprocHost
import Testing
import VirtualMP1

/// Lost doorbells as real firmware meets them.
@Suite struct KickFaultTests {
    private func system(_ boot: BootSequence, _ faults: [KickFault]) throws -> MP1System {
        var configuration = try Samples.configuration(boot)
        configuration.linux.kickFaults = faults
        let system = try MP1System(configuration)
        try system.start(boot.usesTEE ? Samples.signed("tty-echo") : Samples.elf("tty-echo"), name: "tty-echo")
        return system
    }

    @Test("A message whose doorbell is lost is stuck until the next one, and then both are answered in order", arguments: BootSequence.allCases)
    func dropped(boot: BootSequence) throws {
        let system = try system(boot, [KickFault(.drop, .toFirmware, ring: 1, .number(1))])
        let tty = try system.openTTY(0)
        try tty.send("lost\n")
        system.run(for: .milliseconds(100))
        #expect(system.linux.kickFaultCount == 1)
        #expect(tty.read().isEmpty)
        #expect(system.trace(0)?.contains("bytes from") == false)
        #expect(system.linux.diagnosis().contains("vring1: 1 messages wait that the firmware has not given back"))
        try tty.send("next!\n")
        #expect(try tty.readLine() == "lost")
        #expect(try tty.readLine() == "next!")
        let trace = try #require(system.trace(0))
        let first = try #require(trace.range(of: "0x400: 5 bytes from 0x400")), second = try #require(trace.range(of: "0x400: 6 bytes from 0x400"))
        #expect(first.lowerBound < second.lowerBound)
        #expect(system.linux.kickFaultCount == 1 && system.stopReason == nil)
    }
}
