// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceFiles
import FoundationEssentials
import Glibc
import MachineBase

/// Files as the commands read and write them.
enum InputFile {
    /// Larger than any firmware that fits the M4's memories and DDR window.
    static let largest = 256 << 20

    /// A key file is text of a few kilobytes; what is much more, or never ends, is none.
    static let largestKey = 1 << 20

    /// All of the file, in memory once. A device or pipe is read to its end.
    static func read(_ path: String, limit: Int = largest) throws -> [UInt8] {
        Supervisor.isPreparing("reading \(path)")
        defer { Supervisor.isPreparing("preparing the run") }
        let descriptor = try open(path)
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw UsageError("\(path): cannot be read") }
        let size = info.st_mode & S_IFMT == S_IFREG ? Int(info.st_size) : 0
        for most in [largest, limit] where size > most { throw UsageError("\(path): larger than \(most) bytes") }
        var file = FileBytes(descriptor)
        guard let bytes = file.rest(limit + 1, expecting: size) else { throw UsageError("\(path): cannot be read: \(String(cString: strerror(errno)))") }
        guard bytes.count <= limit else { throw UsageError("\(path): larger than \(limit) bytes") }
        return bytes
    }

    /// The first bytes of a file, and how many it has.
    static func beginning(_ path: String, count: Int) throws -> (bytes: [UInt8], size: Int) {
        let descriptor = try open(path)
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { throw UsageError("\(path): no regular file") }
        var bytes = [UInt8](repeating: 0, count: count)
        let got = pread(descriptor, &bytes, count, 0)
        guard got >= 0 else { throw UsageError("\(path): cannot be read: \(String(cString: strerror(errno)))") }
        return (Array(bytes.prefix(got)), Int(info.st_size))
    }

    static func open(_ path: String) throws -> Int32 {
        var isFolder: Bool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { throw UsageError("\(path): no such file") }
        guard !isFolder else { throw UsageError("\(path): is a folder") }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw UsageError("\(path): cannot be opened for reading") }
        return descriptor
    }

    static func key(_ path: String) throws -> [UInt8] { try read(path, limit: largestKey) }

    /// Whether two paths name one file.
    static func isSame(_ a: String, _ b: String) -> Bool {
        var first = stat(), second = stat()
        guard stat(a, &first) == 0, stat(b, &second) == 0 else { return false }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    /// Replaces the file at `path`, through symbolic links: all of it, or nothing. A device or pipe is written to.
    ///
    /// What was there keeps its mode, and keeps its bytes when it may not be written to.
    static func write(_ bytes: [UInt8], to path: String) throws { try write([bytes[...]], to: path) }

    /// The same for what is in several pieces.
    static func write(_ pieces: [ArraySlice<UInt8>], to path: String) throws {
        func failure(_ reason: String = String(cString: strerror(errno))) -> UsageError { UsageError("\(path): cannot be written: \(reason)") }
        let target = try target(of: path)
        var info = stat()
        let exists = stat(target, &info) == 0
        guard !exists || access(target, W_OK) == 0 else { throw failure() }
        guard !exists || info.st_mode & S_IFMT == S_IFREG else { return try store(pieces, to: target, for: path) }
        let part = target + ".\(getpid()).part"
        let leaving = Leavings.add { unlink(part) }
        defer { Leavings.forget(leaving) }
        do {
            try store(pieces, to: part, for: path)
            guard !exists || chmod(part, info.st_mode & 0o7777) == 0, rename(part, target) == 0 else { throw failure() }
        } catch {
            unlink(part)
            throw error
        }
    }

    /// What the last of a chain of symbolic links names.
    private static func target(of path: String) throws -> String {
        var path = path
        for _ in 0..<40 {
            guard let next = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else { return path }
            let folder = PathText.folder(path)
            path = next.hasPrefix("/") || folder.isEmpty ? next : folder + "/" + next
        }
        throw UsageError("\(path): cannot be written: \(String(cString: strerror(ELOOP)))")
    }

    private static func store(_ pieces: [ArraySlice<UInt8>], to place: String, for path: String) throws {
        // A pipe's open waits for a reader, who may never come.
        guard let file = Supervisor.whileBlocked("waiting for a reader of \(path)", { fopen(place, "wb") }) else { throw UsageError("\(path): cannot be written: \(String(cString: strerror(errno)))") }
        let isWritten = pieces.allSatisfy { piece in piece.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) == $0.count } }
        // What was buffered may fail as late as here.
        guard fclose(file) == 0, isWritten else {
            throw UsageError("\(path): cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    /// Makes the folder at `path`, and those that it lies in, unless they are there. Their owner can enter them whatever the umask.
    static func makeFolder(_ path: String) throws {
        var info = stat()
        if stat(path, &info) == 0 {
            guard info.st_mode & S_IFMT == S_IFDIR else { throw UsageError("\(path): is a file, not a folder") }
            return
        }
        var folder = path.hasPrefix("/") ? "/" : ""
        for name in path.split(separator: "/") {
            folder += name + "/"
            if mkdir(folder, 0o777) == 0 {
                if stat(folder, &info) == 0, info.st_mode & 0o700 != 0o700 { chmod(folder, info.st_mode & 0o7777 | 0o700) }
                continue
            }
            guard errno == EEXIST || errno == EISDIR else {
                throw UsageError("\(path): the folder cannot be made: \(String(cString: strerror(errno)))")
            }
        }
        guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
            throw UsageError("\(path): the folder cannot be made: \(String(cString: strerror(ENOTDIR)))")
        }
    }
}
