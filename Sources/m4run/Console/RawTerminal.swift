// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceFiles
import FoundationEssentials
import Glibc
import LinuxGuest

/// A terminal in raw mode until `restore`, or the process' end, a kill included.
final class RawTerminal: Sendable {
    private let descriptor: Int32
    private let entry: Int
    private let before: termios
    private let watch: EndWatch?

    /// nil where `descriptor` is no terminal.
    init?(_ descriptor: Int32) {
        var settings = termios()
        guard isatty(descriptor) != 0, tcgetattr(descriptor, &settings) == 0 else { return nil }
        let before = settings
        self.descriptor = descriptor
        self.before = before
        entry = Leavings.add {
            var settings = before
            tcsetattr(descriptor, TCSANOW, &settings)
        }
        cfmakeraw(&settings)
        watch = EndWatch(terminal: descriptor, before: before, during: settings)
        tcsetattr(descriptor, TCSANOW, &settings)
        Console.isRaw = true
    }

    func restore() {
        var settings = before
        tcsetattr(descriptor, TCSADRAIN, &settings)
        Console.isRaw = false
        Leavings.forget(entry)
        watch?.dismiss()
    }
}
