// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// Images that are refused (4), and files that are not what they should be (2).
@Suite struct RefusalTests {
    @Test("Unsigned under OP-TEE, signed without a key, signed without OP-TEE: each is refused with what to do")
    func wrongKind() throws {
        let unsigned = try Command.run("run", Scratch.elf("tty-echo"))
        #expect(unsigned.status == 4)
        #expect(unsigned.err.contains("--boot elf"))
        let withoutKey = try Command.run("run", Scratch.signed("tty-echo"))
        #expect(withoutKey.status == 4)
        #expect(withoutKey.err.contains("--key PUBLIC.pem"))
        #expect(withoutKey.err.contains("--unverified"))
        let withoutTEE = try Command.run("run", Scratch.signed("tty-echo"), "--boot", "elf")
        #expect(withoutTEE.status == 4)
        #expect(withoutTEE.err.contains("leave --boot out"))
        for result in [unsigned, withoutKey, withoutTEE] {
            #expect(result.out.isEmpty)
            #expect(result.lines.count == 3 && result.lines[1] == "see: m4run help boot", "two lines, and nothing was started: \(result.err)")
        }
    }

    @Test("--unverified loads it, says so loudly whatever the log level, and still checks hashes")
    func unverified() throws {
        let image = try Scratch.signed("tty-echo")
        let result = try Command.run("run", image, "--unverified", "--send", "hi", "--log-level", "quiet")
        #expect(result.status == 0)
        #expect(result.err.contains("WARNING: --unverified: the signature of tty-echo.signed is NOT checked"))
        let tampered = try Scratch.write(Self.tampered(Scratch.bytes(image)), "tampered-unverified.signed")
        #expect(try Command.run("run", tampered, "--unverified").status == 4)
    }

    @Test("Tampered, truncated, mis-signed, wrong key: status 4, the TA's result, the kernel's lines")
    func images() throws {
        let bytes = try Scratch.bytes(Scratch.signed("tty-echo"))
        var header = bytes
        header[0x20] ^= 1
        var signature = bytes
        signature[0x1B0] ^= 1
        let cases: [(name: String, bytes: [UInt8], key: String, result: String)] = [
            ("tampered.signed", Self.tampered(bytes), "keys", "TEE_ERROR_SECURITY: the "),
            ("truncated.signed", Array(bytes.dropLast(100)), "keys", "TEE_ERROR_BAD_PARAMETERS: "),
            ("header.signed", header, "keys", "TEE_ERROR_SIGNATURE_INVALID: "),
            ("signature.signed", signature, "keys", "TEE_ERROR_SIGNATURE_INVALID: "),
            ("stranger.signed", bytes, "other", "TEE_ERROR_SIGNATURE_INVALID: "),
        ]
        for example in cases {
            let result = try Command.run("run", Scratch.write(example.bytes, example.name), "--key", Scratch.key(example.key))
            #expect(result.status == 4, "\(example.name)")
            #expect(result.err.contains("m4run: \(example.name): \(example.result)"), "\(result.err)")
            #expect(result.err.contains("remoteproc remoteproc0: Boot failed: -5"))
            #expect(result.out.isEmpty)
        }
    }

    /// A bit of the resource table, which is a segment of its own at file offset 0x1000 of the ELF.
    static func tampered(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        if let table = bytes.lastRange(of: Array("cm4_log".utf8)) { bytes[table.lowerBound] ^= 1 }
        return bytes
    }

    @Test("Any of several keys will do")
    func severalKeys() throws {
        let result = try Command.run(
            "run", Scratch.signed("tty-echo"), "--key", Scratch.key("other"), "--key", Scratch.key(), "--for", "2ms")
        #expect(result.status == 0)
    }

