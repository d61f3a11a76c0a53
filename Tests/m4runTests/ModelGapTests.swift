// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// What firmware asks of the chip and m4run does not model: told, counted, and never an `ok` without a word.
@Suite struct ModelGapTests {
    /// Firmware that writes words to addresses, then executes `rest`.
    static func pokes(_ writes: [(UInt32, UInt32)], then rest: [UInt16]) -> [UInt8] {
        var code: [UInt16] = []
        let count = writes.count * 3 + rest.count, literals = 8 + 2 * (count + count % 2)
        func load(_ register: Int, literal: Int) {
            let base = (8 + 2 * code.count + 4) & ~3
            code.append(0x4800 | UInt16(register) << 8 | UInt16((literals + 4 * literal - base) / 4))
        }
        for number in writes.indices {
            load(0, literal: 2 * number)
            load(1, literal: 2 * number + 1)
            code.append(0x6001)  // str r1, [r0]
        }
        code += rest + (count % 2 == 0 ? [] : [0xBF00])
        return TinyFirmware(code: code, literals: writes.flatMap { [$0.0, $0.1] }).elf
    }
    static let sleep: [UInt16] = [0xBF30, 0xE7FD]  // wfi; b .-2
    static func run(_ elf: [UInt8], _ name: String, _ options: String...) throws -> Command.Result {
        try Command.run(["run", Scratch.write(elf, name), "--boot", "elf"] + options, in: Scratch.folder)
    }
    static func object(_ result: Command.Result) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(result.outBytes)) as? [String: Any])
    }

    /// TIM2's update to stream 2 of DMA2, as ST's logic analyser has it.
    static let timerToDMA = pokes([(0x4800_2028, 22), (0x4800_1040, 1 << 6 | 1), (0x4000_000C, 1 << 8)], then: sleep)

    @Test("A stream whose request never comes is told with its request, in the log and in JSON, and strict runs fail")
    func stream() throws {
        let told = try Self.run(Self.timerToDMA, "tim2-up.elf", "--for", "2ms")
        #expect(told.status == 0)
        #expect(told.err.contains(
            "m4run: DMA2 stream 2: DMAMUX1 request 22, TIM2_UP (S2CR.EN = 1 at 0x48001040) is not modelled: TIM2 makes no DMA requests\n"))
        #expect(told.err.contains("m4run: TIM2: DMA requests at an update (DIER.UDE = 1 at 0x4000000c) is not modelled: no request is made\n"))
        #expect(told.err.contains("m4run: at the end this was still on: DMA2 stream 2: DMAMUX1 request 22, TIM2_UP (S2CR.EN = 1 at 0x48001040) is not modelled"))
        let strict = try Self.run(Self.timerToDMA, "tim2-up.elf", "--for", "2ms", "--strict")
        #expect(strict.status == 7)
        #expect(strict.err.contains("--strict: 2 findings, the first at 0.0000"))
        let object = try Self.object(try Self.run(Self.timerToDMA, "tim2-up.elf", "--for", "2ms", "--json", "--log-level", "quiet"))
        let unsupported = try #require(object["unsupported"] as? [[String: Any]])
        #expect(unsupported.count == 2)
        let stream = try #require(unsupported.first)
        #expect(stream["name"] as? String == "unsupported-feature")
        #expect(stream["block"] as? String == "DMA2")
        #expect(stream["stream"] as? Int == 2)
        #expect(stream["request"] as? String == "TIM2_UP")
        #expect(stream["address"] as? Int == 0x4800_1040)
        #expect((stream["virtual_nanoseconds"] as? Int ?? 0) < 2_000_000)
        #expect((object["findings"] as? [String])?.count == 2)
        #expect((object["waits_for"] as? [[String: Any]])?.map { $0["kind"] as? String } == ["feature", "feature"])
        #expect((object["unmodelled"] as? [Any])?.isEmpty == true)
    }

    @Test("Firmware that polls a register of a block without a model says so in its last lines, and JSON has it once")
    func polls() throws {
        // ldr r0, [pc, #4]; ldr r1, [r0]; b .-2 (back to the load)
        let elf = TinyFirmware(code: [0x4801, 0x6801, 0xE7FD], literals: [0x4001_5018]).elf
        let told = try Self.run(elf, "polls-i2c5.elf", "--for", "2ms")
        #expect(told.status == 0)
        #expect(told.err.contains("m4run: at the end the M4 still polled I2C5.ISR (0x40015018), and m4run has no model of I2C5\n"))
        let object = try Self.object(try Self.run(elf, "polls-i2c5.elf", "--for", "2ms", "--json", "--log-level", "quiet"))
        #expect(object["result"] as? String == "ok")
        let unmodelled = try #require(object["unmodelled"] as? [[String: Any]])
        #expect(unmodelled.map { $0["name"] as? String } == ["I2C5.ISR"])
        #expect(unmodelled.first?["block_modelled"] as? Bool == false)
        #expect(unmodelled.first?["writes"] as? Int == 0)
        #expect((unmodelled.first?["reads"] as? Int ?? 0) > 1000)
        let waits = try #require(object["waits_for"] as? [[String: Any]])
        #expect(waits.map { $0["name"] as? String } == ["I2C5.ISR"])
        #expect(waits.first?["block"] as? String == "I2C5")
    }

    @Test("exec tells of both, too")
    func bare() throws {
        let polls = TinyFirmware(code: [0x4801, 0x6801, 0xE7FD], literals: [0x4001_5018]).elf
        let told = try Command.run("exec", Scratch.write(polls, "polls-bare.elf"), "--for", "2ms")
        #expect(told.status == 5)
        #expect(told.err.contains("m4run: at the end the M4 still polled I2C5.ISR (0x40015018), and m4run has no model of I2C5\n"))
        let stream = try Command.run("exec", Scratch.write(Self.timerToDMA, "tim2-bare.elf"), "--for", "2ms")
        #expect(stream.err.contains("DMAMUX1 request 22, TIM2_UP (S2CR.EN = 1 at 0x48001040) is not modelled: TIM2 makes no DMA requests\n"))
    }

    @Test("An interrupt of a block without a model that was set up and enabled, and never came, is told at the end; one of an untouched block is not")
    func interrupt() throws {
        // I2C2.CR1 = PE; NVIC_ISER1: 33, I2C2_EVT. SPI4's 84 in NVIC_ISER2 is enabled, too, and SPI4 was never touched.
        let elf = Self.pokes([(0x4001_3000, 1), (0xE000_E104, 1 << 1), (0xE000_E108, 1 << 20)], then: Self.sleep)
        let told = try Self.run(elf, "i2c2-slave.elf", "--for", "2ms")
        #expect(told.status == 0)
        #expect(told.err.contains("m4run: at the end this was enabled and had never come: interrupt 33 (I2C2_EVT), and m4run has no model of I2C2\n"))
        let object = try Self.object(try Self.run(elf, "i2c2-slave.elf", "--for", "2ms", "--json", "--log-level", "quiet"))
        let waits = try #require(object["waits_for"] as? [[String: Any]])
        #expect(waits.map { $0["kind"] as? String } == ["interrupt"])
        #expect(waits.first?["name"] as? String == "I2C2_EVT")
        #expect(waits.first?["block"] as? String == "I2C2")
    }

    @Test("A register that was polled and given up is not waited for")
    func gaveUp() throws {
        // ldr r0, [pc, #8]; movs r2, #200; ldr r1, [r0]; subs r2, #1; bne .-4; wfi; b .-2
        let elf = TinyFirmware(code: [0x4803, 0x22C8, 0x6801, 0x3A01, 0xD1FC, 0xBF30, 0xE7FD, 0xBF00], literals: [0x4001_5018]).elf
        let told = try Self.run(elf, "gives-up.elf", "--for", "2ms")
        #expect(told.status == 0)
        #expect(told.err.contains("unmodelled register I2C5.ISR"))
        #expect(!told.err.contains("at the end"))
    }
}
