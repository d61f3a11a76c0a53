// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CGnuTLS

extension SigningKey {
    /// What a file may make us count to, about a second; OpenSSL writes 2048, and 1,300,000 is the most that is recommended anywhere.
    private static let mostRounds = 2_000_000
    /// The ciphers of `Proc-Type: 4,ENCRYPTED`, which GnuTLS opens.
    private static let traditionalCiphers = [
        "DES-CBC", "DES-EDE3-CBC", "AES-128-CBC", "AES-192-CBC", "AES-256-CBC", "CAMELLIA-128-CBC", "CAMELLIA-192-CBC", "CAMELLIA-256-CBC",
    ]

    static func read(_ block: PEMBlock, _ passphrase: String?) throws(KeyError) -> SigningKey {
        try CryptoLibrary.load()
        let text = Array(block.text.utf8), label = block.label
        if label == "ENCRYPTED PRIVATE KEY" {
            guard let der = block.der else { throw .malformed(label: label) }
            try checkScheme(text, der, label)
            guard let passphrase else { throw .passphraseMissing(label: label) }
            return try opened(label) { m4_private_key_read($0, text, text.count, true, M4_KEY_PKCS8_ENCRYPTED, passphrase) }
        }
        if block.hasEncryptionHeader {
            guard let (cipher, vector) = block.encryption else { throw .malformed(label: label) }
            guard traditionalCiphers.contains(cipher.uppercased()) else { throw .unsupportedEncryption(label: label, found: cipher) }
            guard vector.count == (cipher.uppercased().hasPrefix("DES") ? 16 : 32), vector.allSatisfy(\.isHexDigit) else { throw .malformed(label: label) }
            // GnuTLS ends the process at half a block.
            guard let ciphertext = block.ciphertext, ciphertext.count % (vector.count / 2) == 0 else { throw .malformed(label: label) }
            guard let passphrase else { throw .passphraseMissing(label: label) }
            return try opened(label) { m4_private_key_read($0, text, text.count, true, M4_KEY_OPENSSL_ENCRYPTED, passphrase) }
        }
        guard let der = block.der else { throw .malformed(label: label) }
        do throws(KeyError) {
            try checkSizeAndPrimes(der, label)
            return try made(label) { m4_private_key_read($0, text, text.count, true, M4_KEY_PLAIN, nil) }
        } catch { throw KeyForm.explained(error, der, label) }
    }

    /// What a wrong pass phrase leaves may look padded, and is then no key.
    private static func opened(_ label: String, _ make: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws(KeyError) -> SigningKey {
        do throws(KeyError) { return try made(label, make) } catch {
            if case .malformed = error { throw .openedIsNoKey(label: label) }
            throw error
        }
    }

    /// Refused before anything is hashed: too many rounds, and what GnuTLS does not derive.
    private static func checkScheme(_ pem: [UInt8], _ der: [UInt8], _ label: String) throws(KeyError) {
        // The first number is that of the rounds, in PBKDF2's parameters and in PKCS#12's.
        if let number = DER.integers(der, inStrings: false).first {
            let rounds = number.count <= 8 ? number.reduce(0) { $0 << 8 | UInt64($1) } : .max
            guard (1...UInt64(mostRounds)).contains(rounds) else {
                throw .tooManyRounds(label: label, rounds: number.count <= 8 ? "\(rounds)" : "2^\(number.count * 8 - 8) and more", allowed: mostRounds)
            }
        }
        var rounds: UInt32 = 0
        var name = [CChar](repeating: 0, count: 128)
        let code = m4_pkcs8_rounds(pem, pem.count, true, &rounds, &name)
        let identifier = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard code == 0 else {
            // Whatever has numbers outside of its strings is of the form of an encrypted key.
            guard code == m4_error_unknown_cipher || !identifier.isEmpty || !DER.integers(der, inStrings: false).isEmpty else { throw .malformed(label: label) }
            let found = identifier.isEmpty ? CryptoLibrary.text(code) : identifier
            throw .unsupportedEncryption(label: label, found: KeyNames.notRead(DER.identifiers(der)) ?? found)
        }
        guard (1...UInt32(mostRounds)).contains(rounds) else { throw .tooManyRounds(label: label, rounds: "\(rounds)", allowed: mostRounds) }
    }

    /// Before a library computes with it.
    static func checkSizeAndPrimes(_ der: [UInt8], _ label: String) throws(KeyError) {
        try KeySize.check(der)
        // PKCS#1 has nine numbers for two primes and three more for each other; the first is its version, which is 1 then. PKCS#8 has one before it.
        let numbers = DER.integers(der, inStrings: true)
        if numbers.count > 11, numbers.prefix(2).contains(where: { $0.elementsEqual([1]) }) { throw .unsupportedKind(label: label, found: "an RSA key of more than two primes") }
    }

    /// What GnuTLS says of a key, in our words where they say more.
    static func error(_ code: Int32, _ label: String) -> KeyError {
        switch code {
        case m4_error_decryption: .passphraseRejected(label: label)
        case m4_error_unknown_algorithm, m4_error_curve: .unsupportedKind(label: label, found: CryptoLibrary.text(code))
        case m4_error_unknown_cipher: .unsupportedEncryption(label: label, found: CryptoLibrary.text(code))
        case m4_error_numbers: .inconsistent(label: label)
        default: .malformed(label: label)
        }
    }
}

extension PEMBlock {
    /// Whether a key file is PEM rather than DER.
    static func isText(_ bytes: [UInt8]) -> Bool { bytes.first != 0x30 }
}
