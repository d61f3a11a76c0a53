// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc

/// QEMU's machine protocol (QMP), as far as a guest's start and its end need it. Source: QEMU docs/interop/qmp-spec.
final class QEMUMonitor {
    private let socket: LineSocket
    private static let patience: Int32 = 30_000

    init(_ descriptor: OwnedDescriptor) { socket = LineSocket(descriptor) }

    /// The greeting and its answer.
    /// - Returns: whether QEMU is there.
    func open() -> Bool { message()?["QMP"] != nil && ask("qmp_capabilities") != nil }

    private struct Request: Encodable {
        let execute: String
        let arguments: [String: String]
    }

    /// A command's `return`; nil when it failed or QEMU has gone.
    func ask(_ command: String, _ arguments: [String: String] = [:]) -> JSONValue? {
        guard let data = try? JSONEncoder().encode(Request(execute: command, arguments: arguments)), socket.send(String(decoding: data, as: UTF8.self)) else {
            return nil
        }
        while let answer = message() {
            if let result = answer["return"] { return result }
            if answer["error"] != nil { return nil }
        }
        return nil
    }

    /// Where in QEMU's object tree the first device of a type is, among those that the machine made itself.
    func device(_ type: String) -> String? {
        let folder = "/machine/unattached"
        guard case .array(let entries) = ask("qom-list", ["path": folder]) else { return nil }
        return entries.first { $0["type"] == .string("child<\(type)>") }?["name"]?.text.map { "\(folder)/\($0)" }
    }

    /// Why QEMU shuts down, or has, as "guest-shutdown", "guest-reset" or "host-signal"; nil when it did not say so.
    private(set) var shutdownReason: String?

    /// Takes what QEMU has told by itself.
    /// - Returns: false at its end.
    func listen() -> Bool {
        while message(within: 0) != nil {}
        return !socket.isAtEnd
    }

    private func message(within milliseconds: Int32 = patience) -> JSONValue? {
        guard let line = socket.line(within: milliseconds) else { return nil }
        let message = (try? JSONDecoder().decode(JSONValue.self, from: Data(line.utf8))) ?? .object([:])
        if message["event"] == .string("SHUTDOWN") { shutdownReason = message["data"]?["reason"]?.text }
        return message
    }
}
