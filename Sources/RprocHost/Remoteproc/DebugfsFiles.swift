// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The files of `/sys/kernel/debug/remoteproc/remoteprocN` by name, as programs read and write them.
extension RemoteProcessor {
    /// Every file with its mode, in the order in which the kernel makes them; `trace<k>` follows.
    public var debugfsFiles: [(name: String, mode: UInt16)] {
        [("name", 0o400), ("recovery", 0o600), ("crash", 0o200), ("resource_table", 0o400), ("carveout_memories", 0o400), ("coredump", 0o600)]
            + (0..<traceCount).map { ("trace\($0)", 0o400) }
    }

    /// What `cat` shows to root.
    /// - Throws: `noEntry` when there is no such file, `invalid` for one that cannot be read.
    public func debugfsRead(_ file: String) throws(Errno) -> [UInt8] {
        switch file {
        case "name": return Array("\(configuration.name)\n".utf8)
        case "recovery": return Array(sysfsRead(.recovery).utf8)
        case "coredump": return Array(sysfsRead(.coredump).utf8)
        case "resource_table": return Array(resourceTableText.utf8)
        case "carveout_memories": return Array(carveoutText.utf8)
        case "crash": throw .invalid
        default:
            guard let index = traceIndex(file), let bytes = traceBytes(index) else { throw .noEntry }
            return bytes
        }
    }

    /// What one `write` does.
    /// - Throws: `noEntry` when there is no such file; `invalid` for one that cannot be written, for an unknown word, and for
    ///   more bytes than the file takes; `outOfRange` for a number over 32 bits; `busy` for `coredump` while crashed.
    public func debugfsWrite(_ file: String, _ bytes: [UInt8]) throws(Errno) {
        switch file {
        case "recovery": try writeRecovery(bytes)
        case "coredump": try writeCoredump(bytes)
        case "crash": debugfsCrash(try KernelNumber.unsigned(bytes))
        default:
            guard debugfsFiles.contains(where: { $0.name == file }) else { throw .noEntry }
            throw .invalid
        }
    }

    public func debugfsWrite(_ file: String, _ text: String) throws(Errno) { try debugfsWrite(file, Array(text.utf8)) }

    private func traceIndex(_ file: String) -> Int? {
        guard file.hasPrefix("trace"), let index = Int(file.dropFirst(5)), "trace\(index)" == file else { return nil }
        return index
    }

    /// A word or, where no newline ends it, the beginning of one: the kernel compares as many bytes as came.
    private func writeRecovery(_ bytes: [UInt8]) throws(Errno) {
        let word = try Self.line(bytes, limit: 10)
        if isPrefix(word, of: "enabled") {
            setRecovery(enabled: true)
        } else if isPrefix(word, of: "disabled") {
            setRecovery(enabled: false)
        } else if isPrefix(word, of: "recover") {
            recover()
        } else {
            throw .invalid
        }
    }

    private func writeCoredump(_ bytes: [UInt8]) throws(Errno) {
        let word = try Self.line(bytes, limit: 20)
        let mode = [CoredumpMode.disabled, .inline, .enabled].first { isPrefix(word, of: $0.rawValue) }
        try setCoredump(mode?.rawValue ?? "")
    }

    /// A newline at the end becomes a NUL.
    private static func line(_ bytes: [UInt8], limit: Int) throws(Errno) -> [UInt8] {
        guard !bytes.isEmpty, bytes.count <= limit else { throw .invalid }
        return bytes.last == 0x0A ? bytes.dropLast() + [0] : bytes
    }
}
