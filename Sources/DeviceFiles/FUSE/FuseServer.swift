// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import MachineBase
import RprocHost

/// A `ControlTree` as a file system: the kernel's FUSE protocol, version 7.31, of which a fixed tree of small files needs a
/// dozen requests.
///
/// The protocol is the kernel's own stable interface (`linux/fuse.h`), spoken without libfuse: nothing has to be installed, and
/// requests are answered from the loop that runs the machine. A request for a file is the system call of the program that
/// waits for it, so `echo` gets the errno that the kernel would have given.
final class FuseServer: PollSource {
    private let tree: ControlTree
    private let mount: FuseMount
    private var nodes = FuseNodes()
    /// What an open file's reader sees: made at its first read, and when it reads from offset 0 again, as seq_file does. Files with a
    /// `chunk` have none.
    private var contents: [UInt64: [UInt8]] = [:]
    private var nextHandle: UInt64 = 1
    /// How often each node is open.
    private var opened: [UInt64: Int] = [:]
    /// A size that no file reaches.
    private static let unknownSize: UInt64 = 1 << 40
    /// Writes whose programs sleep until the lock is free, or the machine is done with what it is at: not done yet, or done but for the
    /// reply's body.
    private var sleeping: [(request: FuseRequest, body: [UInt8]?)] = []
    private var buffer = [UInt8](repeating: 0, count: FuseServer.bufferSize)
    private static let maximumWrite: UInt32 = 65536
    private static let bufferSize = 65536 + 4096

    init(_ tree: ControlTree, _ mount: FuseMount) {
        self.tree = tree
        self.mount = mount
    }

    func watch(_ set: inout PollSet) { set.add(mount.device, POLLIN) }

