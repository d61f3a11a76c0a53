// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// `m4run verify` and `extract`.
@Suite struct VerifyTests {
    private func pack(_ cases: [(label: String, image: [UInt8])]) -> [UInt8] {
        cases.flatMap { item -> [UInt8] in
            func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
            return word(item.label.utf8.count) + word(item.image.count) + Array(item.label.utf8) + item.image
        }
    }

    @Test("An image that the TA loads is status 0, one that it refuses status 4, with code, name and reason")
    func verdict() throws {
        let image = try Scratch.signed("tty-echo")
        let good = try Command.run("verify", image, "--key", Scratch.key())
        #expect(good.status == 0)
        #expect(good.out == "\(image): TEE_SUCCESS (0x00000000), resource table at 0x10020000, 140 bytes\n")
        let bad = try Command.run("verify", image, "--key", Scratch.key("other"))
        #expect(bad.status == 4)
        #expect(bad.out.hasPrefix("\(image): TEE_ERROR_SIGNATURE_INVALID (0xffff3072): "))
        #expect(try Command.run("verify", image, "--key", Scratch.key("other"), "--key", Scratch.key()).status == 0)
        let unverified = try Command.run("verify", image, "--unverified")
        #expect(unverified.status == 0 && unverified.err.contains("NOT checked"))
        // Who keeps stdout alone reads it there.
        #expect(unverified.out.hasSuffix(", 140 bytes; the signature was NOT checked\n"))
        let object = try Command.run("verify", image, "--unverified", "--json")
        #expect(object.out.contains("\"signature_checked\" : false") && object.err.contains("NOT checked"))
        #expect(try Command.run("verify", image, "--key", Scratch.key(), "--json").out.contains("\"signature_checked\" : true"))
    }

    @Test("--explain walks the checks in the TA's order, and says what was not reached")
    func explain() throws {
        let image = try Scratch.signed("tty-echo")
        let good = try Command.run("verify", image, "--key", Scratch.key(), "--explain")
        #expect(good.status == 0)
        let order = ["  magic  ", "  total size  ", "  signature  ", "  first ELF header  ", "  segment's hash  ", "  section names  ", "warning: image 0: "]
        let places = order.map { good.out.range(of: $0)?.lowerBound }
        #expect(places.allSatisfy { $0 != nil } && places.compactMap { $0 } == places.compactMap { $0 }.sorted())
        let bad = try Command.run("verify", Scratch.write(RefusalTests.tampered(Scratch.bytes(image)), "explained.signed"), "--unverified", "--explain")
        #expect(bad.status == 4)
        #expect(bad.out.contains("  NO  ") && bad.out.contains("\nnot reached: ") && bad.out.contains("TEE_ERROR_SECURITY"))
    }

    @Test("--json is one object, with result, checks and refusal")
    func json() throws {
        let image = try Scratch.signed("tty-echo")
        let result = try Command.run("verify", image, "--key", Scratch.key("other"), "--json")
        #expect(result.status == 4)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any])
        #expect((object["result"] as? [String: Any])?["name"] as? String == "TEE_ERROR_SIGNATURE_INVALID")
        #expect((object["checks"] as? [[String: Any]])?.count == 10)
        #expect((object["not_reached"] as? [String])?.first == "elfHeader")
        #expect(object["check"] as? String == "signature")
        #expect(object["resource_table"] is NSNull && object["offset"] is Int)
        let good = try Command.run("verify", image, "--key", Scratch.key(), "--json")
        let loaded = try #require(try JSONSerialization.jsonObject(with: Data(good.out.utf8)) as? [String: Any])
        #expect(Set(loaded.keys) == Set(object.keys) && loaded["check"] is NSNull)
        #expect((loaded["resource_table"] as? [String: Int])?["physicalAddress"] == 0x1002_0000)
    }

