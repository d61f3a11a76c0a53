// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc
import MachineBase

/// An object that a command prints under `--json`: keys sorted, in snake case.
protocol JSONText: Encodable {}

extension JSONText {
    var text: String { JSON.text(self, keys: .convertToSnakeCase) }
}

/// JSON as every command prints it.
enum JSON {
    /// Keys sorted, one value a line, nothing in it that would steer a terminal: strings may come from firmware.
    static func text(_ value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy = .useDefaultKeys) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = keys
        guard let data = try? encoder.encode(value) else { return "{}" }
        return escaped(String(decoding: data, as: UTF8.self))
    }

    /// JSON itself asks for escapes below 0x20 alone. Outside of strings the encoder writes nothing but ASCII.
    private static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value >= 0x7F && ForeignText.isSteering($0) }) else { return text }
        return text.unicodeScalars.reduce(into: "") { out, scalar in
            guard scalar.value >= 0x7F, ForeignText.isSteering(scalar) else { return out.unicodeScalars.append(scalar) }
            for unit in UTF16.encode(scalar) ?? .init() {
                let digits = String(unit, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
    }
}
