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
        try Scratch.write([0xEF, 0xBB, 0xBF] + Array("1234\r\n".utf8), "pin")
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

    /// `sign` of the sample with a key in a token; what it makes is `unwanted` unless told.
    private func sign(_ url: String, _ arguments: [String] = [], to out: String = "unwanted", environment: [String: String]) throws -> Command.Result {
        try Command.run(["sign", "--in", "tty-echo.elf", "--key", url, "--out", out] + arguments, in: Scratch.folder, environment: environment)
    }

    @Test("A PIN in the URL is refused wherever it stands, and never shown; the file of pin-source is read as --pin-source's is", .needs(.softhsm))
    func pinInURL() throws {
        let (environment, url) = try token("pin-url", pin: "1234")
        try Scratch.write(Array("1234\n".utf8), "url-pin")
        _ = try Scratch.signed("tty-echo")
        for text in [url + "?pin-value=1234", url + ";pin-value=1234", url + "?module-name=x&pin-value=1234", url + "?PIN-VALUE=1234", url + ";%70in-value=1234", url + "?pin%2Dvalue=1234", "PKCS11" + url.dropFirst(6) + "?pin-value=1234"] {
            let result = try sign(text, environment: environment)
            #expect(result.status == 2 && result.err.hasPrefix("m4run: --key: the URL of the token's key has the PIN in it (pin-value)"), "\(result.err)")
            #expect(!result.err.contains("1234") && result.out.isEmpty, "\(result.err)")
        }
        let checked = try Command.run("verify", "tty-echo.elf", "--key", "PKCS11" + url.dropFirst(6) + "?pin-value=1234")
        #expect(checked.status == 2 && checked.err.hasPrefix("m4run: --key: the URL of a key in a token, which sign takes") && !checked.err.contains("1234"), "\(checked.err)")
        for source in ["url-pin", "file:" + Scratch.path("url-pin"), "file://" + Scratch.path("url-pin"), "url%2Dpin"] {
            let result = try sign(url + "?pin-source=" + source, to: "by-url", environment: environment)
            #expect(result.status == 0, "\(source): \(result.err)")
        }
        for (source, words) in [
            ("|cat%20url-pin", "has a command for pin-source, which is not run"), ("file://other/pin", "has a pin-source that is no file of this machine"), ("%", "has a pin-source that is no file's name"),
            ("", "has a pin-source that is no file's name"), ("a&pin-source=b", "has more than one pin-source"),
        ] {
            let result = try sign(url + "?pin-source=" + source, environment: environment)
            #expect(result.status == 2 && result.err.contains(words), "\(source): \(result.err)")
        }
        let both = try sign(url + "?pin-source=url-pin", ["--pin-source", "url-pin"], environment: environment)
        #expect(both.status == 2 && both.err == "m4run: --pin-source url-pin: --key names a pin-source, too; one of them is allowed\n", "\(both.err)")
        let over = try sign(url + "?pin-source=url-pin", to: "url-pin", environment: environment)
        #expect(over.status == 2 && over.err == "m4run: --out url-pin would overwrite url-pin\n", "\(over.err)")
        #expect(!FileManager.default.fileExists(atPath: Scratch.path("unwanted")))
    }

    @Test("What a token does not have or do is said in words that help", .needs(.softhsm))
    func refusals() throws {
        let (environment, url) = try token("refusals", pin: "1234")
        try Scratch.write(Array("1234\n".utf8), "right")
        try Scratch.write(Array("4321\n".utf8), "false")
        _ = try Scratch.signed("tty-echo")
        let pin = ["--pin-source", "right"]
        for (key, arguments, words) in [
            (url, ["--pin-source", "false"], "the token does not give the key: it refuses the PIN. One try was made; a token locks itself after a few\n"),
            (url, [], "the token does not give the key: it asks for a PIN; --pin-source names a file with the token's PIN\n"),
            ("pkcs11:token=nosuch;object=release", pin, "the token does not give the key: no such token or key; tokens that are there: "),
            ("pkcs11:token=m4run;object=nosuch", pin, "the token does not give the key: it has no such private key\n"),
            ("pkcs11:nonsense", pin, "the URL of the token's key is none: pkcs11:token=LABEL;object=LABEL is expected"),
        ] {
            let result = try sign(key, arguments, environment: environment)
            #expect(result.status == 2 && result.err.contains(words), "\(key): \(result.err)")
        }
        // One try each: after a wrong one the right one still opens it.
        #expect(try sign(url, pin, to: "opened", environment: environment).status == 0)
        let folder = Scratch.folder.appendingPathComponent("refusals-keys")
        #expect(try Command.run("keygen", "--type", "ECC", "--out", folder.path).status == 0)
        let imported = try softhsm(["--import", folder.path + "/private.pem", "--token", "m4run", "--label", "curve", "--id", "02", "--pin", "1234"], environment)
        try #require(imported.status == 0, "\(imported.err)")
        let curve = try sign("pkcs11:token=m4run;object=curve", pin, environment: environment)
        #expect(curve.status == 2 && curve.err.contains("an EC P-256 key ") && curve.err.contains(", but --key-type is RSA; say --key-type ECC"), "\(curve.err)")
        #expect(try sign("pkcs11:token=m4run;object=curve", pin + ["--key-type", "ECC"], to: "by-curve", environment: environment).status == 0)
    }

    @Test("A key that its token does not sign with is said to be one", .needs(.softhsm), .needs(.python), .enabled("needs SoftHSM's module in /usr/lib/softhsm") { isModuleThere })
    func noSigning() throws {
        let (environment, url) = try token("no-signing", pin: "1234")
        try Scratch.write(Array("1234\n".utf8), "no-signing-pin")
        _ = try Scratch.signed("tty-echo")
        let script = try Scratch.write(Array(Self.forbidSigning.utf8), "forbid-signing.py")
        let changed = try Command.run(
            [script, Self.module, "1234"], in: Scratch.folder, program: URL(fileURLWithPath: #require(Tool.python.file)), environment: environment)
        try #require(changed.status == 0, "\(changed.err)")
        let result = try sign(url, ["--pin-source", "no-signing-pin"], environment: environment)
        #expect(result.status == 2 && result.err.contains("is the key marked for signing in its token (CKA_SIGN)?"), "\(result.err)")
        #expect(!FileManager.default.fileExists(atPath: Scratch.path("unwanted")))
    }

    @Test("Without a token the places where p11-kit looks for modules are named", .needs(.softhsm))
    func noToken() throws {
        try Scratch.write(Array("1234\n".utf8), "no-token-pin")
        _ = try Scratch.signed("tty-echo")
        let result = try sign("pkcs11:token=m4run;object=release", ["--pin-source", "no-token-pin"], environment: ["SOFTHSM2_CONF": "/nonexistent"])
        #expect(result.status == 2 && result.err.contains("the token does not give the key: no token is there. p11-kit loads the modules of "), "\(result.err)")
    }

    private static let module = "/usr/lib/softhsm/libsofthsm2.so"
    private static let isModuleThere = FileManager.default.fileExists(atPath: module)

    private func softhsm(_ arguments: [String], _ environment: [String: String]) throws -> Command.Result {
        try Command.run(arguments, in: Scratch.folder, program: URL(fileURLWithPath: #require(Tool.softhsm.file)), environment: environment)
    }

    /// Takes CKA_SIGN from the private key of the first token. Source: PKCS#11 2.40, whose numbers these are.
    private static let forbidSigning = """
        import ctypes, sys
        library, pin = ctypes.CDLL(sys.argv[1]), sys.argv[2].encode()
        ULONG = ctypes.c_ulong
        class Attribute(ctypes.Structure):
            _fields_ = [("type", ULONG), ("value", ctypes.c_void_p), ("count", ULONG)]
        def call(name, *arguments):
            status = getattr(library, name)(*arguments)
            if status:
                sys.exit(f"{name}: {status:#x}")
        kept = []
        def attribute(kind, value):
            kept.append(value)
            return (Attribute * 1)(Attribute(kind, ctypes.cast(ctypes.byref(value), ctypes.c_void_p), ctypes.sizeof(value)))
        count, slots, session, key, found = ULONG(8), (ULONG * 8)(), ULONG(), ULONG(), ULONG()
        call("C_Initialize", None)
        call("C_GetSlotList", 1, slots, ctypes.byref(count))
        call("C_OpenSession", slots[0], ULONG(6), None, None, ctypes.byref(session))
        call("C_Login", session, ULONG(1), pin, ULONG(len(pin)))
        call("C_FindObjectsInit", session, attribute(0, ULONG(3)), ULONG(1))
        call("C_FindObjects", session, ctypes.byref(key), ULONG(1), ctypes.byref(found))
        call("C_FindObjectsFinal", session)
        if found.value != 1:
            sys.exit("no private key")
        call("C_SetAttributeValue", session, key, attribute(0x108, ctypes.c_ubyte(0)), ULONG(1))
        call("C_Finalize", None)
        """

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
