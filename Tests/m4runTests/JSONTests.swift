// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// `m4run run --json`: what a script relies on.
@Suite struct JSONTests {
    static let keys: Set<String> = [
        "boot", "channels", "crashes", "cycle_model", "cycles", "error", "exit", "fault", "findings", "halt", "image", "instructions", "m4", "messages_from_firmware",
        "messages_to_firmware", "output", "received", "received_bytes", "result", "state", "stop", "traces", "unmodelled", "unsupported",
        "virtual_nanoseconds", "waits_for", "wall_seconds",
    ]

    private func object(_ result: Command.Result) throws -> [String: Any] {
        let object = try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any])
        #expect(Set(object.keys) == Self.keys)
        #expect(object["exit"] as? Int == Int(result.status))
        return object
    }

    @Test("A run that went well")
    func fine() throws {
        let run = try object(try Scratch.run("tty-echo", "--json", "--send", "ping", "--expect", "ping", "--log-level", "quiet"))
        #expect(run["result"] as? String == "ok")
        #expect(run["boot"] as? String == "tee-v3")
        #expect(run["image"] as? String == "tty-echo.signed")
        #expect(run["received"] as? String == "ping\n")
        #expect(run["state"] as? String == "offline")
        #expect(run["error"] is NSNull)
        #expect(run["fault"] is NSNull)
        let channels = try #require(run["channels"] as? [[String: Any]])
        #expect(channels.map { $0["name"] as? String } == ["rpmsg-tty", "rpmsg-tty"])
        #expect(channels.map { $0["address"] as? Int } == [0x400, 0x401])
        #expect((run["traces"] as? [String])?.first?.contains("announced rpmsg-tty at 0x400\n") == true)
        #expect(run["messages_to_firmware"] as? Int == 1)
    }

    @Test("A run that did not, for each reason", arguments: [
        ("expectation-not-met", ["tty-echo", "--send", "a", "--expect", "never said"]),
        ("fault", ["crasher", "--send", "bus"]),
        ("refused", ["tty-echo", "--key", "other/public.pem"]),
        ("limit", ["crasher", "--to", "ttyRPMSG1", "--send", "a"]),
    ])
    func reasons(name: String, arguments: [String]) throws {
        _ = try Scratch.key()
        var arguments = arguments
        let image = try Scratch.signed(arguments.removeFirst())
        if !arguments.contains("--key") { arguments += ["--key", "keys/public.pem"] }
        let run = try object(try Command.run(["run", image, "--json", "--log-level", "quiet"] + arguments, in: Scratch.folder))
        #expect(run["result"] as? String == name)
        #expect((run["error"] as? String)?.isEmpty == false)
        guard name == "fault" else { return }
        let fault = try #require(run["fault"] as? [String: Any])
        #expect(fault["exception"] as? String == "BusFault")
        #expect(fault["bfar"] as? Int == 0x6000_0000)
        #expect((fault["flags"] as? [String])?.contains("PRECISERR") == true)
        #expect((fault["registers"] as? [Int])?.count == 16)
        #expect((fault["history"] as? [Int])?.isEmpty == false)
        #expect(run["stop"] as? String == "fault")
    }

    @Test("An image that is refused before anything starts has its object too")
    func refusedAtOnce() throws {
        let run = try object(try Command.run("run", Scratch.elf("tty-echo"), "--json"))
        #expect(run["result"] as? String == "refused")
        #expect(run["instructions"] as? Int == 0)
    }

    @Test("A command that fails before it has anything to report prints what failed, and one that reports its status", arguments: [
        (["run", "nosuch", "--unverified"], 2), (["doctor", "nosuch", "--unverified"], 2), (["inspect", "nosuch"], 2), (["verify", "nosuch", "--unverified"], 2), (["dt", "nosuch"], 2),
        (["verify", "tty-echo.elf", "--key", "nosuch"], 2), (["verify", "tty-echo.elf", "--unverified"], 4), (["inspect", "tty-echo.elf"], 0),
        (["doctor", "tty-echo.elf", "--boot", "elf"], 0), (["doctor", "doctor-silent.elf", "--boot", "elf", "--to", "nosuch"], 1),
    ] as [([String], Int)])
    func everyObject(arguments: [String], status: Int) throws {
        for sample in ["tty-echo", "doctor-silent"] { _ = try Scratch.elf(sample) }
        let result = try Command.run(arguments + ["--json"], in: Scratch.folder)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any], "\(result.err)")
        #expect(Int(result.status) == status && object["exit"] as? Int == status, "\(result.out)\(result.err)")
        guard status == 2 else { return }
        #expect(Set(object.keys) == ["error", "exit", "image", "result"] && object["result"] as? String == "usage")
        #expect("m4run: \(object["error"] as? String ?? "")\n" == result.err)
        #expect(object["image"] as? String == arguments[1])
    }

    @Test("inspect says of a plain ELF that nobody has checked a signature")
    func plainELF() throws {
        let result = try Command.run("inspect", Scratch.elf("tty-echo"), "--json")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any])
        #expect(object["signatureChecked"] as? Bool == false)
        #expect((object["refusal"] as? [String: Any])?["check"] as? String == "chunkLengths")
    }

    @Test("Two runs have the same object but for the wall time")
    func repeats() throws {
        func run() throws -> [String] {
            try Scratch.run("tty-echo", "--json", "--send", "x").out.split(separator: "\n").map(String.init).filter { !$0.contains("\"wall_seconds\"") }
        }
        let first = try run()
        #expect(first.count > 20)
        #expect(try run() == first)
    }
}
