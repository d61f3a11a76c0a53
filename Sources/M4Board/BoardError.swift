// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What keeps a board from being built.
public enum BoardError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The engine refused; `doing` says at what.
    case engine(doing: String, String)
    /// The engine's library is not the one this was built for.
    case wrongEngine(loaded: String, builtFor: String)
    /// The engine does not behave as the board relies on.
    case engineCheck(String)
    /// A configuration that no board can have.
    case configuration(String)

    public var description: String {
        switch self {
        case .engine(let doing, let why): "the engine could not \(doing): \(why)"
        case .wrongEngine(let loaded, let built):
            "libunicorn \(loaded) is loaded, but m4run was built for \(built): build again, or load the right library"
        case .engineCheck(let what): "libunicorn \(Engine.libraryVersion) does not behave as m4run needs: \(what)"
        case .configuration(let what): what
        }
    }
}
