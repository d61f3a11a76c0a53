// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// `doctor`, and what `run` says of the same causes.
@Suite struct DoctorCommandTests {
    private static func doctor(_ sample: String, _ more: String...) throws -> Command.Result {
        try Command.run(["doctor", Scratch.elf("doctor-\(sample)"), "--boot", "elf"] + more, in: Scratch.folder)
    }

    @Test("Firmware that does not talk to Linux and runs well is status 0, and a plain sentence")
    func withoutRpmsg() throws {
        let result = try Self.doctor("blinks")
        #expect(result.status == 0, "\(result.out)")
        #expect(result.out.hasPrefix("doctor-blinks.elf: fine. It runs, and does not talk to Linux"))
        #expect(try Self.doctor("waits-for-block-alone").status == 1)
    }

    @Test("A feature that a block lacks is told when it is switched on and waited for")
    func feature() throws {
        let result = try Command.run("doctor", Scratch.write(ModelGapTests.timerToDMA, "doctor-tim2-up.elf"), "--boot", "elf", "--for", "20ms")
        #expect(result.status == 1)
        #expect(result.out.contains("unmodelled-feature. DMA2 stream 2: DMAMUX1 request 22, TIM2_UP"), "\(result.out)")
    }

    @Test("A name without a driver is told with the way out, and each way works")
    func wayOut() throws {
        let result = try Self.doctor("no-driver")
        #expect(result.status == 1)
        for way in ["--bind rpmsg-tty-channel=rpmsg-tty", "--to rpmsg-tty-channel", "rpmsg_ctrl0 create-endpoint rpmsg-tty-channel any 0x400"] {
            #expect(result.out.contains(way), "\(way): \(result.out)")
        }
        for arguments in [["--bind", "rpmsg-tty-channel=rpmsg-tty"], ["--to", "rpmsg-tty-channel"]] {
            let bound = try Command.run(["doctor", Scratch.elf("doctor-no-driver"), "--boot", "elf"] + arguments, in: Scratch.folder)
            #expect(bound.status == 0 && bound.out.contains("it answers."), "\(bound.out)")
        }
        let tty = try Command.run("run", Scratch.elf("doctor-no-driver"), "--boot", "elf", "--bind", "rpmsg-tty-channel=rpmsg-tty", "--send", "hello", "--expect", "hello")
        #expect(tty.status == 0 && tty.out == "hello\n", "\(tty.err)")
        let channel = try Command.run("run", Scratch.elf("doctor-no-driver"), "--boot", "elf", "--to", "rpmsg-tty-channel", "--send", "hello", "--strict")
        #expect(channel.status == 0 && channel.out == "hello", "\(channel.err)")
    }

    @Test("--bind needs a name, and a driver that there is", arguments: ["=rpmsg-tty", "x=", "x", "x=tty", String(repeating: "x", count: 32) + "=rpmsg-tty"])
    func badBinding(text: String) throws {
        let result = try Command.run("run", Scratch.elf("tty-echo"), "--boot", "elf", "--bind", text)
        #expect(result.status == 2)
        #expect(result.err.contains("--bind"))
    }

    @Test("doctor attaches, takes kernels, doorbell faults, time-outs and core dumps as run does")
    func options() throws {
        let echo = try Scratch.elf("tty-echo")
        for more in [["--attach"], ["--kernel", "5.15"], ["--cycles", "coarse"], ["--mcu-clock", "hsi"], ["--timeout", "60s"], ["--recover", "1"]] {
            let result = try Command.run(["doctor", echo, "--boot", "elf", "--for", "300ms"] + more, in: Scratch.folder)
            #expect(result.status == 0, "\(more): \(result.out)\(result.err)")
        }
        let lost = try Command.run("doctor", echo, "--boot", "elf", "--kick-fault", "drop,to-linux,vq0")
        #expect(lost.status == 1 && lost.out.contains("no-kick"), "\(lost.out)")
        #expect(try Command.run("doctor", echo, "--attach").status == 2)
        let late = try Command.run("doctor", Scratch.elf("doctor-never-polls"), "--boot", "elf", "--for", "100000s", "--timeout", "500ms")
        #expect(late.status == 5 && late.err.contains("--timeout"), "\(late.out)\(late.err)")
    }

    @Test("--json says how far the conversation on each channel came")
    func json() throws {
        let result = try Self.doctor("silent", "--json")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(result.outBytes)) as? [String: Any])
        let channels = try #require(object["channels"] as? [[String: Any]])
        #expect(channels.map { $0["reply"] as? String } == ["taken", "answers"])
        #expect(channels.map { $0["answers"] as? Bool } == [false, true])
        #expect(object["rpmsg"] as? Bool == true && object["fine"] as? Bool == true)
    }

    @Test("Firmware with OpenAMP's habits of 2018 passes --strict")
    func oldOpenAMP() throws {
        let result = try Command.run("run", Scratch.elf("doctor-old-openamp"), "--boot", "elf", "--send", "hello", "--expect", "hello", "--strict")
        #expect(result.status == 0, "\(result.err)")
    }

    @Test("A run says of a trace buffer and of a segment what does not fit, with the region")
    func run() throws {
        let elf = try Scratch.bytes(Scratch.elf("tty-echo"))
        func word(_ offset: Int) -> Int { (0..<4).reduce(0) { $0 | Int(elf[offset + $1]) << ($1 * 8) } }
        func put(_ image: inout [UInt8], _ offset: Int, _ value: UInt32) { for i in 0..<4 { image[offset + i] = UInt8(truncatingIfNeeded: value >> (i * 8)) } }
        let program = word(28)
        // The last segment that has bytes: the table's.
        let index = try #require((0..<(Int(elf[44]))).last { word(program + 32 * $0) == 1 && word(program + 32 * $0 + 16) > 0 && word(program + 32 * $0 + 16) <= 0x400 })
        var straddling = elf
        put(&straddling, program + 32 * index + 12, 0x1003_FC00)
        put(&straddling, program + 32 * index + 20, 0xC00)
        let refused = try Command.run("run", Scratch.write(straddling, "straddle.elf"), "--boot", "elf")
        #expect(refused.status == 4)
        #expect(refused.err.contains("begins in mcuram2 0x10000000-0x1003ffff and ends 0x800 bytes beyond its end"), "\(refused.err)")
    }
}
