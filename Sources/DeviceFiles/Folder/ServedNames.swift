// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// The names that a run makes in its folder, in the file `.m4run` there from before they are made until they are gone: what a run
/// that was killed leaves behind is known by it, and what anybody else has put there is not touched.
struct ServedNames {
    static let fileName = ".m4run"
    private static let firstLine = "names that m4run has made in this folder; a later run takes away what a killed one has left\n"
    /// For messages.
    private let path: String
    private let folder: Int32
    private(set) var names: [String] = []
    /// In the file already, though perhaps gone from the folder.
    private var known: Set<String> = []

    /// Reads what an earlier run has left in the folder of a descriptor, which must stay open for as long as this lives.
    init(folder path: String, _ folder: Int32) throws(DeviceFilesError) {
        self.path = "\(path)/\(Self.fileName)"
        self.folder = folder
        let kind = FileKind(Self.fileName, in: folder)
        if kind == .nothing { return }
        guard kind == .file, let text = Self.read(folder), text.isEmpty || text.hasPrefix(Self.firstLine) else {
            throw DeviceFilesError("\(self.path): \(kind.words) that m4run has not made; the name is for m4run's own record, or for nothing")
        }
        for line in text.dropFirst(Self.firstLine.count).split(separator: "\n") where !line.split(separator: "/").contains("..") {
            if known.insert(String(line)).inserted { names.append(String(line)) }
        }
    }

    func contains(_ name: String) -> Bool { known.contains(name) }

    /// Makes the file, if it is not there: where that fails, links and sockets would, too.
    func begin() throws(DeviceFilesError) {
        if FileKind(Self.fileName, in: folder) == .nothing { try append("") }
    }

    /// Enters a name; before it is made, so that a kill in between leaves a name too many and not one too few.
    mutating func add(_ name: String) throws(DeviceFilesError) {
        guard known.insert(name).inserted else { return }
        names.append(name)
        try append(name + "\n")
    }

    private func append(_ text: String) throws(DeviceFilesError) {
        let descriptor = openat(folder, Self.fileName, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw .system("\(path): cannot be written; the names of links and sockets are kept there") }
        defer { Glibc.close(descriptor) }
        let bytes = Array(((lseek(descriptor, 0, SEEK_END) == 0 ? Self.firstLine : "") + text).utf8)
        guard Descriptor.write(descriptor, bytes[...]) == bytes.count else { throw .system("\(path): cannot be written") }
    }

    /// All of them are gone.
    mutating func clear() {
        unlinkat(folder, Self.fileName, 0)
        (names, known) = ([], [])
    }

    /// The whole file; nil when it cannot be read, or is larger than any record.
    private static func read(_ folder: Int32) -> String? {
        let descriptor = openat(folder, fileName, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { Glibc.close(descriptor) }
        var bytes: [UInt8] = []
        while bytes.count < 1 << 20 {
            switch Descriptor.read(descriptor, 65536) {
            case .bytes(let piece): bytes += piece
            case .end: return String(decoding: bytes, as: UTF8.self)
            case .nothing: continue
            }
        }
        return nil
    }
}
