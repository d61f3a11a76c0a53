// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceTreeFixtures
import Foundation
import Testing

/// Names and texts of firmware, files and users, in every message that can carry them: none commands a terminal or forges a line.
@Suite("Foreign text commands no terminal") struct ForeignTextTests {
    /// A name of at most `count` bytes that a terminal would obey, with a line of its own in it.
    static func hostile(_ count: Int) -> [UInt8] { Array(Array("\u{1B}[31m\nforged\u{202E}\u{9B}7m\u{7}\tx".utf8).prefix(count)) }
    static let name = "\u{1B}[31m\nforged\u{202E}\u{9B}1m\u{7}"

    /// The steering sample, run as a user would who debugs it.
    @Test(
        "What firmware names and prints",
        arguments: [
            ["run", "--send", "hi", "--log-level", "debug"], ["run", "--until", "never", "--for", "20ms"], ["run", "--to", "nosuch", "--send", "hi"],
            ["run", "--json", "--send", "hi"], ["run", "--send", "hi", "--strict"], ["run", "--to", name, "--send", "hi"],
            ["run", "--expect", name, "--send", "hi"], ["doctor"], ["doctor", "--json"], ["doctor", "--log-level", "debug"],
        ])
    func firmware(_ arguments: [String]) throws {
        let result = try Command.run([arguments[0], try Scratch.elf("steering"), "--boot", "elf"] + arguments.dropFirst(), in: Scratch.folder)
        // What the firmware has sent is data, and stays as it is.
        let isData = arguments[0] == "run" && !arguments.contains("--json")
        try check(result, stdoutIsData: isData, arguments)
        #expect(!result.err.isEmpty || !result.out.isEmpty)
        if arguments.contains("--json") {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(result.outBytes)) as? [String: Any])
            let names = (object["channels"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
            #expect(names?.contains("\u{1B}[31m\u{1B}]0;title\u{7}") == true, "the name itself, for who reads JSON")
        }
    }

