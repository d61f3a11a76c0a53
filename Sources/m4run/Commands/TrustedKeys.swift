// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import SecureLoader

/// Whom an image must be signed by, as `verify` and `inspect` take it.
struct TrustedKeys: ParsableArguments {
    @Option(
        help: "The public key that the image must be signed with, or a certificate of it, PEM or DER; repeatable. Of several, the one that PKEYINFO names counts, else any.",
        completion: .file())
    var key: [String] = []
    @Flag(help: "Judge as a platform that checks ECDSA signatures; the STM32MP1's OP-TEE does not.") var acceptECDSA = false

    var support: SignatureSupport { acceptECDSA ? .rsaAndECDSA : .rsaOnly }

    /// Each file once, however often it is named.
    func read() throws -> [TrustedKey] {
        try Self.loadLibrary()
        var seen: Set<String> = []
        return try key.filter { seen.insert($0).inserted }.map(Self.read)
    }

    /// Before an image is judged: without GnuTLS none of them is at fault.
    static func loadLibrary() throws { do throws(KeyError) { try CryptoLibrary.load() } catch { throw UsageError("\(error)") } }

    static func read(_ path: String) throws -> TrustedKey {
        // Its text may have a PIN in it, and is not repeated.
        guard !TokenAddress.isOne(path) else {
            throw UsageError("--key: the URL of a key in a token, which sign takes; who must have signed is told by a file, the public key or a certificate of it")
        }
        let bytes = try InputFile.key(path)
        do throws(KeyError) { return try TrustedKey(file: bytes) } catch { throw UsageError("\(path): \(error)") }
    }
}
