// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials

/// Base64 with padding; white space is passed over. Source: RFC 4648 §4.
enum Base64 {
    /// nil when it is none, or nothing.
    static func decode(_ text: String) -> [UInt8]? {
        guard let bytes = Data(base64Encoded: text.filter { !$0.isWhitespace }), !bytes.isEmpty else { return nil }
        return Array(bytes)
    }

    static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