    @Test("A pack is judged a line a case, each by a fresh TA")
    func batch() throws {
        let good = try Scratch.bytes(Scratch.signed("tty-echo")), bad = RefusalTests.tampered(good)
        try Scratch.write(pack([("good", good), ("bad", bad), ("a\tb\\", good), ("", [])]), "four.pack")
        let result = try Command.run("verify", "--batch", "four.pack", "--key", Scratch.key())
        #expect(result.status == 0 && result.err.isEmpty)
        #expect(
            result.out == """
                good\t00000000\tTEE_SUCCESS\t0x10020000:0x8c
                bad\tffff000f\tTEE_ERROR_SECURITY\t-
                a\\x09b\\x5c\t00000000\tTEE_SUCCESS\t0x10020000:0x8c
                \tffff0006\tTEE_ERROR_BAD_PARAMETERS\t-

                """)
        let input = try FileHandle(forReadingFrom: URL(fileURLWithPath: Scratch.path("four.pack")))
        #expect(try Command.run("verify", "--batch", "-", "--key", Scratch.key(), input: input).out == result.out)
        try Scratch.write([], "empty.pack")
        let empty = try Command.run("verify", "--batch", "empty.pack", "--unverified")
        #expect(empty.status == 0 && empty.out.isEmpty)
    }

    @Test("On a terminal a long batch says how far it is, where its verdicts do not, and takes that away at the end")
    func batchProgress() throws {
        let terminal = try PseudoTerminal(), process = Process(), cases = Pipe(), verdicts = try Scratch.file("verdicts")
        process.executableURL = try Command.binary()
        process.arguments = ["verify", "--batch", "-", "--key", try Scratch.key()]
        process.environment = ProcessInfo.processInfo.environment.merging(["TERM": "xterm"]) { $1 }
        process.currentDirectoryURL = Scratch.folder
        (process.standardInput, process.standardOutput, process.standardError) = (cases, verdicts.handle, terminal.slave)
        try process.run()
        for number in 0..<6 {
            try cases.fileHandleForWriting.write(contentsOf: Data(pack([("case \(number)", [])])))
            usleep(120_000)
        }
        try cases.fileHandleForWriting.close()
        process.waitUntilExit()
        let text = try terminal.text(), lines = text.components(separatedBy: "\r\u{1B}[K")
        #expect(process.terminationStatus == 0 && lines.count >= 4 && lines.first == "" && lines.last == "", "\(text)")
        for line in lines.dropFirst().dropLast() { #expect(line.contains(#/^[0-9]+ images, [0-9]+/s$/#), "\(line)") }
    }

    @Test("Each verdict comes when it is known, before the next case of a pack that is still being written")
    func dialogue() throws {
        let good = try Scratch.bytes(Scratch.signed("tty-echo")), bad = RefusalTests.tampered(good)
        let process = Process(), cases = Pipe(), verdicts = Pipe()
        process.executableURL = try Command.binary()
        process.arguments = ["verify", "--batch", "-", "--key", try Scratch.key()]
        process.currentDirectoryURL = Scratch.folder
        (process.standardInput, process.standardOutput) = (cases, verdicts)
        try process.run()
        defer { process.terminate() }
        for (label, image, result) in [("first", good, "TEE_SUCCESS"), ("second", bad, "TEE_ERROR_SECURITY"), ("third", [], "TEE_ERROR_BAD_PARAMETERS")] {
            try cases.fileHandleForWriting.write(contentsOf: Data(pack([(label, image)])))
            var answer = pollfd(fd: verdicts.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
            try #require(poll(&answer, 1, 10_000) == 1, "a verdict on '\(label)' while standard input is open")
            let line = String(decoding: verdicts.fileHandleForReading.availableData, as: UTF8.self)
            #expect(line.hasPrefix("\(label)\t") && line.contains("\t\(result)\t") && line.hasSuffix("\n"))
        }
        try cases.fileHandleForWriting.close()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test("Verdicts end when their reader has gone, however much is left to judge, or to come")
    func abandonedBatch() throws {
        func run(_ input: FileHandle) throws -> Command.Result {
            let pipe = Pipe()
            try pipe.fileHandleForReading.close()
            return try Command.run(["verify", "--batch", "-", "--key", Scratch.key()], in: Scratch.folder, input: input, output: pipe.fileHandleForWriting)
        }
        // Cases without label and image, without end.
        let endless = try run(try #require(FileHandle(forReadingAtPath: "/dev/zero")))
        #expect(!endless.wasKilled && endless.status == 0 && endless.err.isEmpty)
        let silent = Pipe()
        let waiting = try run(silent.fileHandleForReading)
        #expect(!waiting.wasKilled && waiting.status == 0)
        try silent.fileHandleForWriting.close()
    }

    @Test("A pack that ends early or lies is one error with the offset, after the lines of what came before")
    func brokenPacks() throws {
        let good = try Scratch.bytes(Scratch.signed("tty-echo"))
        let whole = pack([("one", good)])
        let at = "0x" + String(whole.count, radix: 16), behind = "0x" + String(whole.count + 4, radix: 16)
        let cases: [(tail: [UInt8], says: String)] = [
            ([1, 2, 3], "offset \(at): 3 bytes are left; a case begins with two lengths of 4 bytes"),
            ([4, 0, 0, 0, 0, 0, 0, 0, 65], "offset \(at): a label of 4 bytes is announced, and 1 bytes are left"),
            ([0, 0, 0, 0, 9, 0, 0, 0, 65], "offset \(behind): an image of 9 bytes is announced, and 1 bytes are left"),
            ([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0], "offset \(at): a label of 4294967295 bytes is announced; up to 65536 are taken"),
            ([0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF], "offset \(behind): an image of 4294967295 bytes is announced; up to 268435456 are taken"),
        ]
        for example in cases {
            try Scratch.write(whole + example.tail, "broken.pack")
            let result = try Command.run("verify", "--batch", "broken.pack", "--key", Scratch.key())
            #expect(result.status == 2)
            #expect(result.out == "one\t00000000\tTEE_SUCCESS\t0x10020000:0x8c\n")
            #expect(result.err == "m4run: broken.pack: \(example.says)\n")
        }
    }

    @Test("What cannot be judged as asked is status 2")
    func usage() throws {
        let image = try Scratch.signed("tty-echo")
        for arguments in [
            ["verify", image], ["verify", "--unverified"], ["verify", image, "--batch", image, "--unverified"],
            ["verify", image, "--unverified", "--key", "keys/public.pem"], ["verify", "no-such", "--unverified"],
            ["verify", "--batch", "no-such", "--unverified"], ["verify", "--batch", image, "--unverified", "--explain"],
            ["verify", image, "--key", "no-such"],
        ] {
            let result = try Command.run(arguments, in: Scratch.folder)
            #expect(result.status == 2 && result.out.isEmpty && !result.err.isEmpty, "\(arguments)")
        }
    }

    @Test("An option that is misspelt is named, also where it is the one that is missing")
    func misspelt() throws {
        let image = try Scratch.signed("tty-echo")
        for (arguments, words) in [
            (["verify", image, "--kye", "keys/public.pem"], "m4run: Unknown option '--kye'"), (["verify", "--unverfied"], "m4run: Unknown option '--unverfied'"),
            (["verify", image], "m4run: say who must have signed: --key PUBLIC.pem, or --unverified\n"), (["verify", "--unverified"], "m4run: give one image, or --batch with a pack\n"),
        ] {
            let result = try Command.run(arguments, in: Scratch.folder)
            #expect(result.status == 2 && result.out.isEmpty && result.err.hasPrefix(words), "\(result.err)")
        }
    }

    @Test("extract gives back what was signed, byte for byte, and does not overwrite")
    func extract() throws {
        let elf = try Scratch.elf("tty-echo"), image = try Scratch.signed("tty-echo")
        let result = try Command.run("extract", image, "-o", "out/here", "--key", Scratch.key())
        #expect(result.status == 0 && result.out.isEmpty)
        #expect(result.err == "out/here/tty-echo.elf: \(try Scratch.bytes(elf).count) bytes\n")
        #expect(try Scratch.bytes("out/here/tty-echo.elf") == Scratch.bytes(elf))
        let again = try Command.run("extract", image, "-o", "out/here", "--key", Scratch.key())
        #expect(again.status == 2)
        #expect(again.err == "m4run: out/here/tty-echo.elf: exists, and is not overwritten without --force\n")
        #expect(try Command.run("extract", image, "-o", "out/here", "--force").status == 0)
    }

    @Test("extract numbers several images, and warns of an image that OP-TEE refuses")
    func extractSeveral() throws {
        let first = try Scratch.elf("tty-echo"), second = try Scratch.elf("swift-echo")
        _ = try Scratch.key()
        #expect(try Command.run("sign", "--in", first, "--in", second, "--key", "keys/private.pem", "--out", "both.signed").status == 0)
        let result = try Command.run("extract", "both.signed", "-o", "both")
        #expect(result.status == 0)
        // Both have a resource table.
        #expect(result.err.contains("warning: both.signed: OP-TEE refuses it: TEE_ERROR_"))
        #expect(result.err.contains("warning: both.signed: who signed it was not checked: no --key"))
        #expect(try Scratch.bytes("both/both.0.elf") == Scratch.bytes(first))
        #expect(try Scratch.bytes("both/both.1.elf") == Scratch.bytes(second))
        let plain = try Command.run("extract", first)
        #expect(plain.status == 4 && plain.err.contains("an ELF file that is not signed"))
        try Scratch.write(Array(Scratch.bytes("both.signed").dropLast(8)), "cut.signed")
        let cut = try Command.run("extract", "cut.signed", "-o", "cut")
        #expect(cut.status == 4 && cut.err.contains("image 1: "))
    }
}