    /// Each open, read or write of a program is an event: the machine may have been asked for something.
    func serve(_ set: PollSet) -> Bool {
        var wrote = wake()
        guard set.found(mount.device) != 0 else { return wrote }
        for _ in 0..<64 {
            let count = read(mount.device, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= FuseRequest.headerSize else {
                // Somebody has unmounted it. (ENOENT: the request's program was killed meanwhile; poll comes again.)
                if count < 0 && errno == ENODEV { mount.close() }
                break
            }
            if let request = FuseRequest(Array(buffer[..<count])) { wrote = answer(request) || wrote }
        }
        return wrote
    }

    /// Whether somebody waits for the machine to be done with what it is at.
    var hasPutOff: Bool { sleeping.contains { $0.body == nil && !(tree.isLocked && tree.takesLock(nodes.path($0.request.node) ?? "")) } }

    /// Answers who has slept, once the lock is free; who needs none as soon as the machine is.
    private func wake() -> Bool {
        guard !sleeping.isEmpty, !tree.isInStep, !tree.isLocked || hasPutOff else { return false }
        let requests = sleeping
        sleeping = []
        for (request, body) in requests {
            guard let body else {
                _ = answer(request)
                continue
            }
            if tree.isLocked { sleeping.append((request, body)) } else { reply(request, body) }
        }
        return true
    }

    /// A signal for a program that sleeps.
    private func interrupt(_ unique: UInt64) {
        for (request, _) in sleeping where request.unique == unique { reply(request, error: EINTR) }
        sleeping.removeAll { $0.request.unique == unique }
    }

    private func reply(_ request: FuseRequest, error: Int32 = 0, _ body: [UInt8] = []) {
        var message = FuseReply()
        message.u32(UInt32(FuseRequest.replyHeaderSize + body.count))
        message.u32(UInt32(bitPattern: -error))
        message.u64(request.unique)
        let bytes = message.bytes + body
        // A caller that was killed meanwhile gets ENOENT; nobody waits then.
        _ = bytes.withUnsafeBytes { write(mount.device, $0.baseAddress, $0.count) }
    }

    private func answer(_ request: FuseRequest) -> Bool {
        guard let operation = FuseRequest.Operation(rawValue: request.opcode) else {
            reply(request, error: ENOSYS)
            return false
        }
        switch operation {
        // No reply belongs to these; what is interrupted has mostly been answered already.
        case .forget: nodes.forget(request.node, request.u64(0))
        case .batchForget:
            for index in 0..<min(Int(request.u32(0)), request.body.count / 16) { nodes.forget(request.u64(8 + index * 16), request.u64(16 + index * 16)) }
        case .interrupt: interrupt(request.u64(0))
        case .initialize: reply(request, greeting(request))
        // As in sysfs: nobody makes, removes or renames anything.
        case .create: reply(request, error: EACCES)
        case .symlink, .mknod, .mkdir, .unlink, .rmdir, .rename, .link, .rename2: reply(request, error: EPERM)
        default:
            guard let path = nodes.path(request.node) else {
                reply(request, error: ESTALE)
                return false
            }
            let wasLocked = tree.isLocked
            if operation == .write, tree.isHalted {
                reply(request, error: EBUSY)
                return false
            }
            if operation == .write, tree.isInStep || wasLocked && tree.takesLock(path) {
                sleeping.append((request, nil))
                return false
            }
            do throws(Errno) {
                let body = try handle(operation, request, path)
                // The kernel recovers in the program that asks for it, and waits for a dump's reader there, too.
                if operation == .write, !wasLocked, tree.isLocked, path.hasSuffix("/recovery") { sleeping.append((request, body)) } else { reply(request, body) }
            } catch { reply(request, error: error.userNumber) }
            return operation == .write
        }
        return false
    }

    private func handle(_ operation: FuseRequest.Operation, _ request: FuseRequest, _ path: String) throws(Errno) -> [UInt8] {
        var out = FuseReply()
        switch operation {
        case .lookup:
            let name = request.name, child = path.isEmpty ? name : "\(path)/\(name)"
            guard let node = tree.node(child) else { throw .noEntry }
            var isFile = false
            if case .file = node { isFile = true }
            let number = nodes.lookUp(child, isFile: isFile)
            out.u64(number)
            out.u64(0)
            // Entries and attributes are not cached: they come and go with the firmware.
            for _ in 0..<2 { out.u64(0) }
            for _ in 0..<2 { out.u32(0) }
            out.attributes(number, node, size: hiddenSize(number, node, lookup: true))
        case .getattr, .setattr:
            // A shell's `>` truncates; there is nothing to truncate.
            let gone = nodes.wasFile(request.node) ? ControlTree.Node.file(ControlTree.File(mode: 0, isSysfs: false)) : nil
            guard let node = tree.node(path) ?? gone else { throw .noEntry }
            out.u64(0)
            out.u64(0)
            out.attributes(request.node, node, size: hiddenSize(request.node, node, lookup: false))
        case .open, .opendir:
            guard let node = tree.node(path) else { throw .noEntry }
            if case .file(let file) = node, file.isSysfs {
                let access = Int32(bitPattern: request.u32(0)) & O_ACCMODE
                if access != O_WRONLY && file.read == nil || access != O_RDONLY && file.write == nil { throw .accessDenied }
            }
            opened[request.node, default: 0] += 1
            out.u64(nextHandle)
            // FOPEN_DIRECT_IO: each read and write of the program comes here as it is.
            out.u32(operation == .open ? 1 : 0)
            out.u32(0)
            nextHandle &+= 1
        case .readlink:
            guard case .link(let target)? = tree.node(path) else { throw .invalid }
            return Array(target.utf8)
        case .read, .readdir:
            let handle = request.u64(0), offset = request.u64(8), count = Int(request.u32(16))
            if operation == .read, let chunk = try file(path).chunk { return try chunk(Int(clamping: offset), count) }
            if offset == 0 || contents[handle] == nil { contents[handle] = try content(operation, path) }
            guard let content = contents[handle], offset < UInt64(content.count) else { return [] }
            return slice(content, Int(offset), count, isFolder: operation == .readdir)
        case .write:
            guard let write = try file(path).write, request.body.count >= 40 else { throw .invalid }
            // sysfs takes a page at a time, and lets the program write the rest again.
            let count = min(Int(request.u32(16)), ControlTree.longestWrite, request.body.count - 40)
            var taken = UInt32(count)
            do throws(Errno) { try write(Array(request.body[40..<40 + count])) } catch {
                // A positive result of remoteproc's comes through as a count.
                guard error == .resourceIgnored else { throw error }
                taken = 1
            }
            out.u32(taken)
            out.u32(0)
        case .release, .releasedir:
            contents[request.u64(0)] = nil
            if let count = opened[request.node] { opened[request.node] = count > 1 ? count - 1 : nil }
        case .statfs:
            for _ in 0..<5 { out.u64(0) }
            out.u32(4096)
            out.u32(255)
            out.u32(4096)
            for _ in 0..<7 { out.u32(0) }
        case .flush, .access, .destroy, .fsync: break
        default: break
        }
        return out.bytes
    }

    /// What the kernel is told of the size of a file that shows none.
    ///
    /// debugfs' files have size 0 and can be read all the same, also by `sendfile` and `splice`, as busybox' `cat` does. For FUSE's files these go
    /// by the size that the kernel was told last, and end at a read that is short. So at a look-up, which comes before each open, there is no end to it;
    /// who asks while it is open gets as much as there is, to end at; and `stat` alone gets 0, as with debugfs.
    private func hiddenSize(_ number: UInt64, _ node: ControlTree.Node, lookup: Bool) -> UInt64? {
        guard case .file(let file) = node, file.hidesSize else { return nil }
        if lookup { return Self.unknownSize }
        guard opened[number] != nil, let read = file.read else { return nil }
        do throws(Errno) { return UInt64(try read().count) } catch { return nil }
    }

    private func content(_ operation: FuseRequest.Operation, _ path: String) throws(Errno) -> [UInt8] {
        if operation == .readdir { return directory(path) }
        guard let read = try file(path).read else { throw .invalid }
        return try read()
    }

    /// It may have gone while it was open: kernfs then has ENODEV, debugfs EIO.
    private func file(_ path: String) throws(Errno) -> ControlTree.File {
        guard case .file(let file)? = tree.node(path) else { throw path.hasPrefix("kernel/debug/") ? .io : .noDevice }
        return file
    }

    /// `fuse_dirent`s, each padded to 8 bytes; an entry's offset is where the next one is.
    private func directory(_ path: String) -> [UInt8] {
        var out = FuseReply()
        for name in [".", ".."] + (tree.list(path) ?? []) {
            let child = path.isEmpty ? name : "\(path)/\(name)"
            var type = DT_DIR
            switch tree.node(child) {
            case .file: type = DT_REG
            case .link: type = DT_LNK
            default: break
            }
            let bytes = ForeignName(shown: name).bytes, length = bytes.count, size = 24 + (length + 7) & ~7
            out.u64(name.hasPrefix(".") ? 1 : nodes.number(child))
            out.u64(UInt64(out.bytes.count - 8 + size))
            out.u32(UInt32(length))
            out.u32(UInt32(type))
            out.bytes += bytes + [UInt8](repeating: 0, count: size - 24 - length)
        }
        return out.bytes
    }

    /// At most `count` bytes; of a folder whole entries only.
    private func slice(_ content: [UInt8], _ offset: Int, _ count: Int, isFolder: Bool) -> [UInt8] {
        let end = min(content.count, offset + max(0, count))
        guard isFolder else { return Array(content[offset..<end]) }
        var last = offset
        while last + 24 <= end {
            let length = (0..<4).reduce(0) { $0 | Int(content[last + 16 + $1]) << ($1 * 8) }
            let next = last + 24 + (length + 7) & ~7
            if next > end { break }
            last = next
        }
        return Array(content[offset..<last])
    }

    /// FUSE_INIT.
    private func greeting(_ request: FuseRequest) -> [UInt8] {
        var out = FuseReply()
        out.u32(7)
        out.u32(min(31, request.u32(4)))
        out.u32(0)
        out.u32(0)
        out.u16(16)
        out.u16(12)
        out.u32(Self.maximumWrite)
        out.u32(1)
        out.u16(0)
        out.u16(0)
        for _ in 0..<8 { out.u32(0) }
        return out.bytes
    }
}
