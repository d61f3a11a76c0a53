// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc

/// Long text for a person: through a pager on a terminal, else to stdout as it is.
enum Pager {
    /// Columns of the terminal; 80 where there is none.
    static var width: Int {
        var size = winsize()
        guard isatty(1) != 0, ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Whether bold and underlined text is welcome.
    static var isStyled: Bool { isatty(1) != 0 && variable("NO_COLOR") == nil && variable("TERM") != "dumb" }

    static func show(_ text: String) {
        guard isatty(1) != 0, let pager = command, page(text, pager) else { return Console.data(text) }
    }

    /// $PAGER, or less; nil where neither is wanted or there.
    private static var command: String? {
        guard variable("NO_PAGER") == nil, variable("TERM") != "dumb" else { return nil }
        if let named = ProcessInfo.processInfo.environment["PAGER"] { return named.allSatisfy(\.isWhitespace) || named == "cat" ? nil : named }
        let folders = (variable("PATH") ?? "").split(separator: ":")
        return folders.contains { access("\($0)/less", X_OK) == 0 } ? "less -R" : nil
    }

    /// What is empty counts for nothing.
    private static func variable(_ name: String) -> String? {
        let value = ProcessInfo.processInfo.environment[name]
        return value?.isEmpty == false ? value : nil
    }

    /// - Returns: whether a pager has shown it.
    private static func page(_ text: String, _ pager: String) -> Bool {
        // A page that fits needs no pager; less leaves it on the screen.
        setenv("LESS", "FRX", 0)
        // It is the pager's to be ended, and to write to whom it likes: it does not get what this process ignores.
        signal(SIGPIPE, SIG_DFL)
        let pipe = popen(pager, "w")
        signal(SIGPIPE, SIG_IGN)
        guard let pipe else { return false }
        let interrupt = signal(SIGINT, SIG_IGN)
        defer { signal(SIGINT, interrupt) }
        fputs(text, pipe)
        let status = pclose(pipe)
        // The shell has found no such program.
        return !(status & 0x7F == 0 && status >> 8 & 0xFF >= 126)
    }
}
