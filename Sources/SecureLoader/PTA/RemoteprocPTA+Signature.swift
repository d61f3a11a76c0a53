// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat

extension RemoteprocPTA {
    /// VERIFY_DIGEST: whether `signature` is a trusted key's, over data whose SHA-256 is `digest`.
    ///
    /// - Parameters:
    ///   - keyInfo: the PKEYINFO record's value. The STM32MP1 has one key and does not look at it; here, of several trusted keys,
    ///     one that it names is the only one that counts.
    ///   - offset: of the signature in the signed image, for the refusal's text.
    public func verify(
        processor: UInt32, _ signature: [UInt8], over digest: SHA256.Digest, type: SignatureType, keyInfo: [UInt8] = [],
        imageOffset offset: Int? = nil
    ) throws(TEEFailure) {
        try requireSupported(processor)
        try requireOff()
        guard type == .rsaPKCS1v15SHA256 || configuration.support == .rsaAndECDSA else {
            throw TEEFailure(
                .notSupported, .signatureAlgorithm, "the image is signed with \(type); this platform checks RSA signatures only")
        }
        guard case .trusted(let trusted) = configuration.signatures else { return }
        if type == .ecdsaP256SHA256, signature.count != type.length {
            throw TEEFailure(
                .badParameters, .signature, at: offset, "the signature has \(signature.count) bytes; ECDSA P-256 has 64")
        }
        let keys = trusted.named(by: keyInfo)
        guard !keys.contains(where: { $0.signatureType == type && $0.verifies(signature, over: digest) }) else { return }
        throw TEEFailure(
            .signatureInvalid, .signature, at: offset,
            "the \(signature.count)-byte \(type) signature over header and TLV area is not by \(Self.list(keys))")
    }

    var isCheckingSignatures: Bool {
        if case .trusted = configuration.signatures { true } else { false }
    }

    private static func list(_ keys: [TrustedKey]) -> String {
        keys.isEmpty ? "a trusted key: none is given" : "the trusted " + keys.map(\.summary).joined(separator: ", nor by the ")
    }
}

extension SignatureType {
    /// In bytes; nil when it is the key's to say.
    var length: Int? { self == .ecdsaP256SHA256 ? 64 : nil }
}
