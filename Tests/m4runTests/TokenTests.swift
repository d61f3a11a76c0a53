// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// Keys in a PKCS#11 token, and what GnuTLS' environment may not decide.
@Suite struct TokenTests {
    /// A token of SoftHSM's with the key of `keys/private.pem`: its environment, and the key's URL.
    private func token(_ name: String, pin: String) throws -> (environment: [String: String], url: String) {
        let folder = Scratch.folder.appendingPathComponent("token-\(name)")
        try FileManager.default.createDirectory(at: folder.appendingPathComponent("tokens"), withIntermediateDirectories: true)
        let file = folder.appendingPathComponent("softhsm2.conf")
        try Data("directories.tokendir = \(folder.path)/tokens\nobjectstore.backend = file\n".utf8).write(to: file)
        let environment = ["SOFTHSM2_CONF": file.path]
        let key = Scratch.path((try Scratch.key() as NSString).deletingLastPathComponent + "/private.pem")
        for arguments in [
            ["--init-token", "--free", "--label", "m4run", "--pin", pin, "--so-pin", "87654321"],
            ["--import", key, "--token", "m4run", "--label", "release", "--id", "01", "--pin", pin],
        ] {
            let made = try Command.run(arguments, in: Scratch.folder, program: URL(fileURLWithPath: #require(Tool.softhsm.file)), environment: environment)
            try #require(made.status == 0, "\(made.out)\(made.err)")
        }
        return (environment, "pkcs11:token=m4run;object=release;type=private")
    }

    @Test("A key in a token signs the bytes that the same key in a file signs; a wrong PIN and a name that is none are told", .needs(.softhsm))
    func signs() throws {
        let (environment, url) = try token("sign", pin: "1234")
        try Scratch.write(Array("1234\n".utf8), "pin")
        try Scratch.write(Array("9999".utf8), "wrong-pin")
        let image = try Scratch.signed("tty-echo")
        func sign(_ arguments: String..., to out: String = "by-token") throws -> Command.Result {
            try Command.run(["sign", "--in", "tty-echo.elf", "--out", out] + arguments, in: Scratch.folder, environment: environment)
        }
        let signed = try sign("--key", url, "--pin-source", "pin")
        #expect(signed.status == 0 && signed.err.contains("signed with RSA-2048 key "), "\(signed.err)")
        #expect(try Scratch.bytes("by-token") == Scratch.bytes(image))
        let wrong = try sign("--key", url, "--pin-source", "wrong-pin", to: "unwanted")
        #expect(wrong.status == 2 && wrong.err.hasPrefix("m4run: \(url): the token does not give the key: "), "\(wrong.err)")
        let none = try sign("--key", url, to: "unwanted")
        #expect(none.status == 2 && none.err.contains("--pin-source names a file with the token's PIN"), "\(none.err)")
        let other = try sign("--key", "pkcs11:token=m4run;object=nosuch;type=private", "--pin-source", "pin", to: "unwanted")
        #expect(other.status == 2 && other.err.contains("the token does not give the key: "), "\(other.err)")
        let file = try sign("--key", "keys/private.pem", "--pin-source", "pin", to: "unwanted")
        #expect(file.status == 2 && file.err.contains("--pin-source pin is for a key in a token"), "\(file.err)")
        let inURL = try sign("--key", url + "?pin-value=5678", to: "unwanted")
        #expect(inURL.status == 2 && !inURL.err.contains("5678"), "\(inURL.err)")
        let over = try sign("--key", url, "--pin-source", "pin", to: "pin")
        #expect(over.status == 2 && over.err == "m4run: --out pin would overwrite pin\n", "\(over.err)")
        #expect(!FileManager.default.fileExists(atPath: Scratch.path("unwanted")))
    }

    @Test("Without GnuTLS no image is at fault", arguments: ["verify IMAGE --unverified", "inspect IMAGE", "inspect tty-echo.elf", "verify --batch IMAGE --unverified"])
    func noLibrary(words: String) throws {
        let folder = Scratch.folder.appendingPathComponent("no-gnutls")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data("no library".utf8).write(to: folder.appendingPathComponent("libgnutls.so.30"))
        let image = try Scratch.signed("tty-echo")
        let arguments = words.split(separator: " ").map { $0 == "IMAGE" ? image : String($0) }
        let result = try Command.run(arguments, in: Scratch.folder, environment: ["LD_LIBRARY_PATH": folder.path])
        #expect(result.status == 2 && result.err.hasPrefix("m4run: GnuTLS cannot be loaded: ") && result.err.hasSuffix("; Debian's package is libgnutls30\n"), "\(result.err)")
    }

    @Test("The host's system-wide policy for TLS changes no verdict")
    func policy() throws {
        let rules = """
            [overrides]
            insecure-hash = SHA256
            insecure-sig = RSA-SHA256
            insecure-sig = ECDSA-SHA256
            disabled-curve = secp256r1
            min-verification-profile = ultra
            """
        let file = try Scratch.write(Array(rules.utf8), "policy")
        let environment = ["GNUTLS_SYSTEM_PRIORITY_FILE": Scratch.path(file), "GNUTLS_SYSTEM_PRIORITY_FAIL_ON_INVALID": "1", "GNUTLS_NO_IMPLICIT_INIT": "1"]
        let image = try Scratch.signed("tty-echo"), key = try Scratch.key()
        let verified = try Command.run(["verify", image, "--key", key], in: Scratch.folder, environment: environment)
        #expect(verified.status == 0, "\(verified.out)\(verified.err)")
        for (kind, extra) in [("ECC", ["--accept-ecdsa"]), ("RSA", [])] {
            let folder = "policy-\(kind)"
            for arguments in [
                ["keygen", "--out", folder, "--type", kind], ["sign", "--in", "tty-echo.elf", "--key", folder + "/private.pem", "--key-type", kind, "--out", folder + "/image"],
                ["verify", folder + "/image", "--key", folder + "/public.pem"] + extra,
            ] {
                let result = try Command.run(arguments, in: Scratch.folder, environment: environment)
                #expect(result.status == 0, "\(arguments): \(result.out)\(result.err)")
            }
        }
    }
}
