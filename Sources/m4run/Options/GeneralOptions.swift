// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser

/// Options that every command has.
struct GeneralOptions: ParsableArguments {
    /// Read by `Style`, from the words themselves.
    @Option(help: "Colour in what is for people: auto (on a terminal, unless NO_COLOR is set), always, never.") var color = ColorChoice.auto
}
