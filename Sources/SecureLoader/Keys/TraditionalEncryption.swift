import Crypto
import CryptoExtras

/// The encryption of traditional PEM keys: `Proc-Type: 4,ENCRYPTED` and `DEK-Info: AES-256-CBC,<IV>` above the base64 text.
///
/// The key is MD5 over pass phrase and the first 8 bytes of the IV, again and again (OpenSSL's EVP_BytesToKey). Source: RFC 1421
/// §4.6.1, OpenSSL PEM_read_bio_PrivateKey(3). It is what `openssl ec -aes256` writes.
struct TraditionalEncryption {
    private enum Cipher { case aes, des }

    private let label: String
    private let cipher: Cipher
    /// In bytes.
    private let keyLength: Int
    private let vector: [UInt8]
    private let ciphertext: [UInt8]

    init(_ block: PEMBlock) throws(KeyError) {
        label = block.label
        let lines = block.text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let header = lines.first(where: { $0.hasPrefix("DEK-Info:") }) else { throw .malformed(label: block.label) }
        let fields = header.dropFirst("DEK-Info:".count).split(separator: ",").map { $0.filter { !$0.isWhitespace } }
        guard let name = fields.first, let (cipher, keyLength) = Self.ciphers[name.uppercased()] else {
            throw .unsupportedEncryption(label: block.label)
        }
        guard fields.count == 2, let vector = Self.hex(fields[1]), vector.count == (cipher == .aes ? 16 : TripleDES.blockSize) else {
            throw .malformed(label: block.label)
        }
        // The text is what follows the empty line, up to the END line.
        let text = lines.drop { !$0.isEmpty }.filter { !$0.hasPrefix("-----") }.joined()
        guard let bytes = Base64.decode(text), !bytes.isEmpty else { throw .malformed(label: block.label) }
        self.cipher = cipher
        self.keyLength = keyLength
        self.vector = vector
        ciphertext = bytes
    }

    private static let ciphers: [String: (Cipher, Int)] = [
        "AES-128-CBC": (.aes, 16), "AES-192-CBC": (.aes, 24), "AES-256-CBC": (.aes, 32), "DES-CBC": (.des, 8), "DES-EDE3-CBC": (.des, 24),
    ]

    /// The DER inside.
    func decrypted(_ passphrase: String) throws(KeyError) -> [UInt8] {
        var material: [UInt8] = [], last: [UInt8] = []
        while material.count < keyLength {
            last = Array(Insecure.MD5.hash(data: last + Array(passphrase.utf8) + vector.prefix(8)))
            material += last
        }
        let secret = Array(material.prefix(keyLength))
        if cipher == .des {
            guard let plain = TripleDES(key: secret)?.decrypt(ciphertext, vector: vector) else { throw .passphraseRejected(label: label) }
            return plain
        }
        do {
            let key = SymmetricKey(data: secret)
            return Array(try AES._CBC.decrypt(ciphertext, using: key, iv: AES._CBC.IV(ivBytes: vector)))
        } catch { throw .passphraseRejected(label: label) }
    }

    private static func hex(_ text: some StringProtocol) -> [UInt8]? {
        let digits = text.compactMap(\.hexDigitValue)
        guard digits.count == text.count, digits.count % 2 == 0 else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

/// Base64 with padding; white space is passed over. Source: RFC 4648 §4.
private enum Base64 {
    static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0, count = 0, padding = 0
        for character in text.utf8 {
            let value: UInt8
            switch character {
            case 0x41...0x5A: value = character - 0x41
            case 0x61...0x7A: value = character - 0x61 + 26
            case 0x30...0x39: value = character - 0x30 + 52
            case 0x2B: value = 62
            case 0x2F: value = 63
            case 0x3D:
                padding += 1
                continue
            case 0x09, 0x0A, 0x0D, 0x20: continue
            default: return nil
            }
            guard padding == 0 else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 1
            if count % 4 == 0 {
                bytes += [UInt8(truncatingIfNeeded: bits >> 16), UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits)]
            }
        }
        switch (count % 4, padding) {
        case (0, 0): break
        case (2, 2): bytes.append(UInt8(truncatingIfNeeded: bits >> 4))
        case (3, 1): bytes += [UInt8(truncatingIfNeeded: bits >> 10), UInt8(truncatingIfNeeded: bits >> 2)]
        default: return nil
        }
        return bytes
    }
}
