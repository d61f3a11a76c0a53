// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat

/// Why a key cannot be read, made or written.
public enum KeyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No PEM block of a kind that holds a key; `labels` are those that were there.
    case noKey(labels: [String])
    /// A PEM block that does not decode as what its label says.
    case malformed(label: String)
    /// A PEM block without the line that ends it, and no key before it.
    case unfinished(label: String)
    /// A public key where a private one is needed.
    case notPrivate(label: String)
    /// An elliptic-curve key that is not on P-256, or an algorithm other than RSA and EC; `found` is its name.
    case unsupportedKind(label: String, found: String)
    /// A key that could be used, in a form that is not read here; `found` continues a sentence about it, `converts` is a command of OpenSSL's.
    case unsupportedForm(label: String, found: String, converts: String)
    /// An RSA key of a size that cannot be used, or is not generated, here.
    case unsupportedSize(bits: Int, allowed: String)
    /// An RSA key whose public exponent has more bits than OP-TEE has room for.
    case publicExponent(bits: Int, allowed: Int)
    /// A private RSA key whose numbers are not those of one key.
    case inconsistent(label: String)
    /// A PEM block, or a key file, that is larger than any key.
    case tooLarge(what: String, bytes: Int, allowed: Int)
    /// The key is encrypted and no pass phrase was given.
    case passphraseMissing(label: String)
    /// The pass phrase does not open the key.
    case passphraseRejected(label: String)
    /// The pass phrase opens the key, as far as can be told, and what is in it is not read.
    case openedIsNoKey(label: String)
    /// A key whose pass phrase is to be hashed more often than is done here; nothing was hashed.
    case tooManyRounds(label: String, rounds: String, allowed: Int)
    /// A key encrypted in a way that is not read here at all; `found` is the scheme's name or object identifier.
    case unsupportedEncryption(label: String, found: String)
    /// The library could not make a key.
    case generationFailed(reason: String)
    /// The library, or the token, could not sign with the key.
    case signingFailed(SignatureType, reason: String)
    /// The URL of a token's key cannot be used.
    case tokenURL(String)
    /// A PKCS#11 token does not give the key.
    case token(String)
    /// GnuTLS cannot be loaded.
    case library(String)
    /// The file system refused; `reason` is its own message.
    case file(path: String, reason: String)

    public var description: String {
        switch self {
        case .noKey(let labels):
            labels.isEmpty
                ? "no PEM block in the key file; a line such as -----BEGIN PRIVATE KEY----- was expected"
                : "no key among the PEM blocks of the key file: \(labels.prefix(8).joined(separator: ", "))"
                    + (labels.count > 8 ? " and \(labels.count - 8) more" : "")
                    + (labels.contains("OPENSSH PRIVATE KEY") ? "; `ssh-keygen -p -m PEM -f KEY` makes one of OpenSSH's" : "")
        case .malformed(let label): label == "DER" ? "the file is no key in DER" : "the PEM block \(label) does not decode"
        case .unfinished(let label): "the PEM block \(label) does not end: no line -----END \(label)----- comes behind it"
        case .notPrivate(let label): "the key (\(label)) has no private part and cannot sign"
        case .unsupportedKind(let label, let found): "the key (\(label)) is neither RSA nor EC on the curve P-256: \(found)"
        case .unsupportedForm(let label, let found, let converts): "the key (\(label)) \(found), which is not read here; `\(converts)` writes one that is"
        case .unsupportedSize(let bits, let allowed): "the RSA key has \(bits) bits; allowed: \(allowed)"
        case .publicExponent(let bits, let allowed):
            "the RSA key's public exponent has \(bits) bits; OP-TEE keeps it in a word of \(allowed)"
        case .inconsistent(let label): "the numbers of the key (\(label)) do not belong together"
        case .tooLarge(let what, let bytes, let allowed): "\(what) has \(bytes) bytes; up to \(allowed) are taken"
        case .tooManyRounds(let label, let rounds, let allowed):
            "the key (\(label)) asks for \(rounds) rounds of key derivation; 1 to \(allowed) are done"
        case .passphraseMissing(let label): "the key (\(label)) is encrypted and needs a pass phrase"
        case .passphraseRejected(let label): "the pass phrase does not open the key (\(label))"
        case .openedIsNoKey(let label):
            "the pass phrase does not open the key (\(label)), or what it opens is no key that is read here; `openssl pkey -noout -text -in KEY` shows what it is"
        case .unsupportedEncryption(let label, let found):
            "the key (\(label)) is encrypted in a way that is not read here (\(found)); `openssl pkcs8 -topk8 -v2 aes-256-cbc"
                + (KeyNames.isLegacy(found) ? " -provider legacy -provider default" : "") + (label == "DER" ? " -inform DER" : "") + " -in KEY -out NEW` writes one that is"
        case .signingFailed(let type, let reason): "no signature, \(type), could be made: \(reason)"
        case .generationFailed(let reason): "no key could be made: \(reason)"
        case .tokenURL(let reason): "the URL of the token's key \(reason)"
        case .token(let reason): "the token does not give the key: \(reason)"
        case .library(let reason): reason
        case .file(let path, let reason): "\(path): \(reason)"
        }
    }
}
