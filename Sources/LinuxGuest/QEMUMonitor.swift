import Foundation

/// QEMU's machine protocol (QMP), as far as a guest's start and its end need it. Source: QEMU docs/interop/qmp-spec.
final class QEMUMonitor {
    private let socket: LineSocket
    private static let patience: Int32 = 30_000

    init(_ descriptor: OwnedDescriptor) { socket = LineSocket(descriptor) }

    /// The greeting and its answer.
    /// - Returns: whether QEMU is there.
    func open() -> Bool { message()?["QMP"] != nil && ask("qmp_capabilities") != nil }

    /// A command's `return`; nil when it failed or QEMU has gone.
    func ask(_ command: String, _ arguments: [String: String] = [:]) -> Any? {
        let request: [String: Any] = ["execute": command, "arguments": arguments]
        guard let data = try? JSONSerialization.data(withJSONObject: request), socket.send(String(decoding: data, as: UTF8.self)) else { return nil }
        while let answer = message() {
            if let result = answer["return"] { return result }
            if answer["error"] != nil { return nil }
        }
        return nil
    }

    /// Where in QEMU's object tree the first device of a type is, among those that the machine made itself.
    func device(_ type: String) -> String? {
        let folder = "/machine/unattached"
        guard let entries = ask("qom-list", ["path": folder]) as? [[String: Any]] else { return nil }
        return entries.first { $0["type"] as? String == "child<\(type)>" }.flatMap { $0["name"] as? String }.map { "\(folder)/\($0)" }
    }

    /// Why QEMU shuts down, or has, as "guest-shutdown", "guest-reset" or "host-signal"; nil when it did not say so.
    private(set) var shutdownReason: String?

    /// Takes what QEMU has told by itself.
    /// - Returns: false at its end.
    func listen() -> Bool {
        while message(within: 0) != nil {}
        return !socket.isAtEnd
    }

    private func message(within milliseconds: Int32 = patience) -> [String: Any]? {
        guard let line = socket.line(within: milliseconds) else { return nil }
        let message = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any] ?? [:]
        if message["event"] as? String == "SHUTDOWN" { shutdownReason = (message["data"] as? [String: Any])?["reason"] as? String }
        return message
    }
}
