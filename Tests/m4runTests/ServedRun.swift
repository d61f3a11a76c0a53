// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation

/// An `m4run run` that goes on beside the test, with a folder of its own.
final class ServedRun {
    let folder: URL
    private let process = Process()
    private let out: Scratch.File, err: Scratch.File

    /// Starts with `arguments` behind the image; `$DIR` in them is the run's folder.
    ///
    /// - Parameter limits: a command of the shell that it is started from, as `umask 077` or `ulimit -n 40`.
    init(_ arguments: String..., image: String? = nil, in folder: URL? = nil, limits: String? = nil) throws {
        self.folder = try folder ?? Self.newFolder()
        (out, err) = (try Scratch.file("out"), try Scratch.file("err"))
        let command = ["run", try image ?? Scratch.elf("tty-echo"), "--boot", "elf", "--timeout", "120s"]
            + arguments.map { $0.replacingOccurrences(of: "$DIR", with: self.folder.path) }
        process.executableURL = try limits == nil ? Command.binary() : URL(fileURLWithPath: "/bin/sh")
        process.arguments = try limits.map { ["-c", "\($0); exec \"$@\"", "sh", try Command.binary().path] + command } ?? command
        process.currentDirectoryURL = Scratch.folder
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = out.handle
        process.standardError = err.handle
        try process.run()
    }

    /// Short, for the sake of sockets' paths.
    static func newFolder() throws -> URL {
        let url = URL(fileURLWithPath: "/tmp/m4s-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }

    var isRunning: Bool { process.isRunning }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    struct Late: Error, CustomStringConvertible { let description: String }

    /// Waits until `condition` holds.
    static func wait(_ what: String, seconds: Double = 30, _ condition: () -> Bool) throws {
        let end = Date().addingTimeInterval(seconds)
        while !condition() {
            guard Date() < end else { throw Late(description: "no \(what) in \(seconds) s") }
            usleep(5000)
        }
    }

    /// Waits for a device or file of the run.
    func wait(for name: String) throws {
        try Self.wait(name) { var info = stat(); return lstat(path(name), &info) == 0 || !process.isRunning }
        guard process.isRunning else { throw Late(description: "the run ended: \(try err.text())") }
    }

    func wait(forNo name: String) throws { try Self.wait("end of \(name)") { var info = stat(); return lstat(path(name), &info) != 0 } }

    /// Runs a script of /bin/sh with the run's folder as `$DIR`, and `m4run` as `$M4RUN`.
    func shell(_ script: String) throws -> (status: Int32, out: String) {
        let shell = Process()
        let output = try Scratch.file("shell")
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", script]
        shell.environment = ["DIR": folder.path, "M4RUN": try Command.binary().path, "PATH": "/usr/bin:/bin", "LC_ALL": "C"]
        shell.standardOutput = output.handle
        shell.standardError = output.handle
        try shell.run()
        let overdue = DispatchWorkItem { shell.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + 60, execute: overdue)
        shell.waitUntilExit()
        overdue.cancel()
        return (shell.terminationStatus, try output.text())
    }

    /// Seconds of processor time that the run has taken.
    func processorTime() throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)
        // Fields 14 and 15, utime and stime; the name before them ends with a parenthesis.
        let fields = text.drop { $0 != ")" }.split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { throw Late(description: text) }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// How often the run has waited for something.
    func waits() throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        guard let match = text.firstMatch(of: /\nvoluntary_ctxt_switches:\s+(\d+)/), let count = Int(match.1) else { throw Late(description: text) }
        return count
    }

    /// Bytes of the run that are in memory.
    func resident() throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(process.processIdentifier)/statm", encoding: .utf8)
        guard let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { throw Late(description: text) }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    /// Descriptors that the run has open.
    func descriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.processIdentifier)/fd").count }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Ends the run by a signal, and waits for it.
    @discardableResult
    func end(_ signal: Int32 = SIGTERM) throws -> (status: Int32, err: String) {
        if process.isRunning { kill(process.processIdentifier, signal) }
        try Self.wait("end of the run") { !process.isRunning }
        process.waitUntilExit()
        return (process.terminationStatus, try err.text())
    }

    func waitForEnd() throws -> (status: Int32, err: String) {
        try Self.wait("end of the run", seconds: 90) { !process.isRunning }
        return try end()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        Self.takeAway(folder)
    }

    /// Removes a run's folder, with what a killed run has left mounted in it: only root may do that without a helper.
    static func takeAway(_ folder: URL) {
        let sys = folder.appendingPathComponent("sys").path
        if umount2(sys, Int32(MNT_DETACH)) != 0, errno == EPERM, let mounts = try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8), mounts.contains(" \(sys) ") {
            _ = try? Command.run(["-u", "-q", "-z", sys], in: folder, program: URL(fileURLWithPath: "/usr/bin/fusermount3"))
        }
        try? FileManager.default.removeItem(at: folder)
    }
}

/// A terminal as a program has it open: bytes as they are.
final class OpenTerminal {
    let descriptor: Int32
    struct Failed: Error { let number: Int32 }

    init(_ path: String) throws {
        descriptor = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failed(number: errno) }
    }
    deinit { close(descriptor) }

    /// Writes all of `bytes` and meanwhile reads until `count` have come.
    func exchange(_ bytes: [UInt8], expecting count: Int, seconds: Double = 20) throws -> [UInt8] {
        var sent = 0, got: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        let end = Date().addingTimeInterval(seconds)
        while got.count < count || sent < bytes.count {
            guard Date() < end else { throw ServedRun.Late(description: "\(sent) of \(bytes.count) sent, \(got.count) of \(count) came") }
            var set = pollfd(fd: descriptor, events: Int16(POLLIN | (sent < bytes.count ? POLLOUT : 0)), revents: 0)
            poll(&set, 1, 100)
            if Int32(set.revents) & POLLOUT != 0 {
                let piece = write(descriptor, Array(bytes[sent..<min(bytes.count, sent + 3000)]), min(bytes.count - sent, 3000))
                if piece > 0 { sent += piece }
            }
            let piece = read(descriptor, &buffer, buffer.count)
            if piece > 0 { got += buffer[..<piece] }
        }
        return got
    }

    func ask(_ text: String) throws -> String {
        String(decoding: try exchange(Array(text.utf8), expecting: text.utf8.count), as: UTF8.self)
    }
}
