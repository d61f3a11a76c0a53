// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import VirtualMP1

/// What `m4run ctl` asks of a run, as text: the control files by name, `rpmsg_ctrl0` with its ioctls as words, and writes to ttys as
/// rpmsg_tty does them.
struct ControlRequests {
    let tree: ControlTree
    let system: MP1System
    /// The control folder, for messages.
    let folder: String

    /// - Parameters:
    ///   - text: `read PATH`, or `write PATH` and a newline, then the bytes to write.
    /// - Returns: what was read; or for a created endpoint its device's name.
    func handle(_ bytes: [UInt8]) throws(Errno) -> [UInt8] {
        let head = bytes.prefix { $0 != 0x0A }
        let words = Self.words(bytes)
        guard words.count == 2 else { throw .invalid }
        let isControl = Self.isControlDevice(words[1])
        if isControl, system.linux.rpmsgControl() == nil { throw .noEntry }
        if words[0] == "read" {
            // A device without read: it has ioctls alone.
            if isControl { throw .invalid }
            switch try file(words[1]) {
            // A name of firmware's is no line of its own making.
            case .folder: return Array((tree.list(path(words[1])) ?? []).map { "\(ForeignName(shown: $0))\n" }.joined().utf8)
            case .link(let target): return Array((target + "\n").utf8)
            case .file(let file):
                guard let read = file.read else { throw file.isSysfs ? .accessDenied : .invalid }
                return try read()
            }
        }
        guard words[0] == "write", bytes.count > head.count else { throw .invalid }
        let data = Array(bytes[(head.count + 1)...])
        guard data.count <= ControlTree.longestWrite else { throw .invalid }
        if isControl { return try control(Self.text(data)) }
        if let index = Self.terminal(words[1]) {
            try write(data, terminal: index)
            return []
        }
        guard case .file(let file) = try file(words[1]) else { throw .invalid }
        guard let write = file.write else { throw file.isSysfs ? .accessDenied : .invalid }
        try write(data)
        return []
    }

    /// A request's verb and file.
    static func words(_ bytes: [UInt8]) -> [String] {
        text(bytes.prefix { $0 != 0x0A }).split(separator: " ", maxSplits: 1).map(String.init)
    }

    /// A request's bytes as text, in which a name's escapes (`\xNN`) and its bytes have become the same.
    static func text(_ bytes: some Sequence<UInt8>) -> String { ForeignName(shown: bytes).text }

    static func isControlDevice(_ name: String) -> Bool { name == "rpmsg_ctrl0" || name == "dev/rpmsg_ctrl0" || name == "/dev/rpmsg_ctrl0" }

    /// The N of `ttyRPMSGN`, with or without `dev/`.
    static func terminal(_ name: String) -> Int? { (name.after("/dev/ttyRPMSG") ?? name.after("dev/ttyRPMSG") ?? name.after("ttyRPMSG")).flatMap { Int($0) } }

    /// A `write` to the tty as rpmsg_tty's: in pieces of 496 bytes, without waiting for buffers; what went before one is missing is gone. (A
    /// pseudo-terminal has no write that fails.)
    private func write(_ bytes: [UInt8], terminal index: Int) throws(Errno) {
        guard let port = system.linux.tty.port(index) else { throw .noEntry }
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Rpmsg.maximumPayload))
            let result: Result<Int, Errno> = piece.withUnsafeBytes { buffer in
                do throws(Errno) { return .success(try port.write(buffer)) } catch { return .failure(error) }
            }
            let count = try result.get()
            system.events.publish(.ttySent(system.now, tty: index, Array(piece.prefix(count))))
            guard count > 0 else { throw .io }
            rest = rest.dropFirst(count)
        }
    }

    /// `state` and `trace0` are short for the files of sysfs and debugfs, in that order.
    func path(_ name: String) -> String {
        // As it was listed: what a person can read there is plain, the rest in escapes.
        if name.contains("/") { return ForeignName(shown: name.after("/sys/") ?? name.after("sys/") ?? name).component }
        let device = "remoteproc/remoteproc\(system.linux.configuration.index)"
        for folder in ["class/\(device)", "kernel/debug/\(device)"] where tree.list(folder)?.contains(name) == true { return "\(folder)/\(name)" }
        return name
    }

    private func file(_ name: String) throws(Errno) -> ControlTree.Node {
        guard let node = tree.node(path(name)) else { throw .noEntry }
        return node
    }

    /// rpmsg_ctrl's ioctls: `create-endpoint NAME SOURCE DESTINATION`, `destroy-endpoint rpmsgN`, `create-channel` and
    /// `release-channel NAME SOURCE DESTINATION`; `any` is address 0xffffffff.
    private func control(_ text: String) throws(Errno) -> [UInt8] {
        let words = text.split { $0 == " " || $0 == "\n" }.map(String.init)
        if words.count == 2, words[0] == "destroy-endpoint" {
            guard let index = words[1].after("rpmsg").flatMap({ Int($0) }), let node = system.linux.raw.node(index) else { throw .noEntry }
            try node.destroy()
            return []
        }
        guard let device = system.linux.rpmsgControl() else { throw .noDevice }
        guard words.count == 4, let source = Self.address(words[2]), let destination = Self.address(words[3]) else { throw .invalid }
        let channel = ForeignName(shown: words[1])
        switch words[0] {
        case "create-endpoint": return Array((try device.createEndpoint(channel, source: source, destination: destination).name + "\n").utf8)
        case "create-channel": try device.createChannel(channel, source: source, destination: destination)
        case "release-channel": try device.releaseChannel(channel, source: source, destination: destination)
        default: throw .invalid
        }
        return []
    }

    private static func address(_ word: String) -> UInt32? {
        if word == "any" || word == "-1" { return Rpmsg.anyAddress }
        do throws(Errno) { return try KernelNumber.unsigned(Array(word.utf8)) } catch { return nil }
    }
}
