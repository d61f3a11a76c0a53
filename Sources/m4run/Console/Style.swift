// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import Glibc
import MachineBase

/// When text for people has colour.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
    /// On a terminal that can show it, unless NO_COLOR forbids or CLICOLOR_FORCE asks for it.
    case auto
    case always, never
}

/// The one place that puts colour on text. It takes lines in which nothing steers a terminal any more: nobody else's text begins or ends a colour.
///
/// Neither JSON nor the firmware's bytes come by here.
enum Style {
    /// What a line is to who reads it.
    enum Role {
        case plain
        /// Why the command ends as it does, a fault, an error of the kernel's.
        case error
        case warning
        /// What the firmware did wrong and got away with.
        case finding
        /// The firmware's own words, among Linux's.
        case firmware
        /// To the firmware, and from it.
        case sent, received
        /// What was to be judged is fine.
        case good

        /// Parameters of ECMA-48's SGR.
        fileprivate var parameters: String? {
            switch self {
            case .plain: nil
            case .error: "1;31"
            case .warning: "33"
            case .finding: "35"
            case .firmware: "36"
            case .sent: "34"
            case .received, .good: "32"
            }
        }

        init(_ tone: ReportLine.Tone) {
            self = switch tone {
            case .plain: .plain
            case .good: .good
            case .warning: .warning
            case .bad: .error
            }
        }
    }

    /// Set before there is another thread.
    nonisolated(unsafe) private static var colours: (out: Bool, err: Bool) = (false, false)

    /// Decides by the words of a command line, whose option is looked for here so that a mistake in the others is told as it asks.
    static func begin(_ arguments: some Sequence<String>) {
        let choice = choice(arguments)
        colours = (isWanted(choice, 1), isWanted(choice, 2))
    }

    private static func choice(_ arguments: some Sequence<String>) -> ColorChoice {
        var choice = ColorChoice.auto, isNext = false
        for word in arguments {
            if word == "--" { break }
            if isNext, let named = ColorChoice(rawValue: word) { choice = named }
            isNext = word == "--color"
            if word.hasPrefix("--color="), let named = ColorChoice(rawValue: String(word.dropFirst("--color=".count))) { choice = named }
        }
        return choice
    }

    private static func isWanted(_ choice: ColorChoice, _ descriptor: Int32) -> Bool {
        switch choice {
        case .always: return true
        case .never: return false
        case .auto:
            // no-color.org; bixense.com/clicolors.
            if let value = variable("NO_COLOR"), !value.isEmpty { return false }
            if let value = variable("CLICOLOR_FORCE"), !value.isEmpty, value != "0" { return true }
            guard isatty(descriptor) != 0, let terminal = variable("TERM") else { return false }
            return !terminal.isEmpty && terminal != "dumb"
        }
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// The line as `descriptor` gets it.
    static func paint(_ line: String, _ role: Role, on descriptor: Int32) -> String {
        guard descriptor == 1 ? colours.out : colours.err, let parameters = role.parameters, !line.isEmpty else { return line }
        return "\u{1B}[\(parameters)m\(line)\u{1B}[m"
    }
}
