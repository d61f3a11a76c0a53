// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import MachineBase
import RprocHost
import VirtualMP1

/// sysfs' and debugfs' files of one coprocessor, as paths below `/sys`, without a medium: what reading and writing them does.
///
/// A path is of components as `ForeignName.component` has them: all ASCII, so that two are equal when their bytes are.
///
/// Source: Linux `remoteproc_sysfs.c`, `remoteproc_debugfs.c`, `devcoredump.c`, `rpmsg_core.c`.
public final class ControlTree {
    public enum Node {
        case folder
        case file(File)
        /// A symbolic link to this path, from the folder that it is in.
        case link(String)
    }
    /// One file; nil where the kernel has no such operation.
    public struct File {
        /// Permission bits.
        public var mode: UInt32
        /// All of it, as one sees it who reads from its beginning to its end.
        public var read: (() throws(Errno) -> [UInt8])?
        /// One `read` call at an offset, for files that make up their content at each call; others keep what the first call saw.
        public var chunk: ((_ offset: Int, _ count: Int) throws(Errno) -> [UInt8])?
        /// One `write` call's bytes.
        public var write: (([UInt8]) throws(Errno) -> Void)?
        /// What opening in a direction that is not there gives: EACCES in sysfs; debugfs opens for root and then says EINVAL.
        public var isSysfs: Bool
        /// A sysfs file without a size of its own; text files have a page.
        public var isBinary = false
        /// What `stat` shows.
        var size: UInt64 { isSysfs && !isBinary ? 4096 : 0 }
        /// Whether it shows nothing though there is something to read.
        var hidesSize: Bool { read != nil && size == 0 }
    }

    private let system: MP1System
    private var linux: RemoteProcessor { system.linux }
    private var device: String { "remoteproc\(linux.configuration.index)" }
    private var sysfs: String { "class/remoteproc/\(device)" }
    private var debugfs: String { "kernel/debug/remoteproc/\(device)" }
    private static let channelFiles = ["name", "src", "dst", "announce", "modalias"]
    /// As much as one write may bring: a page, as sysfs.
    public static let longestWrite = 4096
    private let dumps: DeviceCoredumps

    public init(_ system: MP1System) {
        self.system = system
        dumps = DeviceCoredumps(system.linux) { [unowned system] in system.now }
    }

    /// Offers a core dump as `class/devcoredump/devcdN/data`.
    /// - Returns: whether it is there now: one that comes while another is there is dropped.
    @discardableResult public func add(coredump bytes: [UInt8]) -> Bool { dumps.add(bytes) }

    /// The names in a folder, in order; nil when there is no such folder.
    public func list(_ path: String) -> [String]? {
        switch path {
        case "": return ["bus", "class", "kernel"]
        case "class": return ["devcoredump", "remoteproc"]
        case DeviceCoredumps.folder: return (dumps.device.map { [$0] } ?? []) + ["disabled"]
        case "class/remoteproc", "kernel/debug/remoteproc": return [device]
        case sysfs: return RemoteProcessor.SysfsFile.allCases.map(\.rawValue) + (dumps.device == nil ? [] : ["devcoredump"])
        case "kernel": return ["debug"]
        case "kernel/debug": return ["remoteproc"]
        case debugfs: return linux.debugfsFiles.map(\.name)
        case "bus": return ["rpmsg"]
        case "bus/rpmsg": return ["devices"]
        // A name that firmware sent may be none for a file.
        case "bus/rpmsg/devices": return linux.busEntries.map(\.deviceName).filter { $0.bytes.count < 256 && $0.bytes.allSatisfy { $0 != 0 && $0 != 0x2F } }.map(\.component)
        default:
            if let device = dumps.device, path == "\(DeviceCoredumps.folder)/\(device)" { return ["data", "failing_device"] }
            if let name = path.after("bus/rpmsg/devices/"), linux.busEntries.contains(where: { $0.deviceName.component == name }) { return Self.channelFiles }
            return nil
        }
    }

    public func node(_ path: String) -> Node? {
        if list(path) != nil { return .folder }
        guard let slash = path.lastIndex(of: "/") else { return nil }
        let folder = String(path[..<slash]), name = String(path[path.index(after: slash)...])
        guard let names = list(folder), names.contains(name) else { return nil }
        if folder == sysfs {
            if name == "devcoredump" { return dumps.device.map { .link("../../devcoredump/\($0)") } }
            return RemoteProcessor.SysfsFile(rawValue: name).map { .file(file($0)) }
        }
        if folder == debugfs { return .file(debugFile(name)) }
        if folder.hasPrefix(DeviceCoredumps.folder) {
            if name == "failing_device" { return .link("../../remoteproc/\(self.device)") }
            return (name == "data" ? dumps.data : dumps.switchFile).map { .file(freeing($0)) }
        }
        guard let device = folder.after("bus/rpmsg/devices/"), let entry = linux.busEntries.first(where: { $0.deviceName.component == device }) else { return nil }
        return .file(File(mode: 0o444, read: { Array((Self.text(name, entry) + "\n").utf8) }, isSysfs: true))
    }

