// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import Glibc
import MachineBase

/// A command line together with what a project file says: the file's options become words before the command line's own, and the parser
/// judges both.
struct ProjectArguments {
    let options: ProjectOptions
    let words: CommandWords
    let file: ProjectFile?
    /// What of the file counts here.
    let entries: [ProjectFile.Entry]
    private let arguments: [String]

    /// The command that a command line asks for; nil where all that was asked for is done.
    ///
    /// Without a file, and without an option about one, it costs one look into the folder.
    static func parse(_ arguments: [String]) throws -> (any ParsableCommand)? {
        let own = arguments.prefix { $0 != "--" }
        let isAboutFile = own.contains { ["--config", "--no-config", "--show-config"].contains($0) || $0.hasPrefix("--config=") }
        guard let name = arguments.first, let command = ProjectOptions.commands.first(where: { ProjectOptions.name($0) == name }),
            !own.contains(where: { ["-h", "--help", "--version"].contains($0) }), isAboutFile || access(ProjectFile.usualName, F_OK) == 0 || errno != ENOENT
        else { return try M4Run.parseAsRoot(arguments) }
        return try ProjectArguments(arguments, ProjectOptions(command)).command()
    }

    private init(_ arguments: [String], _ options: ProjectOptions) throws {
        (self.arguments, self.options) = (arguments, options)
        words = CommandWords(arguments.dropFirst(), options.declared)
        if words.config != nil, words.hasNoConfig { throw UsageError("--config and --no-config exclude each other") }
        file = words.hasNoConfig ? nil : try words.config.map { try ProjectFile($0) } ?? ProjectFile.usual()
        let (top, section) = try file?.entries(options) ?? ([], [])
        let said = words.said.reduce(into: Set<String>()) { $0.formUnion(ProjectOptions.displaced(by: $1.option.name, values: $1.values)) }
        let nearer = section.reduce(into: Set<String>()) { names, entry in
            // A flag that is off displaces the same flag alone.
            names.formUnion(entry.values == ["false"] ? [entry.option.name] : ProjectOptions.displaced(by: entry.option.name, values: entry.values))
        }
        entries = (top.filter { !nearer.contains($0.option.name) } + section).filter { !said.contains($0.option.name) }
    }

    private func command() throws -> (any ParsableCommand)? {
        let all = arguments(entries.flatMap(\.words))
        Style.begin(all)
        if words.showsConfig {
            try check(entries.flatMap(\.words) + missing)
            Console.data(EffectiveOptions(self).text)
            return nil
        }
        let command = try check(entries.flatMap(\.words))
        tell()
        return command
    }

    private func arguments(_ added: [String]) -> [String] { arguments.prefix(1) + added + arguments.dropFirst() }

    /// Words for what the command cannot do without, so that the rest can be judged when it is not there.
    private var missing: [String] {
        let present = Set(words.said.map(\.option.name) + entries.map(\.option.name))
        let absent = options.declared.filter { !present.contains($0.name) && $0.shouldDisplay && $0.kind != .flag }
        let needed = absent.filter { !$0.isOptional }.map { $0.kind == .positional ? "-" : "--\($0.name)=-" }
        // An image that may be missing where there is a pack.
        let argument = options.declared.first { $0.isArgument && $0.isOptional && !$0.isRepeating }
        return needed + (argument.map { !present.contains($0.name) && !present.contains("batch") } == true ? ["-"] : [])
    }

    // MARK: Whose mistake

    @discardableResult
    private func check(_ added: [String]) throws -> any ParsableCommand {
        do { return try M4Run.parseAsRoot(arguments(added)) } catch {
            guard let file, let (entry, place) = culprit(M4Run.message(for: error), added) else { throw error }
            throw ProjectFileError(file.path, place, "\(entry.option.name): \(M4Run.message(for: error))")
        }
    }

    /// The file's value that the parser refuses; nil when the command line is refused without any.
    ///
    /// The parser names no word of those that it was given: the first value is looked for with which it says the same.
    private func culprit(_ message: String, _ added: [String]) -> (ProjectFile.Entry, TextPlace)? {
        // What must be there is there in any case: without it the parser complains of that.
        let items = entries.filter(\.option.isOptional).flatMap { entry in zip(entry.words, entry.valuePlaces).map { (entry: entry, place: $1, word: $0) } }
        let known = Set(items.map(\.word)), own = added.filter { !known.contains($0) }
        func isRefused(_ count: Int) -> Bool {
            do { _ = try M4Run.parseAsRoot(arguments(items.prefix(count).map(\.word) + own)) } catch { return M4Run.message(for: error) == message }
            return false
        }
        guard !items.isEmpty, !isRefused(0), isRefused(items.count) else { return nil }
        var (passes, refused) = (0, items.count)
        while refused - passes > 1 {
            let middle = (passes + refused) / 2
            if isRefused(middle) { refused = middle } else { passes = middle }
        }
        let item = items[refused - 1]
        // What is said of others is not its fault, though it may be what has led there.
        return message.contains("--" + item.entry.option.name) ? (item.entry, item.place) : nil
    }

    // MARK: Words

    /// Who has forgotten the file is told what it adds.
    private func tell() {
        guard let file, !entries.isEmpty else { return }
        let level = value("log-level").flatMap(Run.LogLevel.init(rawValue:)) ?? .info
        guard [.info, .debug].contains(level), value("quiet") != "true" else { return }
        Console.note("options from \(file.path): " + entries.flatMap(\.words).map { $0.contains(" ") ? "'\($0)'" : $0 }.joined(separator: " "))
    }

    private func value(_ name: String) -> String? {
        words.said.first { $0.option.name == name }?.values.last ?? entries.first { $0.option.name == name }?.values.last
    }
}
