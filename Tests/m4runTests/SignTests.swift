// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// `m4run keygen`, `sign` and `inspect`.
@Suite struct SignTests {
    @Test("A key pair is made, private to its owner, and not overwritten without --force")
    func keygen() throws {
        let made = try Command.run("keygen", "--out", "made/here")
        #expect(made.status == 0)
        #expect(made.out.isEmpty)
        #expect(made.err.hasPrefix("made/here/private.pem, made/here/public.pem: RSA-2048 key "))
        let mode = try FileManager.default.attributesOfItem(atPath: Scratch.path("made/here/private.pem"))[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let before = try Scratch.bytes("made/here/private.pem")
        let again = try Command.run("keygen", "--out", "made/here")
        #expect(again.status == 2)
        #expect(again.err == "m4run: made/here/private.pem: exists, and is not overwritten\n")
        #expect(try Scratch.bytes("made/here/private.pem") == before)
        #expect(try Command.run("keygen", "--out", "made/here", "--force").status == 0)
        #expect(try Scratch.bytes("made/here/private.pem") != before)
    }

    @Test("The owner can read and write both keys, and nobody else the private one, whatever the umask", arguments: ["000", "022", "077", "277", "777"])
    func keyModes(umask: String) throws {
        let script = "umask \(umask); \(try Command.binary().path) keygen --type ECC --out umask/\(umask); umask 022; stat -c %a umask/\(umask)/*"
        let result = try Command.run(["-c", script], in: Scratch.folder, program: URL(fileURLWithPath: "/bin/sh"))
        #expect(result.out == "600\n\(["000": "644", "022": "644"][umask] ?? "600")\n", "\(result.err)")
    }

    @Test("A pair that cannot be replaced whole keeps the keys that are there")
    func keygenKeepsWhatItCannotReplace() throws {
        #expect(try Command.run("keygen", "--out", "kept").status == 0)
        let before = try Scratch.bytes("kept/private.pem")
        try FileManager.default.removeItem(atPath: Scratch.path("kept/public.pem"))
        try FileManager.default.createDirectory(atPath: Scratch.path("kept/public.pem"), withIntermediateDirectories: false)
        let result = try Command.run("keygen", "--out", "kept", "--force")
        #expect(result.status == 2 && result.err == "m4run: kept/public.pem: is a folder\n")
        #expect(try Scratch.bytes("kept/private.pem") == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: Scratch.path("kept")).sorted() == ["private.pem", "public.pem"])
    }

    @Test("Where keys cannot go, and sizes that are none, are status 2")
    func keygenErrors() throws {
        try Scratch.write([1], "a-file")
        let file = try Command.run("keygen", "--out", "a-file")
        #expect(file.status == 2)
        #expect(file.err == "m4run: a-file: is a file, not a folder\n")
        let below = try Command.run("keygen", "--out", "a-file/keys")
        #expect(below.status == 2)
        #expect(below.err == "m4run: a-file/keys: the folder cannot be made: Not a directory\n")
        let ecc = try Command.run("keygen", "--out", "unused", "--type", "ECC", "--bits", "2048")
        #expect(ecc.status == 2 && ecc.err == "m4run: --bits 2048 is for RSA; an ECC key is on P-256\n")
        let bits = try Command.run("keygen", "--out", "unused", "--bits", "1024")
        #expect(bits.status == 2)
        #expect(bits.err.contains("allowed: 2048, 3072, 4096"))
    }

    @Test("What is signed is inspected as good and runs; signing again gives the same bytes")
    func roundTrip() throws {
        let image = try Scratch.signed("swift-echo")
        #expect(try Command.run("sign", "--in", "swift-echo.elf", "--key", "keys/private.pem", "--out", "again.signed").status == 0)
        #expect(try Scratch.bytes("again.signed") == Scratch.bytes(image))
        let inspected = try Command.run("inspect", image, "--key", Scratch.key())
        #expect(inspected.status == 0)
        #expect(inspected.err.isEmpty)
        #expect(inspected.out.hasPrefix("signed image, "))
        #expect(inspected.out.hasSuffix("the TA loads it\n"))
        #expect(inspected.out.contains("  hash ok"))
        #expect(inspected.out.contains("trace \"cm4_log\" at 0x"))
    }

    @Test("inspect says why an image is refused, with status 4")
    func refused() throws {
        let wrongKey = try Command.run("inspect", Scratch.signed("tty-echo"), "--key", Scratch.key("other"))
        #expect(wrongKey.status == 4)
        #expect(wrongKey.out.contains("NOT by a trusted key"))
        #expect(wrongKey.out.contains("the TA refuses it: TEE_ERROR_SIGNATURE_INVALID: "))
        let tampered = try Scratch.write(RefusalTests.tampered(Scratch.bytes(Scratch.signed("tty-echo"))), "inspected.signed")
        let changed = try Command.run("inspect", tampered)
        #expect(changed.status == 4)
        #expect(changed.out.contains("HASH DIFFERS"))
        #expect(try Command.run("inspect", Scratch.elf("tty-echo")).status == 0)
    }

    @Test("Without a key inspect says that nobody checked the signature, and what comes of all else")
    func unchecked() throws {
        var image = try Scratch.bytes(Scratch.signed("tty-echo"))
        // In the signature, which ends in front of the ELF file.
        image[0x1B0] ^= 0xFF
        let corrupted = try Scratch.write(image, "corrupted.signed")
        let unchecked = try Command.run("inspect", corrupted)
        #expect(unchecked.status == 0 && !unchecked.out.contains("the TA loads it"))
        #expect(unchecked.out.hasSuffix("nobody checked the signature: no key given; all else in it is as the TA wants it\n"))
        let json = try Command.run("inspect", corrupted, "--json").out
        #expect(json.contains("\"signatureChecked\" : false") && json.contains("\"verdict\" : \"nobody checked the signature"))
        let checked = try Command.run("inspect", corrupted, "--key", Scratch.key())
        #expect(checked.status == 4 && checked.out.contains("the TA refuses it: TEE_ERROR_SIGNATURE_INVALID"))
        try Scratch.write(RefusalTests.tampered(image), "corrupted-too.signed")
        let both = try Command.run("inspect", "corrupted-too.signed")
        #expect(both.status == 4 && both.out.contains("nobody checked the signature: no key given; apart from that the TA refuses it: TEE_ERROR_SECURITY"))
    }

    @Test("A key that is refused leaves neither folder nor image")
    func refusedKeys() throws {
        let keygen = try Command.run("keygen", "--out", "never-made", "--bits", "65536")
        #expect(keygen.status == 2 && !FileManager.default.fileExists(atPath: Scratch.path("never-made")))
        let endless = try Command.run("sign", "--in", Scratch.elf("tty-echo"), "--key", "/dev/zero", "--out", "never-signed")
        #expect(endless.status == 2 && endless.err == "m4run: /dev/zero: larger than 1048576 bytes\n")
        #expect(!FileManager.default.fileExists(atPath: Scratch.path("never-signed")))
    }

    @Test("inspect --json is one object")
    func json() throws {
        let result = try Command.run("inspect", Scratch.signed("tty-echo"), "--json")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any])
        #expect(object["kind"] as? String == "signed")
        #expect((object["images"] as? [[String: Any]])?.count == 1)
    }

    @Test("The signing script's spellings with underscores are the same options")
    func spellings() throws {
        try Scratch.write(Array("id".utf8), "key-info")
        let elf = try Scratch.elf("tty-echo")
        _ = try Scratch.key()
        func sign(_ separator: Character, to out: String) throws -> [UInt8] {
            func option(_ name: String) -> String { "--" + name.replacingOccurrences(of: "-", with: String(separator)) }
            let result = try Command.run(
                "sign", "--in", elf, "--key", "keys/private.pem", "--out", out, option("key-type"), "RSA", option("key-info"), "key-info",
                option("plat-tlv"), "0x10001", "0x1", option("plat-tlv"), "0x10002", "hello", option("plat-tlv"), "0x10003", "-5")
            #expect(result.status == 0, "\(result.err)")
            return try Scratch.bytes(out)
        }
        let image = try sign("-", to: "dashes.signed")
        #expect(try sign("_", to: "underscores.signed") == image)
        #expect(image.lastRange(of: Array("hello".utf8)) != nil)
        #expect(try Command.run("run", "dashes.signed", "--key", "keys/public.pem", "--for", "2ms").status == 0)
    }

    @Test("An ECDSA image is signed, refused as the STM32MP1 does, and taken with --accept-ecdsa")
    func ecdsa() throws {
        #expect(try Command.run("keygen", "--out", "ec", "--type", "ECC").status == 0)
        let sign = try ["sign", "--in", Scratch.elf("tty-echo"), "--key", "ec/private.pem", "--out", "ec.signed"]
        // The script takes RSA unless told.
        let untold = try Command.run(sign, in: Scratch.folder)
        #expect(untold.status == 2 && untold.err.contains("say --key-type ECC"))
        #expect(try Command.run(sign + ["--key-type", "ECC"], in: Scratch.folder).status == 0)
        #expect(try Command.run("verify", "ec.signed", "--key", "ec/public.pem").out.contains("TEE_ERROR_NOT_SUPPORTED (0xffff000a)"))
        #expect(try Command.run("verify", "ec.signed", "--key", "ec/public.pem", "--accept-ecdsa").status == 0)
        let refused = try Command.run("run", "ec.signed", "--key", "ec/public.pem")
        #expect(refused.status == 4)
        #expect(refused.err.contains("TEE_ERROR_NOT_SUPPORTED"))
        let taken = try Command.run("run", "ec.signed", "--key", "ec/public.pem", "--accept-ecdsa", "--send", "hi")
        #expect(taken.status == 0)
        #expect(taken.out == "hi\n")
    }

    @Test("What cannot be signed is status 4, what is not there or wrongly asked for status 2, and neither leaves a file")
    func signErrors() throws {
        let elf = try Scratch.elf("tty-echo")
        _ = try Scratch.key()
        try Scratch.write([UInt8](repeating: 0x20, count: 100), "no-elf")
        let cases: [(arguments: [String], says: String)] = [
            (["--in", "no-elf", "--key", "keys/private.pem", "--out", "unsigned"], "no-elf: image 0: not an ELF file"),
            (["--in", elf, "--key", "keys/public.pem", "--out", "unsigned"], "has no private part"),
            (["--in", elf, "--key", "keys/private.pem", "--out", "no/such/folder"], "no/such/folder: cannot be written: No such file or directory"),
            (["--in", elf, "--key", "keys/private.pem", "--out", "keys"], "keys: cannot be written: Is a directory"),
            (["--in", elf, "--key", "keys/private.pem", "--out", "unsigned", "--key-type", "ECC"], "but --key-type is ECC"),
            (["--in", elf, "--key", "keys/private.pem", "--out", "unsigned", "--plat-tlv", "5", "1"], "outside 0x10000 to 0x1ffff"),
            (["--in", elf, "--key", "keys/private.pem", "--out", "unsigned", "--plat-tlv", "0x10001"], "--plat-tlv takes a number and a value"),
            (["--in", elf, "--key", "keys/private.pem", "--plat-tlv", "0x10001", "--out", "unsigned"], "--plat-tlv takes a number and a value"),
            (["--in", elf, "--key", "keys/private.pem", "--out", "unsigned", "--plat-tlv", "0x10001", "a", "0x10002", "b"], "unexpected arguments"),
            (["--in", elf, "--key", "keys/private.pem", "--out", "unsigned", "--plat-tlv", "-5", "a"], "outside 0x10000 to 0x1ffff"),
        ]
        for example in cases {
            let result = try Command.run(["sign"] + example.arguments, in: Scratch.folder)
            #expect(result.status == (example.arguments[1] == "no-elf" ? 4 : 2), "\(example.arguments)")
            #expect(result.err.contains(example.says), "\(result.err)")
            #expect(!FileManager.default.fileExists(atPath: Scratch.path("unsigned")))
        }
    }

    @Test("An output is written through a link, keeps its mode, and is kept by a run that fails")
    func outputs() throws {
        let elf = try Scratch.elf("tty-echo"), expected = try Scratch.bytes(Scratch.signed("tty-echo"))
        try FileManager.default.createDirectory(atPath: Scratch.path("built"), withIntermediateDirectories: true)
        try Scratch.write([1, 2, 3], "built/newest.signed")
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: Scratch.path("built/newest.signed"))
        try FileManager.default.createSymbolicLink(atPath: Scratch.path("current.signed"), withDestinationPath: "built/newest.signed")
        let sign = ["sign", "--in", elf, "--key", "keys/private.pem", "--out"]
        #expect(try Command.run(sign + ["current.signed"], in: Scratch.folder).status == 0)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: Scratch.path("current.signed")) == "built/newest.signed")
        #expect(try Scratch.bytes("built/newest.signed") == expected)
        let mode = try FileManager.default.attributesOfItem(atPath: Scratch.path("built/newest.signed"))[.posixPermissions] as? Int
        #expect(mode == 0o640)
        try Scratch.write([UInt8](repeating: 0x20, count: 100), "no-elf-either")
        let failed = try Command.run("sign", "--in", "no-elf-either", "--key", "keys/private.pem", "--out", "current.signed")
        #expect(failed.status == 4)
        #expect(try Scratch.bytes("current.signed") == expected)
        try FileManager.default.createSymbolicLink(atPath: Scratch.path("round"), withDestinationPath: "round")
        let round = try Command.run(sign + ["round"], in: Scratch.folder)
        #expect(round.status == 2 && round.err.contains("cannot be written: Too many levels of symbolic links"))
    }

    @Test("sign warns of an image that OP-TEE refuses for all its good signature")
    func warned() throws {
        try Scratch.write([UInt8](repeating: 0x20, count: 5000), "much-key-info")
        let result = try Command.run(
            "sign", "--in", Scratch.elf("tty-echo"), "--key", Scratch.key().replacingOccurrences(of: "public", with: "private"), "--out", "much.signed",
            "--key-info", "much-key-info")
        #expect(result.status == 0)
        #expect(result.err.contains("warning: much.signed: OP-TEE refuses it: TEE_ERROR_OUT_OF_MEMORY: "))
        #expect(try Command.run("verify", "much.signed", "--key", Scratch.key()).status == 4)
        let good = try Command.run("sign", "--in", Scratch.elf("tty-echo"), "--key", "keys/private.pem", "--out", "little.signed")
        #expect(!good.err.contains("warning"))
    }

    @Test("The output never replaces an input")
    func overwriting() throws {
        _ = try Command.run("keygen", "--out", "precious")
        let key = Scratch.folder.appendingPathComponent("precious/private.pem")
        let before = try Data(contentsOf: key)
        let result = try Command.run("sign", "--in", Scratch.elf("tty-echo"), "--key", "precious/private.pem", "--out", key.path)
        #expect(result.status == 2)
        #expect(result.err.contains("would overwrite precious/private.pem"))
        #expect(try Data(contentsOf: key) == before)
    }
}
