// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// `/sys/class/remoteproc/remoteprocN` as text: words in, words out, errno as a shell would see it.
extension RemoteProcessor {
    public enum SysfsFile: String, Sendable, CaseIterable { case name, firmware, state, recovery, coredump }

    /// What `cat` shows, with its newline.
    public func sysfsRead(_ file: SysfsFile) -> String {
        switch file {
        case .name: configuration.name + "\n"
        case .firmware: (state == .attached ? "unknown" : firmware) + "\n"
        case .state: state.rawValue + "\n"
        case .recovery: (recoveryEnabled ? "enabled" : "disabled") + "\n"
        case .coredump: coredump.rawValue + "\n"
        }
    }

    /// What `echo` does: the exact word, with at most one newline after it, up to a NUL.
    /// - Throws: `invalid` for an unknown word, `accessDenied` for the name, else what the action returns.
    public func sysfsWrite(_ file: SysfsFile, _ text: String) throws(Errno) { try sysfsWrite(file, Array(text.utf8)) }

    /// The same of bytes. A name of firmware must be UTF-8, which the kernel does not ask for.
    public func sysfsWrite(_ file: SysfsFile, _ bytes: [UInt8]) throws(Errno) {
        // sysfs_streq: C's strings. By bytes, as a carriage return and a newline are one Character.
        let line = bytes.prefix { $0 != 0 }
        let written = line.last == 0x0A ? line.dropLast() : line
        let word = String(decoding: written, as: UTF8.self)
        switch (file, word) {
        case (.firmware, _):
            let name = String(validating: bytes, as: UTF8.self)
            // The state comes first: it refuses any name.
            if name == nil, state == .offline { throw .invalid }
            try setFirmware(name ?? "")
        case (.state, "start"): try Errno.from { () throws(LinuxFailure) in try start() }
        case (.state, "stop"): try Errno.from { () throws(LinuxFailure) in try stop() }
        case (.state, "detach"): try Errno.from { () throws(LinuxFailure) in try detach() }
        case (.state, _):
            kernel.error("Unrecognised option: \(ForeignText.ascii(bytes: written))")
            throw .invalid
        case (.recovery, "enabled"): setRecovery(enabled: true)
        case (.recovery, "disabled"): setRecovery(enabled: false)
        case (.recovery, "recover"): recover()
        case (.coredump, _): try setCoredump(word)
        case (.recovery, _): throw .invalid
        // The file's mode is 0444, for root too.
        case (.name, _): throw .accessDenied
        }
    }

    func setCoredump(_ word: String) throws(Errno) {
        if state == .crashed {
            kernel.error("can't change coredump configuration")
            throw .busy
        }
        guard let mode = CoredumpMode(rawValue: word) else {
            kernel.error("Invalid coredump configuration")
            throw .invalid
        }
        coredump = mode
    }
}
