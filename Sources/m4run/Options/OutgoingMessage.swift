// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser

/// Something to send to the firmware, as `--send` and its like have it.
struct OutgoingMessage: Equatable {
    /// Text of its own line, or bytes as they are.
    enum Content: Equatable { case line(String), bytes([UInt8]) }
    let content: Content
    /// Whether the run waits for an answer.
    let waits: Bool
    /// Among all that the command line sends, whichever option has it.
    let order: Int

    private init(_ content: Content, waits: Bool) {
        (self.content, self.waits, order) = (content, waits, Self.count)
        Self.count += 1
    }
    /// The command line is read on one thread.
    nonisolated(unsafe) private static var count = 0

    // The parser calls these in the command line's order.
    static func line(_ text: String) -> OutgoingMessage { OutgoingMessage(.line(text), waits: true) }
    static func lineOnly(_ text: String) -> OutgoingMessage { OutgoingMessage(.line(text), waits: false) }
    static func bytes(_ text: String) throws -> OutgoingMessage { OutgoingMessage(.bytes(try hexadecimal(text)), waits: true) }
    static func bytesOnly(_ text: String) throws -> OutgoingMessage { OutgoingMessage(.bytes(try hexadecimal(text)), waits: false) }

    /// Two digits a byte, with or without spaces, commas or colons between, and 0x before.
    private static func hexadecimal(_ text: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for word in text.split(whereSeparator: { " ,:".contains($0) }) {
            let digits = Array(word.lowercased().hasPrefix("0x") ? word.dropFirst(2) : word)
            guard digits.count % 2 == 0, !digits.isEmpty else { throw ValidationError("a byte has two hexadecimal digits, as 'de ad be ef'") }
            for index in stride(from: 0, to: digits.count, by: 2) {
                guard digits[index].isHexDigit, let byte = UInt8(String(digits[index...index + 1]), radix: 16) else {
                    throw ValidationError("a byte has two hexadecimal digits, as 'de ad be ef'")
                }
                bytes.append(byte)
            }
        }
        guard !bytes.isEmpty else { throw ValidationError("no bytes") }
        return bytes
    }

    /// What goes to a tty, where a line ends with a newline.
    var forTerminal: [UInt8] { if case .line(let text) = content { Array(text.utf8) + [0x0A] } else { forChannel } }
    /// What goes to a channel as one message.
    var forChannel: [UInt8] {
        switch content {
        case .line(let text): Array(text.utf8)
        case .bytes(let bytes): bytes
        }
    }
}
