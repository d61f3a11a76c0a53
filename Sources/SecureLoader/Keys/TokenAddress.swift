// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CGnuTLS
import MachineBase

/// Where a key in a PKCS#11 token is: `pkcs11:token=...;object=...`. Source: RFC 7512.
///
/// A PIN in it (`pin-value`) is refused, and no message shows it: whoever lists the processes of the machine would see it.
public struct TokenAddress: Sendable {
    private static let scheme = "pkcs11:"
    private static let pinAttributes = ["pin-value", "pin-source", "pinfile"]

    /// Without what concerns the PIN; for messages, too.
    public let url: String
    /// The file that the URL names for the PIN (`pin-source`).
    public let pinFile: String?

    /// Whether a key's name is such a URL rather than a file's.
    public static func isOne(_ name: String) -> Bool { name.prefix(scheme.count).lowercased() == scheme }

    /// - Throws: `KeyError.tokenURL` where there is a PIN in it, or a PIN's source that is no file.
    public init(_ text: String) throws(KeyError) {
        guard Self.isOne(text) else { throw .tokenURL("does not begin with \(Self.scheme)") }
        let halves = text.dropFirst(Self.scheme.count).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        // PINs belong behind the question mark, and GnuTLS takes them in front of it, too.
        let path = halves[0].split(separator: ";"), query = halves.dropFirst().joined().split { $0 == "&" || $0 == ";" }
        // A name with per cent signs is the same name to GnuTLS.
        func attribute(_ part: Substring) -> String { (Self.decoded(part.prefix { $0 != "=" }) ?? "").lowercased() }
        guard (path + query).allSatisfy({ part in Self.decoded(part.prefix { $0 != "=" }) != nil }) else {
            throw .tokenURL("is none: pkcs11:token=LABEL;object=LABEL is expected, per cent signs followed by two hex digits")
        }
        let ofPIN = (path + query).filter { Self.pinAttributes.contains(attribute($0)) }
        guard !ofPIN.contains(where: { attribute($0) == "pin-value" }) else {
            throw .tokenURL("has the PIN in it (pin-value), where every user of this machine sees it; --pin-source names a file with it")
        }
        guard ofPIN.count <= 1 else { throw .tokenURL("has more than one pin-source") }
        pinFile = try ofPIN.first.map { part throws(KeyError) in try Self.file(part.drop { $0 != "=" }.dropFirst()) }
        let rest = query.filter { !Self.pinAttributes.contains(attribute($0)) }
        url = Self.scheme + path.filter { !Self.pinAttributes.contains(attribute($0)) }.joined(separator: ";")
            + (rest.isEmpty ? "" : "?" + rest.joined(separator: "&"))
    }

    /// A path, or a URL `file:...` of this machine's.
    private static func file(_ value: Substring) throws(KeyError) -> String {
        guard var path = decoded(value), !path.isEmpty, !path.contains("\0") else { throw .tokenURL("has a pin-source that is no file's name") }
        guard !path.hasPrefix("|") else { throw .tokenURL("has a command for pin-source, which is not run; --pin-source names a file with the PIN") }
        if path.hasPrefix("file:") {
            path = String(path.dropFirst("file:".count))
            for host in ["//localhost/", "///"] where path.hasPrefix(host) { path = "/" + path.dropFirst(host.count) }
            guard !path.hasPrefix("//"), !path.isEmpty else { throw .tokenURL("has a pin-source that is no file of this machine") }
        }
        return path
    }

    /// nil where a per cent sign is not followed by two hex digits.
    private static func decoded(_ value: Substring) -> String? {
        var bytes: [UInt8] = [], rest = value.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let high = rest.popFirst(), let low = rest.popFirst(), let number = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16) else { return nil }
            bytes.append(number)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What GnuTLS says of the key at this address, in our words where they say more.
    func error(_ code: Int32, hasPIN: Bool) -> KeyError {
        switch code {
        case m4_error_pin where hasPIN: .token("it refuses the PIN. One try was made; a token locks itself after a few")
        case m4_error_pin: .token("it asks for a PIN")
        case m4_error_pin_locked: .token("its PIN is locked, after too many wrong ones")
        case m4_error_url: .tokenURL("is none: pkcs11:token=LABEL;object=LABEL is expected, per cent signs followed by two hex digits")
        case m4_error_no_object: .token(Self.labels.isEmpty ? Self.noToken : "it has no such private key")
        case m4_error_no_token: .token(Self.labels.isEmpty ? Self.noToken : "no such token or key; tokens that are there: \(Self.labels.joined(separator: ", "))")
        default: .token(CryptoLibrary.text(code))
        }
    }

    private static let noToken = "no token is there. p11-kit loads the modules of /usr/share/p11-kit/modules, /etc/pkcs11/modules and ~/.config/pkcs11/modules"

    /// Of up to eight tokens that are there.
    private static var labels: [String] {
        var found: [String] = []
        var label = [CChar](repeating: 0, count: 64)
        for number in UInt32(0)..<8 {
            guard m4_token_label(number, &label) == 0 else { break }
            found.append(ForeignText.line(bytes: label.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }))
        }
        return found
    }
}
