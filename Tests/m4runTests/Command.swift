// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import TestSupport

/// Runs the `m4run` binary as a user's shell does.
struct Command {
    struct Result {
        let status: Int32
        /// Ended by a signal instead of by itself.
        let wasKilled: Bool
        let outBytes, errBytes: [UInt8]
        var out: String { String(decoding: outBytes, as: UTF8.self) }
        var err: String { String(decoding: errBytes, as: UTF8.self) }
        var lines: [String] { err.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
    }

    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    /// What M4RUN says; else beside the tests in the build folder.
    static func binary() throws -> URL {
        let named = ProcessInfo.processInfo.environment["M4RUN"].map { URL(fileURLWithPath: $0) }
        let binary = named ?? Bundle.main.bundleURL.appendingPathComponent("m4run")
        guard FileManager.default.isExecutableFile(atPath: binary.path) else {
            throw Missing(description: "no m4run at \(binary.path)" + (named == nil ? "" : ", which M4RUN names"))
        }
        return binary
    }

    /// A run that takes longer, in seconds of wall time, hangs.
    static let patience = 120.0

    /// Runs `m4run` with `arguments` in `folder`.
    ///
    /// - Parameters:
    ///   - input: standard input; nothing, at its end, unless given.
    ///   - output: standard output; read into the result unless given.
    ///   - program: another program.
    /// - Parameter environment: beside our own.
    static func run(
        _ arguments: [String], in folder: URL, input: FileHandle? = nil, output: FileHandle? = nil, program: URL? = nil, environment: [String: String] = [:]
    ) throws -> Result {
        let process = Process()
        if !environment.isEmpty { process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 } }
        process.executableURL = try program ?? binary()
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.standardInput = input ?? FileHandle.nullDevice
        // Files, not pipes: nothing blocks, however much is written.
        let out = try Scratch.file("out"), err = try Scratch.file("err")
        process.standardOutput = output ?? out.handle
        process.standardError = err.handle
        try process.run()
        let overdue = DispatchWorkItem { process.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + patience, execute: overdue)
        process.waitUntilExit()
        overdue.cancel()
        return Result(
            status: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal,
            outBytes: try out.bytes(), errBytes: try err.bytes())
    }

    /// Whether the binary has libunicorn 2.0, which cannot do all that 2.1 can.
    static func hasEngine20() throws -> Bool { try run("--version").out.contains("libunicorn 2.0") }

    static func run(_ arguments: String..., input: FileHandle? = nil) throws -> Result {
        try run(arguments, in: Scratch.folder, input: input)
    }
}

/// Firmware, keys and files to run with.
enum Scratch {
    struct File {
        let url: URL
        let handle: FileHandle
        /// What is in it; it is removed.
        func text() throws -> String { String(decoding: try bytes(), as: UTF8.self) }
        func bytes() throws -> [UInt8] {
            try handle.close()
            defer { try? FileManager.default.removeItem(at: url) }
            return [UInt8](try Data(contentsOf: url))
        }
    }

    /// A folder of this run alone, with keys in `keys` and `other`, and the samples as `NAME.elf` and `NAME.signed`.
    static let folder: URL = {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("m4run-tests-\(UUID().uuidString)")
        try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(at: Scratch.folder) }
        return url
    }()

    static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// An empty folder in it.
    static func newFolder() throws -> URL {
        let url = folder.appendingPathComponent("folder-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        return url
    }

    static func file(_ name: String) throws -> File {
        let url = folder.appendingPathComponent("\(name)-\(UUID().uuidString)")
        _ = FileManager.default.createFile(atPath: url.path, contents: nil)
        return File(url: url, handle: try FileHandle(forUpdating: url))
    }

    @discardableResult
    static func write(_ bytes: [UInt8], _ name: String) throws -> String {
        // In one step: another test may be reading what is there.
        try Data(bytes).write(to: folder.appendingPathComponent(name), options: .atomic)
        return name
    }

    static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: folder.appendingPathComponent(name))) }

    /// The package's folder.
    static let package = TestEnvironment.package
    static let samples = TestEnvironment.samples

    private static let keys = Result<Void, any Error> {
        for name in ["keys", "other"] {
            let result = try Command.run("keygen", "--out", name)
            guard result.status == 0 else { throw Command.Missing(description: result.err) }
        }
    }

    private static let lock = NSLock()

    /// The public key's file.
    static func key(_ name: String = "keys") throws -> String {
        lock.lock()
        defer { lock.unlock() }
        try keys.get()
        return "\(name)/public.pem"
    }

    /// The file name of a sample's ELF.
    static func elf(_ sample: String) throws -> String {
        let source = samples.appendingPathComponent(sample + ".elf")
        guard let data = FileManager.default.contents(atPath: source.path) else {
            throw Command.Missing(description: "\(source.path) is not there: 'make firmware' builds the samples")
        }
        return try write([UInt8](data), sample + ".elf")
    }

    /// The file name of a sample that the key in `keys` has signed.
    static func signed(_ sample: String) throws -> String {
        _ = try key()
        let elf = try elf(sample), name = sample + ".signed"
        lock.lock()
        defer { lock.unlock() }
        if !FileManager.default.fileExists(atPath: path(name)) {
            let result = try Command.run("sign", "--in", elf, "--key", "keys/private.pem", "--out", name)
            guard result.status == 0 else { throw Command.Missing(description: result.err) }
        }
        return name
    }

    /// `m4run run` of a signed sample with its key.
    static func run(_ sample: String, _ more: String...) throws -> Command.Result {
        try Command.run(["run", try signed(sample), "--key", try key()] + more, in: folder)
    }
}

/// An ELF of a few instructions in RETRAM, for what no sample does.
struct TinyFirmware {
    /// Thumb halfwords from address 8 on; the first word that `ldr rN, [pc, #4]` at 8 reads is at 16.
    var code: [UInt16]
    var literals: [UInt32] = []

    var elf: [UInt8] {
        var segment = Self.words([0x1001_0000, 9])
        for halfword in code + Array(repeating: 0xBF00, count: max(0, 4 - code.count)) {
            segment += [UInt8(truncatingIfNeeded: halfword), UInt8(halfword >> 8)]
        }
        segment += Self.words(literals)
        let identification: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        // e_type EXEC, e_machine ARM; program headers at 52, one of 32 bytes; no sections.
        let header = Self.words([2 | 40 << 16, 1, 9, 52, 0, 0x0500_0000, 52 | 32 << 16, 1 | 40 << 16, 0])
        let size = UInt32(segment.count)
        let program = Self.words([1, 84, 0, 0, size, size, 5, 4])
        return identification + header + program + segment
    }

    private static func words(_ values: [UInt32]) -> [UInt8] {
        values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) } }
    }
}
