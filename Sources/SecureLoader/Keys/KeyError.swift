/// Why a key cannot be read, made or written.
public enum KeyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No PEM block of a kind that holds a key; `labels` are those that were there.
    case noKey(labels: [String])
    /// A PEM block that does not decode as what its label says.
    case malformed(label: String)
    /// A public key where a private one is needed.
    case notPrivate(label: String)
    /// An elliptic-curve key that is not on P-256, or an algorithm other than RSA and EC.
    case unsupportedKind(label: String)
    /// An RSA key of a size that cannot be used, or is not generated, here.
    case unsupportedSize(bits: Int, allowed: String)
    /// The key is encrypted and no pass phrase was given.
    case passphraseMissing(label: String)
    /// The pass phrase does not open the key.
    case passphraseRejected(label: String)
    /// A key encrypted in a way that is not read here at all.
    case unsupportedEncryption(label: String)
    /// The library could not make a key.
    case generationFailed
    /// The library could not sign with the key.
    case signingFailed(SignatureType)
    /// The file system refused; `reason` is its own message.
    case file(path: String, reason: String)

    public var description: String {
        switch self {
        case .noKey(let labels):
            labels.isEmpty
                ? "no PEM block in the key file; a line such as -----BEGIN PRIVATE KEY----- was expected"
                : "no key among the PEM blocks of the key file: \(labels.joined(separator: ", "))"
        case .malformed(let label): "the PEM block \(label) does not decode"
        case .notPrivate(let label): "the key (\(label)) has no private part and cannot sign"
        case .unsupportedKind(let label): "the key (\(label)) is neither RSA nor EC on the curve P-256"
        case .unsupportedSize(let bits, let allowed): "the RSA key has \(bits) bits; allowed: \(allowed)"
        case .passphraseMissing(let label): "the key (\(label)) is encrypted and needs a pass phrase"
        case .passphraseRejected(let label): "the pass phrase does not open the key (\(label))"
        case .unsupportedEncryption(let label):
            "the key (\(label)) is encrypted in a way that is not read here; `openssl pkcs8 -topk8` writes one that is"
        case .signingFailed(let type): "the cryptography library could not make a signature, \(type)"
        case .generationFailed: "the cryptography library could not make a key"
        case .file(let path, let reason): "\(path): \(reason)"
        }
    }
}