    @Test("What is no firmware is refused in the words of who refuses it", arguments: [
        ("empty", [UInt8](), "the image buffer is empty", "Image is too small"),
        ("short", [0x7F, 0x45, 0x4C], "TEE_ERROR_BAD_PARAMETERS", "Image is too small"),
        ("garbage", (0..<4000).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }, "TEE_ERROR_BAD_PARAMETERS", "bad magic"),
        ("zeros", [UInt8](repeating: 0, count: 100_000), "TEE_ERROR_BAD_PARAMETERS", "bad magic"),
    ])
    func noFirmware(name: String, bytes: [UInt8], optee: String, linux: String) throws {
        let file = try Scratch.write(bytes, "no-firmware-\(name)")
        let signed = try Command.run("run", file, "--key", Scratch.key())
        #expect(signed.status == 4)
        #expect(signed.err.contains(optee))
        let plain = try Command.run("run", file, "--boot", "elf", "--log-level", "quiet")
        #expect(plain.status == 4)
        #expect(plain.err.contains("Linux refuses it: "))
        #expect(plain.err.contains(linux))
        #expect(try Command.run("exec", file).status == 4)
        #expect(try Command.run("inspect", file).status == 4)
        #expect(try Command.run("verify", file, "--key", Scratch.key()).status == 4)
        #expect(try Command.run("extract", file, "-o", "unwanted").status == 4)
        #expect(try Command.run("sign", "--in", file, "--key", "keys/private.pem", "--out", "unwanted").status == 4)
        #expect(!FileManager.default.fileExists(atPath: Scratch.path("unwanted")))
    }

    @Test("A folder, a missing file and one too large are status 2, for whatever they were given as", arguments: ["folder", "missing", "huge"])
    func files(kind: String) throws {
        let name = "not-a-file-\(kind)"
        if kind == "folder" { try FileManager.default.createDirectory(atPath: Scratch.path(name), withIntermediateDirectories: true) }
        if kind == "huge" {
            _ = FileManager.default.createFile(atPath: Scratch.path(name), contents: nil)
            #expect(truncate(Scratch.path(name), 300 << 20) == 0)
        }
        let says = ["folder": "is a folder", "missing": "no such file", "huge": "larger than 268435456 bytes"][kind] ?? ""
        let image = try Scratch.signed("tty-echo"), elf = try Scratch.elf("tty-echo")
        for arguments in [
            ["run", name], ["run", name, "--boot", "elf"], ["run", image, "--key", name], ["exec", name], ["inspect", name],
            ["inspect", image, "--key", name], ["sign", "--in", name, "--key", "keys/private.pem", "--out", "unwanted"],
            ["sign", "--in", elf, "--key", name, "--out", "unwanted"],
        ] {
            let result = try Command.run(arguments, in: Scratch.folder)
            #expect(result.status == 2, "\(arguments)")
            #expect(result.err.contains("m4run: \(name): \(says)"), "\(arguments): \(result.err)")
        }
        #expect(!FileManager.default.fileExists(atPath: Scratch.path("unwanted")))
    }

    @Test("An invalid key is status 2 and named", arguments: ["", "garbage", "-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----\n"])
    func keys(text: String) throws {
        let name = try Scratch.write(Array(text.utf8), "key-\(text.utf8.count).pem")
        for arguments in [
            ["run", try Scratch.signed("tty-echo"), "--key", name], ["inspect", try Scratch.signed("tty-echo"), "--key", name],
            ["sign", "--in", try Scratch.elf("tty-echo"), "--key", name, "--out", "unwanted"],
        ] {
            let result = try Command.run(arguments, in: Scratch.folder)
            #expect(result.status == 2, "\(arguments)")
            #expect(result.err.hasPrefix("m4run: \(name): "), "\(result.err)")
        }
    }
}

extension Array where Element == UInt8 {
    func lastRange(of needle: [UInt8]) -> Range<Int>? {
        guard count >= needle.count else { return nil }
        return stride(from: count - needle.count, through: 0, by: -1).first { self[$0..<$0 + needle.count].elementsEqual(needle) }
            .map { $0..<$0 + needle.count }
    }
}
