// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import FoundationEssentials
import Glibc
import MachineBase
import Manual
import SecureLoader

/// A mistake in a project file: file, line, column, and what is allowed instead.
struct ProjectFileError: UserFacing {
    let description: String
    init(_ path: String, _ place: TextPlace, _ sentence: String) { description = "\(path):\(place.line):\(place.column): \(sentence)" }
}

/// Options that a project says once, in `m4run.yaml`: at the top for all commands, in a section for one.
struct ProjectFile {
    static let usualName = "m4run.yaml"
    /// More is no list of options.
    private static let largest = 64 << 10, mostValues = 1000

    /// An option as the file has it.
    struct Entry {
        let option: DeclaredOption
        let place: TextPlace
        /// Of a flag `true` or `false`. Paths are as this process finds them.
        let values: [String]
        let valuePlaces: [TextPlace]

        /// As the command line has it.
        var words: [String] { wordsOfValues.flatMap { $0 } }

        /// The same for each value; nothing for a flag that is off.
        var wordsOfValues: [[String]] {
            switch option.kind {
            case .flag: values == ["true"] ? [["--\(option.name)"]] : []
            // Behind an equals sign the parser takes no empty value.
            case .option: values.map { $0.isEmpty ? ["--\(option.name)", ""] : ["--\(option.name)=\($0)"] }
            case .positional: values.map { [$0.hasPrefix("-") ? "./" + $0 : $0] }
            }
        }
    }
    let path: String
    /// What paths in it are relative to: empty for the folder at hand.
    private let folder: String
    private let root: [(key: String, place: TextPlace, value: YAMLNode)]

    // MARK: Reading

    /// Whether there is anything of the usual name to look at, be it a link that leads nowhere.
    static var isUsualThere: Bool {
        var info = stat()
        return lstat(usualName, &info) == 0 || errno != ENOENT
    }

    /// The file of the current folder; nil without one.
    ///
    /// - Throws: `UsageError` for one that others may have put there.
    static func usual() throws -> ProjectFile? {
        var info = stat(), folder = stat(), own = stat()
        guard lstat(usualName, &own) == 0 else {
            guard errno == ENOENT || errno == ENOTDIR || errno == EACCES else { throw UsageError("\(usualName): \(String(cString: strerror(errno)))") }
            return nil
        }
        // A folder that everybody writes to, as /tmp: whoever put a file there is not who stands there.
        let isOpen = stat(".", &folder) == 0 && folder.st_mode & S_IWOTH != 0
        let ways = "in a folder that everybody may write to; --config \(usualName) takes it all the same, --no-config leaves it out"
        func isAnothers(_ file: stat) -> Bool { isOpen && file.st_uid != geteuid() && file.st_uid != 0 }
        // Of a link first: its owner says which file it is, and the kernel may not follow it.
        if isAnothers(own) { throw UsageError("\(usualName): belongs to another user, \(ways)") }
        guard stat(usualName, &info) == 0 else {
            throw UsageError("\(usualName): a symbolic link to what cannot be reached: \(String(cString: strerror(errno))); --no-config leaves it out")
        }
        guard info.st_mode & S_IFMT == S_IFREG else { throw UsageError("\(usualName): no regular file; --no-config leaves it out") }
        if isAnothers(info) { throw UsageError("\(usualName): belongs to another user, \(ways)") }
        // Who has given a file its second name, nobody knows.
        if isOpen, own.st_nlink > 1 { throw UsageError("\(usualName): a hard link, \(ways)") }
        return try ProjectFile(usualName)
    }

    init(_ path: String) throws {
        self.path = path
        guard !path.isEmpty else { throw UsageError("--config needs a file name") }
        var info = stat()
        // A pipe's writer may never come, and no --timeout is known yet. What is not there, or is a folder, is told by the reading.
        if stat(path, &info) == 0, info.st_mode & S_IFMT != S_IFREG, info.st_mode & S_IFMT != S_IFDIR {
            throw UsageError("\(path): no regular file; options are read from one")
        }
        let bytes = try InputFile.read(path, limit: Self.largest)
        folder = PathText.folder(path)
        let document: YAMLNode?
        do throws(YAMLError) { document = try YAMLNode.read(bytes) } catch { throw ProjectFileError(path, error.place, error.sentence) }
        switch document?.content {
        case nil: root = []
        case .mapping(let entries): root = entries
        // A file with nothing but null, or dashes.
        case .text("", true): root = []
        default: throw ProjectFileError(path, document?.place ?? TextPlace(), "\(document?.kind ?? ""); options are allowed, as 'key: public.pem'")
        }
    }

    // MARK: Options

