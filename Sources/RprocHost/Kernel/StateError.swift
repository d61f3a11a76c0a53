// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Why a state cannot be taken, or not be restored here.
public enum StateError: Error, Equatable, Sendable, CustomStringConvertible {
    /// It was asked for in the midst of what is named: of a listener, a driver, a condition.
    case busy(String)
    /// The state is of another configuration: what of it differs, as the state has it, and as it is here.
    case mismatch(String, seen: String, allowed: String)

    public var description: String {
        switch self {
        case .busy(let what): "a state is taken and restored between two calls, not in the midst of \(what)"
        case .mismatch(let what, let seen, let allowed): "the state is not of this system: its \(what) is \(seen), here it is \(allowed)"
        }
    }
}
