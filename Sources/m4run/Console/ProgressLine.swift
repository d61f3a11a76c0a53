// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc

/// How far long work is: one line on a terminal's stderr, rewritten ten times a second at most, and gone at the end. Elsewhere nothing.
///
/// Nothing is shown either where stdout is a terminal: what is done stands there, line by line.
struct ProgressLine {
    private let what: String
    private let isShown: Bool
    private let began = ContinuousClock.now
    private var count = 0
    private var lastShown: ContinuousClock.Instant?

    /// - Parameter what: of which things there are many, as "images".
    init(counting what: String) {
        self.what = what
        let terminal = getenv("TERM").map { String(cString: $0) } ?? ""
        isShown = isatty(2) != 0 && isatty(1) == 0 && !terminal.isEmpty && terminal != "dumb"
    }

    /// One more is done.
    ///
    /// - Parameter part: of the whole, 0 to 1, where that is known.
    mutating func step(_ part: @autoclosure () -> Double?) {
        count += 1
        guard isShown else { return }
        let now = ContinuousClock.now
        guard now - (lastShown ?? began) >= .milliseconds(100) else { return }
        lastShown = now
        let seconds = (now - began) / .seconds(1), rate = Double(count) / seconds
        var line = "\(count) \(what), \(Int(rate))/s"
        if let part = part(), part > 0, part <= 1 { line += ", \(Int(part * 100)) %, \(Int(min((seconds / part - seconds).rounded(.up), 1e9))) s left" }
        Console.progress("\r\u{1B}[K" + line)
    }

    /// Takes the line away, before anything else is written to the terminal.
    func clear() {
        if lastShown != nil { Console.progress("\r\u{1B}[K") }
    }
}
