// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import SecureLoader

/// What `--show-config` prints: a section of a project file, with each option that counts and where it comes from.
struct EffectiveOptions {
    private let arguments: ProjectArguments

    init(_ arguments: ProjectArguments) { self.arguments = arguments }

    /// YAML; options that are nowhere are comments.
    var text: String {
        var lines = ["\(arguments.options.name):"], title: String?
        for option in arguments.options.options {
            if option.sectionTitle != title, let new = option.sectionTitle { lines.append("  # \(new)") }
            title = option.sectionTitle
            lines += self.lines(option)
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private func lines(_ option: DeclaredOption) -> [String] {
        guard let (values, origin) = effective(option) else { return ["  # \(option.name):"] }
        // A file may not say it.
        if ProjectOptions.refused[option.name] != nil { return ["  # \(option.name): on the \(origin)"] }
        // A PIN in a URL is nothing to show.
        if values.contains(where: Self.hasPIN) { return ["  # \(option.name): on the \(origin), and refused"] }
        // Of a path in a file that stands elsewhere the default is another.
        if option.isPath, origin == Self.byDefault { return values.prefix(1).map { "  # \(option.name): \(Self.scalar($0, isFlag: false))  # \(origin)" } }
        if values.isEmpty { return ["  \(option.name): []  # \(origin)"] }
        guard option.isRepeating, values.count != 1 else { return values.prefix(1).map { "  \(option.name): \(Self.scalar($0, isFlag: option.kind == .flag))  # \(origin)" } }
        return ["  \(option.name):  # \(origin)"] + values.map { "    - \(Self.scalar($0, isFlag: false))" }
    }

    private func effective(_ option: DeclaredOption) -> (values: [String], origin: String)? {
        if let said = arguments.words.said.first(where: { $0.option.name == option.name }) { return (said.values, "command line") }
        if let entry = arguments.entries.first(where: { $0.option.name == option.name }) {
            return (entry.values, ForeignText.line("\(arguments.file?.path ?? ""):\(entry.place.line)"))
        }
        if option.kind == .flag { return (["false"], Self.byDefault) }
        return option.defaultValue.map { ([$0], Self.byDefault) }
    }
    private static let byDefault = "default"

    /// A token's URL with the PIN in it.
    private static func hasPIN(_ value: String) -> Bool {
        guard TokenAddress.isOne(value) else { return false }
        do throws(KeyError) {
            _ = try TokenAddress(value)
            return false
        } catch { return true }
    }

    /// As a reader of YAML takes it for the same text.
    private static func scalar(_ value: String, isFlag: Bool) -> String {
        if isFlag { return value }
        // Two words of the command line that are one value.
        let text = value.map { $0 == Sign.PlatformWords.separator ? " " : $0 }.reduce(into: "") { $0.append($1) }
        let isPlain = !text.isEmpty && !reserved.contains(text.lowercased()) && text.utf8.allSatisfy(plain.contains) && !"-+=,:@%".contains(text.first ?? "-") && text.last != ":"
        if isPlain { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\" + String(scalar)
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            // U+FFFE and U+FFFF are no characters to YAML.
            case _ where ForeignText.isSteering(scalar) || [0xFFFE, 0xFFFF].contains(scalar.value):
                let digits = String(scalar.value, radix: 16), width = scalar.value > 0xFFFF ? 8 : 4
                quoted += (width == 8 ? "\\U" : "\\u") + String(repeating: "0", count: width - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private static let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+-=,:@%".utf8)
    /// What some version of YAML takes for something else than text.
    private static let reserved: Set<String> = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"]
}
