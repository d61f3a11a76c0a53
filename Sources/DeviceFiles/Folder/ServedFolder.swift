// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// A folder in which a run has its links and sockets, for as long as it lives.
///
/// Everything is done through the folder's descriptor: who renames the folder meanwhile takes all of it along, and at the end it goes from
/// there. It is locked (`flock` on the folder), and the lock ends with the process however that ends. What a run makes there it has
/// entered in `ServedNames` before: of those names, in a folder that nobody has locked, links to terminals and sockets on which
/// nobody listens are left over from a run that was killed, and are taken away. Anything else is somebody's, and stays.
final class ServedFolder {
    /// As it was named, for messages.
    let path: String
    private(set) var descriptor: Int32 = -1
    /// Folders in it that were made, to be removed at the end if they are empty then; "" for itself.
    private var made: [String] = []
    /// Links and sockets that are there now, each with what it is and its inode: anything else of that name is somebody else's. (The
    /// inode alone says little: a new file gets the number of one that was just removed.)
    private var present: [(name: String, kind: FileKind, inode: UInt64, leaving: Int)] = []
    /// Of folders and record.
    private var leavings: [Int] = []
    private var record: ServedNames
    private static let folderMark = "/"

    /// Makes the folder unless it is there, locks it, and reads what an earlier run has left.
    init(_ path: String) throws(DeviceFilesError) {
        var path = path
        while path.utf8.count > 1 && path.hasSuffix("/") { path.removeLast() }
        self.path = path
        let begun = try Leavings.making { entries throws(DeviceFilesError) in try Self.begin(path, &entries) }
        (descriptor, record, leavings) = (begun.descriptor, begun.record, begun.leavings)
        if begun.isNew { made.append("") }
        Leavings.making { entries in
            for name in record.names where name.hasSuffix(Self.folderMark) { note(madeFolder: String(name.dropLast()), &entries) }
        }
        if begun.isNew { try enter(Self.folderMark) }
    }

