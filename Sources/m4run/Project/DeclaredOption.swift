// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import FoundationEssentials
import MachineBase

/// An option or argument of a command, as the command itself declares it to the parser: there is no other list of them.
struct DeclaredOption: Decodable {
    enum Kind: String, Decodable { case positional, option, flag }
    struct Name: Decodable {
        let kind: String, name: String
    }
    private struct Completion: Decodable {
        let isPath: Bool
        private enum Key: CodingKey { case file, directory }
        init(from decoder: any Decoder) throws {
            let object = try decoder.container(keyedBy: Key.self)
            isPath = object.contains(.file) || object.contains(.directory)
        }
    }
    let kind: Kind
    private let names: [Name]?
    private let preferredName: Name?
    private let valueName: String?
    /// Whether help shows it.
    let shouldDisplay: Bool
    let isRepeating: Bool
    let isOptional: Bool
    let defaultValue: String?
    let sectionTitle: String?
    private let parsingStrategy: String
    private let completionKind: Completion?

    /// As a file names it: a long name without its dashes, an argument's own name.
    var name: String { kind == .positional ? valueName ?? "" : preferredName?.name ?? "" }
    /// Its value names a file or folder.
    var isPath: Bool { completionKind?.isPath == true }
    /// An argument that stands among options, not behind `--`.
    var isArgument: Bool { kind == .positional && !isBehindTerminator }
    /// An argument that takes all that stands behind `--`.
    var isBehindTerminator: Bool { kind == .positional && parsingStrategy == "postTerminator" }

    func hasName(_ name: String) -> Bool { kind == .positional ? name == valueName : (names ?? []).contains { $0.name == name } }
    /// Whether a word of the command line is this option's, without its value.
    func isWord(_ word: Substring) -> Bool { (names ?? []).contains { ($0.kind == "long" ? "--" : "-") + $0.name == word } }

    /// What the command's own declaration has, in its order.
    static func all(_ command: any ParsableCommand.Type) -> [DeclaredOption] {
        struct Tool: Decodable {
            struct Command: Decodable { let arguments: [DeclaredOption]? }
            let command: Command
        }
        let tool = try? JSONDecoder().decode(Tool.self, from: Data(command._dumpHelp().utf8))
        return tool?.command.arguments ?? []
    }
}
