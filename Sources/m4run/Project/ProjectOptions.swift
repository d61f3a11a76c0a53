// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser

/// Which options a command takes from a project file: those that it declares, but for a few.
struct ProjectOptions {
    let command: any ParsableCommand.Type
    /// All that the command declares, and what of that a file may say.
    let declared: [DeclaredOption], options: [DeclaredOption]

    init(_ command: any ParsableCommand.Type) {
        self.command = command
        declared = DeclaredOption.all(command)
        // Of several arguments it would not be known which of them the command line has.
        let arguments = declared.count { $0.isArgument }
        options = declared.filter { option in
            guard option.shouldDisplay, !Self.never.contains(option.name) else { return false }
            return option.kind != .positional || option.isArgument && arguments == 1
        }
    }

    var name: String { Self.name(command) }
    static func name(_ command: any ParsableCommand.Type) -> String { command.configuration.commandName ?? "" }

    func option(_ name: String) -> DeclaredOption? { options.first { $0.hasName(name) } }

    /// Whether an option at the file's top level is for this command, too.
    func takesFromTop(_ option: DeclaredOption) -> Bool {
        let name = option.name
        if Self.general.contains(name) { return true }
        return !Self.withoutTop.contains(self.name) && Self.ownMeaning[self.name]?.contains(name) != true
    }

    /// Commands that have a section of their own.
    static var commands: [any ParsableCommand.Type] { M4Run.configuration.subcommands.filter { $0 is any TakesProjectFile.Type } }

    private static let general: Set<String> = ["color"]
    /// About the file itself, or nothing that is said once and for all.
    static let never: Set<String> = ["help", "version", "config", "no-config", "show-config"]
    /// What a file may not say, and why. It may have come with a checkout.
    static let refused = [
        "key-pwd": "a pass phrase in a file is none; --key-pwd on the command line",
        "gdb": "a port is opened by the command line alone: --gdb",
        "listen": "a port is opened by the command line alone: --listen",
        "qemu": "a program to run is named on the command line alone: --qemu",
        "plugin": "a program to run is named on the command line alone: --plugin",
    ]
    /// Their options' names mean something else to other commands: key is a private one to sign.
    private static let withoutTop: Set<String> = ["sign", "keygen", "ctl", "dt"]
    /// To linux an image is an ELF, and a kernel a file.
    private static let ownMeaning: [String: Set<String>] = ["linux": ["image", "kernel"]]

    /// Of those in a row one is said, and what is nearer counts: the command line, then the command's section, then the top level.
    private static let exclusive: [Set<String>] = [["key", "unverified"], ["kernel", "openstlinux"], ["image", "batch"]]
    /// What has no meaning without OP-TEE.
    private static let forTEE: Set<String> = ["key", "unverified", "accept-ecdsa", "isolation", "optee-dtb"]

    /// The options that one displaces where it is said nearer.
    static func displaced(by name: String, values: [String]) -> Set<String> {
        var names = exclusive.filter { $0.contains(name) }.reduce(into: Set([name])) { $0.formUnion($1) }
        if name == "boot", values.last == "elf" { names.formUnion(forTEE) }
        return names
    }
}

/// A command that takes options from a project file.
protocol TakesProjectFile: ParsableCommand {
    var general: GeneralOptions { get }
}