    /// Makes folder and record, and locks the folder.
    private static func begin(_ path: String, _ entries: inout Leavings.Entries) throws(DeviceFilesError) -> Begun {
        let isNew = try makeFolder(path)
        var descriptor: Int32 = -1
        do throws(DeviceFilesError) {
            descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { throw .system("\(path): cannot be opened") }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let number = errno
                throw number == EWOULDBLOCK
                    ? DeviceFilesError("\(path): another m4run serves this folder; each run needs one of its own") : .system("\(path): cannot be locked", number)
            }
            try checkWritable(descriptor, ".", path)
            let record = try ServedNames(folder: path, descriptor)
            try record.begin()
            let number = descriptor
            var leavings = isNew ? [leave(folder: "", number, path, &entries)] : []
            leavings.append(entries.add { unlinkat(number, ServedNames.fileName, 0) })
            return Begun(isNew: isNew, descriptor: descriptor, record: record, leavings: leavings)
        } catch {
            if descriptor >= 0 { Glibc.close(descriptor) }
            if isNew { rmdir(path) }
            throw error
        }
    }

    private struct Begun {
        let isNew: Bool, descriptor: Int32, record: ServedNames, leavings: [Int]
    }

    /// Enters a name in the record, which is made anew where somebody has taken it away: so that is done as any other making.
    private func enter(_ name: String) throws(DeviceFilesError) {
        try Leavings.making { _ throws(DeviceFilesError) in try record.add(name) }
    }

    private func note(madeFolder name: String, _ entries: inout Leavings.Entries) {
        made.append(name)
        leavings.append(Self.leave(folder: name, descriptor, path, &entries))
    }

    private static func leave(folder name: String, _ descriptor: Int32, _ path: String, _ entries: inout Leavings.Entries) -> Int {
        // What somebody has put something into stays.
        entries.add {
            if name.isEmpty { rmdir(target("/proc/self/fd/\(descriptor)") ?? path) } else { unlinkat(descriptor, name, AT_REMOVEDIR) }
        }
    }

    /// A path in it as users know it, for messages.
    func file(_ name: String) -> String { Self.joined(path, name) }

    /// A path in it that this process can use wherever the folder is by now, and however long its name is.
    func reachable(_ name: String) -> String { Self.hasProc ? Self.joined("/proc/self/fd/\(descriptor)", name) : file(name) }
    private static let hasProc = access("/proc/self/fd", X_OK) == 0

    /// Where it is now, for other processes; nil when that cannot be known.
    var currentPath: String? { Self.target("/proc/self/fd/\(descriptor)") }

    private static func joined(_ path: String, _ name: String) -> String { name.isEmpty ? path : path == "/" ? "/\(name)" : "\(path)/\(name)" }

    private static func target(_ path: String) -> String? {
        guard case .link(let target) = FileKind(path), target.hasPrefix("/") else { return nil }
        return target
    }

    // MARK: Folders

    /// Makes a folder in it, and those above; they are removed at the end if they are empty then.
    func make(_ name: String) throws(DeviceFilesError) {
        var prefix = ""
        for part in name.split(separator: "/") {
            prefix = prefix.isEmpty ? String(part) : "\(prefix)/\(part)"
            let isNew = try Leavings.making { entries throws(DeviceFilesError) in
                guard try Self.makeFolder(file(prefix), in: descriptor, prefix) else { return false }
                note(madeFolder: prefix, &entries)
                return true
            }
            if isNew { try enter(prefix + Self.folderMark) }
        }
    }

    /// - Parameters:
    ///   - path: for messages.
    ///   - name: below `folder`; `path` itself unless given.
    /// - Returns: whether it was not there before.
    private static func makeFolder(_ path: String, in folder: Int32 = AT_FDCWD, _ name: String? = nil) throws(DeviceFilesError) -> Bool {
        let name = name ?? path
        if mkdirat(folder, name, 0o755) == 0 { return true }
        let number = errno
        var info = stat()
        if fstatat(folder, name, &info, 0) == 0 {
            guard info.st_mode & S_IFMT == S_IFDIR else {
                throw DeviceFilesError("\(path): \(FileKind(name, in: folder).words) is in the way; a folder may be there, or nothing")
            }
            return false
        }
        if number == EEXIST { throw DeviceFilesError("\(path): \(FileKind(name, in: folder).words) is in the way; a folder may be there, or nothing") }
        let reason = String(cString: strerror(number))
        throw DeviceFilesError("\(path): the folder cannot be made: \(reason); it must be there, or be a new name in a folder that may be written to")
    }

    func checkWritable(_ name: String) throws(DeviceFilesError) { try Self.checkWritable(descriptor, name, file(name)) }

    private static func checkWritable(_ folder: Int32, _ name: String, _ path: String) throws(DeviceFilesError) {
        guard faccessat(folder, name, W_OK | X_OK, 0) == 0 else {
            throw DeviceFilesError("\(path): cannot be written to: \(String(cString: strerror(errno))); links and sockets are made in it")
        }
    }

    // MARK: Links and sockets

    /// Takes away what a killed run has left of the names in the folder `name` that `isOurs` knows, so that no link leads to what is
    /// somebody else's terminal by now.
    /// - Throws: `DeviceFilesError` when somebody else has such a name.
    func clearLeftovers(_ name: String, isOurs: (String) -> Bool) throws(DeviceFilesError) {
        let opened = openat(descriptor, name.isEmpty ? "." : name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0, let folder = fdopendir(opened) else { throw .system("\(file(name)): cannot be read") }
        var found: [String] = []
        while let entry = readdir(folder) {
            let text = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if isOurs(text) { found.append(name.isEmpty ? text : "\(name)/\(text)") }
        }
        closedir(folder)
        for entry in found.sorted() { try clear(entry) }
    }

    /// A symbolic link to a pseudo-terminal.
    func link(_ name: String, to target: String) throws(DeviceFilesError) {
        try clear(name)
        try enter(name)
        try Leavings.making { entries throws(DeviceFilesError) in
            guard symlinkat(target, descriptor, name) == 0 else { throw .system("\(file(name)): cannot be made") }
            noteMade(name, &entries)
        }
    }

    /// A socket that is listened to, for this user alone whatever the umask says.
    ///
    /// - Parameter backlog: connections that may wait to be accepted.
    func socket(_ name: String, type: __socket_type, backlog: Int32) throws(DeviceFilesError) -> Int32 {
        try clear(name)
        try enter(name)
        let path = file(name)
        // Clients have no descriptor of the folder.
        guard path.utf8.count <= UnixAddress.longest, var address = UnixAddress(reachable(name)) else { throw Self.tooLong(path) }
        let descriptor = Glibc.socket(AF_UNIX, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw .system("\(path): cannot be made") }
        // The file has the socket's mode from its first moment, less the umask; that it has no less is for the second call.
        let number: Int32 = Leavings.making { entries in
            guard fchmod(descriptor, 0o600) == 0, address.bind(descriptor) == 0 else { return errno }
            noteMade(name, &entries)
            return fchmodat(self.descriptor, name, 0o600, 0) == 0 && listen(descriptor, backlog) == 0 ? 0 : errno
        }
        guard number == 0 else {
            Glibc.close(descriptor)
            remove(name)
            throw .system("\(path): cannot be made", number)
        }
        return descriptor
    }

    static func tooLong(_ path: String) -> DeviceFilesError {
        DeviceFilesError("\(path): \(path.utf8.count) bytes are too long for a socket's path, which has at most \(UnixAddress.longest)")
    }

    private func noteMade(_ name: String, _ entries: inout Leavings.Entries) {
        for entry in present where entry.name == name { entries.forget(entry.leaving) }
        present.removeAll { $0.name == name }
        guard let inode = inode(name) else { return }
        let kind = FileKind(name, in: descriptor)
        let leaving = entries.add { [descriptor] in
            var info = stat()
            guard fstatat(descriptor, name, &info, AT_SYMLINK_NOFOLLOW) == 0, UInt64(info.st_ino) == inode, FileKind(name, in: descriptor) == kind else { return }
            unlinkat(descriptor, name, 0)
        }
        present.append((name, kind, inode, leaving))
    }

    func remove(_ name: String) {
        guard let index = present.firstIndex(where: { $0.name == name }) else { return }
        let made = present.remove(at: index)
        if inode(name) == made.inode, FileKind(name, in: descriptor) == made.kind { unlinkat(descriptor, name, 0) }
        Leavings.forget(made.leaving)
    }

    private func inode(_ name: String) -> UInt64? {
        var info = stat()
        return fstatat(descriptor, name, &info, AT_SYMLINK_NOFOLLOW) == 0 ? UInt64(info.st_ino) : nil
    }

    /// Makes way for `name`, if what is there is this run's or can only be a dead one's.
    private func clear(_ name: String) throws(DeviceFilesError) {
        remove(name)
        let path = file(name), kind = FileKind(name, in: descriptor)
        let isLeft: Bool = switch kind {
        case .nothing: true
        case .socket: record.contains(name) && !Self.isListenedTo(reachable(name))
        case .link(let target): record.contains(name) && target.hasPrefix("/dev/pts/")
        default: false
        }
        guard isLeft else {
            throw DeviceFilesError("\(path): \(kind.words) is in the way, and was not made by m4run; there may be nothing, or what a killed run has left")
        }
        guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else { throw .system("\(path): cannot be replaced") }
    }

    private static func isListenedTo(_ path: String) -> Bool {
        guard var address = UnixAddress(path) else { return false }
        for type in [SOCK_STREAM, SOCK_SEQPACKET] {
            let descriptor = Glibc.socket(AF_UNIX, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            guard descriptor >= 0 else { return true }
            defer { Glibc.close(descriptor) }
            // EPROTOTYPE: another type of socket; all others but a refusal are signs of life, too.
            if address.connect(descriptor) == 0 { return true }
            if errno != ECONNREFUSED && errno != EPROTOTYPE && errno != ENOENT { return true }
        }
        return false
    }

    func close() {
        guard descriptor >= 0 else { return }
        for name in present.map(\.name) { remove(name) }
        record.clear()
        // What somebody has put something into stays.
        for folder in made.sorted(by: { $0.utf8.count > $1.utf8.count }) where !folder.isEmpty { unlinkat(descriptor, folder, AT_REMOVEDIR) }
        if made.contains(""), let currentPath, let there = Self.identity(currentPath), there == Self.identity("/proc/self/fd/\(descriptor)") { rmdir(currentPath) }
        made = []
        for leaving in leavings { Leavings.forget(leaving) }
        leavings = []
        Glibc.close(descriptor)
        descriptor = -1
    }

    /// Device and inode.
    private static func identity(_ path: String) -> [UInt64]? {
        var info = stat()
        return stat(path, &info) == 0 ? [UInt64(info.st_dev), UInt64(info.st_ino)] : nil
    }

    deinit { close() }
}
