// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Testing

@Suite struct KickFaultCommandTests {
    @Test("A doorbell that never reaches the firmware leaves its message unanswered; one that is only late does not")
    func faults() throws {
        let elf = try Scratch.elf("tty-echo")
        let lost = try Command.run("run", elf, "--boot", "elf", "--send", "a", "--kick-fault", "drop,to-firmware,vq1")
        #expect(lost.status == 5 && lost.out.isEmpty, "\(lost.err)")
        let late = try Command.run("run", elf, "--boot", "elf", "--send", "a", "--kick-fault", "delay=2ms,to-firmware,vq1")
        #expect(late.status == 0 && late.out == "a\n", "\(late.err)")
        let wrong = try Command.run("run", elf, "--boot", "elf", "--kick-fault", "explode,to-linux")
        #expect(wrong.status == 2 && wrong.err.contains("explode"), "\(wrong.err)")
    }

    @Test("A rule that lacks something is told once, and the help says what a rule needs")
    func incomplete() throws {
        let result = try Command.run("run", "x", "--kick-fault", "drop")
        #expect(result.status == 2)
        #expect(result.lines.first == "m4run: The value 'drop' is invalid for '--kick-fault <rule>': the rule lacks the direction: to-firmware or to-linux")
        #expect(try Command.run("run", "--help").out.split(whereSeparator: \.isWhitespace).joined(separator: " ").contains("and a direction, to-firmware or to-linux;"))
    }
}