    /// The machine is in the midst of something. Who reads sees it as it is; who writes waits until it is done, as for the lock.
    var isInStep = false
    /// A debugger holds the M4, perhaps for hours. Who reads sees the machine as it is; who writes is told so, and does not wait.
    var isHalted: Bool { system.isHalted }
    /// Whether a recovery holds the lock, and waits for its dump to be discarded.
    var isLocked: Bool { linux.waitsForCoredump }
    /// Whether a write to a file wants that lock.
    func takesLock(_ path: String) -> Bool { path == "\(sysfs)/state" || path == "\(sysfs)/firmware" }

    private func file(_ file: RemoteProcessor.SysfsFile) -> File {
        File(
            mode: file == .name ? 0o444 : 0o644, read: { [unowned self] in Array(linux.sysfsRead(file).utf8) },
            write: file == .name ? nil : { [unowned self] (bytes) throws(Errno) in try write(file, bytes) },
            isSysfs: true)
    }

    private func write(_ file: RemoteProcessor.SysfsFile, _ bytes: [UInt8]) throws(Errno) {
        try pausing { () throws(Errno) in try linux.sysfsWrite(file, bytes) }
    }

    /// A board's shell takes some milliseconds to its next command, in which the firmware announces its channels. Here a write that has
    /// started it waits for them, so that a script's `stty -F /dev/ttyRPMSG0` behind `echo start > state` finds what it finds on the board.
    private func pausing(_ write: () throws(Errno) -> Void) throws(Errno) {
        let wasUp = linux.state == .running || linux.state == .attached
        try write()
        if !wasUp, linux.state == .running || linux.state == .attached { system.run(for: Self.shellPause) }
    }
    private static let shellPause = VirtualTime.milliseconds(10)

    /// A file whose write may let a recovery go on.
    private func freeing(_ file: File) -> File {
        var file = file
        let write = file.write
        file.write = { [unowned self] (bytes) throws(Errno) in
            let waited = linux.waitsForCoredump
            try write?(bytes)
            if waited { system.run(for: Self.shellPause) }
        }
        return file
    }

    /// seq_file makes up its text once; everything else in there reads anew at each call (`simple_read_from_buffer`), so that a program
    /// that keeps a trace open sees it grow.
    private func debugFile(_ name: String) -> File {
        let mode = linux.debugfsFiles.first { $0.name == name }?.mode ?? 0o400
        let read: () throws(Errno) -> [UInt8] = { [unowned self] () throws(Errno) in try linux.debugfsRead(name) }
        var file = File(mode: UInt32(mode), isSysfs: false)
        if mode & 0o400 != 0 { file.read = read }
        if mode & 0o400 != 0, name != "resource_table", name != "carveout_memories" {
            file.chunk = { (offset, count) throws(Errno) in try Array(read().dropFirst(offset).prefix(count)) }
        }
        guard mode & 0o200 != 0 else { return file }
        file.write = { [unowned self] (bytes) throws(Errno) in
            try pausing { () throws(Errno) in try linux.debugfsWrite(name, bytes) }
            // The work that handles a crash is queued: it has run before the next command of a script.
            if name == "crash" { system.run(for: .milliseconds(1)) }
        }
        return file
    }

    private static func text(_ file: String, _ entry: RpmsgBusEntry) -> String {
        switch file {
        case "name": printableName(entry.name)
        case "src": "0x" + String(entry.source, radix: 16)
        case "dst": "0x" + String(entry.destination, radix: 16)
        case "announce": entry.isAnnounced ? "true" : "false"
        default: "rpmsg:" + printableName(entry.name)
        }
    }

    private static func printableName(_ name: ForeignName) -> String {
        String(decoding: name.bytes.map { $0 >= 0x20 && $0 < 0x7F ? $0 : 0x3F }, as: UTF8.self)
    }
}

extension ForeignName {
    /// A name as a part of a path: printable ASCII stays, and any other byte is `\xNN`.
    var component: String { ForeignText.component(bytes) }
}

extension String {
    /// What comes behind `prefix`; nil without it.
    func after(_ prefix: String) -> String? { hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil }
}
