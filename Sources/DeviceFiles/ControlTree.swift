import Glibc
import MachineBase
import RprocHost
import VirtualMP1

/// sysfs' and debugfs' files of one coprocessor, as paths below `/sys`, without a medium: what reading and writing them does.
///
/// Source: Linux `remoteproc_sysfs.c`, `remoteproc_debugfs.c`, `rpmsg_core.c`.
public final class ControlTree {
    public enum Node {
        case folder
        case file(File)
    }
    /// One file; nil where the kernel has no such operation.
    public struct File {
        /// Permission bits.
        public var mode: UInt32
        public var read: (() throws(Errno) -> [UInt8])?
        /// One `write` call's bytes.
        public var write: (([UInt8]) throws(Errno) -> Void)?
        /// What opening in a direction that is not there gives: EACCES in sysfs; debugfs opens for root and then says EINVAL.
        public var isSysfs: Bool
    }

    private let system: MP1System
    private var linux: RemoteProcessor { system.linux }
    private var device: String { "remoteproc\(linux.configuration.index)" }
    private var sysfs: String { "class/remoteproc/\(device)" }
    private var debugfs: String { "kernel/debug/remoteproc/\(device)" }
    private static let channelFiles = ["name", "src", "dst", "announce", "modalias"]
    private static let debugFiles = ["name", "recovery", "coredump", "crash", "resource_table", "carveout_memories"]
    /// As much as one write may bring: a page, as sysfs.
    public static let longestWrite = 4096
    /// Core dumps by number, as devcoredump keeps them until somebody writes to them.
    private var dumps: [(number: Int, bytes: [UInt8])] = []
    private var dumpCount = 0
    /// Dumps that are kept; the oldest goes first.
    private static let dumpLimit = 4

    public init(_ system: MP1System) { self.system = system }

    /// Keeps a core dump as `class/devcoredump/devcdN/data`.
    public func add(coredump bytes: [UInt8]) {
        dumpCount += 1
        dumps.append((dumpCount, bytes))
        if dumps.count > Self.dumpLimit { dumps.removeFirst() }
    }

    /// The names in a folder, in order; nil when there is no such folder.
    public func list(_ path: String) -> [String]? {
        switch path {
        case "": return ["bus", "class", "kernel"]
        case "class": return ["devcoredump", "remoteproc"]
        case "class/devcoredump": return dumps.map { "devcd\($0.number)" }
        case "class/remoteproc", "kernel/debug/remoteproc": return [device]
        case sysfs: return RemoteProcessor.SysfsFile.allCases.map(\.rawValue)
        case "kernel": return ["debug"]
        case "kernel/debug": return ["remoteproc"]
        case debugfs: return Self.debugFiles + (0..<linux.traceCount).map { "trace\($0)" }
        case "bus": return ["rpmsg"]
        case "bus/rpmsg": return ["devices"]
        // A name that firmware sent may be none for a file.
        case "bus/rpmsg/devices": return linux.channels.map(\.deviceName).filter { !$0.contains("/") && !$0.contains("\0") && $0.utf8.count < 128 }
        default:
            if let name = path.after("class/devcoredump/"), dumps.contains(where: { "devcd\($0.number)" == name }) { return ["data"] }
            if let name = path.after("bus/rpmsg/devices/"), linux.channels.contains(where: { $0.deviceName == name }) { return Self.channelFiles }
            return nil
        }
    }

    public func node(_ path: String) -> Node? {
        if list(path) != nil { return .folder }
        guard let slash = path.lastIndex(of: "/") else { return nil }
        let folder = String(path[..<slash]), name = String(path[path.index(after: slash)...])
        guard let names = list(folder), names.contains(name) else { return nil }
        if folder == sysfs { return RemoteProcessor.SysfsFile(rawValue: name).map { .file(file($0)) } }
        if folder == debugfs { return .file(debugFile(name)) }
        if let number = folder.after("class/devcoredump/devcd"), let dump = dumps.first(where: { String($0.number) == number }) {
            return .file(
                File(mode: 0o600, read: { dump.bytes }, write: { [unowned self] _ in dumps.removeAll { $0.number == dump.number } }, isSysfs: true))
        }
        guard let device = folder.after("bus/rpmsg/devices/"), let channel = linux.channels.first(where: { $0.deviceName == device }) else { return nil }
        return .file(File(mode: 0o444, read: { Array((Self.text(name, channel) + "\n").utf8) }, isSysfs: true))
    }

