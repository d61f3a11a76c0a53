// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
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
            !own.contains(where: { ["-h", "--help", "--version"].contains($0) }), isAboutFile || ProjectFile.isUsualThere
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
        // What the command line has replaced displaces nothing.
        let near = section.filter { !said.contains($0.option.name) }
        let nearer = near.reduce(into: Set<String>()) { names, entry in
            // A flag that is off displaces the same flag alone.
            names.formUnion(entry.values == ["false"] ? [entry.option.name] : ProjectOptions.displaced(by: entry.option.name, values: entry.values))
        }
        entries = top.filter { !nearer.contains($0.option.name) && !said.contains($0.option.name) } + near
    }

    private func command() throws -> (any ParsableCommand)? {
        let all = arguments(entries.flatMap(\.words))
        Style.begin(all)
        if words.showsConfig {
            try check(missing)
            Console.data(EffectiveOptions(self).text)
            return nil
        }
        let command = try check()
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
        // A key that verify asks for itself.
        let trust: [String] = options.command is Verify.Type && value("key") == nil && value("unverified") != "true" ? ["--unverified"] : []
        let lacksImage = argument.map { !present.contains($0.name) && !present.contains("batch") } ?? false
        return needed + trust + (lacksImage ? ["-"] : [])
    }

    // MARK: Whose mistake

    /// - Parameter more: words beside the file's.
    @discardableResult
    private func check(_ more: [String] = []) throws -> any ParsableCommand {
        do { return try M4Run.parseAsRoot(arguments(entries.flatMap(\.words) + more)) } catch {
            guard let file, let (entry, place) = culprit(M4Run.message(for: error), more) else { throw error }
            throw ProjectFileError(file.path, place, "\(entry.option.name): \(M4Run.message(for: error))")
        }
    }

    /// The file's value that the parser refuses; nil when the command line is refused without any.
    ///
    /// The parser does not say which of the words it was given it means. Of the values whose option it names the first is looked for with
    /// which it says the same; what is said of others is not a value's fault, though it may be what has led there.
    private func culprit(_ message: String, _ more: [String]) -> (ProjectFile.Entry, TextPlace)? {
        struct Item {
            let entry: ProjectFile.Entry
            let place: TextPlace
            let words: [String]
            let isNamed: Bool
        }
        let items = entries.flatMap { entry -> [Item] in
            let isNamed = entry.option.kind != .positional && message.contains("--" + entry.option.name)
            return zip(entry.wordsOfValues, entry.valuePlaces).map { Item(entry: entry, place: $1, words: $0, isNamed: isNamed) }
        }
        let named = items.filter(\.isNamed)
        /// With the first `count` of those that are named, and all others.
        func isRefused(_ count: Int) -> Bool {
            var left = count, words: [String] = []
            for item in items {
                if item.isNamed {
                    if left == 0 { continue }
                    left -= 1
                }
                words += item.words
            }
            do { _ = try M4Run.parseAsRoot(arguments(words + more)) } catch { return M4Run.message(for: error) == message }
            return false
        }
        guard !named.isEmpty, !isRefused(0), isRefused(named.count) else { return nil }
        var (passes, refused) = (0, named.count)
        while refused - passes > 1 {
            let middle = (passes + refused) / 2
            if isRefused(middle) { refused = middle } else { passes = middle }
        }
        return (named[refused - 1].entry, named[refused - 1].place)
    }

    // MARK: Words

    /// Who has forgotten the file is told what it adds.
    private func tell() {
        guard let file, !entries.isEmpty else { return }
        let level = value("log-level").flatMap(Run.LogLevel.init(rawValue:)) ?? .info
        guard [.info, .debug].contains(level), value("quiet") != "true" else { return }
        Console.note("options from \(file.path): " + entries.flatMap(\.words).map { $0.contains(" ") || $0.isEmpty ? "'\($0)'" : $0 }.joined(separator: " "))
    }

    private func value(_ name: String) -> String? {
        words.said.first { $0.option.name == name }?.values.last ?? entries.first { $0.option.name == name }?.values.last
    }
}
