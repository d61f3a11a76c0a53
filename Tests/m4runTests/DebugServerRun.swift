// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Glibc
import TestSupport

/// `m4run gdb`, or `m4run run --gdb`, beside a test, at a socket of its own.
final class DebugServerRun {
    let address: String
    private let process = Process()
    private let err: Scratch.File

    /// - Parameter arguments: all of the command's; `$SOCKET` in them is the address.
    init(_ arguments: [String]) throws {
        address = "/tmp/m4g-\(UUID().uuidString.prefix(8))"
        err = try Scratch.file("gdb-err")
        process.executableURL = try Command.binary()
        process.arguments = arguments.map { $0.replacingOccurrences(of: "$SOCKET", with: address) } + ["--timeout", "100s"]
        process.currentDirectoryURL = Scratch.folder
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = err.handle
        try process.run()
        try ServedRun.wait("gdb server") { messages.contains("gdb server:") || !process.isRunning }
    }

    /// An ELF under `--boot elf`, that stands before its first instruction.
    convenience init(elf sample: String, _ more: String...) throws {
        try self.init(["gdb", try Scratch.elf(sample), "--boot", "elf", "--listen", "$SOCKET"] + more)
    }

    var isRunning: Bool { process.isRunning }
    /// What it has said so far.
    var messages: String { (try? String(contentsOf: err.url, encoding: .utf8)) ?? "" }

    /// The status, once it has ended.
    func wait() throws -> Int32 {
        try ServedRun.wait("end of the run") { !process.isRunning }
        return process.terminationStatus
    }

    /// What gdb-multiarch says to `commands` behind its connecting.
    func gdb(_ sample: String, _ commands: [String], connect: String = "target extended-remote") throws -> String {
        let arguments = ["-nx", "-batch", "-ex", "set confirm off", "-ex", "set width 0", "-ex", "set pagination off", "-ex", "\(connect) \(address)"] + commands.flatMap { ["-ex", $0] }
        return try Self.gdb(arguments + [Scratch.path(try Scratch.elf(sample))])
    }

    static func gdb(_ arguments: [String]) throws -> String {
        guard let gdb = Tool.gdb.file else { throw Command.Missing(description: "no gdb-multiarch") }
        let process = Process(), output = try Scratch.file("gdb-out")
        process.executableURL = URL(fileURLWithPath: gdb)
        process.arguments = arguments
        process.currentDirectoryURL = Scratch.folder
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output.handle
        process.standardError = output.handle
        try process.run()
        let overdue = DispatchWorkItem { process.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + 60, execute: overdue)
        process.waitUntilExit()
        overdue.cancel()
        return try output.text()
    }

    deinit {
        if process.isRunning { process.terminate() }
        unlink(address)
    }
}

/// A client of the protocol by hand, over a Unix socket.
final class RawDebugClient {
    private let descriptor: Int32
    private var received: [UInt8] = []

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        guard result == 0 else { throw ServedRun.Late(description: "\(path): \(String(cString: strerror(errno)))") }
        var time = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) { _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) } }

    /// A packet, not waited for.
    func put(_ text: String) {
        let sum = text.utf8.reduce(UInt8(0)) { $0 &+ $1 }
        send(Array("$\(text)#".utf8) + Array((sum < 16 ? "0" : "").utf8) + Array(String(sum, radix: 16).utf8))
    }

    /// The next packet's bytes as text, console packets passed over; nil when none comes.
    func packet() -> String? {
        while true {
            if let begin = received.firstIndex(of: 0x24), let end = received[begin...].firstIndex(of: 0x23), end + 2 < received.count {
                let text = String(decoding: received[(begin + 1)..<end], as: UTF8.self)
                received.removeFirst(end + 3)
                if text.hasPrefix("O"), text != "OK" { continue }
                return text
            }
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            received += buffer[..<count]
        }
    }

    func say(_ text: String) -> String? {
        put(text)
        return packet()
    }
}
