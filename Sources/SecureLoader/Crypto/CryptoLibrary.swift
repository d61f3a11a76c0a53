// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CGnuTLS

/// GnuTLS (LGPL-2.1-or-later), which is loaded when something is hashed, verified or signed for the first time.
public enum CryptoLibrary {
    /// Such as `3.7.9`; `none` where it cannot be loaded.
    public static var version: String { String(cString: m4_crypto_version()) }

    /// - Throws: `KeyError.library` where it cannot be loaded: with what the loader says, and the package.
    public static func load() throws(KeyError) {
        if let reason = m4_crypto_load() { throw .library(String(cString: reason)) }
    }

    /// What an error code means, in GnuTLS' words, without its full stop.
    static func text(_ error: Int32) -> String {
        let text = String(cString: m4_crypto_text(error))
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }

    /// Bytes that GnuTLS has allocated: copied, and freed.
    static func bytes(_ make: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, UnsafeMutablePointer<Int>) -> Int32) -> Result<[UInt8], Failure> {
        var pointer: UnsafeMutablePointer<UInt8>?, count = 0
        let error = make(&pointer, &count)
        guard error == 0, let pointer else { return .failure(Failure(code: error)) }
        defer { m4_crypto_free(pointer) }
        return .success(Array(UnsafeBufferPointer(start: pointer, count: count)))
    }

    struct Failure: Error { let code: Int32 }
}
