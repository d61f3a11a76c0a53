// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import Chips
import MachineBase
import SecureLoader

/// OP-TEE's scripts/sign_rproc_fw.py, option for option; its spelling with underscores is taken too.
struct Sign: TakesProjectFile {
    enum KeyType: String, ExpressibleByArgument, CaseIterable { case RSA, ECC }

    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign one or several ELF files into an image that OP-TEE's remoteproc TA loads.",
        discussion: """
            With an RSA key the output is the signing script's, byte for byte. What OP-TEE would refuse all the same, as the script does not \
            tell, comes with a warning.

            Exit status: 0 when the image was written, 4 when an input is not an ELF that can be signed, 2 for all else.
            """)

    @Option(name: .customLong("in"), help: "An ELF file; repeat for an image of several.", completion: .file()) var inputs: [String]
    @Option(help: "Where the signed image goes.", completion: .file()) var out: String
    @Option(help: "The private key, PEM or DER; or pkcs11:token=...;object=..., the URL of one in a token, which signs itself.", completion: .file()) var key: String
    @Option(name: .customLong("pin-source"), help: "A file with the token's PIN in its first line.", completion: .file()) var pinSource: String?
    @Option(name: [.customLong("key-info"), .customLong("key_info")], help: "A file whose bytes become the PKEYINFO record.", completion: .file())
    var keyInfo: String?
    @Option(name: [.customLong("key-type"), .customLong("key_type")], help: "RSA or ECC; must be what the key is.") var keyType = KeyType.RSA
    @Option(name: [.customLong("key-pwd"), .customLong("key_pwd")], help: "Pass phrase of an encrypted key.") var keyPassphrase: String?
    @Option(
        name: [.customLong("plat-tlv"), .customLong("plat_tlv")],
        help: ArgumentHelp("A platform record: its number (0x10000-0x1ffff) and its value, 0x... for a 32-bit number, else text; repeatable.", valueName: "id value"))
    var platformTLVs: [PlatformWords] = []
    @OptionGroup(title: "General") var general: GeneralOptions

    /// The two words behind a `--plat-tlv`.
    struct PlatformWords: ExpressibleByArgument {
        var identifier, value: String
        static let separator: Character = "\u{1F}"

        init?(argument: String) {
            // A project file has both in one text.
            let words = argument.split(separator: argument.contains(Self.separator) ? Self.separator : " ", maxSplits: 1, omittingEmptySubsequences: false)
            guard words.count == 2 else { return nil }
            (identifier, value) = (String(words[0]), String(words[1]))
        }
    }

    /// The arguments with each `--plat-tlv ID VALUE` in one word, which is all that the parser takes behind an option. As for the
    /// script, a word that begins with a dash is a value only when it is a number or has a space in it.
    static func gathered(_ arguments: [String]) throws -> [String] {
        guard arguments.first == configuration.commandName else { return arguments }
        var result: [String] = []
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard ["--plat-tlv", "--plat_tlv"].contains(word) else {
                result.append(word)
                continue
            }
            let words = rest.prefix(2)
            guard words.count == 2, words.allSatisfy(isValue) else {
                throw UsageError("\(word) takes a number and a value, got \(words.first.map(isValue) == true ? words.prefix(while: isValue).joined(separator: " ") : "none")")
            }
            rest = rest.dropFirst(2)
            result.append(word + "=" + words.joined(separator: String(PlatformWords.separator)))
        }
        return result
    }

    private static func isValue(_ word: String) -> Bool {
        !word.hasPrefix("-") || word == "-" || word.contains(" ") || Double(word) != nil && word.allSatisfy { "-.0123456789".contains($0) }
    }

    func run() throws {
        let records = try platformTLVs.map { try PlatformTLV(identifier: $0.identifier, value: $0.value) }
        let token: TokenAddress?
        do throws(KeyError) { token = try TokenAddress.isOne(key) ? TokenAddress(key) : nil } catch { throw UsageError("--key: \(error)") }
        let pinFile = pinSource ?? token?.pinFile
        if let pinSource, token?.pinFile != nil { throw UsageError("--pin-source \(pinSource): --key names a pin-source, too; one of them is allowed") }
        if token != nil, keyPassphrase != nil { throw UsageError("--key-pwd is for a key in a file; --pin-source has a token's PIN") }
        if let pinSource, token == nil { throw UsageError("--pin-source \(pinSource) is for a key in a token, pkcs11:...; --key-pwd opens a file's") }
        if let input = ((token != nil ? [] : [key]) + [pinFile].compactMap { $0 } + inputs + [keyInfo].compactMap { $0 }).first(where: { InputFile.isSame($0, out) }) {
            throw UsageError("--out \(out) would overwrite \(input)")
        }
        let keyName = token.map { ForeignText.line($0.url) } ?? key
        let signingKey = try token.map { try tokenKey($0, pinFile: pinFile) } ?? fileKey()
        if (keyType == .RSA) != (signingKey.signatureType == .rsaPKCS1v15SHA256) {
            let hint = keyType == .RSA ? "; say --key-type ECC, and know that the STM32MP1's OP-TEE refuses such images" : ""
            throw UsageError("\(keyName): an \(signingKey.trusted.summary), but --key-type is \(keyType.rawValue)\(hint)")
        }
        let images = try inputs.map { try InputFile.read($0) }
        let signer = ImageSigner(key: signingKey, keyInfo: try keyInfo.map { try InputFile.read($0) }, platformTLVs: records)
        let image: SignedPieces
        do throws(SigningError) { image = try signer.pieces(images) } catch { throw mistake(error, keyName) }
        try InputFile.write(image.pieces.map { $0[...] }, to: out)
        Console.note("\(out): \(image.count) bytes, \(images.count == 1 ? "one image" : "\(images.count) images"), signed with \(signingKey.trusted.summary)")
        // The signature is good: what is left is what the script does not look at.
        if let failure = ImageJudge(.chosen, signatures: .unverified).verdict(on: image).failure {
            Console.note("warning: \(out): OP-TEE refuses it: \(failure)", .warning)
        }
    }

    private func fileKey() throws -> SigningKey {
        let bytes = try InputFile.key(key)
        do throws(KeyError) { return try SigningKey(file: bytes, passphrase: keyPassphrase) } catch { throw UsageError("\(key): \(error)") }
    }

    private func tokenKey(_ address: TokenAddress, pinFile: String?) throws -> SigningKey {
        let pin = try pinFile.map { file in
            let bytes = try InputFile.key(file)
            // What editors on Windows begin UTF-8 with is no part of it.
            let line = (bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]).prefix { $0 != 0x0A && $0 != 0x0D }
            guard !line.isEmpty, !line.contains(0) else { throw UsageError("\(file): the first line is no PIN") }
            return String(decoding: line, as: UTF8.self)
        }
        do throws(KeyError) { return try SigningKey(address, pin: pin) } catch {
            throw UsageError("\(ForeignText.line(address.url)): \(error)" + (pin == nil ? "; --pin-source names a file with the token's PIN" : ""))
        }
    }

    private func mistake(_ error: SigningError, _ keyName: String) -> any Error {
        let text = "\(inputs.joined(separator: ", ")): \(error)"
        switch error {
        case .notELF, .notARM, .programHeaders, .segmentType, .segmentOutsideFile: return Refusal(text)
        case .imageCount, .tooLarge, .platformIdentifier, .platformRange, .platformNumber, .platformValue: return UsageError(text)
        case .key: return UsageError("\(keyName): \(error)")
        }
    }
}

struct Keygen: TakesProjectFile {
    enum Kind: String, ExpressibleByArgument, CaseIterable { case RSA, ECC }

    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Make a key pair for signing: private.pem (mode 0600) and public.pem.")

    @Option(help: "The folder to put them in; it is made when missing.", completion: .directory) var out: String
    @Option(name: .customLong("type"), help: "RSA or ECC (P-256; the STM32MP1's OP-TEE refuses it).") var kind = Kind.RSA
    @Option(help: "RSA: 2048 (the default), 3072 or 4096.") var bits: Int?
    @Flag(help: "Replace keys that are there.") var force = false
    @OptionGroup(title: "General") var general: GeneralOptions

    func run() throws {
        if kind == .ECC, let bits { throw UsageError("--bits \(bits) is for RSA; an ECC key is on P-256") }
        // First what may be refused, so that a refusal leaves no folder.
        let key = try SigningKey.generate(kind == .RSA ? .rsa(bits: bits ?? 2048) : .ecdsaP256)
        try InputFile.makeFolder(out)
        try KeyFiles.write(key, to: out + "/private.pem", publicKeyTo: out + "/public.pem", overwriting: force)
        Console.note("\(out)/private.pem, \(out)/public.pem: \(key.trusted.summary)")
    }
}
