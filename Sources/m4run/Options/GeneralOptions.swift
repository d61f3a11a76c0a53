// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser

/// Options that every command has which takes options from a file.
struct GeneralOptions: ParsableArguments {
    /// For a command that has this one alone, too.
    static let colorHelp = "Colour in what is for people: auto (on a terminal, unless NO_COLOR is set), always, never."

    /// Read by `Style`, from the words themselves.
    @Option(help: ArgumentHelp(GeneralOptions.colorHelp)) var color = ColorChoice.auto
    // Read by `ProjectArguments`.
    @Option(help: ArgumentHelp("A file of options, instead of m4run.yaml in this folder; 'm4run help yaml' says more.", valueName: "file"), completion: .file(extensions: ["yaml", "yml"]))
    var config: String?
    @Flag(help: "Take no options from a file.") var noConfig = false
    @Flag(help: "Print the options that count and where each comes from, and run nothing.") var showConfig = false
}
