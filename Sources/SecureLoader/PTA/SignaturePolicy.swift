// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat

/// What the platform demands of an image's signature.
public enum SignaturePolicy: Sendable {
    /// One of these keys must have made it. (The board has exactly one.)
    case trusted([TrustedKey])
    /// Any signature passes, unread. Everything else about the image is still checked, the segments' hashes with it; but whoever
    /// made the image also made the hashes.
    case unverified
}

/// What kinds of signature the platform can check.
public enum SignatureSupport: Sendable {
    /// STM32MP1 as released: ECDSA is NOT_SUPPORTED.
    case rsaOnly
    /// A platform that also checks ECDSA P-256.
    case rsaAndECDSA
}

extension SignatureType {
    /// TEE_ALG_RSASSA_PKCS1_V1_5_SHA256 and TEE_ALG_ECDSA_SHA256, as the key information names them.
    var teeAlgorithm: UInt32 {
        switch self {
        case .rsaPKCS1v15SHA256: 0x7000_4830
        case .ecdsaP256SHA256: 0x7000_3042
        }
    }

    init?(teeAlgorithm: UInt32) {
        switch teeAlgorithm {
        case Self.rsaPKCS1v15SHA256.teeAlgorithm: self = .rsaPKCS1v15SHA256
        case Self.ecdsaP256SHA256.teeAlgorithm: self = .ecdsaP256SHA256
        default: return nil
        }
    }
}
