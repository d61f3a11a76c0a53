// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Debugger
import M4Board

/// A client's side by hand: packets as text, and what comes back.
final class Client {
    let target = InMemoryTarget()
    let session: DebugSession

    init(role: DebugSession.Role = .controls, acknowledges: Bool = false) {
        session = DebugSession(target, role: role)
        target.onHalt = { [unowned self] in session.stopped($0) }
        if !acknowledges { _ = say("QStartNoAckMode") }
    }

    /// Sends bytes as they are, and answers what came.
    func send(_ bytes: [UInt8]) -> String {
        session.receive(bytes)
        return String(decoding: session.takeOutput(), as: UTF8.self)
    }

    /// Sends a packet, and answers the packets that came, without their frames, behind each other with a space between.
    func say(_ text: String) -> String { Self.packets(send(PacketWriter.framed(Array(text.utf8)))) }
    func say(bytes: [UInt8]) -> String { Self.packets(send(PacketWriter.framed(bytes))) }

    /// What the session has to say by itself.
    var unasked: String { Self.packets(String(decoding: session.takeOutput(), as: UTF8.self)) }

    static func packets(_ text: String) -> String {
        var parser = PacketParser(limit: 100_000), found: [String] = []
        for byte in text.utf8 { if case .packet(let bytes)? = parser.take(byte) { found.append(String(decoding: bytes, as: UTF8.self)) } }
        return found.joined(separator: " ")
    }

    /// The text of console packets.
    static func console(_ packets: String) -> String {
        packets.split(separator: " ").filter { $0.hasPrefix("O") && $0 != "OK" }.map { packet in
            let digits = Array(packet.dropFirst().utf8)
            let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16) }
            return String(decoding: bytes, as: UTF8.self)
        }.joined()
    }
}