    @Test("Bytes that are not UTF-8 are themselves, as escapes, in the names that firmware gives and in what it prints; two names stay two")
    func otherBytes() throws {
        let elf = try Scratch.elf("steering")
        let run = try Command.run("run", elf, "--boot", "elf", "--send", "hi", "--json")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(run.outBytes)) as? [String: Any])
        let names = try #require((object["channels"] as? [[String: Any]])?.compactMap { $0["name"] as? String })
        #expect(names.contains(#"\xff\xfe\xc3"#) && names.contains(#"\xff\xfe\xc2"#) && names.contains(#"\x5cxff\x5cxfe\x5cxc3"#))
        #expect(names.count == 10 && Set(names.map { Array($0.utf8) }).count == 10)
        #expect((object["traces"] as? [String])?.contains { $0.contains(#"\xff\xfe x"#) } == true && !run.out.contains("\u{FFFD}"))
        for text in [run.err, try Command.run("doctor", elf, "--boot", "elf").out] {
            #expect(!text.contains("\u{FFFD}") && text.contains(#"\xff\xfe\xc2"#) && text.contains(#"\x5cxff"#), "\(text)")
        }
        // As it is shown it names the channel, and no other.
        for (name, address) in [(#"\xff\xfe\xc2"#, "0x406"), (#"\x5cxff\x5cxfe\x5cxc3"#, "0x407"), ("caf\u{E9}", "0x408"), ("cafe\u{301}", "0x409")] {
            let bound = try Command.run("run", elf, "--boot", "elf", "--bind", name + "=rpmsg-tty", "--log-level", "debug", "--for", "20ms")
            let lines = bound.lines.filter { $0.contains("New channel: ") && $0.hasSuffix("ttyRPMSG1") }
            #expect(lines.count == 1 && lines.first?.contains("-> \(address): ") == true, "\(name): \(lines)")
        }
    }

    /// Functions of an ELF renamed to `hostile`, in the string table.
    private func renamed(_ sample: String, _ functions: String...) throws -> [UInt8] {
        var image = try Scratch.bytes(Scratch.elf(sample))
        for function in functions {
            let old = Array("\0\(function)\0".utf8)
            let at = try #require((0..<image.count - old.count).last { Array(image[$0..<$0 + old.count]) == old }, "\(function) is in the string table")
            image.replaceSubrange(at + 1..<at + 1 + function.utf8.count, with: Self.hostile(function.utf8.count))
        }
        return image
    }

    @Test("Names of functions, in reports of breakpoints, watchpoints, faults, findings and time-outs")
    func symbols() throws {
        let echo = try Scratch.write(try renamed("tty-echo", "main", "rpmsg_serve", "rpmsg_receive_all"), "renamed-echo.elf")
        let crasher = try Scratch.write(try renamed("crasher", "main", "rpmsg_serve", "rpmsg_receive_all"), "renamed-crasher.elf")
        let faults = try Scratch.write(try renamed("ring-faults", "fault_descriptor"), "renamed-faults.elf")
        for arguments in [
            [echo, "--break", "rpmsg_send", "--send", "hi"], [echo, "--watch", "rung", "--send", "hi"], [echo, "--break", Self.name],
            [echo, "--send", "hi", "--until", "never", "--for", "10ms"], [crasher, "--send", "hardfault"], [crasher, "--send", "spin", "--expect", "never"],
            [crasher, "--send", "hardfault", "--json"], [faults, "--send", "descriptor", "--sanitize"],
        ] {
            let result = try Command.run(["run"] + arguments + ["--boot", "elf"], in: Scratch.folder)
            #expect(result.status != 0 || arguments.contains("--sanitize"))
            try check(result, stdoutIsData: !arguments.contains("--json"), arguments)
        }
        try check(try Command.run("doctor", crasher, "--boot", "elf"), stdoutIsData: false, ["doctor"])
    }

    @Test("Names in a resource table, a device tree, a key file and a batch")
    func files() throws {
        var image = try Scratch.bytes(Scratch.elf("tty-echo"))
        let trace = Array("cm4_log\0".utf8)
        let at = try #require((0..<image.count - trace.count).first { Array(image[$0..<$0 + trace.count]) == trace })
        image.replaceSubrange(at..<at + 28, with: Self.hostile(28))
        let elf = try Scratch.write(image, "trace-name.elf")
        let tree = dk2()
        tree.set("model", strings(Self.name))
        tree[DK2.node].set("firmware-name", strings(Self.name))
        tree[DK2.node].set("mbox-names", strings(Self.name, "vq1", "shutdown", "detach"))
        let dtb = try Scratch.write(tree.blob, "names.dtb")
        let refused = dk2()
        refused[DK2.node].set("status", strings(Self.name))
        let disabled = try Scratch.write(refused.blob, "names-disabled.dtb")
        let key = try Scratch.write(Array("-----BEGIN \u{1B}[31m\u{9B}1m-----\nAAAA\n-----END \u{1B}[31m\u{9B}1m-----\n".utf8), "label.pem")
        let label = Self.hostile(40) + [0xFF, 0xC3]
        let pack = try Scratch.write(words(UInt32(label.count), 4) + label + [1, 2, 3, 4], "labels.pack")
        for arguments in [
            ["inspect", elf], ["inspect", elf, "--json"], ["run", elf, "--boot", "elf", "--for", "5ms", "--log-level", "debug"], ["doctor", elf, "--boot", "elf"],
            ["dt", dtb], ["dt", dtb, "--json"], ["dt", disabled], ["run", try Scratch.elf("tty-echo"), "--dtb", dtb, "--for", "5ms"],
            ["run", try Scratch.elf("tty-echo"), "--dtb", disabled], ["verify", try Scratch.signed("tty-echo"), "--key", key],
            ["sign", "--in", elf, "--key", key, "--out", "x.signed"], ["verify", "--batch", pack, "--unverified"],
        ] {
            let result = try Command.run(arguments, in: Scratch.folder)
            try check(result, stdoutIsData: false, arguments)
            if arguments.contains("--batch") { #expect(result.out.split(separator: "\n").count == 1 && result.out.split(separator: "\t").count == 4) }
        }
    }

    @Test("Names of files, folders and options on the command line")
    func commandLine() throws {
        let elf = try Scratch.write(try Scratch.bytes(Scratch.elf("tty-echo")), Self.name + ".elf")
        let garbage = try Scratch.write(Array("nothing of the kind".utf8), Self.name + ".bin")
        let signed = try Scratch.write(try Scratch.bytes(Scratch.signed("tty-echo")), Self.name + ".signed")
        let missing = "no" + Self.name
        var commands = [
            ["run", elf, "--boot", "elf", "--for", "5ms"], ["run", elf], ["run", signed, "--unverified", "--for", "5ms"], ["run", signed, "--key", try Scratch.key("other")],
            ["doctor", elf, "--boot", "elf"], ["doctor", signed, "--unverified", "--json"], ["exec", elf, "--for", "1ms"], ["inspect", signed], ["verify", signed, "--unverified"],
            ["verify", signed, "--unverified", "--json"], ["sign", "--in", elf, "--key", "keys/private.pem", "--out", Self.name + ".out"],
            ["extract", signed, "-o", Self.name + ".d"], ["keygen", "--out", Self.name + ".k"], ["run", elf, "--boot", "elf", "--coredump", missing + "/core"],
            ["ctl", missing, "state"], ["ctl", "keys", Self.name], ["run", elf, "--boot", "elf", "--control", Self.name + ".elf"],
            [Self.name], ["run", elf, Self.name], ["run", elf, "--for", Self.name], ["run", elf, "--boot", Self.name], ["run", elf, "--kick-fault", Self.name],
            ["run", elf, "--boot", "elf", "--watch", Self.name], ["sign", "--plat-tlv", Self.name], ["run", "--" + Self.name],
        ]
        for file in [garbage, missing] {
            commands += [
                ["run", file, "--boot", "elf"], ["run", file, "--unverified"], ["doctor", file, "--boot", "elf"], ["exec", file], ["inspect", file], ["inspect", file, "--json"],
                ["verify", file, "--unverified"], ["verify", file, "--unverified", "--explain"], ["extract", file], ["dt", file], ["dt", file, "--json"],
                ["sign", "--in", file, "--key", "keys/private.pem", "--out", "y.signed"], ["sign", "--in", elf, "--key", file, "--out", "y.signed"],
                ["run", elf, "--dtb", file], ["verify", signed, "--key", file], ["verify", "--batch", file, "--unverified"],
            ]
        }
        for arguments in commands { try check(try Command.run(arguments, in: Scratch.folder), stdoutIsData: false, arguments) }
    }

    @Test("What a served run answers to ctl, and writes to its log")
    func served() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse", "--log-level", "debug", image: try Scratch.elf("steering"))
        try run.wait(for: "dev/ttyRPMSG0")
        for arguments in [
            ["state", Self.name], ["firmware", Self.name], [Self.name, "x"], ["no" + Self.name.filter { $0 != "\n" }, "x"], ["rpmsg_ctrl0", "create-endpoint", Self.name, "any", "0x400"],
            ["rpmsg_ctrl0", "destroy-endpoint", Self.name], ["rpmsg_ctrl0", "create-channel", Self.name, "1", "2"], ["rpmsg_ctrl0", "release-channel", Self.name, "1", "3"],
        ] {
            try check(try Command.run(["ctl", run.folder.path] + arguments, in: Scratch.folder), stdoutIsData: false, arguments)
        }
        let end = try run.end(SIGTERM)
        try check(Command.Result(status: end.status, wasKilled: false, outBytes: [], errBytes: Array(end.err.utf8)), stdoutIsData: true, ["served"])
    }

    /// No byte that steers; nothing that is not UTF-8; no line that a name has begun.
    private func check(_ result: Command.Result, stdoutIsData: Bool, _ what: [String]) throws {
        #expect(!result.wasKilled, "\(what)")
        for (stream, bytes) in [("stderr", result.errBytes), ("stdout", stdoutIsData ? [] : result.outBytes)] {
            let text = try #require(String(validating: bytes, as: UTF8.self), "\(stream) of \(what) is UTF-8")
            let steering = text.unicodeScalars.filter { $0 != "\n" && $0 != "\t" && [.control, .format, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory) }
            #expect(steering.isEmpty, "\(stream) of \(what) has \(steering.map { String($0.value, radix: 16) }): \(text)")
            #expect(!text.split(separator: "\n").contains { $0.hasPrefix("forg") || $0.hasPrefix("[    0.000000] forged") }, "\(stream) of \(what): \(text)")
        }
    }

    private func words(_ values: UInt32...) -> [UInt8] { values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) } } }
}
