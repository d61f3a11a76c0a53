// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation

/// A run of `m4run` whose readers do as a test likes, with the time that it took.
final class LimitedCommand {
    /// What becomes of a stream.
    enum Reader {
        /// It is read into the result.
        case reads
        /// A pipe that is open and that nobody reads.
        case stalls
        /// A pipe whose reader has closed its end.
        case gone
        /// It goes where stdout goes.
        case likeOutput
    }

    let process = Process()
    /// Ends of pipes that nobody reads.
    private(set) var unread: [Pipe] = []
    private let out: Scratch.File, err: Scratch.File
    private let began = Date()

    init(_ arguments: [String], out: Reader = .reads, err: Reader = .reads, input: FileHandle? = nil, folder: URL? = nil) throws {
        (self.out, self.err) = (try Scratch.file("out"), try Scratch.file("err"))
        process.executableURL = try Command.binary()
        process.arguments = arguments
        process.currentDirectoryURL = folder ?? Scratch.folder
        process.standardInput = input ?? FileHandle.nullDevice
        let output = try handle(out, self.out)
        process.standardOutput = output
        process.standardError = err == .likeOutput ? output : try handle(err, self.err)
        try process.run()
    }

    private func handle(_ reader: Reader, _ file: Scratch.File) throws -> FileHandle {
        switch reader {
        case .reads, .likeOutput: return file.handle
        case .stalls, .gone:
            let pipe = Pipe()
            if reader == .gone { try pipe.fileHandleForReading.close() } else { unread.append(pipe) }
            return pipe.fileHandleForWriting
        }
    }

    struct End {
        let status: Int32, wasKilled: Bool, seconds: Double, out: String, err: String
        struct Report: Decodable { let error: String?, exit: Int32, result: String }
        /// What --json has said.
        func report() throws -> Report { try JSONDecoder().decode(Report.self, from: Data(out.utf8)) }
    }

    /// - Parameter seconds: a run that takes longer hangs.
    func end(seconds: Double = 30) throws -> End {
        try ServedRun.wait("end of \(process.arguments ?? [])", seconds: seconds) { !process.isRunning }
        process.waitUntilExit()
        return End(
            status: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal, seconds: Date().timeIntervalSince(began),
            out: try out.text(), err: try err.text())
    }

    /// Whether stderr has `text`, up to now.
    func hasWritten(_ text: String) -> Bool { (try? Data(contentsOf: err.url))?.range(of: Data(text.utf8)) != nil }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Waits until a pipe that nobody reads is as good as full: it takes sixteen pages, not all of them to their ends.
    func waitForUnread(_ bytes: Int32 = 40_000) throws {
        try ServedRun.wait("unread output") {
            unread.contains { pipe in
                var count: Int32 = 0
                return ioctl(pipe.fileHandleForReading.fileDescriptor, UInt(FIONREAD), &count) == 0 && count >= bytes
            }
        }
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }
}
