// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// Firmware that resets itself while boot is held.
@Suite struct FirmwareResetTests {
    /// AIRCR.SYSRESETREQ at once.
    static let resets = ModelGapTests.pokes([(0xE000_ED0C, 0x05FA_0004)], then: [0xE7FE])

    @Test("With boot held a reset of the firmware's own leaves the M4 in reset and Linux says running")
    func reset() throws {
        let file = try Scratch.write(Self.resets, "resets-itself.elf")
        let result = try Command.run(["run", file, "--boot", "elf", "--for", "2ms", "--json", "--recover", "1"], in: Scratch.folder)
        let object = try ModelGapTests.object(result)
        #expect(object["exit"] as? Int == 0)
        #expect(object["crashes"] as? Int == 0)
        #expect(result.err.contains("m4run: the firmware has reset the M4 (AIRCR.SYSRESETREQ): boot is held, so it stays in reset, and Linux does not hear of it\n"))
        #expect(!result.err.contains("crash detected"))
    }

    @Test("A served run goes on with the M4 in reset: the state is running, and stop works")
    func servedReset() throws {
        let served = try ServedRun("--control", "$DIR", "--no-fuse", image: try Scratch.write(Self.resets, "resets-served.elf"))
        try served.wait(for: "control")
        // Its files are there before it has started.
        let state = try served.shell("for n in $(seq 300); do s=$($M4RUN ctl $DIR state); [ $s = offline ] || break; sleep 0.1; done; echo $s")
        #expect(state.out == "running\n")
        #expect(try served.shell("$M4RUN ctl $DIR state stop && $M4RUN ctl $DIR state").out == "offline\n")
        #expect(try served.end().err.contains("boot is held, so it stays in reset"))
    }
}
