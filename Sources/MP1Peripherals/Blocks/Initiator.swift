// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Which bus master makes an access. Some registers answer it by who asks: HSEM takes its core id from it, a secured RCC
/// ignores non-secure writes.
public enum Initiator: Equatable, Sendable {
    /// The Cortex-M4; always non-secure.
    case cortexM4
    case cortexA7(secure: Bool)

    @inlinable public var isSecure: Bool {
        if case .cortexA7(secure: true) = self { return true }
        return false
    }
}
