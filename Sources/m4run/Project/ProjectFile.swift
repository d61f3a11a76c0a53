// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import FoundationEssentials
import Glibc
import MachineBase
import Manual

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
        var words: [String] {
            switch option.kind {
            case .flag: values == ["true"] ? ["--\(option.name)"] : []
            case .option: values.map { "--\(option.name)=\($0)" }
            case .positional: values.map { $0.hasPrefix("-") ? "./" + $0 : $0 }
            }
        }
    }
    let path: String
    /// What paths in it are relative to: empty for the folder at hand, of which a pipe's are.
    private let folder: String
    private let root: [(key: String, place: TextPlace, value: YAMLNode)]

    // MARK: Reading

    /// The file of the current folder; nil without one.
    ///
    /// - Throws: `UsageError` for one that others may have put there.
    static func usual() throws -> ProjectFile? {
        var info = stat(), folder = stat()
        guard stat(usualName, &info) == 0 else {
            guard errno == ENOENT || errno == ENOTDIR || errno == EACCES else { throw UsageError("\(usualName): \(String(cString: strerror(errno)))") }
            return nil
        }
        guard info.st_mode & S_IFMT == S_IFREG else { throw UsageError("\(usualName): no regular file; --no-config leaves it out") }
        // A folder that everybody writes to, as /tmp: whoever put a file there is not who stands there.
        if stat(".", &folder) == 0, folder.st_mode & S_IWOTH != 0, info.st_uid != geteuid(), info.st_uid != 0 {
            throw UsageError("\(usualName): belongs to another user, in a folder that everybody may write to; --config \(usualName) takes it all the same, --no-config leaves it out")
        }
        return try ProjectFile(usualName)
    }

    init(_ path: String) throws {
        self.path = path
        let bytes = try InputFile.read(path, limit: Self.largest)
        var info = stat()
        folder = stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG ? PathText.folder(path) : ""
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
        var others: [ProjectOptions]?
        for (key, place, value) in root {
            if let index = names.firstIndex(of: key) {
                let options = key == command.name ? command : ProjectOptions(commands[index])
                let found = try self.section(options, value)
                if key == command.name { section = found }
                continue
            }
            if let option = try option(key, place, in: command), command.takesFromTop(option) {
                top.append(try entry(option, place, value))
                continue
            }
            let all = others ?? commands.map { ProjectOptions($0) }
            others = all
            let known = all.compactMap { other in other.option(key).flatMap { other.takesFromTop($0) ? $0 : nil } }
            guard let option = known.first else {
                let owner = all.first { $0.option(key) != nil }
                let hint = owner.map { "; it is for the section of a command, as '\($0.name):'" } ?? nearest(key, names + all.flatMap { other in other.options.filter(other.takesFromTop).map(\.name) })
                throw ProjectFileError(path, place, "\(ForeignText.line(key)): no option of a command at the top of the file" + hint)
            }
            _ = try entry(option, place, value)
        }
        return (top, section)
    }

    private func section(_ options: ProjectOptions, _ node: YAMLNode) throws -> [Entry] {
        guard case .mapping(let entries) = node.content else {
            if case .text("", true) = node.content { return [] }
            throw ProjectFileError(path, node.place, "\(options.name): \(node.kind); a section with options of 'm4run \(options.name)' is allowed")
        }
        return try entries.map { key, place, value in
            guard let option = try option(key, place, in: options) else {
                throw ProjectFileError(path, place, "\(ForeignText.line(key)): no option of 'm4run \(options.name)' for a file" + nearest(key, options.options.map(\.name)))
            }
            return try entry(option, place, value)
        }
    }

    private func option(_ key: String, _ place: TextPlace, in options: ProjectOptions) throws -> DeclaredOption? {
        if let why = ProjectOptions.refused[key] { throw ProjectFileError(path, place, "\(key): \(why)") }
        return options.option(key)
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
        guard nodes.count <= Self.mostValues else { throw refuse(node, "of \(nodes.count) values; \(Self.mostValues) are allowed") }
        let values = try nodes.map { node in
            guard case .text(let text, let isPlain) = node.content, !isPlain || !YAMLNode.truths.union(YAMLNode.nothing).contains(text) else {
                throw refuse(node, option.isRepeating ? "a text, or a list of texts, is allowed" : "a text is allowed")
            }
            return option.isPath ? resolved(text) : text
        }
        return Entry(option: option, place: place, values: values, valuePlaces: nodes.map(\.place))
    }

    /// Paths are relative to the file, wherever the command runs.
    private func resolved(_ value: String) -> String {
        // A token's key is no file, and - is standard input.
        if folder.isEmpty || value.hasPrefix("/") || value.hasPrefix("pkcs11:") || value == "-" || value.isEmpty { return value }
        return PathText.joined(folder, value)
    }

    private func nearest(_ name: String, _ names: [String]) -> String {
        NearestNames.of(name, among: names, count: 1).first.map { "; \($0) is one" } ?? ""
    }
}
