// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What a command line says, by its command's declaration: which options, with which values. The parser tells nobody.
struct CommandWords {
    struct Said {
        let option: DeclaredOption
        var values: [String]
    }
    private(set) var said: [Said] = []
    /// The file of --config, and whether --no-config and --show-config are there.
    private(set) var config: String?, hasNoConfig = false, showsConfig = false

    /// - Parameter words: behind the command's name.
    init(_ words: some Sequence<String>, _ options: [DeclaredOption]) {
        var rest = Array(words)[...]
        while let word = rest.popFirst() {
            if word == "--" {
                // What follows is for the firmware, or an argument whatever it begins with.
                if let argument = options.first(where: \.isArgument), !options.contains(where: \.isBehindTerminator) {
                    for word in rest { add(argument, word) }
                }
                break
            }
            guard word.hasPrefix("-"), word != "-" else {
                if let argument = options.first(where: \.isArgument) { add(argument, word) }
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value: () -> String? = {
                if parts.count == 2 { return String(parts[1]) }
                return rest.first.map { !$0.hasPrefix("-") || $0 == "-" } == true ? rest.popFirst() : nil
            }
            switch parts[0] {
            case "--config": config = value()
            case "--no-config": hasNoConfig = true
            case "--show-config": showsConfig = true
            default:
                guard let option = options.first(where: { $0.isWord(parts[0]) }) else { continue }
                add(option, option.kind == .flag ? "true" : value() ?? "")
            }
        }
    }

    private mutating func add(_ option: DeclaredOption, _ value: String) {
        if let index = said.firstIndex(where: { $0.option.name == option.name && $0.option.kind == option.kind }) {
            said[index].values = option.isRepeating ? said[index].values + [value] : [value]
        } else {
            said.append(Said(option: option, values: [value]))
        }
    }
}