    private func file(_ file: RemoteProcessor.SysfsFile) -> File {
        File(
            mode: file == .name ? 0o444 : 0o644, read: { [unowned self] in Array(linux.sysfsRead(file).utf8) },
            write: file == .name ? nil : { [unowned self] (bytes) throws(Errno) in try write(file, bytes) },
            isSysfs: true)
    }

    private func write(_ file: RemoteProcessor.SysfsFile, _ bytes: [UInt8]) throws(Errno) {
        let wasUp = linux.state == .running || linux.state == .attached
        // The kernel takes any bytes for a name; here names are text.
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalid }
        try linux.sysfsWrite(file, text)
        // A board's shell takes some milliseconds to its next command, in which the firmware announces its channels. Here it waits for
        // them, so that a script's `stty -F /dev/ttyRPMSG0` behind `echo start > state` finds what it finds on the board.
        if !wasUp, linux.state == .running || linux.state == .attached { system.run(for: Self.shellPause) }
    }
    private static let shellPause = VirtualTime.milliseconds(10)

    private func debugFile(_ name: String) -> File {
        func text(_ mode: UInt32, _ body: @escaping () -> String, _ write: (([UInt8]) throws(Errno) -> Void)? = nil) -> File {
            File(mode: mode, read: { Array(body().utf8) }, write: write, isSysfs: false)
        }
        switch name {
        case "name": return text(0o400, { [unowned self] in linux.sysfsRead(.name) })
        case "resource_table": return text(0o400, { [unowned self] in linux.resourceTableText })
        case "carveout_memories": return text(0o400, { [unowned self] in linux.carveoutText })
        case "recovery":
            return text(0o600, { [unowned self] in linux.sysfsRead(.recovery) }) { [unowned self] (bytes) throws(Errno) in
                guard let word = Self.word(bytes, among: ["enabled", "disabled", "recover"], limit: 10) else { throw .invalid }
                try linux.sysfsWrite(.recovery, word)
            }
        case "coredump":
            return text(0o600, { [unowned self] in linux.sysfsRead(.coredump) }) { [unowned self] (bytes) throws(Errno) in
                try linux.sysfsWrite(.coredump, Self.word(bytes, among: ["disabled", "enabled", "inline"], limit: 20) ?? "?")
            }
        case "crash":
            return File(
                mode: 0o200, write: { [unowned self] (bytes) throws(Errno) in
                    guard let number = Self.number(bytes) else { throw .invalid }
                    linux.debugfsCrash(number)
                    // The work that handles it is queued: it has run before the next command of a script.
                    system.run(for: .milliseconds(1))
                }, isSysfs: false)
        default:
            let index = Int(name.dropFirst("trace".count)) ?? -1
            return File(mode: 0o400, read: { [unowned self] in linux.traceBytes(index) ?? [] }, isSysfs: false)
        }
    }

    private static func text(_ file: String, _ channel: RpmsgChannel) -> String {
        switch file {
        case "name": printableName(channel.name)
        case "src": "0x" + String(channel.source, radix: 16)
        case "dst": "0x" + String(channel.destination, radix: 16)
        case "announce": channel.isAnnounced ? "true" : "false"
        default: "rpmsg:" + printableName(channel.name)
        }
    }

    private static func printableName(_ name: String) -> String {
        String(decoding: name.utf8.map { $0 >= 0x20 && $0 < 0x7F ? $0 : 0x3F }, as: UTF8.self)
    }

    /// debugfs compares as many bytes as were written: a beginning of a word is the word.
    private static func word(_ bytes: [UInt8], among words: [String], limit: Int) -> String? {
        guard !bytes.isEmpty, bytes.count <= limit else { return nil }
        let text = bytes.last == 0x0A ? bytes.dropLast() : bytes[...]
        return words.first { $0.utf8.starts(with: text) }
    }

    /// `kstrtouint` with base 0: decimal, 0x or 0 before octal digits, one newline.
    static func number(_ bytes: [UInt8]) -> UInt32? {
        var text = String(decoding: bytes, as: UTF8.self)
        if text.hasSuffix("\n") { text.removeLast() }
        if text.hasPrefix("+") { text.removeFirst() }
        guard text.first?.isHexDigit == true, text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        if text.lowercased().hasPrefix("0x") {
            let digits = text.dropFirst(2)
            return digits.first?.isHexDigit == true ? UInt32(digits, radix: 16) : nil
        }
        return text.count > 1 && text.hasPrefix("0") ? UInt32(text, radix: 8) : UInt32(text)
    }
}

extension String {
    /// What comes behind `prefix`; nil without it.
    func after(_ prefix: String) -> String? { hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil }
}
