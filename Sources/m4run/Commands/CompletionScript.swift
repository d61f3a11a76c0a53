// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The scripts by which shells complete, as the parser makes them, mended.
enum CompletionScript {
    /// Without the parser's own `help`. It comes behind ours of the same name, in each script, and a shell goes by what is defined last.
    static func withoutParsersHelp(_ script: String) -> String {
        var kept: [String] = [], definitions: Set<String> = []
        /// The line up to which a second definition goes.
        var end: String?
        for line in script.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if let last = end {
                if last.isEmpty || line == last { end = nil }
            } else if line.contains("Show subcommand help information.") {
                continue
            } else if isDefinition(line), !definitions.insert(line).inserted {
                end = endOfDefinition(line)
            } else {
                kept.append(line.replacing("|help|help)", with: "|help)").replacing(" help help'", with: " help'"))
            }
        }
        return kept.joined(separator: "\n")
    }

    /// Of what a script completes behind `help`: a function in bash and zsh, a case and options in fish.
    private static func isDefinition(_ line: String) -> Bool {
        line == "_m4run_help() {" || line == "        case 'help'" || line.hasPrefix("complete -c 'm4run'") && line.contains(" \"m4run help\" ")
    }

    /// The last line that belongs to a definition; empty for the one behind it, whatever it is; nil for none.
    private static func endOfDefinition(_ line: String) -> String? {
        line.hasPrefix("_") ? "}" : line.hasPrefix("complete") ? nil : ""
    }
}