    /// What the file says to a command: the top level's entries, and its section's. All of the file is checked, whichever command it is for.
    func entries(_ command: ProjectOptions) throws -> (top: [Entry], section: [Entry]) {
        let commands = ProjectOptions.commands, names = commands.map(ProjectOptions.name)
        var top: [Entry] = [], section: [Entry] = []
        // Their declarations are asked for only when they are needed.
        var others: [ProjectOptions]?, lines: [String: Int] = [:]
        for (key, place, value) in root {
            if let index = names.firstIndex(of: key) {
                let options = key == command.name ? command : ProjectOptions(commands[index])
                let found = try self.section(options, value)
                if key == command.name { section = found }
                continue
            }
            if let option = try option(key, place, in: command), command.takesFromTop(option) {
                try note(option, key, place, &lines)
                top.append(try entry(option, place, value))
                continue
            }
            let all = others ?? commands.map { ProjectOptions($0) }
            others = all
            for other in all { _ = try self.option(key, place, in: other) }
            let known = all.compactMap { other in other.option(key).flatMap { other.takesFromTop($0) ? $0 : nil } }
            guard let option = known.first else {
                let owner = all.first { $0.option(key) != nil }
                let hint = owner.map { "; it is for the section of a command, as '\($0.name):'" } ?? nearest(key, names + all.flatMap { other in other.options.filter(other.takesFromTop).map(\.name) })
                throw ProjectFileError(path, place, "\(ForeignText.line(key)): no option of a command at the top of the file" + hint)
            }
            try note(option, key, place, &lines)
            _ = try entry(option, place, value)
        }
        return (top, section)
    }

    private func section(_ options: ProjectOptions, _ node: YAMLNode) throws -> [Entry] {
        guard case .mapping(let entries) = node.content else {
            if case .text("", true) = node.content { return [] }
            throw ProjectFileError(path, node.place, "\(options.name): \(node.kind); a section with options of 'm4run \(options.name)' is allowed")
        }
        var found: [Entry] = [], lines: [String: Int] = [:]
        for (key, place, value) in entries {
            guard let option = try option(key, place, in: options) else {
                throw ProjectFileError(path, place, "\(ForeignText.line(key)): no option of 'm4run \(options.name)' for a file" + nearest(key, options.options.map(\.name)))
            }
            try note(option, key, place, &lines)
            found.append(try entry(option, place, value))
        }
        return found
    }

    /// An option has one key, whichever of its spellings.
    private func note(_ option: DeclaredOption, _ key: String, _ place: TextPlace, _ lines: inout [String: Int]) throws {
        if let line = lines[option.name] { throw ProjectFileError(path, place, "\(key): is in line \(line) already, in another spelling") }
        lines[option.name] = place.line
    }

    private func option(_ key: String, _ place: TextPlace, in options: ProjectOptions) throws -> DeclaredOption? {
        // It may have other spellings.
        let option = options.option(key)
        if let why = ProjectOptions.refused[option?.name ?? key] { throw ProjectFileError(path, place, "\(key): \(why)") }
        return option
    }

    private func entry(_ option: DeclaredOption, _ place: TextPlace, _ node: YAMLNode) throws -> Entry {
        func refuse(_ node: YAMLNode, _ allowed: String) -> ProjectFileError { ProjectFileError(path, node.place, "\(option.name): \(node.kind); \(allowed)") }
        if option.kind == .flag {
            guard case .text(let text, isPlain: true) = node.content, YAMLNode.truths.contains(text) else { throw refuse(node, "true or false is allowed") }
            return Entry(option: option, place: place, values: [text.lowercased()], valuePlaces: [node.place])
        }
        let nodes: [YAMLNode]
        switch node.content {
        case .list(let items) where option.isRepeating: nodes = items
        case .list: throw refuse(node, "one value is allowed")
        default: nodes = [node]
        }
        guard !nodes.isEmpty || option.isOptional else { throw refuse(node, "of no values; one or more are needed") }
        guard nodes.count <= Self.mostValues else { throw refuse(node, "of \(nodes.count) values; \(Self.mostValues) are allowed") }
        let values = try nodes.map { node in
            guard case .text(let text, let isPlain) = node.content, !isPlain || !YAMLNode.truths.union(YAMLNode.nothing).contains(text) else {
                throw refuse(node, option.isRepeating ? "a text, or a list of texts, is allowed" : "a text is allowed")
            }
            guard !option.isPath || !text.isEmpty else { throw ProjectFileError(path, node.place, "\(option.name): an empty text; the name of a file or folder is allowed") }
            // Before anything repeats it: a PIN in it is refused.
            if option.isPath, TokenAddress.isOne(text) {
                do throws(KeyError) { _ = try TokenAddress(text) } catch { throw ProjectFileError(path, node.place, "\(option.name): \(error)") }
            }
            return option.isPath ? resolved(text) : text
        }
        return Entry(option: option, place: place, values: values, valuePlaces: nodes.map(\.place))
    }

    /// Paths are relative to the file, wherever the command runs.
    private func resolved(_ value: String) -> String {
        // A token's key is no file, and - is standard input.
        if folder.isEmpty || value.hasPrefix("/") || TokenAddress.isOne(value) || value == "-" { return value }
        return PathText.joined(folder, value)
    }

    private func nearest(_ name: String, _ names: [String]) -> String {
        NearestNames.of(name, among: names, count: 1).first.map { "; \($0) is one" } ?? ""
    }
}
