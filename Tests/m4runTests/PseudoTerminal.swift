// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// A terminal that a program writes to, and that keeps what it was told.
final class PseudoTerminal {
    private let master: Int32
    /// The program's side; closed once it runs.
    let slave: FileHandle
    private let seen = NSMutableData()
    private let ended = DispatchSemaphore(value: 0)

    init() throws {
        var (master, slave): (Int32, Int32) = (-1, -1)
        try #require(openpty(&master, &slave, nil, nil, nil) == 0)
        _ = fcntl(master, F_SETFD, FD_CLOEXEC)
        (self.master, self.slave) = (master, FileHandle(fileDescriptor: slave, closeOnDealloc: true))
        // As the bytes are written, without a carriage return at each line's end.
        var settings = termios()
        tcgetattr(slave, &settings)
        settings.c_oflag &= ~tcflag_t(OPOST)
        tcsetattr(slave, TCSANOW, &settings)
        let (seen, ended, source) = (UnsafeTransfer(seen), ended, master)
        DispatchQueue.global().async {
            var buffer = [UInt8](repeating: 0, count: 65536)
            // EIO behind the last writer's end.
            while case let count = read(source, &buffer, buffer.count), count > 0 { seen.value.append(buffer, length: count) }
            ended.signal()
        }
    }
    deinit { close(master) }

    /// All that was written, once nobody writes any more.
    func text() throws -> String {
        try slave.close()
        try #require(ended.wait(timeout: .now() + 20) == .success)
        return String(decoding: seen as Data, as: UTF8.self)
    }

    private struct UnsafeTransfer<T>: @unchecked Sendable {
        let value: T
        init(_ value: T) { self.value = value }
    }

    /// What `m4run` says of `arguments` on a terminal: stdout and stderr, or stderr alone.
    ///
    /// - Parameter environment: beside TERM=xterm, and without what else decides on colour.
    static func run(_ arguments: [String], environment: [String: String] = [:], keepsOutput: Bool = false) throws -> (status: Int32, terminal: String, out: String) {
        let terminal = try PseudoTerminal(), out = try Scratch.file("terminal"), process = Process()
        process.executableURL = try Command.binary()
        process.arguments = arguments
        process.currentDirectoryURL = Scratch.folder
        var all = ProcessInfo.processInfo.environment.merging(["TERM": "xterm"]) { $1 }
        for name in ["NO_COLOR", "CLICOLOR_FORCE"] { all[name] = nil }
        process.environment = all.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = keepsOutput ? out.handle : terminal.slave
        process.standardError = terminal.slave
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, try terminal.text(), try out.text())
    }
}
