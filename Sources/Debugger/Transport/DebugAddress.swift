// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Where clients come to: a TCP port, a Unix socket, or this program's own standard input and output.
public enum DebugAddress: Equatable, Sendable, CustomStringConvertible {
    case tcp(host: String, port: UInt16)
    case unix(path: String)
    case standardInput

    /// What GDB's own servers have.
    public static let usual = DebugAddress.tcp(host: "127.0.0.1", port: 3333)

    /// `3333`, `:3333`, `127.0.0.1:3333`, `[::1]:3333`, `stdio` or `-`, and what has a slash in it is a socket's path. nil for anything else.
    public init?(_ text: String) {
        if text == "-" || text == "stdio" {
            self = .standardInput
            return
        }
        if text.contains("/") {
            self = .unix(path: text.hasPrefix("unix:") ? String(text.dropFirst(5)) : text)
            return
        }
        var host = "127.0.0.1", digits = text
        if let colon = text.lastIndex(of: ":") {
            let name = String(text[..<colon])
            digits = String(text[text.index(after: colon)...])
            if name.hasPrefix("["), name.hasSuffix("]") {
                host = String(name.dropFirst().dropLast())
            } else if name.contains(":") {
                return nil
            } else if !name.isEmpty {
                host = name
            }
            guard !host.isEmpty else { return nil }
        }
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = UInt16(digits) else { return nil }
        self = .tcp(host: host, port: port)
    }

    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        case .standardInput: "standard input"
        }
    }
}

/// Why no client can come to a server.
public struct DebugServerError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
